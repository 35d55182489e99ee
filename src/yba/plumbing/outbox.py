"""Events that leave a transaction, delivered after it commits.

`publish` writes one row per listener inside the caller's transaction. The
worker runs each listener and marks the row done in ONE transaction, so a
listener's effect on the database happens exactly once even when the worker
dies at any point; effects outside the database happen at least once.
`docs/adr/0003` says why this is forty lines of SQL and not a queue library.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, is_dataclass
from typing import Any, LiteralString

import msgspec
import structlog

from yba.plumbing.database import Database, Tx

Listener = Callable[[Tx, Any], Awaitable[None]]

_log = structlog.get_logger(__name__)
_MAX_ATTEMPTS = 12

_PUBLISH: LiteralString = """
    INSERT INTO plumbing.outbox (event, listener, body)
    SELECT $1, listener, $3 FROM unnest($2::text[]) AS listener
"""
_NOTIFY: LiteralString = "SELECT pg_notify('outbox', '')"
_TAKE: LiteralString = """
    SELECT id, event, listener, body, attempts
      FROM plumbing.outbox
     WHERE done_at IS NULL AND attempts < $1 AND due_at <= clock_timestamp()
     ORDER BY id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""
_DONE: LiteralString = (
    "UPDATE plumbing.outbox SET done_at = clock_timestamp(), error = NULL WHERE id = $1"
)
_FAILED: LiteralString = """
    UPDATE plumbing.outbox
       SET attempts = attempts + 1, error = $2,
           due_at = clock_timestamp() + least(power(2, attempts), 3600) * interval '1 second'
     WHERE id = $1
"""
_WAITING: LiteralString = """
    SELECT count(*) FILTER (WHERE attempts < $1) AS waiting,
           count(*) FILTER (WHERE attempts >= $1) AS stuck
      FROM plumbing.outbox WHERE done_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is waiting, and how much needs a person."""

    waiting: int
    stuck: int


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    event: str
    listener: str
    body: dict[str, Any]
    attempts: int


class _Listeners:
    """Which listeners want which event; filled once by `app.wiring`."""

    def __init__(self) -> None:
        self.by_event: dict[str, list[str]] = {}
        self.by_name: dict[str, Listener] = {}

    def subscribe(self, event_type: type, listener: Listener) -> None:
        event = _name(event_type)
        name = f"{listener.__module__}:{listener.__qualname__}"
        self.by_name[name] = listener
        listeners = self.by_event.setdefault(event, [])
        if name not in listeners:
            listeners.append(name)


_listeners = _Listeners()
subscribe = _listeners.subscribe


def _name(event_type: type) -> str:
    return f"{event_type.__module__}:{event_type.__qualname__}"


async def publish(tx: Tx, event: object) -> None:
    """Hand `event` (a frozen dataclass of plain values) to its listeners after commit."""
    assert is_dataclass(event)
    name = _name(type(event))
    listeners = _listeners.by_event.get(name, [])
    if listeners:
        await tx.execute(_PUBLISH, name, listeners, msgspec.to_builtins(event))
        await tx.execute(_NOTIFY)


def _rebuild(event: str, body: dict[str, Any]) -> object:
    module, _, qualname = event.partition(":")
    event_type: Any = importlib.import_module(module)
    for part in qualname.split("."):
        event_type = getattr(event_type, part)
    return msgspec.convert(body, event_type, strict=False)


async def deliver_one(database: Database) -> bool:
    """Deliver the oldest waiting event; return whether there was one."""
    failure: tuple[int, str] | None = None
    async with database.transaction() as tx:
        row = await tx.row(_Row, _TAKE, _MAX_ATTEMPTS)
        if row is None:
            return False
        try:
            async with tx.connection.transaction():
                await _listeners.by_name[row.listener](tx, _rebuild(row.event, row.body))
        except Exception as problem:
            _log.exception("outbox.failed", outbox_id=row.id, listener=row.listener)
            failure = (row.id, f"{type(problem).__name__}: {str(problem)[:300]}")
        if failure is None:
            await tx.execute(_DONE, row.id)
        else:
            await tx.execute(_FAILED, *failure)
    return True


async def drain(database: Database) -> int:
    """Deliver everything that waits now and return how many deliveries were made."""
    count = 0
    while await deliver_one(database):
        count += 1
    return count


async def backlog(tx: Tx) -> Backlog:
    """Return how many deliveries wait and how many gave up."""
    found = await tx.row(Backlog, _WAITING, _MAX_ATTEMPTS)
    assert found is not None
    return found


async def deliver_for_ever(database: Database, stop: asyncio.Event) -> None:
    """Deliver as events arrive, until `stop`; looks by itself every few seconds too."""
    wake = asyncio.Event()

    async def hear() -> None:
        async for _ in database.listen("outbox"):
            wake.set()

    hearing = asyncio.create_task(hear())
    try:
        while not stop.is_set():
            wake.clear()
            try:
                await drain(database)
            except OSError:
                _log.warning("outbox.database-away")
            waits = [asyncio.create_task(wake.wait()), asyncio.create_task(stop.wait())]
            await asyncio.wait(waits, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
