"""What a rank holds and does falls with their number, for the real models: counted on outlines."""

import pytest

from benchmarks.shares import DEGREES, MODELS, share

SIZES_GB = {"LTX-2": 37.75, "Wan 2.1 1.3B": 2.84, "Wan 2.1 14B": 28.64, "HunyuanVideo 1.5": 16.65}


@pytest.mark.parametrize("model", MODELS)
def test_the_divided_part_falls_as_one_over_tp(model: str) -> None:
    whole, *parts = [share(model, tp) for tp in DEGREES]
    size = whole.divided_bytes + whole.replicated_bytes
    # At tp 1 nothing is called divided that later is not.
    assert size == pytest.approx(1e9 * SIZES_GB[model.partition(",")[0]], rel=0.02)
    assert whole.replicated_bytes < 0.1 * size
    for part in parts:
        assert part.divided_bytes * part.tp == whole.divided_bytes
        assert part.replicated_bytes == whole.replicated_bytes
        # Hunyuan's refiner has a small layer in its blocks that stays whole.
        assert part.divided_flops * part.tp == pytest.approx(whole.divided_flops, rel=1e-4)
        assert part.replicated_flops == whole.replicated_flops
