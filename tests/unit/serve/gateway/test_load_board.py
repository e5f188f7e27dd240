"""Pages for many readers: the newest one, framed once."""

import asyncio

import pytest

from serve.gateway.live import TooManyWatches
from serve.gateway.load_board import LoadBoard
from serve.messages import Snapshot


def snapshot(page: bytes) -> Snapshot:
    return Snapshot(
        epoch=1,
        gangs=(),
        warm_models=frozenset(),
        places={},
        running_eta_s={},
        metrics=b"",
        page=page,
    )


async def test_a_reader_waits_for_another_page_and_skips_those_it_missed() -> None:
    board = LoadBoard(max_watches=5)
    reading = asyncio.create_task(board.next(0))
    await asyncio.sleep(0)
    assert not reading.done()
    board.show(snapshot(b'{"at":1}'))
    assert await reading == (1, b'event: load\nid: 1\ndata: {"at":1}\n\n')
    board.show(snapshot(b'{"at":2}'))
    board.show(snapshot(b'{"at":3}'))
    number, frame = await board.next(1)
    assert number == 3
    assert b'{"at":3}' in frame


async def test_all_get_the_very_same_bytes() -> None:
    board = LoadBoard(max_watches=5)
    board.show(snapshot(b"{}"))
    (_, first), (_, second) = await board.next(0), await board.next(0)
    assert first is second


async def test_the_same_page_again_and_none_at_all_are_no_news() -> None:
    board = LoadBoard(max_watches=5)
    board.show(snapshot(b"{}"))
    board.show(snapshot(b"{}"))
    board.show(snapshot(b""))
    assert (await board.next(0))[0] == 1


def test_places_are_given_back() -> None:
    board = LoadBoard(max_watches=1)
    with board.watch(), pytest.raises(TooManyWatches), board.watch():
        pass
    with board.watch():
        pass
