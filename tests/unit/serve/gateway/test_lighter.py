"""What a clip could be instead: never larger, never other than offered, never senselessly short."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.spec import ClipRequest, resolve
from serve.gateway.lighter import lighter_specs, name_of, ways_of
from tests.limits import TINY_LIMITS

LIMITS = replace(TINY_LIMITS, sizes=((96, 64), (64, 96), (64, 32), (48, 32), (32, 16), (32, 64)))


def spec_of(width: int, height: int, steps: int = 3):  # type: ignore[no-untyped-def]
    request = ClipRequest(prompt="a kite", width=width, height=height, steps=steps)
    return resolve(request, LIMITS, fresh_seed=1)


def test_smaller_sizes_fewer_steps_and_both() -> None:
    names = [name_of(each) for each in lighter_specs(spec_of(96, 64), LIMITS)]
    assert names == [
        "96x64 with 2 steps",
        "64x32 with 3 steps",
        "64x32 with 2 steps",
        "48x32 with 3 steps",
        "48x32 with 2 steps",
    ]


def test_an_upright_clip_stays_upright() -> None:
    spec = spec_of(64, 96, steps=2)
    assert [name_of(each) for each in lighter_specs(spec, LIMITS)] == ["32x64 with 2 steps"]


def test_the_lightest_has_nothing_below() -> None:
    assert lighter_specs(spec_of(32, 16, steps=1), LIMITS) == []


def test_the_fewest_steps_may_be_stated() -> None:
    limits = replace(LIMITS, sizes=((64, 32),), light_steps=1)
    [lighter] = lighter_specs(spec_of(64, 32), limits)
    assert lighter.steps == 1
    assert ways_of(lighter, spec_of(64, 32)) == {"steps"}


@given(st.sampled_from(LIMITS.sizes), st.integers(1, 50))
def test_nothing_is_added(size: tuple[int, int], steps: int) -> None:
    spec = spec_of(*size, steps=steps)
    for lighter in lighter_specs(spec, LIMITS):
        assert lighter != spec
        assert lighter.steps <= spec.steps
        assert lighter.width * lighter.height <= spec.width * spec.height
        assert (lighter.width, lighter.height) in LIMITS.sizes
        assert replace(lighter, width=size[0], height=size[1], steps=steps) == spec
        assert ways_of(lighter, spec)
