"""Connections of the FHIR base, apart by how PostgreSQL plans on them.

Reads and writes always have the same shape, so their plans are remembered. Searches get pairs: where a rare condition drives, the shape of the statement is decided already and planning it each
time costs more than running it (0.3 of 0.5 ms as measured), so those run with remembered plans.
Where the planner has to weigh values, it plans each time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from yba.plumbing.database import Connection, Database, Tx, connect

_TIME_LIMIT = {"statement_timeout": "10s"}
REMEMBERING = {"plan_cache_mode": "force_generic_plan"}
_REMEMBERED = {**_TIME_LIMIT, **REMEMBERING}


class WriteConnections:
    """A few connections for single writes; who finds none waits in line."""

    def __init__(self, database: Database, *, connections: int = 2) -> None:
        self._dsn = database.dsn
        self._places = asyncio.Semaphore(connections)
        self._free: deque[Connection] = deque()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Open a read-write transaction; commit at the end, roll back on any exception."""
        async with self._places:
            connection = self._free.pop() if self._free else None
            if connection is None or connection.is_closed():
                connection = await connect(self._dsn, REMEMBERING)
            try:
                async with connection.transaction():
                    yield Tx(connection)
            finally:
                _give_back(self._free, connection)

    async def close(self) -> None:
        """Close all that are not lent."""
        while self._free:
            with suppress(Exception):
                await self._free.pop().close(timeout=2)


def _give_back(free: deque[Connection], connection: Connection) -> None:
    """Keep a connection for the next, unless its transaction was interrupted."""
    if not connection.is_closed() and connection.is_in_transaction():
        connection.terminate()
    else:
        free.append(connection)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two connections lent together."""

    planning: Tx
    remembering: Tx


class SearchConnections:
    """A few pairs, opened when first needed; who finds none waits in line."""

    def __init__(self, database: Database, *, pairs: int = 3) -> None:
        self._dsn = database.dsn
        self._places = asyncio.Semaphore(pairs)
        self._free: deque[tuple[Connection, Connection]] = deque()

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Pair]:
        """Lend one pair, outside any transaction."""
        async with self._places:
            pair = self._free.pop() if self._free else None
            if pair is None or pair[0].is_closed() or pair[1].is_closed():
                pair = (
                    await connect(self._dsn, _TIME_LIMIT), await connect(self._dsn, _REMEMBERED)
                )  # fmt: skip
            try:
                yield Pair(Tx(pair[0]), Tx(pair[1]))
            finally:
                self._free.append(pair)

    async def close(self) -> None:
        """Close all that are not lent."""
        while self._free:
            for connection in self._free.pop():
                with suppress(Exception):
                    await connection.close(timeout=2)
