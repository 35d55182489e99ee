"""The change feed: every version of every resource once, in the order of transactions.

Main rule: only what lies below the oldest running transaction is given, so nothing that commits
late is ever skipped. A consumer keeps its position with its own effects, in one transaction.
Source: PostgreSQL, "Transaction ID and Snapshot Information Functions", pg_snapshot_xmin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from yba.foundation.record import store
from yba.foundation.record.body import unpack
from yba.foundation.record.keys import id_of
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.rows import DELETED
from yba.plumbing.database import Tx


class Position(NamedTuple):
    """The last version that was given: its transaction, type, row and version number."""

    xid: int = 0
    type: int = 0
    rid: int = 0
    version: int = 0


START = Position()


async def after(
    tx: Tx, position: Position = START, *, count: int = 1000
) -> tuple[list[Version], Position]:
    """Return at most `count` versions after a position, and the position of the last.

    Deletions are versions without a body. Fewer than `count` means: nothing more for now.
    """
    xid, type_, rid, version = position
    records = await tx.connection.fetch(store.CHANGES, str(xid), type_, rid, version, count)
    if not records:
        return [], position
    last = records[-1]
    return (
        [_version(record) for record in records],
        Position(last["xid"], last["type"], last["rid"], last["version"]),
    )


async def now(tx: Tx) -> Position:
    """Return the position after everything that is surely over, for who begins to follow here.

    Call it before what is to be followed: a transaction that runs now comes after it.
    """
    return Position(await tx.value(store.FEED_END), 0, 0, 0)


async def begin_anew(tx: Tx) -> None:
    """Bring everything into this server's count of transactions, after a restore.

    What subscribers were told stays told, what they were not told yet comes next. A long statement
    on a large record; nothing else may be writing.
    """
    this = await tx.value(store.THIS_TRANSACTION)
    is_followed: bool = await tx.value(store.HAS_SUBSCRIPTIONS)
    followed: int | None = await tx.value(store.FOLLOWED_UP_TO) if is_followed else None
    for statement in store.RENUMBER:
        await tx.execute(statement, str(this), str((1 << 63) - 1 if followed is None else followed))
    if is_followed:
        await tx.execute(store.FOLLOW_FROM, this)
        await tx.execute(store.FORGET_SNAPSHOTS)


async def history_since(
    tx: Tx,
    *,
    types: Sequence[str],
    since: int,
    before: int,
    position: tuple[int, int, int],
    count: int,
    guard: Guard | None = None,
) -> list[asyncpg.Record]:
    """Return states that were stamped at or after `since`, or that became visible after those.

    A client that asks again with the newest `lastUpdated` it saw therefore misses nothing, even
    where a write with an earlier stamp committed later; on a quiet server there are none of these.
    """
    numbers = [TYPE_NUMBERS[name] for name in types]
    sql, given = put_into(store.HISTORY_SINCE, guard, (numbers, since, before, *position, count))
    return await tx.connection.fetch(sql, *given)


def _version(record: asyncpg.Record) -> Version:
    _, number, rid, fid, version, updated, flags, patient, body = record
    shown = None if flags & DELETED else unpack(body)
    return Version(TYPE_NAMES[number - 1], id_of(rid, fid), version, updated, shown, patient, flags)
