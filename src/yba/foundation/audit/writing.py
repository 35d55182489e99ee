"""How traces reach the table, and what happens when it refuses them.

The policy (docs/standards/audit.md): care goes on, its traces wait in a signed spool and are brought
in later; everything else is refused until the table takes traces again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import asyncpg
import structlog

from yba.foundation.audit import store
from yba.foundation.audit.errors import AuditLogDown
from yba.foundation.audit.model import Act
from yba.foundation.audit.rows import rows_of
from yba.foundation.audit.spool import Spool
from yba.plumbing.database import Database, Tx

_log = structlog.get_logger("yba.audit")

CARE = frozenset({"TREAT", "ETREAT"})
"""Purposes that may go on without the table (HL7 PurposeOfUse)."""

# From here on COPY costs less than an INSERT for each row (bench/audit.py).
_FEW = 6
_EMERGENCY = "ETREAT"
_REFUSING = (
    asyncpg.InsufficientResourcesError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.RaiseError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
)


class Standing:
    """What this process knows of the table, and where its traces wait meanwhile."""

    spool: Spool | None = None
    is_refusing = False


def _purpose(act: Act) -> str:
    return act.purpose or act.actor.purpose


async def write(tx: Tx, acts: Sequence[Act]) -> None:
    """Write traces inside `tx`; while the table refuses, into the spool if they are of care.

    Raises AuditLogDown if they can be nowhere. The first refusal that a process meets also ends a
    transaction of planned care, which may be repeated; an emergency never meets it.
    """
    rows = [row for act in acts for row in rows_of(act)]
    if not rows:
        return
    if Standing.is_refusing or any(_purpose(act) == _EMERGENCY for act in acts):
        await _write_or_spool(tx, acts, rows)
        return
    await write_rows(tx, rows)


async def write_rows(tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
    """Write what may wait elsewhere if the table refuses. Raises AuditLogDown."""
    if not rows:
        return
    try:
        await insert(tx, rows)
    except _REFUSING as problem:
        _note_refusal(problem)
        raise AuditLogDown from problem


async def insert(tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows in one command."""
    if len(rows) == 1:
        await tx.execute(store.INSERT, *rows[0])
    elif len(rows) < _FEW:
        await tx.execute_many(store.INSERT, list(rows))
    else:
        await tx.connection.copy_records_to_table(
            "event", schema_name="audit", columns=store.COLUMNS, records=rows
        )


async def _write_or_spool(tx: Tx, acts: Sequence[Act], rows: Sequence[tuple[object, ...]]) -> None:
    """Try within a savepoint, so that a refusal does not end the transaction of the act."""
    try:
        async with tx.connection.transaction():
            await insert(tx, rows)
    except _REFUSING as problem:
        _note_refusal(problem)
        spool = Standing.spool
        if spool is None or not all(_purpose(act) in CARE for act in acts):
            raise AuditLogDown from problem
        try:
            spool.append(rows)
            spool.sync()
        except OSError as full:
            raise AuditLogDown from full
    else:
        Standing.is_refusing = False


def _note_refusal(problem: Exception) -> None:
    Standing.is_refusing = True
    _log.error("audit.table-refuses", problem=type(problem).__name__)


async def bring_in(tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert spooled rows; those that are there already stay as they are."""
    await tx.execute_many(store.INSERT_ONCE, list(rows))


async def backfill(database: Database, spool: Spool) -> int:
    """Bring in what this process has spooled; return how many rows that was.

    Raises what the database raises; the rows then wait on.
    """
    if spool.is_empty:
        return 0
    part = spool.rotate()
    assert part is not None
    rows = spool.rows_of(part)
    try:
        async with database.transaction() as tx:
            await bring_in(tx, rows)
    except BaseException:
        with suppress(OSError):
            spool.append(rows)
            part.forget()
        raise
    part.forget()
    Standing.is_refusing = False
    return len(rows)
