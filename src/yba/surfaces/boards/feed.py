"""One listener per process that tells every open board that something changed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from yba.plumbing.database import Database

_CHANNEL = "work"
_HEARTBEAT_SECONDS = 2.0
# Many tickets may move in one moment; a board needs to look once.
_GATHER_SECONDS = 0.15
_MOST_BOARDS = 500


class BoardFeed:
    """Hears the database once, wakes every board that waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_listening(self) -> bool:
        """Return whether the database is being heard."""
        return self._task is not None and not self._task.done()

    def is_full(self) -> bool:
        """Return whether so many boards listen that another must poll instead."""
        return len(self._waiting) >= _MOST_BOARDS

    async def changes(self) -> AsyncGenerator[bool]:
        """Yield True after each change, False after every few quiet seconds."""
        event = asyncio.Event()
        self._waiting.add(event)
        self._start()
        try:
            while True:
                try:
                    await asyncio.wait_for(event.wait(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield False
                    continue
                await asyncio.sleep(_GATHER_SECONDS)
                event.clear()
                yield True
        finally:
            self._waiting.discard(event)
            if not self._waiting:
                await self._stop()

    def _start(self) -> None:
        if not self.is_listening:
            self._task = asyncio.create_task(self._listen(), name="board-feed")

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        async for _channel, _place in self._database.listen(_CHANNEL):
            for event in self._waiting:
                event.set()
