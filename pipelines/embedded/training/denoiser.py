"""Train transformer, connectors and text encoder together by flow matching on stored latents."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipelines.embedded.training.crew import ALONE, Crew
from pipelines.embedded.training.denoiser_batch import Scale, draw_batch
from pipelines.embedded.training.denoising_model import build_denoiser
from pipelines.embedded.training.flow_matching import Helpers, all_losses, weights_of
from pipelines.embedded.training.latents import Store
from pipelines.embedded.training.muon import Muon, split_parameters
from pipelines.embedded.training.reading import Questions
from pipelines.embedded.training.run import Run
from pipelines.embedded.training.sketch import Sketch

ADAM_NAMES = (
    "embed_tokens",
    "time_embed",
    "scale_shift",
    "gate",
    "proj_in",
    "proj_out",
    "registers",
    "looks",
    "head",
)


def optimisers_for(modules: dict[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for all the rest."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for module in modules.values():
        inner, outer = split_parameters(module, plain=ADAM_NAMES)
        matrices += inner
        rest += outer
    return {
        "muon": Muon(matrices, lr=0.02),
        "adam": torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0),
    }


@torch.no_grad()
def follow(average: dict[str, nn.Module], modules: dict[str, nn.Module], decay: float) -> None:
    """Move the averaged weights a little towards the trained ones."""
    for name, module in modules.items():
        for kept, new in zip(average[name].parameters(), module.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def train_denoiser(
    folder: Path,
    steps: int,
    store: Store,
    scale: Scale,
    device: torch.device,
    *,
    crew: Crew = ALONE,
    count: int = 16,
    seed: int = 5,
) -> None:
    """Train from the newest state in `folder` to `steps`, `count` clips a step and process."""
    torch.manual_seed(seed)
    denoiser, mean = build_denoiser(device), build_denoiser(device)
    modules, average = denoiser.modules(), mean.modules()
    follow(average, modules, 0.0)
    helpers = Helpers(Questions().to(device), Sketch(denoiser.transformer).to(device))
    learning = {**modules, **helpers.modules()}
    parameters = [p for module in learning.values() for p in module.parameters()]
    saved = {**learning, **{f"mean_{key}": module for key, module in average.items()}}
    optimisers = optimisers_for(learning)
    run = Run(folder, "denoiser", steps, saved, optimisers, quiet=crew.rank > 0)
    for step in run:
        generator = np.random.default_rng(crew.seed(seed, step))
        torch.manual_seed(crew.torch_seed(seed, step))
        batch = draw_batch(store, scale, denoiser.tokenizer, generator, count).to(device)
        weights = weights_of(step, steps)
        losses = all_losses(denoiser, helpers, batch, generator, weights)
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        crew.share(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimiser in run.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        follow(average, modules, min(0.997, step / (step + 10)))
        if step % 10 == 0:
            run.log(step, **{name: loss.item() for name, loss in losses.items()})
