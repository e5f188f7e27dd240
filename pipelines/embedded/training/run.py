"""One stage of training: counts steps, sets learning rates, logs, saves and resumes."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]


def learning_rate_factor(step: int, steps: int, warmup: int = 20) -> float:
    """Warm up, then fall linearly to 0.01."""
    left = 1 - step / max(steps, 1)
    return min(1.0, (step + 1) / warmup) * max(0.01, left)


def trained_weights(folder: Path, name: str) -> dict[str, dict[str, Tensor]]:
    """Weights of every module in a stage's newest state."""
    state = torch.load(folder / f"{name}.state", weights_only=True, map_location="cpu")
    weights: dict[str, dict[str, Tensor]] = state["modules"]
    return weights


def adopt_weights(folder: Path, name: str, modules: Mapping[str, nn.Module], step: int) -> None:
    """Write a state of `modules` as if trained for `step` steps; the optimisers begin afresh."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: module.state_dict() for key, module in modules.items()}
    torch.save({"step": step, "modules": weights, "optimisers": {}}, folder / f"{name}.state")


@dataclass
class Run:
    """A resumable stage; `folder` holds `<name>.state` (weights, optimisers) and `<name>.jsonl`."""

    folder: Path
    name: str
    steps: int
    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    save_every: float = 120.0
    quiet: bool = False  # one of several processes: writes nothing
    first_step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rates = {
            name: [group["lr"] for group in optimiser.param_groups]
            for name, optimiser in self.optimisers.items()
        }
        if self.state_file.exists():
            self._load()

    @property
    def state_file(self) -> Path:
        """Where the newest state lies."""
        return self.folder / f"{self.name}.state"

    def _load(self) -> None:
        """What the state does not hold begins afresh: heads and optimisers of adopted weights."""
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        for name, module in self.modules.items():
            if name in state["modules"]:
                module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            if name in state["optimisers"]:
                optimiser.load_state_dict(state["optimisers"][name])
        self.first_step = state["step"]

    def save(self, step: int) -> None:
        """Write the state after `step` finished steps, in one rename."""
        if self.quiet:
            return
        state = {
            "step": step,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: opt.state_dict() for name, opt in self.optimisers.items()},
        }
        draft = self.state_file.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(self.state_file)

    def log(self, step: int, **figures: float) -> None:
        """Append one line of figures to the stage's log."""
        if self.quiet:
            return
        line = {"step": step, **{name: round(float(value), 6) for name, value in figures.items()}}
        with (self.folder / f"{self.name}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def set_rates(self, step: int) -> None:
        """Set every optimiser's learning rate for this step."""
        factor = learning_rate_factor(step, self.steps)
        for name, optimiser in self.optimisers.items():
            for group, rate in zip(optimiser.param_groups, self._rates[name], strict=True):
                group["lr"] = rate * factor

    def __iter__(self) -> Iterator[int]:
        """Yield the steps still to do; the caller's loop body trains one step."""
        saved = time.monotonic()
        bar = tqdm(
            range(self.first_step, self.steps),
            desc=self.name,
            initial=self.first_step,
            total=self.steps,
            mininterval=10,
            disable=self.quiet,
        )
        for step in bar:
            self.set_rates(step)
            yield step
            if time.monotonic() - saved > self.save_every:
                self.save(step + 1)
                saved = time.monotonic()
        if self.first_step < self.steps:
            self.save(self.steps)
