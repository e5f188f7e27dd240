"""What one rank holds and does at tp 1, 2 and 4: counted on outlines of full-size models.

Weights are in bfloat16 (but for the layers that a model keeps in float32), FLOPs those of one
forward pass. Nothing is measured and nothing is loaded: any machine gives the same figures.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import RESULTS
from pipelines.parallel.loading import divided_outline, held_dtype
from pipelines.parallel.plans import PLANS
from pipelines.parallel.way import Way

DEGREES = (1, 2, 4)
HEADER = (
    "| model, clip | tp | divided GB | replicated GB | a rank, GB | divided TFLOPs | "
    "replicated TFLOPs | a rank, TFLOPs |"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of `tp` ranks holds, in bytes, and does in a pass, in FLOPs."""

    model: str
    tp: int
    divided_bytes: int
    replicated_bytes: int
    divided_flops: int
    replicated_flops: int

    def row(self) -> str:
        """In Markdown."""
        held, done = (
            (self.divided_bytes, self.replicated_bytes),
            (
                self.divided_flops,
                self.replicated_flops,
            ),
        )
        gigabytes = " | ".join(f"{n / 1e9:.2f}" for n in (*held, sum(held)))
        teraflops = " | ".join(f"{n / 1e12:.2f}" for n in (*done, sum(done)))
        return f"| {self.model} | {self.tp} | {gigabytes} | {teraflops} |"


def run_ltx2(model: Any) -> None:
    """768x512, 121 frames at 24 fps: 16 x 16 x 24 video tokens, 126 of sound."""
    model(
        hidden_states=torch.zeros(1, 16 * 16 * 24, 128),
        audio_hidden_states=torch.zeros(1, 126, 128),
        encoder_hidden_states=torch.zeros(1, 1024, 3840),
        audio_encoder_hidden_states=torch.zeros(1, 1024, 3840),
        timestep=torch.zeros(1),
        num_frames=16,
        height=16,
        width=24,
        audio_num_frames=126,
    )


def run_wan(model: Any) -> None:
    """832x480, 81 frames: 21 x 60 x 104 latents."""
    model(
        hidden_states=torch.zeros(1, 16, 21, 60, 104),
        timestep=torch.zeros(1),
        encoder_hidden_states=torch.zeros(1, 512, 4096),
    )


def run_hunyuan(model: Any) -> None:
    """848x480, 121 frames: 31 x 30 x 53 latents, and 1985 tokens of text, glyphs and picture.

    The parts one by one: between them the model picks tokens by their values, which outlines lack.
    """
    latents = torch.zeros(1, 65, 31, 30, 53)
    video, rotation = model.x_embedder(latents), model.rope(latents)
    embedding = model.time_embed(torch.zeros(1))
    text = torch.cat(
        [
            model.context_embedder(torch.zeros(1, 1000, 3584), torch.zeros(1)),
            model.context_embedder_2(torch.zeros(1, 256, 1472)),
            model.image_embedder(torch.zeros(1, 729, 1152)),
        ],
        dim=1,
    )
    for block in model.transformer_blocks:
        video, text = block(video, text, embedding, torch.ones(1, text.shape[1]), rotation)
    model.proj_out(model.norm_out(video, embedding))


SMALL_WAN = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
MODELS: Mapping[str, tuple[str, Mapping[str, Any], Callable[[Any], None]]] = MappingProxyType(
    {
        "LTX-2, 768x512x121": ("LTX2VideoTransformer3DModel", {}, run_ltx2),
        "Wan 2.1 1.3B, 832x480x81": ("WanTransformer3DModel", SMALL_WAN, run_wan),
        "Wan 2.1 14B, 832x480x81": ("WanTransformer3DModel", {}, run_wan),
        "HunyuanVideo 1.5, 848x480x121": ("HunyuanVideo15Transformer3DModel", {}, run_hunyuan),
    }
)


def share(name: str, tp: int) -> Share:
    """Count one rank's share of a model."""
    kind, options, run = MODELS[name]
    config = {"_class_name": kind, **options}
    model = divided_outline(config, dtype=torch.float32, way=Way(size=tp)).to("meta")
    divided, replicated = held_bytes(model)
    inside, total = flops(model, PLANS[kind].within, run)
    return Share(
        model=name,
        tp=tp,
        divided_bytes=divided,
        replicated_bytes=replicated,
        divided_flops=inside,
        replicated_flops=total - inside,
    )


def held_bytes(model: nn.Module) -> tuple[int, int]:
    """Of parameters that are divided, and of all others."""
    held = {True: 0, False: 0}
    for path, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            dtype = held_dtype(model, f"{path}.{leaf}", torch.bfloat16)
            held[leaf in getattr(module, "divided", {})] += parameter.numel() * dtype.itemsize
    return held[True], held[False]


def flops(model: nn.Module, within: tuple[str, ...], run: Callable[[Any], None]) -> tuple[int, int]:
    """Of the blocks that a plan divides, and of all."""
    inside = 0
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):

        def enter(module: nn.Module, given: Any) -> None:
            nonlocal inside
            inside -= counter.get_total_flops()

        def leave(module: nn.Module, given: Any, result: Any) -> None:
            nonlocal inside
            inside += counter.get_total_flops()

        for outer in within:
            for block in model.get_submodule(outer):  # type: ignore[attr-defined]
                block.register_forward_pre_hook(enter)
                block.register_forward_hook(leave)
        run(model)
        return inside, counter.get_total_flops()


def main() -> None:
    shares = [share(name, tp) for name in MODELS for tp in DEGREES]
    print("\n".join([HEADER, "|---|" + "---:|" * 7, *(each.row() for each in shares)]))
    RESULTS.mkdir(exist_ok=True)
    content = json.dumps({"shares": [asdict(each) for each in shares]}, indent=2)
    (RESULTS / "shares.json").write_text(content + "\n")


if __name__ == "__main__":
    main()
