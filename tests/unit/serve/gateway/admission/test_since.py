"""What was let in counts until a snapshot can have seen it, and not a moment longer."""

from dataclasses import replace

import pytest

from autoscaling.admission import Situation
from autoscaling.promises import Stretch
from autoscaling.rules import Rules
from serve.gateway.admission.since import Since, Taken
from tests.unit.autoscaling.loads import NUM_TIERS, load_of

OPEN = Situation(
    load=load_of(),
    levels=(0.0,) * NUM_TIERS,
    aside=(0.0,) * NUM_TIERS,
    stretch=Stretch(),
    rules=Rules(),
)
LATER = Taken(model="m", rank=0, gpu_s=10.0, promised=True)
AT_ONCE = Taken(model="n", rank=1, gpu_s=4.0, promised=False)


def work(sight: Situation) -> tuple[float, float]:
    return sight.load.backlog_gpu_s(), sight.load.promised_gpu_s()


def told() -> Situation:
    """As it comes with each snapshot: equal to the last one, and not the same."""
    return replace(OPEN)


@pytest.fixture
def since() -> Since:
    return Since(gateways=1)


def test_nothing_is_made_anew_while_nothing_was_taken(since: Since) -> None:
    sight = told()
    assert since.sight(sight) is sight
    since.take(LATER)
    assert since.sight(sight) is since.sight(sight)


def test_what_was_taken_counts_over_two_snapshots(since: Since) -> None:
    first, second, third = told(), told(), told()
    since.sight(first)
    since.take(LATER)
    since.take(AT_ONCE)
    assert work(since.sight(first)) == (4.0, 10.0)
    assert since.sight(first).load.tiers[1].backlog_gpu_s == 4.0
    since.sight(second)
    since.take(LATER)
    assert work(since.sight(second)) == (4.0, 20.0)
    assert work(since.sight(third)) == (0.0, 10.0)
    assert since.sight(fourth := told()) is fourth


def test_others_take_as_much() -> None:
    since = Since(gateways=3)
    since.sight(sight := told())
    since.take(LATER)
    assert work(since.sight(sight)) == (0.0, 30.0)


def test_what_came_to_nothing_is_taken_back_once(since: Since) -> None:
    since.sight(sight := told())
    since.take(LATER)
    since.sight(sight := told())
    since.take_back(LATER)
    assert since.sight(sight) is sight
    since.take_back(LATER)
    assert since.sight(sight) is sight


def test_it_counts_for_its_own_model_and_in_all(since: Since) -> None:
    several = replace(OPEN, models={"m": load_of(gpus=2.0), "n": load_of(gpus=4.0)})
    since.sight(several)
    since.take(LATER)
    since.take(AT_ONCE)
    sight = since.sight(several)
    assert work(sight) == (4.0, 10.0)
    loads = [sight.load_of(model) for model in ("m", "n")]
    assert [(each.backlog_gpu_s(), each.promised_gpu_s()) for each in loads] == [(0, 10), (4, 0)]
