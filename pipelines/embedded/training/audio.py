"""Train the audio VAE on log-mel spectrograms, then the vocoder on waves."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKLLTX2Audio
from torch import Tensor

from pipelines.embedded.network import build_audio_vae, build_vocoder
from pipelines.embedded.scene import SOUNDS, Scene
from pipelines.embedded.sound import HOP, render_sound
from pipelines.embedded.training.muon import Muon, split_parameters
from pipelines.embedded.training.run import Run, trained_weights
from pipelines.embedded.training.spectrogram import log_mel

SOUNDING: Final = -4.0
"""Log-mels above this are heard: tones and clicks reach 0, silence lies at -11.5."""
TOKENS = 53  # audio tokens of the standard clip: 17 frames at 8 frames a second, 25 tokens a second


def draw_sound_scene(generator: np.random.Generator) -> Scene:
    """A scene for its sound alone; clicks, the hardest, come more often."""
    sound = str(generator.choice([*SOUNDS, "click"]))
    return Scene("ball", "red", "blue", "bounce", sound, pace=float(generator.random()))


def waves(generator: np.random.Generator, count: int, tokens: int = TOKENS) -> Tensor:
    """Render stereo sounds: (count, 2, 160 * (4 * tokens - 3)) samples."""
    samples = (4 * tokens - 3) * HOP
    drawn = [render_sound(draw_sound_scene(generator), samples) for _ in range(count)]
    return torch.from_numpy(np.stack(drawn))[:, None].repeat(1, 2, 1)


def length_for(step: int) -> int:
    """Audio tokens of one step's batch: mostly two seconds, sometimes four."""
    return 103 if step % 5 == 4 else TOKENS


def loudness_weights(mel: Tensor) -> Tensor:
    """Weight every time by what sounds there, all clips alike: (batch, 1, time, 1), mean one.

    A click lasts 40 ms of two seconds: unweighted, leaving it out hardly costs anything.
    """
    sounding = (mel.amax(dim=(1, 3), keepdim=True) > SOUNDING).float()
    share = sounding.mean(dim=2, keepdim=True).clamp(min=0.02)
    weight = 0.5 + 0.5 * sounding / share
    return weight / weight.mean(dim=2, keepdim=True)


def decoding_loss(vae: AutoencoderKLLTX2Audio, mel: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of log-mels (batch, 2, time, 64) sent through noisy latents, and their plain L1."""
    latent = vae.encode(mel).latent_dist.mean
    spread = latent.detach().std(dim=(0, 2), keepdim=True)
    level = 0.25 * torch.rand(len(latent), 1, 1, 1, device=mel.device)
    error = vae.decode(latent + level * spread * torch.randn_like(latent)).sample - mel
    weighted = loudness_weights(mel) * (error.abs() + 0.1 * error.square())
    return weighted.mean() + 1e-4 * latent.square().mean(), error.detach().abs().mean()


def train_audio_vae(folder: Path, steps: int, device: torch.device, seed: int = 2) -> None:
    """Train from the newest state in `folder` to `steps`."""
    torch.manual_seed(seed)
    vae = build_audio_vae().to(device)
    matrices, rest = split_parameters(vae)
    optimisers = {
        "muon": Muon(matrices, lr=0.03),
        "adam": torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.95), weight_decay=0.0),
    }
    run = Run(folder, "audio_vae", steps, {"vae": vae}, optimisers)
    for step in run:
        torch.manual_seed(seed * 1_000_003 + step)
        mel = log_mel(waves(np.random.default_rng((seed, step)), 4, length_for(step)).to(device))
        loss, error = decoding_loss(vae, mel)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        for optimiser in optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if step % 10 == 0:
            run.log(step, loss=loss.item(), mel_l1=error.item())


def spectral_distance(output: Tensor, target: Tensor) -> Tensor:
    """Difference of magnitudes at three window lengths, of (batch, channels, samples): (batch,).

    Plain magnitudes: with their logarithms silence weighs so much that all output stays at zero.
    """
    total = output.new_zeros(len(output))
    for size in (256, 512, 1024):
        window = torch.hann_window(size, device=output.device)
        seen, ideal = (
            torch.stft(
                wave.flatten(0, 1), size, size // 4, window=window, return_complex=True
            ).abs()
            for wave in (output, target)
        )
        total = total + (seen - ideal).abs().mean(dim=(1, 2)).view(len(output), -1).mean(1)
    return total


def wave_loss(output: Tensor, wave: Tensor) -> Tensor:
    """How far each wave (batch, channels, samples) is from what it should be: (batch,)."""
    error = (output - wave).flatten(1)
    plain = 10 * error.abs().mean(1) + 20 * error.square().mean(1)
    return plain + spectral_distance(output, wave)


def loudness(wave: Tensor) -> Tensor:
    """How loud each wave is on the whole, about one for a tone, 0.1 for clicks: (batch,).

    By this the losses are divided, for the same error is worse where little is heard.
    """
    return (4 * wave.abs().flatten(1).mean(1)).clamp(min=0.1)


def vocoder_input(vae: AutoencoderKLLTX2Audio, mel: Tensor) -> Tensor:
    """Half the batch as the audio VAE decodes it (noisy latents), half true with a little noise."""
    half = len(mel) // 2
    with torch.no_grad():
        latent = vae.encode(mel[:half]).latent_dist.mean
        spread = latent.std(dim=(0, 2), keepdim=True)
        level = 0.2 * torch.rand(half, 1, 1, 1, device=mel.device)
        decoded = vae.decode(latent + level * spread * torch.randn_like(latent)).sample
    return torch.cat([decoded, mel[half:] + 0.15 * torch.randn_like(mel[half:])])


def train_vocoder(folder: Path, steps: int, device: torch.device, seed: int = 3) -> None:
    """Train the vocoder behind the trained audio VAE, from the newest state to `steps`."""
    torch.manual_seed(seed)
    vae = build_audio_vae().to(device)
    vae.load_state_dict(trained_weights(folder, "audio_vae")["vae"])
    vocoder = build_vocoder().to(device)
    matrices, rest = split_parameters(vocoder, plain=("conv_out",))
    optimisers = {
        "muon": Muon(matrices, lr=0.03),
        "adam": torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.95), weight_decay=0.0),
    }
    run = Run(folder, "vocoder", steps, {"vocoder": vocoder}, optimisers)
    for step in run:
        torch.manual_seed(seed * 1_000_003 + step)
        wave = waves(np.random.default_rng((seed, step)), 4, tokens=28).to(device)
        output = vocoder(vocoder_input(vae, log_mel(wave)))
        error = output - wave
        loss = (wave_loss(output, wave) / loudness(wave)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vocoder.parameters(), 1.0)
        for optimiser in optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if step % 10 == 0:
            noise = error.square().mean() / wave.square().mean()
            run.log(step, loss=loss.item(), snr=float(-10 * noise.detach().log10()))
