"""Statistics that keep up with the data.

Main rule: nobody searches with the statistics of a table that has doubled since. PostgreSQL's own
upkeep looks once a minute; in the minute after a large load every search would walk whole tables
(measured on 92,000 resources: 35 searches a second instead of 1,000).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import structlog

from yba.foundation.record import store
from yba.foundation.record.query.estimate import statistics
from yba.plumbing.database import Database, Tx, connect

_FEW_ROWS = 2000
_TIME_LIMIT = {"statement_timeout": "5min", "lock_timeout": "1s"}
_log = structlog.get_logger("yba.record")


class Upkeep:
    """Lets PostgreSQL look at the record's tables again, beside the requests of one process."""

    def __init__(self, database: Database) -> None:
        self._dsn = database.dsn
        self._task: asyncio.Task[None] | None = None

    def consider(self) -> None:
        """Begin a look if this process has written as many rows as were known before."""
        if self._task is None and statistics.written >= max(_FEW_ROWS, statistics.rows):
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        statistics.written = 0
        try:
            await analyze(self._dsn)
        except (asyncpg.PostgresError, OSError) as problem:
            _log.warning("record.statistics-not-renewed", problem=type(problem).__name__)
        finally:
            self._task = None

    async def finished(self) -> None:
        """Wait for a look that was begun."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Stop; what was begun is left undone, which only makes searches slower."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


async def analyze(dsn: str) -> None:
    """Renew the statistics of the record's tables if they grew by half, and learn them.

    Another process that is at it already is left alone.
    """
    connection = await connect(dsn, _TIME_LIMIT)
    try:
        is_first = await connection.fetchval(store.TRY_UPKEEP)
        if is_first and await connection.fetchval(store.HAS_GROWN):
            for statement in store.ANALYZE:
                await connection.execute(statement)
        await statistics.read(Tx(connection))
    finally:
        # A session's lock ends with it.
        await connection.close(timeout=2)
