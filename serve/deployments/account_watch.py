"""Looks which accounts have changed, so that no Gateway has to."""

import logging

from serve.accounts.changes import read_news
from serve.accounts.news import AccountNews
from serve.jobs.database import Engines

log = logging.getLogger(__name__)


class AccountWatch:
    """One query a look, however many keys are in use."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._news: AccountNews | None = None

    async def look(self) -> AccountNews | None:
        """What has changed by now. None while the store does not answer, for then nobody knows:
        Gateways are not told that nothing has."""
        try:
            self._news = await read_news(self._engines, self._news)
        except Exception as error:
            log.warning("changes of accounts cannot be read: %s", type(error).__name__)
            return None
        return self._news
