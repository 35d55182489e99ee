"""A board hears of a change at the moment it is committed, and one listener serves all."""

import asyncio
from collections.abc import AsyncGenerator

from yba.plumbing.database import Database
from yba.surfaces.boards.feed import BoardFeed


async def _next_of(boards: list[AsyncGenerator[bool]], *, within: float) -> list[bool]:
    async with asyncio.timeout(within):
        return await asyncio.gather(*(anext(board) for board in boards))


async def test_a_committed_change_wakes_every_open_board(database: Database):
    feed = BoardFeed(database)
    boards = [feed.changes(), feed.changes()]
    # Listening itself counts as a change, since something may have been missed.
    assert await _next_of(boards, within=5) == [True, True]

    async with database.transaction() as tx:
        await tx.execute("SELECT pg_notify('work', 'clinic-1')")

    assert await _next_of(boards, within=1) == [True, True]
    for board in boards:
        await board.aclose()


async def test_the_listener_ends_with_the_last_board(database: Database):
    feed = BoardFeed(database)
    board = feed.changes()
    await _next_of([board], within=5)
    assert feed.is_listening

    await board.aclose()

    assert not feed.is_listening
