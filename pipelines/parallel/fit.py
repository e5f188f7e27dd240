"""Whether a model fits a gang's shape: said with numbers, before any process starts."""

from collections.abc import Iterator, Mapping

from pipelines.families.family import Config, Configs, Family
from pipelines.parallel.plan import ParallelPlan
from pipelines.parallel.plans import PLANS
from pipelines.parallel.shape import GangShape

TRANSFORMERS = ("transformer", "transformer_2")
LTX2_PASSES = {"stg_scale": 0.0, "modality_scale": 1.0}
"""Guider options that cost a pass more, and where they are off."""


class UnfitShape(ValueError):
    """A model cannot be divided in this shape; the message says which layer, and what would do."""


def check_shape(family: Family, configs: Configs, shape: GangShape) -> None:
    """Raise `UnfitShape` unless the family's model can be divided in `shape`.

    `configs` holds the JSON of the checkpoint's components by folder name.
    """
    _check_passes(family, shape)
    if shape.tp == shape.ulysses == 1:
        return
    for name, config in _transformers(configs):
        kind = str(config.get("_class_name"))
        if kind not in PLANS:
            raise UnfitShape(
                f"{family.name}: there is no plan for dividing a {kind}; use cfg alone"
            )
        _check_heads(f"{family.name} {name}", PLANS[kind], config, shape)


def _transformers(configs: Configs) -> Iterator[tuple[str, Config]]:
    return ((name, configs[name]) for name in TRANSFORMERS if configs.get(name))


def _check_passes(family: Family, shape: GangShape) -> None:
    """More groups than forward passes would have some stand idle."""
    passes = most_passes(family)
    if shape.cfg > passes:
        raise UnfitShape(
            f"{family.name}: cfg is {shape.cfg}, but its guidance runs at most {passes} forward "
            f"passes a step; use a cfg of at most {passes}"
        )


def most_passes(family: Family) -> int:
    """Forward passes of a step under the family's guiders, if a request asks for guidance."""
    extra = sum(
        any(options.get(option, off) != off for options in family.guiders.values())
        for option, off in LTX2_PASSES.items()
    )
    return 2 + extra


def _check_heads(model: str, plan: ParallelPlan, config: Config, shape: GangShape) -> None:
    for layer, width in plan.widths(config).items():
        if width % shape.tp:
            raise UnfitShape(
                f"{model}: {width} {layer} cannot be divided by tp {shape.tp}; "
                f"{_what_would_do('tp', plan.widths(config))}"
            )
    if shape.ulysses == 1:
        return
    if isinstance(plan.sequence, str):
        raise UnfitShape(f"{model}: ulysses is {shape.ulysses}, but {plan.sequence}; use tp or cfg")
    for layer, heads in plan.sequence.heads(config).items():
        if heads // shape.tp % shape.ulysses:
            left = {
                layer: count // shape.tp for layer, count in plan.sequence.heads(config).items()
            }
            raise UnfitShape(
                f"{model}: {heads // shape.tp} {layer} a rank cannot be divided by ulysses "
                f"{shape.ulysses}; {_what_would_do('ulysses', left)}"
            )


def _what_would_do(way: str, widths: Mapping[str, int]) -> str:
    most = min(widths.values())
    fitting = [n for n in range(1, most + 1) if all(width % n == 0 for width in widths.values())]
    shown = [str(n) for n in fitting if n <= 16]
    return f"use a {way} of {', '.join(shown)}"
