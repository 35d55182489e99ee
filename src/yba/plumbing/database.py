"""The way to PostgreSQL: long-lived connections, explicit transactions.

One driver (asyncpg). A connection is borrowed without the driver's reset
round trip, because nothing here leaves session state behind: only SET LOCAL
and transaction-scoped locks are used. `docs/adr/0002` has the measurements.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, TypeVar

import asyncpg
import orjson

from yba.kernel.refusal import Refusal

T = TypeVar("T")

Connection = asyncpg.Connection

_SERVER_SETTINGS = {
    "application_name": "yba",
    "timezone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}


class DatabaseBusy(Refusal):
    """Every connection is in use and none came free in time."""

    code = "database.busy"
    status = 503
    message = "Not done: the system is very busy. Please try again in a moment."


class DatabaseAway(Refusal):
    """The database has gone, or goes down."""

    code = "database.away"
    status = 503
    message = "Not done: the database does not answer, and nothing was saved. Please try again in a moment."


_AWAY = (
    asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError, ConnectionError,
)  # fmt: skip


def is_away(problem: BaseException) -> bool:
    """Return whether something failed because the connection to the database did."""
    closed = isinstance(problem, asyncpg.InterfaceError) and "closed" in str(problem)
    return closed or isinstance(problem, _AWAY)


class Tx:
    """One open transaction. Statements are constants; values are arguments."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def rows(self, row_type: type[T], sql: LiteralString, *args: object) -> list[T]:
        """Return every row as a `row_type`, its fields matched to columns by name."""
        return [row_type(**dict(record)) for record in await self.connection.fetch(sql, *args)]

    async def row(self, row_type: type[T], sql: LiteralString, *args: object) -> T | None:
        """Return the first row, or None."""
        record = await self.connection.fetchrow(sql, *args)
        return None if record is None else row_type(**dict(record))

    async def value(self, sql: LiteralString, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        return await self.connection.fetchval(sql, *args)

    async def values(self, sql: LiteralString, *args: object) -> list[Any]:
        """Return the first column of every row."""
        return [record[0] for record in await self.connection.fetch(sql, *args)]

    async def execute(self, sql: LiteralString, *args: object) -> int:
        """Run a statement and return how many rows it touched."""
        status = await self.connection.execute(sql, *args)
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def execute_many(self, sql: LiteralString, rows: list[tuple[object, ...]]) -> None:
        """Run one statement for every tuple of arguments, in one go."""
        await self.connection.executemany(sql, rows)


async def _prepare(connection: Connection) -> None:
    def encode(value: object) -> str:
        return orjson.dumps(value, default=str).decode()

    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encode, decoder=orjson.loads
        )


async def connect(dsn: str, settings: Mapping[str, str] | None = None) -> Connection:
    """Open one connection prepared the way all of ours are."""
    try:
        connection: Connection = await asyncpg.connect(
            dsn,
            server_settings={**_SERVER_SETTINGS, **(settings or {})},
            statement_cache_size=1000,
            max_cacheable_statement_size=0,
        )
    except FileNotFoundError as problem:
        # The socket of a server on this machine that does not run.
        raise ConnectionRefusedError(*problem.args) from problem
    await _prepare(connection)
    return connection


def _is_half_done(connection: Connection) -> bool:
    """Return whether a connection comes back inside a transaction that nobody will end."""
    return not connection.is_closed() and connection.is_in_transaction()


class Database:
    """A fixed set of long-lived connections to one node's database."""

    def __init__(self, dsn: str, *, connections: int = 8, wait_seconds: float = 20.0) -> None:
        self.dsn = dsn
        self._size = connections
        self._wait_seconds = wait_seconds
        self._free: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        self._open: set[Connection] = set()
        for _ in range(connections):
            self._free.put_nowait(None)

    async def close(self) -> None:
        """Close every connection; running statements are cancelled."""
        connections, self._open = self._open, set()
        for connection in connections:
            with suppress(Exception):
                await connection.close(timeout=2)

    @asynccontextmanager
    async def borrow(self) -> AsyncGenerator[Connection]:
        """Lend one connection, outside any transaction.

        Raises DatabaseBusy if none comes free in time.
        """
        try:
            connection = self._free.get_nowait()
        except asyncio.QueueEmpty:
            connection = await self._wait_for_a_free_one()
        try:
            if connection is None or connection.is_closed():
                if connection is not None:
                    self._open.discard(connection)
                    connection = None
                connection = await connect(self.dsn)
                self._open.add(connection)
            yield connection
        except asyncio.CancelledError:
            connection = self._dropped(connection)
            raise
        finally:
            if connection is not None and _is_half_done(connection):
                connection = self._dropped(connection)
            self._free.put_nowait(connection)

    def _dropped(self, connection: Connection | None) -> None:
        """End a connection that was interrupted, perhaps between BEGIN and its answer.

        Whoever borrowed it next would write into a transaction that nobody commits.
        """
        if connection is not None:
            self._open.discard(connection)
            connection.terminate()

    async def _wait_for_a_free_one(self) -> Connection | None:
        try:
            return await asyncio.wait_for(self._free.get(), self._wait_seconds)
        except TimeoutError:
            raise DatabaseBusy from None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Open a read-write transaction; commit at the end, roll back on any exception."""
        async with self.borrow() as connection, connection.transaction():
            yield Tx(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Tx]:
        """Open a read-only view of one consistent moment."""
        async with (
            self.borrow() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Tx(connection)

    async def listen(self, *channels: str) -> AsyncIterator[tuple[str, str]]:
        """Yield (channel, payload) of every notification, for ever; reconnects by itself.

        After a reconnection an empty payload is yielded for each channel, since
        something may have been missed.
        """
        while True:
            queue: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()

            def heard(_c: object, _p: object, channel: str, payload: object) -> None:
                queue.put_nowait((channel, str(payload)))  # noqa: B023

            def lost(_c: object) -> None:
                queue.put_nowait(None)  # noqa: B023

            try:
                connection = await connect(self.dsn, {"idle_in_transaction_session_timeout": "0"})
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.5)
                continue
            try:
                connection.add_termination_listener(lost)
                for channel in channels:
                    await connection.add_listener(channel, heard)
                    yield channel, ""
                while (item := await queue.get()) is not None:
                    yield item
            finally:
                with suppress(Exception):
                    connection.terminate()
