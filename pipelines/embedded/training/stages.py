"""The stages of training in their order, each of which starts where it was interrupted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
from torch import nn

from pipelines.embedded.checkpoint import save_checkpoint
from pipelines.embedded.network import (
    build_audio_vae,
    build_connectors,
    build_text_encoder,
    build_transformer,
    build_video_vae,
    build_vocoder,
)
from pipelines.embedded.training.audio import train_audio_vae, train_vocoder
from pipelines.embedded.training.crew import Crew, together
from pipelines.embedded.training.denoiser import train_denoiser
from pipelines.embedded.training.denoiser_batch import Scale, measure_scale
from pipelines.embedded.training.denoising_model import build_denoiser
from pipelines.embedded.training.drafts import Drafts, draw_drafts, load_drafts, save_drafts
from pipelines.embedded.training.latents import Store, build_store, load_store, save_store
from pipelines.embedded.training.run import trained_weights
from pipelines.embedded.training.video_decoder import train_decoder
from pipelines.embedded.training.video_vae import train_video_vae
from pipelines.embedded.vocabulary import build_tokenizer

DENOISER_PARTS: Final = ("text_encoder", "connectors", "transformer")
STEPS: Final = MappingProxyType(
    {
        "video_vae": 2300,
        "audio_vae": 800,
        "vocoder": 1100,
        "denoiser": 7100,
        "video_decoder": 5050,
    }
)
CLIPS: Final = 2800  # scenes, encoded once for the denoiser
DRAFTS: Final = 1200  # clips sampled once from the denoiser, for the decoder


@dataclass(frozen=True)
class Plan:
    """Where training happens and for how many steps a stage."""

    folder: Path
    weights: Path
    device: torch.device
    steps: Mapping[str, int]
    clips: int = CLIPS
    drafts: int = DRAFTS
    processes: int = 1


def _store(plan: Plan, name: str) -> Store:
    """The encoded clips of one size, encoded first if need be."""
    path = plan.folder / f"latents_{name}.pt"
    if not path.exists():
        video_vae, audio_vae = build_video_vae(), build_audio_vae()
        video_vae.load_state_dict(trained_weights(plan.folder, "video_vae")["vae"])
        audio_vae.load_state_dict(trained_weights(plan.folder, "audio_vae")["vae"])
        video_vae.to(plan.device)
        audio_vae.to(plan.device)
        save_store(build_store(name, plan.clips, video_vae, audio_vae, plan.device), name, path)
    return load_store(path)


def _autoencoders(plan: Plan, scale: Scale) -> dict[str, nn.Module]:
    """The trained autoencoders and vocoder, with the latents' statistics in place."""
    parts: dict[str, nn.Module] = {
        "vae": build_video_vae(),
        "audio_vae": build_audio_vae(),
        "vocoder": build_vocoder(),
    }
    parts["vae"].load_state_dict(trained_weights(plan.folder, "video_vae")["vae"])
    if (plan.folder / "video_decoder.state").exists():
        sharper = trained_weights(plan.folder, "video_decoder")["decoder"]
        parts["vae"].get_submodule("decoder").load_state_dict(sharper)
    parts["audio_vae"].load_state_dict(trained_weights(plan.folder, "audio_vae")["vae"])
    parts["vocoder"].load_state_dict(trained_weights(plan.folder, "vocoder")["vocoder"])
    for name, mean, std in (
        ("vae", scale.video_mean, scale.video_std),
        ("audio_vae", scale.audio_mean, scale.audio_std),
    ):
        parts[name].get_buffer("latents_mean").copy_(mean)
        parts[name].get_buffer("latents_std").copy_(std)
    return parts


def export(plan: Plan) -> None:
    """Write the newest averaged weights of all stages as a checkpoint in diffusers' format."""
    scale = measure_scale(_store(plan, "square"))
    parts = _autoencoders(plan, scale)
    state = trained_weights(plan.folder, "denoiser")
    parts["text_encoder"] = build_text_encoder(len(build_tokenizer()))
    parts["connectors"] = build_connectors()
    parts["transformer"] = build_transformer()
    for name in DENOISER_PARTS:
        parts[name].load_state_dict(state[f"mean_{name}"])
    save_checkpoint(plan.weights, parts)
    taken = {
        name: torch.load(plan.folder / f"{name}.state", weights_only=True)["step"]
        for name in plan.steps
        if (plan.folder / f"{name}.state").exists()
    }
    (plan.weights / "training.json").write_text(json.dumps({"steps": taken}, indent=2) + "\n")


def _video_vae(plan: Plan, crew: Crew) -> None:
    train_video_vae(plan.folder, plan.steps["video_vae"], plan.device, crew)


def _denoiser(plan: Plan, crew: Crew) -> None:
    store, steps = _store(plan, "square"), plan.steps["denoiser"]
    train_denoiser(plan.folder, steps, store, measure_scale(store), plan.device, crew=crew)


def _drafts(plan: Plan) -> Drafts:
    """What the denoiser draws, drawn first if need be."""
    path = plan.folder / "drafts_square.pt"
    if not path.exists():
        store = _store(plan, "square")
        denoiser = build_denoiser(plan.device)
        state = trained_weights(plan.folder, "denoiser")
        for name, module in denoiser.modules().items():
            module.load_state_dict(state[f"mean_{name}"])
        scale = measure_scale(store)
        save_drafts(draw_drafts(denoiser, store, scale, plan.drafts, plan.device), path)
    return load_drafts(path)


def _video_decoder(plan: Plan, crew: Crew) -> None:
    train_decoder(plan.folder, plan.steps["video_decoder"], _drafts(plan), plan.device, crew)


def train_everything(plan: Plan) -> None:
    """Run all stages; one that is finished is passed over."""
    together(plan.processes, partial(_video_vae, plan))
    train_audio_vae(plan.folder, plan.steps["audio_vae"], plan.device)
    train_vocoder(plan.folder, plan.steps["vocoder"], plan.device)
    _store(plan, "square")
    together(plan.processes, partial(_denoiser, plan))
    export(plan)
    _drafts(plan)
    together(plan.processes, partial(_video_decoder, plan))
    export(plan)
