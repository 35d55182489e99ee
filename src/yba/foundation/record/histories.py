"""Histories beyond the plain one: during a period, of what a list names, and what came back.

Standard: FHIR R4 http.html#history (`_at`, `_list`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from yba.foundation.record import store
from yba.foundation.record.keys import row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.compile import Statement
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.reading import run, version_of
from yba.plumbing.database import Tx

Position = tuple[int, int, int]
_FIRST: Position = (1 << 62, 1 << 62, 1 << 30)
_EARLIEST, _LATEST = -(1 << 62), 1 << 62
_LONGEST_WAIT_SECONDS = 2.0
_ASKED_EVERY_SECONDS = 0.01


async def within(
    tx: Tx,
    *,
    types: Sequence[str],
    id_: str | None,
    since: int,
    during: tuple[int, int] | None,
    places: Sequence[tuple[str, str]] | None,
    position: Position,
    count: int,
    guard: Guard | None = None,
) -> tuple[list[Version], Position | None]:
    """Return states newest first, and the position after which the next page begins.

    `during` keeps states that were current at some moment from its first up to its second
    microsecond; `places` keeps those of these (type, id) pairs.
    """
    low, high = during or (_EARLIEST, _LATEST)
    given = (
        [TYPE_NUMBERS[name] for name in types],
        None if id_ is None else row_id(types[0], id_),
        since, low, high, *position,
        None if places is None else [TYPE_NUMBERS[type_] for type_, _ in places],
        None if places is None else [row_id(*place) for place in places],
        count + 1,
    )  # fmt: skip
    sql, arguments = put_into(store.HISTORY_WITHIN, guard, given)
    records = await tx.connection.fetch(sql, *arguments)
    shown = records[:count]
    following = None
    if len(records) > count:
        last = shown[-1]
        following = (last["updated"], last["rid"], last["version"])
    return [version_of(record, record["fid"]) for record in shown], following


async def counted(
    tx: Tx,
    *,
    types: Sequence[str],
    id_: str | None,
    since: int,
    during: tuple[int, int] | None,
    places: Sequence[tuple[str, str]] | None,
    guard: Guard | None = None,
) -> int:
    """Return how many states the pages of such a history show. Raises QueryTooExpensive."""
    numbers = [TYPE_NUMBERS[name] for name in types]
    rid = None if id_ is None else row_id(types[0], id_)
    low, high = during or (_EARLIEST, _LATEST)
    if during is not None or places is not None:
        statement = store.HISTORY_WITHIN
        given = (
            numbers, rid, since, low, high, *_FIRST,
            None if places is None else [TYPE_NUMBERS[type_] for type_, _ in places],
            None if places is None else [row_id(*place) for place in places], None,
        )  # fmt: skip
    elif rid is None and since > _EARLIEST:
        statement, given = store.HISTORY_SINCE, (numbers, since, _LATEST, *_FIRST, None)
    else:
        statement, given = store.HISTORY, (numbers, rid, since, _LATEST, *_FIRST, None)
    sql, arguments = put_into(f"SELECT count(*) FROM ({statement}) s", guard, given)
    return (await run(tx, Statement(sql, arguments)))[0][0]


async def newest(tx: Tx, type_: str, id_: str, guard: Guard | None = None) -> int:
    """Return the number of the newest version, the deletion included; 0 if there never was one."""
    place = (TYPE_NUMBERS[type_], row_id(type_, id_))
    sql, given = put_into(store.NEWEST, guard, place, type_)
    found: int | None = await tx.connection.fetchval(sql, *given)
    return found or 0


async def brought_back(tx: Tx, versions: Sequence[Version]) -> set[tuple[str, str, int]]:
    """Return (type, id, version) of the states that followed a deletion."""
    asked = [one for one in versions if one.version > 2 and not one.deleted]
    if not asked:
        return set()
    records = await tx.connection.fetch(
        store.DELETIONS,
        list(range(len(asked))),
        [TYPE_NUMBERS[one.type] for one in asked],
        [row_id(one.type, one.id) for one in asked],
        [one.version - 1 for one in asked],
    )
    found = [asked[record["n"]] for record in records]
    return {(one.type, one.id, one.version) for one in found}


async def wait_for_commits(tx: Tx) -> None:
    """Wait, at most two seconds, until all that is running now is over.

    Who writes and then asks what changed since finds what was written, although states above the
    oldest running transaction are not shown yet.
    """
    end: int = await tx.value(store.SNAPSHOT_END)
    waited = 0.0
    while waited < _LONGEST_WAIT_SECONDS and await tx.value(store.OLDEST_RUNNING) < end:
        await asyncio.sleep(_ASKED_EVERY_SECONDS)
        waited += _ASKED_EVERY_SECONDS
