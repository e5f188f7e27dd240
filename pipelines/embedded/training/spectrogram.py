"""Log-mel spectrograms for the audio VAE and the vocoder (Slaney's mel scale, magnitudes)."""

import functools
import math

import torch
from torch import Tensor

from pipelines.embedded.network import MEL_BINS
from pipelines.embedded.sound import HOP, SAMPLE_RATE

FFT = 1024  # samples
FLOOR = 1e-5  # magnitudes below this are silence


def mel_to_hertz(mel: Tensor) -> Tensor:
    """Slaney's scale: linear below 1 kHz (15 mel), logarithmic above."""
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27))


@functools.cache
def mel_filters() -> Tensor:
    """Triangles of unit area over the spectrum's bins: (513, mel bins)."""
    top = 15 + 27 * math.log(SAMPLE_RATE / 2000) / math.log(6.4)
    edges = mel_to_hertz(torch.linspace(0, top, MEL_BINS + 2))
    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0) * (2 / (edges[2:] - edges[:-2]))


def log_mel(wave: Tensor) -> Tensor:
    """Log-mel of (batch, channels, 160n) samples: (batch, channels, n, mel bins), one a hop."""
    batch, channels, samples = wave.shape
    before = FFT // 2 - HOP // 2
    padded = torch.nn.functional.pad(wave.flatten(0, 1), (before, FFT - HOP - before))
    spectrum = torch.stft(
        padded,
        FFT,
        HOP,
        window=torch.hann_window(FFT, device=wave.device),
        center=False,
        return_complex=True,
    )
    mel = spectrum.abs().transpose(1, 2) @ mel_filters().to(wave.device)
    return mel.clamp(min=FLOOR).log().view(batch, channels, samples // HOP, MEL_BINS)
