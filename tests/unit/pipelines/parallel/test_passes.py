"""Which group runs which guidance passes, and that all of them get all results."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipelines.parallel.passes import DEALT, DealtPasses, deal_passes
from pipelines.parallel.way import Way

EMBEDS = {"encoder_hidden_states": ("plus", "minus", "plus", "plus")}


class Wire(Way):
    """A way whose other ranks' passes are known before."""

    def __init__(self, size: int, index: int) -> None:
        super().__init__(size=size, index=index)

    def share(self, tensor: torch.Tensor, owner: int) -> torch.Tensor:
        return tensor if owner == self.index else torch.full_like(tensor, 100.0 + owner)


def cfg(scale: float = 3.0) -> Any:
    return DEALT["ClassifierFreeGuidance"](guidance_scale=scale)


def ltx2(**options: float) -> Any:
    return DEALT["LTX2Guidance"](guidance_scale=3.0, **options)


def prepared(guiders: list[DealtPasses], way: Way) -> list[list[str]]:
    """The passes that each guider prepares for a group, as the denoise blocks ask for them."""
    deal_passes(guiders, way)
    state = SimpleNamespace(plus=torch.ones(1), minus=-torch.ones(1))
    for guider in guiders:
        guider.set_state(step=0, num_inference_steps=4, timestep=torch.tensor(1.0))  # type: ignore[attr-defined]
    return [
        [guider._name(b) for b in guider.prepare_inputs_from_block_state(state, EMBEDS)]
        for guider in guiders
    ]


def test_two_groups_have_one_pass_each() -> None:
    assert prepared([cfg()], Way(size=2, index=0)) == [["pred_cond"]]
    assert prepared([cfg()], Way(size=2, index=1)) == [["pred_uncond"]]


def test_without_guidance_all_groups_run_the_only_pass() -> None:
    assert prepared([cfg(1.0)], Way(size=2, index=1)) == [["pred_cond"]]


@pytest.mark.parametrize(
    ("size", "index", "passes"),
    [
        (2, 0, {"pred_cond", "pred_cond_stg"}),
        (2, 1, {"pred_uncond", "pred_cond_modality"}),
        (4, 2, {"pred_cond_stg"}),
        (4, 3, {"pred_cond_modality"}),
    ],
)
def test_four_passes_are_dealt_evenly(size: int, index: int, passes: set[str]) -> None:
    both = [ltx2(stg_scale=1.0, modality_scale=3.0), ltx2(stg_scale=1.0, modality_scale=3.0)]
    for names in prepared(both, Way(size=size, index=index)):
        assert set(names) == passes


def test_a_group_has_a_pass_of_each_guider() -> None:
    """The sound's guider would have nothing to show where only the picture's extra pass runs."""
    video, audio = prepared([ltx2(stg_scale=1.0), ltx2()], Way(size=3, index=2))
    assert set(video) == {"pred_cond", "pred_cond_stg"}
    assert audio == ["pred_cond"]


@pytest.mark.parametrize("index", [0, 1])
def test_every_group_combines_what_the_owners_computed(index: int) -> None:
    guider = cfg(3.0)
    deal_passes([guider], Wire(2, index))
    guider.set_state(step=0, num_inference_steps=4, timestep=torch.tensor(1.0))
    data = {"encoder_hidden_states": (torch.ones(2), -torch.ones(2))}
    (batch,) = guider.prepare_inputs(data)
    batch.noise_pred = torch.full((2,), 100.0 + index)
    # 101 without the prompt, 100 with it: 101 + 3 * (100 - 101).
    assert torch.equal(guider([batch])[0], torch.full((2,), 98.0))
