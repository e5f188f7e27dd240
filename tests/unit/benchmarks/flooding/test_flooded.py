"""What a flood got: everybody shed, and a crowd not taken for the few who flood."""

import pytest

from benchmarks.flooding.flooded import Flooded, together
from benchmarks.flooding.hammer import Sample


def sample(answers: int, status: int = 429) -> Sample:
    return Sample(latencies_s=(0.1,) * answers, statuses={status: answers}, took_s=2.0)


def test_rates_are_compared_round_by_round() -> None:
    bare = Flooded(samples=[sample(8), sample(80), sample(800)])
    rounds = [Flooded(samples=[sample(4)], statements=116), Flooded(samples=[sample(60)])]
    ours = together([*rounds, Flooded(samples=[sample(400)], unread=232)])
    assert ours.beside(bare) == 0.5
    assert (ours.rate, ours.p99_s, ours.sheds) == (30.0, 0.1, 464)
    assert (ours.statements_a_shed, ours.unread_part) == (0.25, 0.5)


def test_a_crowd_that_is_answered_unread_is_none() -> None:
    read = Flooded(samples=[sample(4)])
    assert read.all_read() is read
    with pytest.raises(RuntimeError, match="1 of 4 requests were answered unread"):
        Flooded(samples=[sample(4)], unread=1).all_read()


def test_who_gets_through_is_no_flood() -> None:
    with pytest.raises(RuntimeError, match="not all were shed"):
        Flooded(samples=[sample(4), sample(4, 200)])
