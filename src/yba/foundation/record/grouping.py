"""Writes that share a commit but not their failures: entries of a batch, and what arrives together.

Main rule: within one group nothing depends on anything else of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import asyncpg

from yba.foundation.record import settings, terms
from yba.foundation.record.duplicates import refuse_duplicates_in
from yba.foundation.record.operations import Operation, Operations
from yba.foundation.record.rows import Moment, row_of
from yba.foundation.record.terms import Transactions
from yba.kernel.actor import Actor
from yba.kernel.refusal import Refusal

_GROUP = 64


def prepare(operation: Operation, moment: Moment) -> None:
    """File a new resource ahead of its transaction."""
    operation.row = row_of(
        operation.resource,
        version=1,
        moment=moment,
        zone=settings.zone(),
        known_terms=terms.known,
    )
    if operation.raw:
        refuse_duplicates_in(operation.raw, operation.row.json, operation.added)


def waves(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Share operations out so that none depends on another of its wave; deletions go first.

    Of the same resource there is one in a wave, and of the same condition, unless all are creates
    of one actor: those make one resource together.
    """
    order = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2}
    result: list[list[Operation]] = []
    places: dict[object, tuple[int, Actor | None]] = {}
    for operation in sorted(operations, key=lambda o: order[o.method]):
        key, creator = place_or_condition(operation)
        wave, before = places.get(key, (-1, None))
        if wave < 0 or creator is None or creator != before:
            wave += 1
        places[key] = (wave, creator)
        while len(result) <= wave:
            result.append([])
        result[wave].append(operation)
    return result


def place_or_condition(operation: Operation) -> tuple[object, Actor | None]:
    """Return what two operations must not share, and of a conditional create its actor.

    What another one has just created is looked for and shown only as far as its asker may see it.
    """
    if operation.condition is not None:
        creator = operation.actor if operation.method == "POST" else None
        return (operation.type, operation.condition), creator
    return operation.place, None


async def carry_out_together(
    database: Transactions, operations: Sequence[Operation], at: datetime
) -> None:
    """Carry out independent operations in one commit; if that fails, each in its own."""
    try:
        async with database.transaction() as tx:
            await Operations(tx, at=at).carry_out(operations)
    except asyncpg.PostgresError:
        if len(operations) == 1:
            raise
        for operation in operations:
            operation.outcome = operation.error = None
            with suppress(asyncpg.PostgresError):
                await carry_out_together(database, [operation], at)


class GroupWriter:
    """Lets single writes that arrive together share one commit."""

    def __init__(
        self, database: Transactions, *, clock: Callable[[], datetime], writers: int = 2
    ) -> None:
        self._database = database
        self._clock = clock
        self._free = writers
        self._waiting: list[tuple[Operation, asyncio.Future[None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def carry_out(self, operation: Operation) -> None:
        """Carry out one operation; it is committed when this returns. Raises its refusal."""
        if operation.method == "POST" and operation.condition is None:
            prepare(operation, Moment(self._clock()))
            assert operation.row is not None
            if operation.row.terms:
                await terms.write_ahead(self._database, operation.row.terms)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, done))
        if self._free:
            self._start()
        await done
        if operation.error is not None:
            raise operation.error

    def _start(self) -> None:
        self._free -= 1
        task = asyncio.get_running_loop().create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        try:
            # One turn of the loop, so that what arrived in the same tick comes along.
            await asyncio.sleep(0)
            while self._waiting:
                await self._group(self._take())
        finally:
            self._free += 1

    def _take(self) -> list[tuple[Operation, asyncio.Future[None]]]:
        taken: list[tuple[Operation, asyncio.Future[None]]] = []
        left: list[tuple[Operation, asyncio.Future[None]]] = []
        places: dict[object, Actor | None] = {}
        for item in self._waiting:
            key, creator = place_or_condition(item[0])
            together = key not in places or (creator is not None and places[key] == creator)
            if len(taken) < _GROUP and together:
                places[key] = creator
                taken.append(item)
            else:
                left.append(item)
        self._waiting = left
        return taken

    async def _group(self, items: list[tuple[Operation, asyncio.Future[None]]]) -> None:
        try:
            await carry_out_together(self._database, [item[0] for item in items], self._clock())
        except BaseException as problem:
            for _, done in items:
                if not done.done():
                    done.set_exception(problem)
            if not isinstance(problem, asyncpg.PostgresError | Refusal | OSError):
                raise
            return
        for operation, done in items:
            if done.done():
                continue
            if operation.outcome is None and operation.error is None:
                done.set_exception(RuntimeError("a write was not carried out"))
            else:
                done.set_result(None)
