"""From nothing to a checkpoint: `python -m pipelines.embedded.train`.

Kill it at any time; the same command goes on from the last state, at most two minutes back.
`--adopt` begins with the committed weights instead of none.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import nn

from pipelines.embedded.checkpoint import PARTS, load_part
from pipelines.embedded.place import WEIGHTS
from pipelines.embedded.training.chart import draw_chart
from pipelines.embedded.training.run import adopt_weights
from pipelines.embedded.training.stages import (
    CLIPS,
    DENOISER_PARTS,
    STEPS,
    Plan,
    export,
    train_everything,
)


def trained_parts(weights: Path) -> dict[str, dict[str, nn.Module]]:
    """Modules of every stage whose parts are in the checkpoint, as the stage names them."""
    found = {name: load_part(weights, name) for name in PARTS if (weights / name).is_dir()}
    stages: dict[str, dict[str, nn.Module]] = {}
    if "vae" in found:
        stages["video_vae"] = {"vae": found["vae"]}
        stages["video_decoder"] = {"decoder": found["vae"].get_submodule("decoder")}
    if "audio_vae" in found:
        stages["audio_vae"] = {"vae": found["audio_vae"]}
    if "vocoder" in found:
        stages["vocoder"] = {"vocoder": found["vocoder"]}
    if "transformer" in found:
        parts = {name: found[name] for name in DENOISER_PARTS}
        stages["denoiser"] = {**parts, **{f"mean_{key}": part for key, part in parts.items()}}
    return stages


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("training-runs"), help="states, logs")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the checkpoint goes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    parser.add_argument("--processes", type=int, default=1, help="that share the threads")
    parser.add_argument("--clips", type=int, default=CLIPS, help="encoded for the denoiser")
    parser.add_argument("--adopt", action="store_true", help="begin with the committed weights")
    parser.add_argument("--export-only", action="store_true", help="only write the checkpoint")
    for stage, steps in STEPS.items():
        parser.add_argument(f"--{stage.replace('_', '-')}-steps", type=int, default=steps)
    return parser.parse_args()


def adopt(plan: Plan) -> None:
    """Turn the committed weights into states of the stages that have none yet."""
    steps = json.loads((plan.weights / "training.json").read_text())["steps"]
    for stage, trained in trained_parts(plan.weights).items():
        if stage in steps and not (plan.folder / f"{stage}.state").exists():
            adopt_weights(plan.folder, stage, trained, steps[stage])


def main() -> None:
    """Train what is missing, then write checkpoint and chart."""
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    plan = Plan(
        folder=arguments.folder,
        weights=arguments.weights,
        device=torch.device(arguments.device),
        steps={stage: getattr(arguments, f"{stage}_steps") for stage in STEPS},
        clips=arguments.clips,
        processes=arguments.processes,
    )
    if arguments.adopt:
        adopt(plan)
    if arguments.export_only:
        export(plan)
    else:
        train_everything(plan)
    draw_chart(plan.folder, plan.weights.parent / "images" / "training.png")


if __name__ == "__main__":
    main()
