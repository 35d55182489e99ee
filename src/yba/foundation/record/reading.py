"""Reading: one resource, one version, history, a chart, a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import asyncpg

from yba.foundation.record import changes, settings, store
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import (
    QueryTooExpensive,
    ResourceDeleted,
    ResourceNotFound,
    UnsearchableQuery,
)
from yba.foundation.record.keys import id_of, row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query import cursor
from yba.foundation.record.query.compile import (
    COUNTED_BY_DEFAULT,
    MOST_INCLUDED,
    Compiler,
    Position,
    Statement,
)
from yba.foundation.record.query.estimate import statistics
from yba.foundation.record.query.tree import Search
from yba.foundation.record.rows import DELETED
from yba.plumbing.database import Tx

MOST_READ_AT_ONCE = 5000


@dataclass(slots=True)
class Page:
    """One page of a search."""

    search: Search
    matches: list[Version] = field(default_factory=list[Version])
    included: list[Version] = field(default_factory=list[Version])
    total: int | None = None
    next_cursor: str = ""


def version_of(record: asyncpg.Record, fid: str | None) -> Version:
    """Return the state that a row of resource or history holds."""
    deleted = bool(record["flags"] & DELETED)
    return Version(
        type=TYPE_NAMES[record["type"] - 1],
        id=id_of(record["rid"], fid),
        version=record["version"],
        updated=record["updated"],
        body=None if deleted else unpack(record["body"]),
        patient=record.get("patient"),
    )


async def read_many(
    connection: asyncpg.Connection, references: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Version]:
    """Return the current states of (type, id) pairs that exist, deletions included."""
    places = {(TYPE_NUMBERS[pair[0]], row_id(*pair)): pair for pair in references}
    # Arrays as text: the driver looks at each element of a list three times.
    records = await connection.fetch(
        store.READ_MANY,
        "{" + ",".join([str(place[0]) for place in places]) + "}",
        "{" + ",".join([str(place[1]) for place in places]) + "}",
    )
    found: dict[tuple[str, str], Version] = {}
    for number, rid, fid, version, updated, flags, patient, body in records:
        pair = places[number, rid]
        if fid is None or fid == pair[1]:
            shown = None if flags & DELETED else unpack(body)
            found[pair] = Version(pair[0], pair[1], version, updated, shown, patient)
    return found


async def current(tx: Tx, type_: str, id_: str) -> Version:
    """Return the current state. Raises ResourceNotFound, ResourceDeleted."""
    if type_ not in TYPE_NUMBERS:
        raise ResourceNotFound
    found = (await read_many(tx.connection, [(type_, id_)])).get((type_, id_))
    if found is None:
        raise ResourceNotFound
    if found.deleted:
        raise ResourceDeleted(reference=f"{type_}/{id_}")
    return found


async def version(tx: Tx, type_: str, id_: str, number: int) -> Version:
    """Return one state, current or superseded. Raises ResourceNotFound, ResourceDeleted."""
    record = await tx.connection.fetchrow(
        store.VREAD, TYPE_NUMBERS[type_], row_id(type_, id_), number
    )
    if record is None:
        raise ResourceNotFound
    found = version_of(record, id_)
    if found.deleted:
        raise ResourceDeleted(reference=f"{type_}/{id_}")
    return found


async def history(
    tx: Tx,
    *,
    types: Sequence[str] = TYPE_NAMES,
    id_: str | None = None,
    since: int = -(1 << 62),
    before: int = 1 << 62,
    position: tuple[int, int, int] = (1 << 62, 1 << 62, 1 << 30),
    count: int = 100,
) -> tuple[list[Version], tuple[int, int, int] | None]:
    """Return states newest first, and the position after which the next page begins.

    One type and id, one type, or everything. Raises ResourceNotFound for an unknown instance.
    """
    rid = None if id_ is None else row_id(types[0], id_)
    numbers = [TYPE_NUMBERS[name] for name in types]
    if rid is None and since > -(1 << 62):
        records = await changes.history_since(
            tx, types=types, since=since, before=before, position=position, count=count + 1
        )
    else:
        records = await tx.connection.fetch(
            store.HISTORY, numbers, rid, since, before, *position, count + 1
        )
    if rid is not None and not records and since < 0:
        raise ResourceNotFound
    shown = records[:count]
    following = None
    if len(records) > count:
        last = shown[-1]
        following = (last["updated"], last["rid"], last["version"])
    return [version_of(record, record["fid"]) for record in shown], following


async def run(tx: Tx, statement: Statement) -> list[asyncpg.Record]:
    """Run a composed statement. Raises QueryTooExpensive when it is stopped by the time limit."""
    try:
        return await tx.connection.fetch(statement.sql, *statement.arguments)
    except asyncpg.QueryCanceledError:
        raise QueryTooExpensive from None


async def find(
    tx: Tx,
    search: Search,
    *,
    now: datetime,
    secret: bytes = b"",
    base: str = "",
    remembering: Tx | None = None,
) -> Page:
    """Carry out a search: one statement, and a second one where a total was asked for.

    `remembering` is a connection that keeps plans, for statements whose shape fits every value.
    """
    if statistics.stale():
        await statistics.read(tx)
    after, total = None, None
    if search.cursor:
        after, total = cursor.read(secret, search, search.cursor)
    page = Page(search, total=total)

    def compiler() -> Compiler:
        return Compiler(search, zone=settings.zone(), now=now, base=base, statistics=statistics)

    if search.summary == "count" or search.count == 0:
        page.total = (await run(tx, compiler().count()))[0][0]
        return page
    statement = compiler().page(after)
    records = await run(remembering or tx if statement.driven else tx, statement)
    _fill(page, records, statement.sort_columns, secret)
    if page.total is None and not search.cursor:
        page.total = await _total(tx, search, page, compiler)
        if page.total is not None and page.next_cursor:
            _fill(page, records, statement.sort_columns, secret)
    return page


def _fill(page: Page, records: list[asyncpg.Record], sort_columns: int, secret: bytes) -> None:
    search = page.search
    matches, others = records, list[asyncpg.Record]()
    if search.includes:
        matches = [record for record in records if record["is_match"]]
        others = [record for record in records if not record["is_match"]]
    if len(others) > MOST_INCLUDED:
        raise UnsearchableQuery(reason=f"more than {MOST_INCLUDED} resources would be included")
    shown = matches[: search.count]
    page.matches = [_found(record) for record in shown]
    page.included = [_found(record) for record in others]
    page.next_cursor = ""
    if len(matches) > search.count:
        last = shown[-1]
        values = tuple(last[f"s{n}"] for n in range(sort_columns))
        page.next_cursor = cursor.write(secret, search, Position(values, last["rid"]), page.total)


def _found(record: asyncpg.Record) -> Version:
    number, rid, fid, version, updated, patient, body = record[:7]
    return Version(TYPE_NAMES[number - 1], id_of(rid, fid), version, updated, unpack(body), patient)


async def _total(
    tx: Tx, search: Search, page: Page, compiler: Callable[[], Compiler]
) -> int | None:
    """Return how many match: exactly, or None where counting them all was not asked for."""
    if not page.next_cursor:
        return len(page.matches)
    match search.total:
        case "none":
            return None
        case "accurate":
            return (await run(tx, compiler().count()))[0][0]
        case _:
            found = (await run(tx, compiler().count(COUNTED_BY_DEFAULT)))[0][0]
            return None if found > COUNTED_BY_DEFAULT else found


def limited(search: Search, count: int) -> Search:
    """Return the search with a page size of its caller's choosing, and no total."""
    return replace(search, count=min(count, MOST_READ_AT_ONCE), total="none")
