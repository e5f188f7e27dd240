"""Train transformer, connectors and text encoder together by flow matching on stored latents."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import Gemma3TextModel, PreTrainedTokenizerBase

from pipelines.embedded.network import build_connectors, build_text_encoder, build_transformer
from pipelines.embedded.training.denoiser_batch import Batch, Scale, draw_batch, draw_sigmas
from pipelines.embedded.training.latents import Store
from pipelines.embedded.training.muon import Muon, split_parameters
from pipelines.embedded.training.reading import Questions, draw_captions
from pipelines.embedded.training.run import Run
from pipelines.embedded.vocabulary import build_tokenizer

ADAM_NAMES = (
    "embed_tokens",
    "time_embed",
    "scale_shift",
    "gate",
    "proj_in",
    "proj_out",
    "registers",
    "looks",
    "heads",
)
SHAPE_WEIGHT: Final = 0.005
"""Of `blindness`, which is a sum over 5120 numbers, beside their plain mean."""
SHAPE_FROM, SHAPE_FULL = 0.55, 0.7
"""Shares of the training at which shapes begin to count, and count fully: a model that does not
know yet where anything is learns nothing else while it is asked for shapes."""


@dataclass(frozen=True)
class Denoiser:
    """The jointly trained parts and their tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    text_encoder: Gemma3TextModel
    connectors: LTX2TextConnectors
    transformer: LTX2VideoTransformer3DModel

    def modules(self) -> dict[str, nn.Module]:
        """The trained parts by name."""
        return {
            "text_encoder": self.text_encoder,
            "connectors": self.connectors,
            "transformer": self.transformer,
        }

    def embed(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Text for video and audio (batch, MAX_TEXT, width); registers fill what is masked."""
        output = self.text_encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = torch.stack(output.hidden_states, dim=-1).flatten(2, 3)
        video, audio, _ = self.connectors(states, mask, padding_side="left")
        return video, audio

    def velocity(
        self,
        video: Tensor,
        audio: Tensor,
        text: tuple[Tensor, Tensor],
        *,
        timestep: Tensor,
        sigma: Tensor,
        grid: tuple[int, int, int],
        rate: float,
    ) -> tuple[Tensor, Tensor]:
        """Noise minus data; `timestep` (batch,) or (batch, tokens), `sigma` (batch,), 0..1000."""
        return self.transformer(  # type: ignore[no-any-return]
            hidden_states=video,
            audio_hidden_states=audio,
            encoder_hidden_states=text[0],
            audio_encoder_hidden_states=text[1],
            timestep=timestep,
            audio_timestep=sigma,
            sigma=sigma,
            num_frames=grid[0],
            height=grid[1],
            width=grid[2],
            fps=rate,
            audio_num_frames=audio.shape[1],
            use_cross_timestep=True,
            return_dict=False,
        )


def build_denoiser(device: torch.device) -> Denoiser:
    """Make the untrained parts."""
    tokenizer = build_tokenizer()
    return Denoiser(
        tokenizer,
        build_text_encoder(len(tokenizer)).to(device),
        build_connectors().to(device),
        build_transformer().to(device),
    )


@contextmanager
def exact_attention() -> Iterator[None]:
    """On the CPU the backward pass of plain attention is twice as fast as flash attention's."""
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(
        True
    )  # of the CPU too, by 10 % of a step
    with sdpa_kernel(SDPBackend.MATH):
        yield


def blindness(error: Tensor, batch: Batch) -> Tensor:
    """How far the predicted velocity leans towards another shape of the same scene: (batch,).

    The mean square of the error along the directions in which this very clip would differ if its
    shape were another one. A ball and a square of one area differ in few pixels, so the plain mean
    over all directions hardly notices which of them is drawn.
    """
    away = (batch.other_shapes - batch.video[:, None]).flatten(2)
    along = torch.einsum("bd,bsd->bs", error.flatten(1), away) / away.norm(dim=2).clamp(min=1e-3)
    squares: Tensor = along.square().mean(1)
    return squares


def loss_of(
    denoiser: Denoiser, batch: Batch, sigma: Tensor, first_frame: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of video, shape and audio; with `first_frame` the first latent frame is given."""
    noise, audio_noise = torch.randn_like(batch.video), torch.randn_like(batch.audio)
    given = batch.grid[1] * batch.grid[2] if first_frame else 0
    levels = sigma[:, None].repeat(1, batch.video.shape[1])
    levels[:, :given] = 0
    noisy = batch.video + levels[..., None] * (noise - batch.video)
    noisy_audio = batch.audio + sigma[:, None, None] * (audio_noise - batch.audio)
    with torch.autocast(batch.video.device.type, torch.bfloat16), exact_attention():
        text = denoiser.embed(batch.ids, batch.mask)
        video, audio = denoiser.velocity(
            noisy,
            noisy_audio,
            text,
            timestep=1000 * (levels if first_frame else sigma),
            sigma=1000 * sigma,
            grid=batch.grid,
            rate=batch.rate,
        )
    error = video.float() - (noise - batch.video)
    error[:, :given] = 0
    plain = (error.square().mean(-1) * batch.weight)[:, given:].mean()
    audio_error = (audio.float() - (audio_noise - batch.audio)).square().mean()
    return plain, blindness(error, batch).mean(), audio_error


def reading_loss(
    denoiser: Denoiser, questions: Questions, generator: np.random.Generator, count: int
) -> Tensor:
    """How well the text that the picture is made from tells what `count` fresh captions say."""
    device = questions.looks.device
    ids, mask, targets = draw_captions(denoiser.tokenizer, generator, count)
    with torch.autocast(device.type, torch.bfloat16), exact_attention():
        text, _ = denoiser.embed(ids.to(device), mask.to(device))
    return questions.loss(text, targets.to(device))


def all_losses(
    denoiser: Denoiser, questions: Questions, batch: Batch, generator: np.random.Generator
) -> dict[str, Tensor]:
    """One step's losses by name, not weighted."""
    count = len(batch.video)
    sigma = draw_sigmas(generator, count).to(batch.video.device)
    first_frame = bool(generator.random() < 0.25)
    loss, blind, audio = loss_of(denoiser, batch, sigma, first_frame)
    reading = reading_loss(denoiser, questions, generator, 4 * count)
    return {"loss": loss, "shape": blind, "audio": audio, "reading": reading}


def shape_weight(step: int, steps: int) -> float:
    """Weight of `blindness` at a step."""
    return SHAPE_WEIGHT * min(
        1.0, max(0.0, (step / steps - SHAPE_FROM) / (SHAPE_FULL - SHAPE_FROM))
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
    count: int = 16,
    seed: int = 5,
) -> None:
    """Train from the newest state in `folder` to `steps`, `count` clips a step."""
    torch.manual_seed(seed)
    denoiser, mean = build_denoiser(device), build_denoiser(device)
    modules, average = denoiser.modules(), mean.modules()
    follow(average, modules, 0.0)
    questions = Questions().to(device)
    learning = {**modules, "questions": questions}
    saved = {**learning, **{f"mean_{key}": module for key, module in average.items()}}
    run = Run(folder, "denoiser", steps, saved, optimisers_for(learning))
    for step in run:
        generator = np.random.default_rng((seed, step))
        torch.manual_seed(seed * 1_000_003 + step)
        batch = draw_batch(store, scale, denoiser.tokenizer, generator, count).to(device)
        losses = all_losses(denoiser, questions, batch, generator)
        weights = {"loss": 1.0, "shape": shape_weight(step, steps), "audio": 0.4, "reading": 0.2}
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([p for m in learning.values() for p in m.parameters()], 1.0)
        for optimiser in run.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        follow(average, modules, min(0.997, step / (step + 10)))
        if step % 10 == 0:
            run.log(step, **{name: loss.item() for name, loss in losses.items()})
