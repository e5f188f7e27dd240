"""What a model runs on: replicas of its stages, and gangs of ranks."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pipelines.parallel.shape import GangShape
from serve.settings.section import Section

OF_RAY = ("CPU", "GPU", "memory", "object_store_memory")


def _own_names(resources: dict[str, float]) -> dict[str, float]:
    for name, amount in resources.items():
        if name in OF_RAY:
            raise ValueError(
                f"the resource {name} is Ray's own: use num_cpus or num_gpus, or another name"
            )
        if amount <= 0:
            raise ValueError(f"{name} is {amount:g}: a resource is a number above 0")
    return resources


CustomResources = Annotated[dict[str, float], AfterValidator(_own_names)]
"""By the names that some nodes of the cluster were started with (`ray start --resources`, KubeRay's
`resources` of a worker group): what needs them runs on those nodes only."""


class Replicas(Section):
    """Resources of one stage, a denoiser's those of one rank.

    CPUs are logical: they only tell Ray what fits on a node.
    """

    replicas: int = Field(1, ge=1)
    """At the start; a model that may sleep has none while it sleeps."""
    max_replicas: int | None = Field(None, ge=1)
    """When more is asked for. Left out: as many as `replicas`."""
    num_cpus: float = Field(0.25, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    resources: CustomResources = Field({})
    """Custom resources of Ray, such as `{gang: 1}`: it runs where nodes have them."""
    threads: int = Field(1, ge=1)
    """Torch threads of each replica, or rank."""
    memory_gb: float | None = Field(None, gt=0)
    """Device memory for each replica, in 1e9 bytes. Left out: the GPU's, times `num_gpus` below 1;
    on a CPU, nothing is refused and nothing tiled for lack of it."""

    @property
    def most(self) -> int:
        """Replicas that there may be."""
        return self.replicas if self.max_replicas is None else self.max_replicas

    @model_validator(mode="after")
    def _most_is_not_less(self) -> Self:
        if self.most < self.replicas:
            raise ValueError(
                f"replicas is {self.replicas} and max_replicas {self.most}: replicas must be at "
                "most max_replicas"
            )
        return self


class Gangs(Section):
    """Some gangs of one shape: `tp * cfg * ulysses` ranks each, with the denoiser's resources."""

    tp: int = Field(1, ge=1)
    """Each rank holds this part of every layer's weights."""
    cfg: int = Field(1, ge=1)
    """The guider's passes are dealt to this many groups of ranks."""
    ulysses: int = Field(1, ge=1)
    """Each rank works on this part of a clip's tokens."""
    min: int = Field(1, ge=0)
    """Gangs that always run, unless the model may sleep and does."""
    max: int | None = Field(None, ge=1)
    """Gangs when more is asked for. Left out: as many as `min`, and one if `min` is 0."""

    @property
    def shape(self) -> GangShape:
        return GangShape(tp=self.tp, cfg=self.cfg, ulysses=self.ulysses)

    @property
    def most(self) -> int:
        """Gangs of this shape that there may be."""
        return max(self.min, 1) if self.max is None else self.max

    @model_validator(mode="after")
    def _min_is_at_most_max(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min} and max {self.max}: min must be at most max")
        return self


class EncoderReplicas(Replicas):
    """Those of the encode stage."""

    cache_bytes: int = Field(500_000_000, ge=0)
    """Conditioning that each replica keeps for equal prompts: 8 MB each for Wan, 31 MB for LTX-2.
    0 keeps none."""
    batch: int = Field(4, ge=1, le=64)
    """Prompts that wait at the same time are encoded together, up to this many; fewer where that
    would change a bit of any one's conditioning, which each replica tries at its start."""
