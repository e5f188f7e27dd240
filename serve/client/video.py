"""A job as the API tells it, in the words of the client."""

from dataclasses import dataclass, replace
from typing import Any

LIVE = frozenset({"queued", "in_progress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Where a job stands: what a progress bar shows."""

    status: str
    phase: str | None = None
    step: int = 0
    steps: int = 0
    queue_position: int | None = None
    eta_s: float | None = None
    standing: str | None = None
    """Where the gate has it: `deferred`, `waiting`, `suspended` and so on."""
    why: str | None = None
    """What was decided about it last, in words."""
    ready_by: int | None = None
    """When a deferred one will be there, in Unix seconds."""

    @property
    def deferred(self) -> bool:
        return self.standing == "deferred"

    @property
    def ended(self) -> bool:
        return self.status not in LIVE

    def after(self, event: str, facts: dict[str, Any]) -> "Sight":
        """The sight after one event of the stream; unknown events change nothing."""
        if event == "status":
            return replace(
                self,
                status=facts["status"],
                queue_position=facts.get("queue_position"),
                eta_s=facts.get("eta_seconds"),
                **_decision(facts),
            )
        if event == "progress":
            return replace(
                self,
                status="in_progress",
                phase=facts.get("phase"),
                step=facts.get("step", 0),
                steps=facts.get("steps", self.steps),
            )
        return replace(self, status=facts["status"]) if event == "done" else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A job: its sight, and all else that was told, under `facts`."""

    id: str
    sight: Sight
    facts: dict[str, Any]
    poll_after_s: float = 1.0

    @property
    def error(self) -> str | None:
        """Why it failed, in a sentence."""
        told = self.facts.get("error")
        return str(told.get("message") or told.get("code")) if isinstance(told, dict) else None

    @property
    def history(self) -> list[dict[str, Any]]:
        """What was decided about it, the oldest first."""
        told = self.facts.get("decision")
        return list(told.get("history") or ()) if isinstance(told, dict) else []

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by what they were spent on: `denoise_s` and so on."""
        told = self.facts.get("metrics")
        return told if isinstance(told, dict) else {}


def read_video(facts: dict[str, Any], poll_after_ms: str | None = None) -> Video:
    """A `Video` from the API's JSON; raises KeyError when that is no video object."""
    sight = Sight(
        status=facts["status"],
        phase=facts.get("phase"),
        step=facts.get("step") or 0,
        steps=facts.get("steps") or 0,
        queue_position=facts.get("queue_position"),
        eta_s=facts.get("eta_seconds"),
        **_decision(facts),
    )
    told = poll_after_ms if poll_after_ms and poll_after_ms.isdigit() else "1000"
    pause_s = min(10.0, max(0.2, int(told) / 1_000))
    return Video(id=facts["id"], sight=sight, facts=facts, poll_after_s=pause_s)


def _decision(facts: dict[str, Any]) -> dict[str, Any]:
    told = facts.get("decision")
    if not isinstance(told, dict):
        return {}
    return {
        "standing": told.get("state"),
        "why": told.get("text"),
        "ready_by": told.get("ready_by"),
    }
