"""A scheduler's memory survives as tensors and JSON, whatever solver it is."""

import copy
import json
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    UniPCMultistepScheduler,
)

from pipelines.stages.scheduler_state import freeze, thaw

SCHEDULERS = {
    "unipc": lambda: UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, solver_order=3
    ),
    "flow-euler": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
    "flow-heun": FlowMatchHeunDiscreteScheduler,
    "dpm": lambda: DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True
    ),
}


def run(scheduler: Any, sample: torch.Tensor, first: int) -> torch.Tensor:
    for timestep in scheduler.timesteps[first:]:
        prediction = torch.sin(3 * sample + timestep / 1000)
        sample = scheduler.step(prediction, timestep, sample, return_dict=False)[0]
    return sample


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_a_solver_goes_on_where_it_was(name: str, stop: int) -> None:
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(8)
    fresh = copy.deepcopy(scheduler)
    sample = torch.linspace(-1, 1, 12).reshape(1, 3, 2, 2)
    whole = copy.deepcopy(scheduler)
    expected = run(whole, sample, 0)

    for timestep in scheduler.timesteps[:stop]:
        prediction = torch.sin(3 * sample + timestep / 1000)
        sample = scheduler.step(prediction, timestep, sample, return_dict=False)[0]
    tensors: dict[str, torch.Tensor] = {}
    frozen = json.loads(json.dumps(freeze(scheduler, "scheduler", tensors)))
    thaw(fresh, frozen, tensors, "cpu")
    assert torch.equal(run(fresh, sample, stop), expected)


def test_plain_numbers_of_numpy_become_python_numbers() -> None:
    class Scheduler:
        def __init__(self) -> None:
            self.index = np.int64(3)
            self.shift = np.float64(1 / 3)

    assert freeze(Scheduler(), "s", {}) == {"index": 3, "shift": 1 / 3}


def test_what_cannot_be_stored_is_named() -> None:
    class Scheduler:
        def __init__(self) -> None:
            self.sampler = object()

    with pytest.raises(TypeError, match=r"s\.sampler is a object"):
        freeze(Scheduler(), "s", {})
