"""The store may hang, not only fail: what all wait for is not to hang with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

PATIENCE_S: Final = 0.75
"""Three calls that hang, and the pause until the next round, take less than the five seconds after
which Gateways believe no snapshot any more."""
T = TypeVar("T")


async def soon(call: Coroutine[Any, Any, T]) -> T:
    """What it returns or raises; `TimeoutError` once that takes too long.

    It is told to stop then, and not waited for: ending a call of a store that hangs may hang, too.
    """
    calling = asyncio.ensure_future(call)
    try:
        await asyncio.wait([calling], timeout=PATIENCE_S)
        if not calling.done():
            raise TimeoutError
        return calling.result()
    finally:
        calling.cancel()
