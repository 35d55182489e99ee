"""Filing again what is stored, while the record is read and written.

Main rules: a batch is one transaction with its progress, so that a killed worker goes on where it
stopped. Nothing is read before every transaction has ended that may not know of the wish; what is
written later is filed by its own writer. Content, versions and the change feed are not touched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from yba.fhir import r4
from yba.foundation.record import parameter_store, parameters, settings, store, terms
from yba.foundation.record.body import unpack
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS, filed_with, plan_of
from yba.foundation.record.rows import Moment, Row, arrays, row_of
from yba.plumbing.database import Database, Tx

BATCH = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = -(1 << 63)
_SHOWN_FOR = timedelta(days=7)
_IDLE_SECONDS = 1.0
# As long as it works it rests, so that at most half of one core is taken from others.
_REST = 1.0
_log = structlog.get_logger("yba.reindexing")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one type is."""

    number: int
    type: str
    parameter: str
    """Code of the added parameter; empty if everything of the type is filed again."""
    done: int
    total: int | None
    """How many there are; None until it has begun."""
    asked_at: datetime
    finished_at: datetime | None


async def ask(tx: Tx, types: Sequence[str] = TYPE_NAMES, *, at: datetime) -> None:
    """Want everything of these types to be filed again, after an upgrade of the extraction."""
    await tx.execute(parameter_store.ASK, [TYPE_NUMBERS[name] for name in types], None, at)


async def status(tx: Tx, *, at: datetime) -> list[Progress]:
    """Return the open work and what was finished in the last week, newest first."""
    records = await tx.connection.fetch(parameter_store.STATUS, at - _SHOWN_FOR)
    return [
        Progress(
            number=record["number"],
            type=TYPE_NAMES[record["type"] - 1],
            parameter=record["code"] or "",
            done=record["done"],
            total=record["total"],
            asked_at=record["asked_at"],
            finished_at=record["finished_at"],
        )
        for record in records
    ]


# -- by the writer itself -----------------------------------------------------------------------


async def bring_up(tx: Tx, rows: Sequence[Row], stamp: int | None) -> None:
    """File rows that were just written again, if they were filed by an outdated list.

    `stamp` is the version that the statement saw which wrote them.
    """
    outdated = [row for row in rows if row.filed_with != stamp]
    if stamp is None or not outdated:
        return
    if filed_with() != stamp:
        await parameters.refresh(tx)
    again = [row for row in outdated if plan_of(row.type).added]
    if again:
        records = await tx.connection.fetch(
            parameter_store.THESE, [row.number for row in again], [row.rid for row in again]
        )
        await _refile(tx, records)


async def put_beside(tx: Tx, rows: Sequence[Row]) -> None:
    """Write the words of rows that have any, and the resources that stand inside them."""
    words = [item for row in rows for item in row.words]
    if words:
        await tx.execute(store.WORDS, words)
    inside = [(one, row) for row in rows for one in row.contained]
    if inside:
        await tx.execute(
            store.CONTAINED,
            [one.contained_row(row) for one, row in inside],
            [item for one, _ in inside for item in one.ranges],
            [item for one, _ in inside for item in one.strings],
        )


async def _refile(tx: Tx, records: Sequence[Any]) -> None:
    rows: list[Row] = []
    for record in records:
        resource = r4.decode(unpack(record["body"]))
        moment = Moment(_EPOCH + timedelta(microseconds=record["updated"]))
        rows.append(
            row_of(
                resource,
                version=record["version"],
                moment=moment,
                zone=settings.zone(),
                known_terms=terms.known,
            )
        )
    if rows:
        await tx.execute(parameter_store.REFILE, *arrays(rows))
        await put_beside(tx, rows)
        new_terms = [term for row in rows for term in row.terms]
        if new_terms:
            await terms.refuse_collisions(tx, new_terms)


# -- by the worker --------------------------------------------------------------------------------


async def step(database: Database, *, at: datetime, waiting: set[int] | None = None) -> bool:
    """Do one piece of the oldest work that nobody else is doing; return whether there was any.

    Work whose time has not come is added to `waiting` and passed over.
    """
    try:
        return await _piece(database, at, waiting if waiting is not None else set())
    except asyncpg.LockNotAvailableError:
        return True


async def _piece(database: Database, at: datetime, passed: set[int]) -> bool:
    async with database.transaction() as tx:
        await tx.execute(parameter_store.YIELD)
        work = await tx.connection.fetchrow(parameter_store.TAKE, list(passed))
        if work is None:
            return False
        number: int = work["number"]
        if work["barrier"] is None:
            await tx.execute(parameter_store.SET_BARRIER, number)
            passed.add(number)
            return True
        if not await tx.value(parameter_store.BARRIER_PASSED, number):
            passed.add(number)
            return True
        if work["total"] is None:
            await tx.execute(parameter_store.TOTAL, number)
        await parameters.refresh(tx)
        position = _FIRST if work["position"] is None else work["position"]
        records = await tx.connection.fetch(parameter_store.BATCH, work["type"], position, BATCH)
        await _refile(tx, records)
        if records:
            await tx.execute(parameter_store.PROGRESS, number, records[-1]["rid"], len(records))
        if len(records) < BATCH:
            await tx.execute(parameter_store.FINISH, number, at)
            if work["parameter"] is not None and await tx.execute(
                parameter_store.ACTIVATE, work["parameter"]
            ):
                await tx.execute(parameter_store.COUNT_UP)
                parameters.forget()
    return True


async def run_waiting(database: Database, *, clock: Callable[[], datetime]) -> None:
    """Work until nothing is left but what must wait for others; at full speed."""
    waiting = set[int]()
    while await step(database, at=clock(), waiting=waiting):
        pass


async def run_for_ever(
    database: Database,
    stop: asyncio.Event,
    clock: Callable[[], datetime],
    rest: Callable[[float], Awaitable[None]] | None = None,
) -> None:
    """Do what is asked for until `stop`, resting as long as each piece took."""
    while not stop.is_set():
        waiting = set[int]()
        try:
            began = time.monotonic()
            while not stop.is_set() and await step(database, at=clock(), waiting=waiting):
                await (rest or _sleep(stop))((time.monotonic() - began) * _REST)
                began = time.monotonic()
        except (asyncpg.PostgresError, OSError) as problem:
            _log.warning("reindexing.interrupted", error=type(problem).__name__)
        await _sleep(stop)(_IDLE_SECONDS)


def _sleep(stop: asyncio.Event) -> Callable[[float], Awaitable[None]]:
    async def pause(seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    return pause
