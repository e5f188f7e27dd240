"""What the replay asks of a policy: the questions the Gateways and the Scheduler ask."""

from typing import Protocol

from autoscaling.decisions import Decision
from autoscaling.replay.cluster import Cluster, Gang
from autoscaling.replay.jobs import SimJob


class Policy(Protocol):
    """Keeps the waiting jobs itself. All is asked at `cluster.now`."""

    degrees: tuple[int, ...]
    """The gangs it wants, of all GPUs there are."""

    def arrives(self, job: SimJob, cluster: Cluster) -> Decision:
        """What becomes of a request; unless it is shed, the policy keeps it from now on."""

    def next(self, cluster: Cluster) -> tuple[SimJob, Gang] | None:
        """A job to begin on a free gang; None if there is none to begin now."""

    def gives_way(self, cluster: Cluster) -> Gang | None:
        """A gang whose job is to stop at its next step, for another; it comes back by `again`."""

    def moves(self, cluster: Cluster) -> Gang | None:
        """A gang whose job is to stop at its next step and go on on a larger one that is free."""

    def again(self, job: SimJob, cluster: Cluster) -> None:
        """A job that gave way or moves, or whose gang failed, waits again."""

    def ended(self, job: SimJob, cluster: Cluster) -> None:
        """A clip is there."""

    def tick(self, cluster: Cluster) -> list[SimJob]:
        """Every few seconds; the jobs that are given up, although they were let in."""

    def flips(self) -> dict[str, int]:
        """How often each tier's gate has moved."""
