"""The usual clip: what one request asks for on average of late, for who must guess the next."""

from dataclasses import dataclass
from typing import Final

from autoscaling.promises import Wish

LATEST: Final = 0.01
"""Weight of one request: after 70 others it counts half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualClip:
    """Begins as a guess, such as the default clip of the first model."""

    gpu_s: float

    def asked(self, gpu_s: float, requests: int = 1) -> "UsualClip":
        """With so many more requests, which asked for `gpu_s` GPU-seconds together."""
        if requests <= 0:
            return self
        keep = (1 - LATEST) ** requests
        return UsualClip(gpu_s=keep * self.gpu_s + (1 - keep) * gpu_s / requests)

    def wish(self, standard_devices: int) -> Wish:
        """As who asks for a promise would have it, made on a gang of standard size."""
        return Wish(gpu_s=self.gpu_s, standalone_s=self.gpu_s / max(1, standard_devices))
