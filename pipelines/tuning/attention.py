"""Which attention kernels a transformer runs with: what the settings name, or the fastest exact."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from diffusers.models import attention_dispatch as library

Asked = Literal["auto", "native", "xformers", "flash", "sage"]
KERNELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "native": ("native",),
        "xformers": ("xformers",),
        "flash": ("_flash_3", "flash"),
        "sage": ("sage",),
    }
)
"""What a setting stands for among the library's names; the first that works is taken."""
EXACT = ("native", "_native_cudnn", "_flash_3", "flash", "xformers")
"""What `auto` chooses from. Sage computes scores in 8 bits: it is there for who asks for it."""
ALWAYS_THERE = ("auto", "native")
"""Of the settings, those that work on every device."""
PROBE_TOKENS, PROBE_TEXT_TOKENS, PROBE_RUNS = 8_192, 256, 5
MOST_ERROR = 0.1
"""Relative to what native attention gives; 8-bit scores are off by a few percent."""
log = logging.getLogger(__name__)


class AttentionUnavailable(Exception):
    """The settings name attention kernels that cannot run here; the message says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionNeeds:
    """What kernels must be able to do on one device."""

    heads: int
    """On this rank: tensor and sequence parallelism divide them."""
    head_size: int
    dtype: torch.dtype
    device: torch.device
    masks: bool
    """Whether the model passes masks."""
    sequence_parallel: bool = False


def choose_attention(asked: str, needs: AttentionNeeds) -> str:
    """The library's name of the kernels to run with; raises `AttentionUnavailable`."""
    if needs.device.type != "cuda":
        return _choose_without_cuda(asked, needs)
    if asked == "auto":
        return _fastest(needs)
    faults = {kernel: why_not(kernel, needs) for kernel in KERNELS[asked]}
    for kernel, fault in faults.items():
        if fault is None:
            return kernel
    works = [name for name in KERNELS if any(why_not(k, needs) is None for k in KERNELS[name])]
    said = "; ".join(f"{kernel}: {fault}" for kernel, fault in faults.items())
    raise AttentionUnavailable(
        f"attention: {asked} cannot be used here ({said}); auto and {', '.join(works)} can."
    )


def use_attention(transformer: torch.nn.Module, kernel: str) -> None:
    """Make every attention of the transformer run with `kernel`, a name of the library's."""
    set_kernel: Callable[[str], None] = transformer.set_attention_backend  # type: ignore[assignment]
    set_kernel(kernel)


def why_not(kernel: str, needs: AttentionNeeds) -> str | None:
    """What keeps `kernel` from running here, found by running it; None if nothing does."""
    name = library.AttentionBackendName(kernel)
    try:
        library._check_attention_backend_requirements(name)
    except RuntimeError as error:
        return str(error)
    if needs.sequence_parallel and kernel not in _sequence_parallel_kernels():
        return "it does not work with ulysses"
    try:
        return _probe(kernel, needs)
    except Exception as error:
        return str(error) or type(error).__name__


def _choose_without_cuda(asked: str, needs: AttentionNeeds) -> str:
    if asked in ALWAYS_THERE:
        return "native"
    raise AttentionUnavailable(
        f"attention: {asked} needs a CUDA device, and this stage runs on the {needs.device.type}; "
        "native and auto work here, or give the denoiser num_gpus."
    )


def _sequence_parallel_kernels() -> frozenset[str]:
    return frozenset(library._AttentionBackendRegistry._supports_context_parallel)


def _probe(kernel: str, needs: AttentionNeeds) -> str | None:
    """Self-attention, and attention to text with a mask where the model passes masks."""
    for masked in {False, needs.masks}:
        given = _noise(needs, PROBE_TEXT_TOKENS, masked=masked)
        found, expected = _attend(kernel, given), _attend("native", given)
        error = float((found - expected).float().norm() / expected.float().norm())
        if not error <= MOST_ERROR:
            return f"its result is off by {error:.0%}"
    return None


def _noise(needs: AttentionNeeds, num_tokens: int, *, masked: bool) -> dict[str, Any]:
    generator = torch.Generator("cpu").manual_seed(0)
    shape = (1, num_tokens, needs.heads, needs.head_size)
    query, key, value = (
        torch.randn(shape, generator=generator).to(needs.device, needs.dtype) for _ in range(3)
    )
    mask = torch.zeros(1, needs.heads, 1, num_tokens, device=needs.device, dtype=needs.dtype)
    return {"query": query, "key": key, "value": value, "attn_mask": mask if masked else None}


def _attend(kernel: str, given: dict[str, Any]) -> torch.Tensor:
    with torch.no_grad():
        attended: torch.Tensor = library.dispatch_attention_fn(
            **given, backend=library.AttentionBackendName(kernel)
        )
    return attended


def _fastest(needs: AttentionNeeds) -> str:
    seconds: dict[str, float] = {}
    for kernel in EXACT:
        fault = why_not(kernel, needs)
        if fault is None:
            seconds[kernel] = _time(kernel, needs)
        else:
            log.info("attention by %s is not to be had: %s", kernel, fault)
    told = ", ".join(f"{kernel} {s * 1e3:.2f} ms" for kernel, s in seconds.items())
    fastest = min(seconds, key=lambda kernel: seconds[kernel])
    log.info("attention by %s; tried %s", fastest, told)
    return fastest


def _time(kernel: str, needs: AttentionNeeds) -> float:
    """The best of a few runs over as many tokens as a small clip has."""
    given = _noise(needs, PROBE_TOKENS, masked=False)
    best = float("inf")
    for _ in range(PROBE_RUNS):
        torch.cuda.synchronize(needs.device)
        began = time.perf_counter()
        _attend(kernel, given)
        torch.cuda.synchronize(needs.device)
        best = min(best, time.perf_counter() - began)
    return best
