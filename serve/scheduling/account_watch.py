"""Looks which accounts have changed, so that no Gateway has to."""

import logging

from serve.accounts.changes import read_news
from serve.accounts.news import AccountNews
from serve.jobs.database import Engines
from serve.scheduling.patience import soon

log = logging.getLogger(__name__)


class AccountWatch:
    """One query a look, however many keys are in use."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._read: AccountNews | None = None
        self.news: AccountNews | None = None
        """What has changed by the last look. None if the store did not answer soon, for then nobody
        knows: Gateways are not told that nothing has."""

    async def look(self) -> None:
        """Take note of all changes so far."""
        self.news = None
        try:
            self.news = self._read = await soon(read_news(self._engines, self._read))
        except Exception as error:
            log.warning("changes of accounts cannot be read: %s", type(error).__name__)
