"""One stage of training: counts steps, sets learning rates, logs, saves and resumes."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm  # type: ignore[import-untyped]


def learning_rate_factor(step: int, steps: int, warmup: int = 20, flat: float = 0.35) -> float:
    """Warm up, stay at one for the first `flat` of the steps, then fall linearly to 0.02."""
    done = step / max(steps, 1)
    rise = min(1.0, (step + 1) / warmup)
    fall = 1.0 if done < flat else max(0.02, 1 - 0.98 * (done - flat) / (1 - flat))
    return rise * fall


@dataclass
class Run:
    """A resumable stage; `folder` holds `<name>.state` (weights, optimisers) and `<name>.jsonl`."""

    folder: Path
    name: str
    steps: int
    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    save_every: float = 120.0
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
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.first_step = state["step"]

    def save(self, step: int) -> None:
        """Write the state after `step` finished steps, in one rename."""
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
        )
        for step in bar:
            self.set_rates(step)
            yield step
            if time.monotonic() - saved > self.save_every:
                self.save(step + 1)
                saved = time.monotonic()
        if self.first_step < self.steps:
            self.save(self.steps)
