"""Equal prompts are encoded once, those that wait go together, and none suffers for another."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from PIL import Image

from pipelines.handoff import Parcel, unpack
from pipelines.spec import ClipSpec
from serve.messages import Encoded
from serve.replicas.conditioning_cache import ConditioningCache
from serve.replicas.device_thread import DeviceThread
from serve.replicas.encode_queue import EncodeQueue
from tests.sample_pictures import encoded, gradient
from tests.unit.serve.attempts.scene import SPEC


class Stage:
    """Notes what runs together; may be held, and breaks on the prompt `bad`."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.let_go = threading.Event()
        self.let_go.set()

    def key(self, spec: ClipSpec, picture: bytes | None = None) -> str:
        return f"{spec.prompt} {picture!r}"

    def encode(self, spec: ClipSpec, picture: Image.Image | None = None) -> Parcel:
        assert spec.has_image == (picture is not None)
        return self.encode_together([spec])[0]

    def encode_together(self, specs: Sequence[ClipSpec]) -> list[Parcel]:
        self.runs.append([spec.prompt for spec in specs])
        assert self.let_go.wait(20)
        if any(spec.prompt == "bad" for spec in specs):
            raise ValueError("bad prompt")
        return [Parcel("conditioning", {"x": torch.tensor(0)}, {"of": s.prompt}) for s in specs]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def queue_of(stage: Stage, *, cache_bytes: int = 10_000, batch: int = 3) -> EncodeQueue:
    return EncodeQueue(stage, DeviceThread("test"), ConditioningCache(cache_bytes), batch=batch)


def spec(prompt: str, *, has_image: bool = False) -> ClipSpec:
    return replace(SPEC, prompt=prompt, has_image=has_image)


def of(encoded: Encoded) -> str:
    text: str = unpack(encoded.parcel, "conditioning").values["of"]
    return text


async def wanted(queue: EncodeQueue, stage: Stage, *prompts: str) -> "list[asyncio.Task[Encoded]]":
    """The first one is on the device, and the others have come while it is."""
    tasks = []
    for prompt in prompts:
        tasks.append(asyncio.create_task(queue.encoded(spec(prompt), None)))
        while not stage.runs:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    return tasks


async def test_an_equal_prompt_is_not_encoded_again(stage: Stage) -> None:
    queue = queue_of(stage)
    first = await queue.encoded(spec("a"), None)
    again = await queue.encoded(spec("a"), None)
    assert (first.cached, again.cached) == (False, True)
    assert again.parcel == first.parcel
    assert first.seconds > 0
    assert again.seconds == 0
    assert stage.runs == [["a"]]


async def test_without_a_cache_it_is(stage: Stage) -> None:
    queue = queue_of(stage, cache_bytes=0)
    for _ in range(2):
        assert not (await queue.encoded(spec("a"), None)).cached
    assert stage.runs == [["a"], ["a"]]


async def test_another_picture_is_another_conditioning(stage: Stage) -> None:
    queue = queue_of(stage)
    for width in (8, 9):
        picture = encoded(gradient(width), "PNG")
        made = await queue.encoded(spec("a", has_image=True), picture)
        assert not made.cached
    assert len(stage.runs) == 2


async def test_prompts_that_came_meanwhile_go_together(stage: Stage) -> None:
    queue = queue_of(stage)
    stage.let_go.clear()
    tasks = await wanted(queue, stage, "a", "b", "c", "d", "e")
    stage.let_go.set()
    assert [of(await task) for task in tasks] == ["a", "b", "c", "d", "e"]
    assert stage.runs == [["a"], ["b", "c", "d"], ["e"]]


async def test_one_with_a_picture_goes_alone(stage: Stage) -> None:
    queue = queue_of(stage)
    stage.let_go.clear()
    tasks = await wanted(queue, stage, "a", "b")
    shown = queue.encoded(spec("c", has_image=True), encoded(gradient(), "PNG"))
    tasks += [asyncio.create_task(shown), asyncio.create_task(queue.encoded(spec("d"), None))]
    await asyncio.sleep(0)
    stage.let_go.set()
    assert [of(await task) for task in tasks] == ["a", "b", "c", "d"]
    assert stage.runs == [["a"], ["b", "d"], ["c"]]


async def test_equal_prompts_at_the_same_time_are_encoded_once(stage: Stage) -> None:
    queue = queue_of(stage, cache_bytes=0)
    stage.let_go.clear()
    tasks = await wanted(queue, stage, "a", "b", "b", "a")
    stage.let_go.set()
    made = [await task for task in tasks]
    assert [of(one) for one in made] == ["a", "b", "b", "a"]
    assert [one.cached for one in made] == [False, False, True, True]
    assert stage.runs == [["a"], ["b"]]


async def test_one_that_breaks_does_not_break_those_beside_it(stage: Stage) -> None:
    queue = queue_of(stage)
    stage.let_go.clear()
    tasks = await wanted(queue, stage, "a", "b", "bad", "c")
    stage.let_go.set()
    assert [of(await tasks[i]) for i in (0, 1, 3)] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="bad prompt"):
        await tasks[2]
    with pytest.raises(ValueError, match="bad prompt"):
        await queue.encoded(spec("bad"), None)


async def test_a_caller_that_goes_does_not_take_it_from_the_others(stage: Stage) -> None:
    queue = queue_of(stage)
    stage.let_go.clear()
    tasks = await wanted(queue, stage, "a", "b", "b", "b")
    for gone in tasks[1:3]:  # the one that asked first, and one that joined it
        gone.cancel()
        await asyncio.wait([gone])
    stage.let_go.set()
    assert of(await tasks[3]) == "b"
