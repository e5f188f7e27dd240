"""Prompts that wait for the encoder: equal ones are encoded once, others together."""

import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from serve.messages import Encoded
from serve.replicas.conditioning_cache import ConditioningCache
from serve.replicas.device_thread import DeviceThread
from serve.replicas.memory import contained


class Stage(Protocol):
    """What is used of the encode stage."""

    def key(self, spec: ClipSpec, picture: bytes | None = None) -> str: ...
    def encode(self, spec: ClipSpec, picture: Image.Image | None = None) -> Parcel: ...
    def encode_together(self, specs: Sequence[ClipSpec]) -> list[Parcel]: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    spec: ClipSpec
    picture: bytes | None
    parcel: "asyncio.Future[Encoded]"


class EncodeQueue:
    """Nobody waits for company: those that came while the device was busy go together."""

    def __init__(
        self, stage: Stage, device: DeviceThread, cache: ConditioningCache, *, batch: int
    ) -> None:
        self._stage = stage
        self._device = device
        self._cache = cache
        self._batch = batch
        self._waiting: list[_Wanted] = []
        self._wanted: dict[str, asyncio.Future[Encoded]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def encoded(self, spec: ClipSpec, picture: bytes | None) -> Encoded:
        """The conditioning of a clip: kept, under way for somebody else, or made now."""
        key = self._stage.key(spec, picture)
        if (parcel := self._cache.get(key)) is not None:
            return Encoded(parcel=parcel, seconds=0.0, cached=True)
        if (wanted := self._wanted.get(key)) is not None:
            made = await asyncio.shield(wanted)
            return Encoded(parcel=made.parcel, seconds=0.0, cached=True)
        future: asyncio.Future[Encoded] = asyncio.get_running_loop().create_future()
        # Whoever wanted it may have gone by the time that it fails.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._wanted[key] = future
        self._waiting.append(_Wanted(key, spec, picture, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await asyncio.shield(future)

    async def _work(self) -> None:
        while self._waiting:
            await self._make(self._take())

    async def _make(self, together: list[_Wanted]) -> None:
        """What breaks several breaks only the one that it is about."""
        try:
            made = await self._device.call(lambda: contained(lambda: self._encode(together)))
        except Exception as error:
            if len(together) > 1:
                for wanted in together:
                    await self._make([wanted])
                return
            del self._wanted[together[0].key]
            together[0].parcel.set_exception(error)
            return
        for wanted, encoded in zip(together, made, strict=True):
            del self._wanted[wanted.key]
            self._cache.put(wanted.key, encoded.parcel)
            wanted.parcel.set_result(encoded)

    def _take(self) -> list[_Wanted]:
        """The first that waits; if it is text alone, with as many more of these as may go along."""
        first = self._waiting[0]
        together = [first]
        if first.picture is None:
            others = [wanted for wanted in self._waiting[1:] if wanted.picture is None]
            together += others[: self._batch - 1]
        self._waiting = [wanted for wanted in self._waiting if wanted not in together]
        return together

    def _encode(self, together: list[_Wanted]) -> list[Encoded]:
        began = time.monotonic()
        if len(together) > 1:
            parcels = self._stage.encode_together([wanted.spec for wanted in together])
        else:
            picture = together[0].picture
            shown = None if picture is None else Image.open(io.BytesIO(picture))
            parcels = [self._stage.encode(together[0].spec, shown)]
        packed = [parcel.pack() for parcel in parcels]
        seconds = (time.monotonic() - began) / len(packed)
        return [Encoded(parcel=parcel, seconds=seconds) for parcel in packed]
