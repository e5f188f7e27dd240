"""Gang shapes: how many ranks, what they are called, what is refused."""

import pytest

from pipelines.parallel.shape import SINGLE, GangShape


def test_the_number_of_ranks_is_the_product_of_the_degrees() -> None:
    assert GangShape(tp=2, cfg=2, ulysses=3).world == 12
    assert SINGLE.world == 1


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (SINGLE, "1"),
        (GangShape(tp=2), "tp2"),
        (GangShape(tp=2, cfg=2), "tp2-cfg2"),
        (GangShape(ulysses=4), "ulysses4"),
    ],
)
def test_a_name_states_every_degree_above_one(shape: GangShape, name: str) -> None:
    assert str(shape) == name


def test_a_degree_below_one_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="tp must be 1 or more, not 0"):
        GangShape(tp=0)
