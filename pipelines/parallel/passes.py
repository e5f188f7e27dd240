"""Guidance parallelism: the forward passes of a step, dealt to groups of ranks and shared."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import diffusers
import torch

from pipelines.parallel.way import Way

ALWAYS = "pred_cond"
"""The pass that every guider needs at every step."""


class DealtPasses:
    """Mixed into a guider of the library: it prepares this group's passes and combines all.

    The numbers are those of a single rank, bit for bit: each pass is computed as there, by one
    group, and every rank combines the same tensors.
    """

    _way = Way()
    _together: "Sequence[DealtPasses]" = ()

    def deal(self, way: Way, together: "Sequence[DealtPasses]") -> None:
        """Divide passes along `way`; guiders whose passes run in one loop are named `together`."""
        self._way, self._together = way, together

    def wanted(self) -> list[str]:
        """The passes that this guider combines at the current step."""
        guider: Any = self
        names: list[str] = guider._input_predictions[: guider.num_conditions]
        return names

    def prepare_inputs(self, data: Any) -> list[Any]:
        guider: Any = super()
        return self._mine(guider.prepare_inputs(data))

    def prepare_inputs_from_block_state(self, data: Any, input_fields: Any) -> list[Any]:
        guider: Any = super()
        return self._mine(guider.prepare_inputs_from_block_state(data, input_fields))

    def _dealt(self) -> list[str]:
        """All guiders' passes; the n-th is the business of group n modulo the number of groups."""
        return list(dict.fromkeys(name for guider in self._together for name in guider.wanted()))

    def _mine(self, batches: list[Any]) -> list[Any]:
        """A group with no pass that a guider needs runs the first one too: it must know a shape."""
        mine = set(self._dealt()[self._way.index :: self._way.size])
        if any(mine.isdisjoint(guider.wanted()) for guider in self._together):
            mine.add(ALWAYS)
        return [batch for batch in batches if self._name(batch) in mine]

    def __call__(self, data: list[Any]) -> Any:
        at_hand = {self._name(batch): batch for batch in data}
        like, dealt = data[0].noise_pred, self._dealt()
        complete = []
        for name in self.wanted():
            owner = dealt.index(name) % self._way.size
            batch = at_hand.get(name) or type(data[0])(**{self._key(): name})
            held = batch.noise_pred if owner == self._way.index else torch.empty_like(like)
            batch.noise_pred = self._way.share(held.contiguous(), owner)
            complete.append(batch)
        guider: Any = super()
        return guider.__call__(complete)

    def _name(self, batch: Any) -> str:
        name: str = getattr(batch, self._key())
        return name

    def _key(self) -> str:
        guider: Any = self
        key: str = guider._identifier_key
        return key


class DealtClassifierFreeGuidance(DealtPasses, diffusers.ClassifierFreeGuidance):  # type: ignore[misc]
    """Two passes, or one where guidance is off."""


class DealtLTX2Guidance(DealtPasses, diffusers.LTX2Guidance):  # type: ignore[misc]
    """Up to four; one loop runs those of the picture's guider and of the sound's."""

    def wanted(self) -> list[str]:
        names: list[str] = self.active_predictions()
        return names


DEALT: Mapping[str, type[Any]] = MappingProxyType(
    {
        "ClassifierFreeGuidance": DealtClassifierFreeGuidance,
        "LTX2Guidance": DealtLTX2Guidance,
    }
)


def deal_passes(guiders: Sequence[Any], way: Way) -> None:
    """Divide the passes of one job's guiders."""
    for guider in guiders:
        joint = isinstance(guider, DealtLTX2Guidance)
        guider.deal(way, guiders if joint else (guider,))
