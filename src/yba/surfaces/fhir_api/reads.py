"""Reads by id, coalesced: whatever arrives while the database is busy goes in one statement.

Measured (docs/benchmarks.md): one statement per request is limited by round trips; together they
are limited by HTTP.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from yba.foundation.record import reading
from yba.foundation.record.model import Version
from yba.foundation.record.query.guard import Guard
from yba.plumbing.database import Connection, Database, connect
from yba.surfaces.fhir_api.connections import REMEMBERING

_MOST = 500
Key = tuple[str, str]
Waiter = asyncio.Future[Version | None]


class CoalescedReads:
    """Reads current states over one connection of its own.

    More connections would make smaller statements, and each statement has its price.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dsn = database.dsn
        self._connection: Connection | None = None
        self._waiting: dict[Key, list[Waiter]] = {}
        self._task: asyncio.Task[None] | None = None

    async def read(self, type_: str, id_: str, guard: Guard | None = None) -> Version | None:
        """Return the current state, deletions included, or None if there is none to be seen.

        Where rows do not tell by themselves who may see them, the statement is the asker's own.
        """
        if guard is None:
            return await self._read(type_, id_)
        if guard.alone:
            found = await self._read(type_, id_)
            decision = found is None or guard.decides(found)
            if decision is not None:
                return found if decision else None
        async with self._database.borrow() as connection:
            seen = await reading.read_many(connection, [(type_, id_)], guard)
        return seen.get((type_, id_))

    async def _read(self, type_: str, id_: str) -> Version | None:
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        key = (type_, id_)
        waiters = self._waiting.get(key)
        if waiters is None:
            self._waiting[key] = [waiter]
            if self._task is None:
                self._task = loop.create_task(self._run())
        else:
            waiters.append(waiter)
        return await waiter

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=2)

    async def _run(self) -> None:
        # One turn of the loop, so that what arrives in the same tick comes along.
        await asyncio.sleep(0)
        while self._waiting:
            batch = self._take()
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._dsn, REMEMBERING)
                found = await reading.read_many(self._connection, list(batch))
            except Exception as problem:
                for waiters in batch.values():
                    for waiter in waiters:
                        if not waiter.done():
                            waiter.set_exception(problem)
                continue
            for key, waiters in batch.items():
                version = found.get(key)
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(version)
        self._task = None

    def _take(self) -> dict[Key, list[Waiter]]:
        waiting = self._waiting
        if len(waiting) <= _MOST:
            self._waiting = {}
            return waiting
        return {key: waiting.pop(key) for key in list(waiting)[:_MOST]}
