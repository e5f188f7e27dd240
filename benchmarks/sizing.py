"""What clips of full-size models need and take: the sizing table of docs/kubernetes.md.

All of it is computed from the models' configs, by the same cost and memory model that prices clips
and refuses those that do not fit. Nothing is measured: any machine gives the same figures.
"""

from dataclasses import dataclass
from typing import Any, Final

from pipelines.cost import Stage, predict
from pipelines.memory import MARGIN, RESERVED_BYTES, Room, peak_bytes
from pipelines.parallel.shape import GangShape
from pipelines.shapes.configs import shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec
from tests.full_configs import HUNYUAN, LTX2, WAN

GFLOPS_PER_S: Final = 400_000.0
"""Assumed of one GPU: two fifths of what an H100 is said to do in bfloat16."""
GIB, HOUR_S = 2**30, 3_600
HEADER: Final = (
    "| model, clip | gang | GPUs | GiB of each | GiB to decode, in tiles | "
    "GPU-seconds | seconds in the gang | clips per GPU-hour |"
)
LTX2_GUIDERS: Final = {"guider": {"stg_scale": 1.0, "modality_scale": 3.0}}
LTX2_SHAPE: Final = shape_from_configs(LTX2, text_tokens=1024, guiders=LTX2_GUIDERS)
WAN22_SHAPE: Final = shape_from_configs(
    {**WAN, "transformer_2": WAN["transformer"]}, text_tokens=512
)
HUNYUAN_SHAPE: Final = shape_from_configs(HUNYUAN, text_tokens=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A clip of a model, and the gang that makes it."""

    model: str
    shape: ModelShape
    gang: GangShape
    clip: ClipSpec
    vae_value_bytes: int

    def row(self) -> str:
        """In Markdown."""
        cost = predict(self.shape, self.clip, gflops_per_s=GFLOPS_PER_S)
        size = f"{self.clip.width}x{self.clip.height}, {self.clip.seconds:.0f} s"
        decode = f"{self._gib('decode'):.0f}, {self._gib('decode', tiled=True):.0f}"
        return (
            f"| {self.model}, {size} | {self.gang} | {self.gang.world} | "
            f"{self._gib('denoise'):.0f} | {decode} | {cost.total_s:.0f} | "
            f"{cost.denoise_s / self.gang.world:.0f} | {HOUR_S / cost.denoise_s:.1f} |"
        )

    def _gib(self, stage: Stage, *, tiled: bool = False) -> float:
        """With what is to spare; the decoder is on one GPU."""
        room = Room(
            num_bytes=None,
            value_bytes=2,
            vae_value_bytes=self.vae_value_bytes,
            tp=self.gang.tp if stage == "denoise" else 1,
        )
        peak = peak_bytes(self.shape, self.clip, stage, room, tiled=tiled)
        return (peak * MARGIN + RESERVED_BYTES) / GIB


def clip(width: int, height: int, num_frames: int, **rest: Any) -> ClipSpec:
    """One whose words do not matter."""
    fixed: dict[str, Any] = {"prompt": "any", "negative_prompt": "", "seed": 1, "has_image": False}
    return ClipSpec(width=width, height=height, num_frames=num_frames, **fixed, **rest)


def cases() -> list[Case]:
    """Each model's default clip, and larger ones."""
    ltx2: dict[str, Any] = {"fps": 24, "steps": 30, "guidance_scale": 3.0, "sound": True}
    wan22: dict[str, Any] = {"fps": 16, "steps": 40, "guidance_scale": 5.0, "sound": False}
    hunyuan: dict[str, Any] = {"fps": 24, "steps": 50, "guidance_scale": 6.0, "sound": False}
    four, two = GangShape(tp=2, cfg=2), GangShape(tp=2)
    models = (
        (
            "LTX-2",
            LTX2_SHAPE,
            four,
            2,
            ltx2,
            ((768, 512, 121), (1280, 704, 121), (1920, 1088, 121)),
        ),
        ("Wan 2.2 A14B", WAN22_SHAPE, two, 4, wan22, ((832, 480, 81), (1280, 720, 81))),
        ("HunyuanVideo 1.5", HUNYUAN_SHAPE, two, 2, hunyuan, ((848, 480, 121), (1280, 720, 121))),
    )
    return [
        Case(model=model, shape=shape, gang=gang, clip=clip(*size, **rest), vae_value_bytes=wide)
        for model, shape, gang, wide, rest, sizes in models
        for size in sizes
    ]


def main() -> None:
    print("\n".join([HEADER, "|---|---|" + "---:|" * 6, *(case.row() for case in cases())]))


if __name__ == "__main__":
    main()
