"""When an account rises from the tier where all begin: old enough, and with clips. Pure."""

from dataclasses import dataclass

from serve.accounts.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """From the tier `tier` to `to`, after so many seconds and so many finished clips."""

    tier: str
    to: str
    after_s: float
    after_clips: int

    def may_be_due(self, account: Account, now: float) -> bool:
        """Whether only clips can be missing: then they are worth counting."""
        return account.tier == self.tier and now - account.created_at >= self.after_s

    def due(self, account: Account, now: float, clips: int) -> bool:
        """Whether the account rises now."""
        return self.may_be_due(account, now) and clips >= self.after_clips
