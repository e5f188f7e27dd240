"""All ranks of a gang are told the same at once, and are heard before one of them decides."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import ray

from pipelines.soundness import UnsoundLatents
from serve.messages import DenoiseOrder
from serve.replicas.faults import GangBroken, OutOfMemory
from serve.replicas.gang import Gang
from serve.replicas.rank import Rank
from tests.unit.serve.attempts.scene import SPEC
from tests.unit.serve.replicas.ranks import Other, without_ray
from tests.unit.serve.replicas.test_rank import CHECKPOINT, CONDITIONING, ORDER, Stage


class Watch:
    """Notes what it watched over."""

    patience_s = 20.0

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.inside = False

    @contextlib.contextmanager
    def over(self, calls: Sequence[Any]) -> Iterator[None]:
        self.calls.append(len(calls))
        self.inside = True
        yield
        self.inside = False

    async def run(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[Other]:
    without_ray(monkeypatch)
    return [Other(), Other()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def gang(stage: Stage, others: list[Other]) -> Gang:
    return Gang(Rank(stage), Watch(), others)  # type: ignore[arg-type]


def test_every_step_is_one_call_to_all(gang: Gang, others: list[Other]) -> None:
    job = gang.resume(ORDER, SPEC, CHECKPOINT)
    assert (job.step, job.steps) == (2, 3)
    job.advance()
    assert job.step == 3
    gang.drop()
    assert [other.told for other in others] == [["resume", "advance", "drop"]] * 2
    assert gang._watch.calls == [2, 2, 2]  # type: ignore[union-attr]


def test_all_ranks_run_with_the_kernels_that_the_first_one_chose(
    gang: Gang, stage: Stage, others: list[Other]
) -> None:
    assert gang.use_attention("flash") == "flash"
    assert [stage.kernel, *(other.stage.kernel for other in others)] == ["flash"] * 3
    assert [other.told for other in others] == [["take_attention"]] * 2


def test_all_ranks_keep_their_weights_alike(gang: Gang, stage: Stage, others: list[Other]) -> None:
    gang.use_offload("group")
    assert [stage.offload, *(other.stage.offload for other in others)] == ["group"] * 3


def test_a_single_rank_asks_nobody_and_is_watched_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "put", lambda _: pytest.fail("for whom?"))
    watch = Watch()
    stage.doing = lambda: seen.append(watch.inside)
    seen: list[bool] = []
    job = Gang(Rank(stage), watch).begin(ORDER, SPEC, CONDITIONING)  # type: ignore[arg-type]
    job.advance()
    job.checkpoint()
    job.latents()
    assert job.step == 1
    assert seen == [True] * 3


def test_a_rank_that_is_elsewhere_stops_the_step(gang: Gang, others: list[Other]) -> None:
    job = gang.begin(ORDER, SPEC, CONDITIONING)
    others[1].rank.begin(DenoiseOrder(job_id="k", epoch=1, attempt=1), SPEC, CONDITIONING)
    with pytest.raises(GangBroken, match="advance failed on 1 of 3 ranks") as caught:
        job.advance()
    assert "asked for j, attempt 1, but this rank holds k" in str(caught.value.__cause__)


def test_the_most_telling_error_is_the_gangs(gang: Gang, others: list[Other], stage: Stage) -> None:
    job = gang.begin(ORDER, SPEC, CONDITIONING)
    stage.error = RuntimeError("gloo/transport: Connection closed by peer")
    others[1].stage.error = MemoryError()
    with pytest.raises(GangBroken) as caught:
        job.advance()
    assert isinstance(caught.value.__cause__, OutOfMemory)


def test_the_others_are_not_waited_for_while_they_wait_for_rank_0(
    gang: Gang, others: list[Other], stage: Stage
) -> None:
    job = gang.begin(ORDER, SPEC, CONDITIONING)
    stage.error = MemoryError()
    gang._watch.patience_s = 0.05  # type: ignore[misc]
    met = threading.Event()
    others[0].stage.doing = lambda: met.wait(20)
    with pytest.raises(GangBroken, match="advance failed on 1 of 3 ranks") as caught:
        job.advance()
    assert isinstance(caught.value.__cause__, OutOfMemory)
    assert not met.is_set()
    met.set()


@pytest.mark.parametrize("error", [MemoryError(), ValueError("x"), RuntimeError("CUDA error")])
def test_a_step_that_broke_off_breaks_the_gang_even_if_all_came_back(
    gang: Gang, others: list[Other], stage: Stage, error: Exception
) -> None:
    job = gang.begin(ORDER, SPEC, CONDITIONING)
    for each in (stage, *(other.stage for other in others)):
        each.error = error
    with pytest.raises(GangBroken, match="advance failed on 3 of 3 ranks"):
        job.advance()


def test_unsound_latents_leave_the_ranks_together(gang: Gang, others: list[Other]) -> None:
    job = gang.begin(ORDER, SPEC, CONDITIONING)
    others[0].stage.error = UnsoundLatents("not a number")
    with pytest.raises(UnsoundLatents):
        job.advance()


def test_no_room_to_begin_leaves_the_ranks_together(gang: Gang, others: list[Other]) -> None:
    def no_room(*_: Any) -> Any:
        raise MemoryError

    others[0].stage.begin = no_room  # type: ignore[method-assign]
    with pytest.raises(OutOfMemory):
        gang.begin(ORDER, SPEC, CONDITIONING)
