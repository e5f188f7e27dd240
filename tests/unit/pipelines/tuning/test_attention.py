"""Attention by name: what cannot run here is refused with what can, never replaced in silence."""

import dataclasses
import importlib.util

import pytest
import torch

from pipelines.tuning import attention
from pipelines.tuning.attention import (
    KERNELS,
    AttentionNeeds,
    AttentionUnavailable,
    choose_attention,
    why_not,
)

HERE = AttentionNeeds(
    heads=2, head_size=16, dtype=torch.float32, device=torch.device("cpu"), masks=True
)
THERE = dataclasses.replace(HERE, device=torch.device("cuda"))


@pytest.mark.parametrize("asked", ["auto", "native"])
def test_without_cuda_there_is_one_choice(asked: str) -> None:
    assert choose_attention(asked, HERE) == "native"


@pytest.mark.parametrize("asked", ["xformers", "flash", "sage"])
def test_without_cuda_the_others_are_refused(asked: str) -> None:
    with pytest.raises(AttentionUnavailable, match=f"{asked} needs a CUDA.*native and auto work"):
        choose_attention(asked, HERE)


@pytest.mark.parametrize(
    ("kernel", "module", "package"),
    [
        ("flash", "flash_attn", "flash-attn"),
        ("sage", "sageattention", "sageattention"),
        ("xformers", "xformers", "xformers"),
    ],
)
def test_a_missing_package_is_named(kernel: str, module: str, package: str) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{package} is installed")
    assert f"install `{package}" in (why_not(kernel, HERE) or "")


def test_kernels_are_tried_for_real() -> None:
    assert why_not("native", HERE) is None
    assert why_not("_native_math", HERE) is None
    # Torch's own flash attention has no kernel for masks.
    assert why_not("_native_flash", HERE) is not None


def test_kernels_that_know_no_sequence_parallelism_are_told_apart() -> None:
    split = dataclasses.replace(HERE, sequence_parallel=True)
    assert why_not("native", split) is None
    assert why_not("_native_math", split) == "it does not work with ulysses"


def test_a_wrong_result_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    real = attention._attend
    monkeypatch.setattr(
        attention,
        "_attend",
        lambda kernel, given: real("native", given) * (1.5 if kernel == "_native_math" else 1),
    )
    assert why_not("_native_math", HERE) == "its result is off by 50%"


def test_a_refusal_says_what_would_work(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = {"_flash_3": "not built", "flash": "takes no masks", "sage": "not installed"}
    monkeypatch.setattr(attention, "why_not", lambda kernel, needs: faults.get(kernel))
    with pytest.raises(AttentionUnavailable, match=r"flash: takes no masks.*native, xformers can"):
        choose_attention("flash", THERE)
    assert choose_attention("xformers", THERE) == "xformers"


def test_auto_takes_the_fastest_that_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(
        attention, "why_not", lambda kernel, needs: "no" if kernel == "_flash_3" else None
    )
    seconds = {"native": 3e-3, "_native_cudnn": 2e-3, "flash": 1e-3, "xformers": 4e-3}
    monkeypatch.setattr(attention, "_time", lambda kernel, needs: seconds[kernel])
    assert choose_attention("auto", THERE) == "flash"
    assert "attention by flash; tried native 3.00 ms" in caplog.text
    assert "_flash_3 is not to be had: no" in caplog.text


def test_auto_never_chooses_what_is_not_exact() -> None:
    assert not set(KERNELS["sage"]) & set(attention.EXACT)
