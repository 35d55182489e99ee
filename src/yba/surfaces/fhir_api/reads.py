"""Reads by id, coalesced: whatever arrives while the database is busy goes in one statement.

Measured (docs/benchmarks.md): one statement per request is limited by round trips; together they
are limited by HTTP.
"""

from __future__ import annotations

import asyncio

from yba.foundation.record import reading
from yba.foundation.record.model import Version
from yba.plumbing.database import Database

_MOST = 500
Key = tuple[str, str]


class CoalescedReads:
    """Reads current states over a few connections."""

    def __init__(self, database: Database, *, connections: int = 2) -> None:
        self._database = database
        self._free = connections
        self._waiting: dict[Key, asyncio.Future[Version | None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, type_: str, id_: str) -> Version | None:
        """Return the current state, deletions included, or None if there is none."""
        key = (type_, id_)
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._free:
                self._free -= 1
                task = asyncio.get_running_loop().create_task(self._run())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            # One turn of the loop, so that what arrives in the same tick comes along.
            await asyncio.sleep(0)
            async with self._database.borrow() as connection:
                while self._waiting:
                    await self._together(connection)
        except Exception as problem:
            waiting, self._waiting = self._waiting, {}
            for future in waiting.values():
                if not future.done():
                    future.set_exception(problem)
        finally:
            self._free += 1

    async def _together(self, connection: object) -> None:
        keys = list(self._waiting)[:_MOST]
        batch = {key: self._waiting.pop(key) for key in keys}
        try:
            found = await reading.read_many(connection, keys)  # type: ignore[arg-type]
        except Exception as problem:
            for future in batch.values():
                if not future.done():
                    future.set_exception(problem)
            raise
        for key, future in batch.items():
            if not future.done():
                future.set_result(found.get(key))
