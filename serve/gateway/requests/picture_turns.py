"""Whose picture is next: a few of one account at a time, so that slow ones delay only itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from serve.gateway.errors import ApiError, retry_after

OF_ONE_ACCOUNT: Final = 2
PATIENCE_S: Final = 10.0
"""Who has had no turn by then is told to come back."""
RETRY_S: Final = 5.0


class PictureTurns:
    """An account that sends many pictures waits for its own ones, in the order of asking."""

    def __init__(self) -> None:
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, account_id: str) -> AsyncIterator[None]:
        """Around all that is done for one picture; raises `ApiError` (429) for one too many."""
        # Held by those alone who wait for it or have a turn: with the last of them it goes.
        own = self._places.setdefault(account_id, asyncio.Semaphore(OF_ONE_ACCOUNT))
        message = (
            f"Your account has {OF_ONE_ACCOUNT} pictures being fetched or read, as many as it may "
            f"at a time; none was done within {PATIENCE_S:g} s. Send one after the other."
        )
        too_many = ApiError(429, "too_many_pictures", message, headers=retry_after(RETRY_S))
        async with place(own, too_many):
            yield


@asynccontextmanager
async def place(places: asyncio.Semaphore, none_came: ApiError) -> AsyncIterator[None]:
    """One of them, once it is free; raises `none_came` where none is for too long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await places.acquire()
    except TimeoutError:
        raise none_came from None
    try:
        yield
    finally:
        places.release()
