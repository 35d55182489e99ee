"""Reading: one resource, one version, history, a chart, a search."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import asyncpg

from yba.foundation.record import changes, including, settings, sorting, store
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import (
    QueryTooExpensive,
    ResourceDeleted,
    ResourceNotFound,
)
from yba.foundation.record.keys import id_of, row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query import cursor
from yba.foundation.record.query.compile import (
    COUNTED_BY_DEFAULT,
    Compiler,
    Position,
    Statement,
)
from yba.foundation.record.query.containing import Containing
from yba.foundation.record.query.estimate import statistics
from yba.foundation.record.query.everywhere import TYPES_PRESENT, SeveralTypes
from yba.foundation.record.query.gathering import Gatherer, is_worthwhile
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.query.leaves import Arguments
from yba.foundation.record.query.resolving import resolve
from yba.foundation.record.query.tree import Search
from yba.foundation.record.rows import DELETED
from yba.plumbing.database import Tx

MOST_READ_AT_ONCE = 5000
_COUNTED_BEFORE_ESTIMATES = 1000
# Of more types than these it is first asked which are stored at all.
_FEW_TYPES = 12
_Composer: TypeAlias = Compiler | SeveralTypes | Containing


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
        flags=record["flags"],
    )


async def read_many(
    connection: asyncpg.Connection,
    references: Sequence[tuple[str, str]],
    guard: Guard | None = None,
) -> dict[tuple[str, str], Version]:
    """Return the current states of (type, id) pairs that exist, deletions included.

    What `guard` hides is not returned, as if it did not exist.
    """
    places = {(TYPE_NUMBERS[pair[0]], row_id(*pair)): pair for pair in references}
    # Arrays as text: the driver looks at each element of a list three times.
    numbers = "{" + ",".join([str(place[0]) for place in places]) + "}"
    rows = "{" + ",".join([str(place[1]) for place in places]) + "}"
    sql, given = put_into(store.READ_MANY, guard, (numbers, rows))
    records = await connection.fetch(sql, *given)
    found: dict[tuple[str, str], Version] = {}
    for number, rid, fid, version, updated, flags, patient, body in records:
        pair = places[number, rid]
        if fid is None or fid == pair[1]:
            shown = None if flags & DELETED else unpack(body)
            found[pair] = Version(pair[0], pair[1], version, updated, shown, patient, flags)
    return found


async def current(tx: Tx, type_: str, id_: str, guard: Guard | None = None) -> Version:
    """Return the current state. Raises ResourceNotFound, ResourceDeleted."""
    if type_ not in TYPE_NUMBERS:
        raise ResourceNotFound
    found = (await read_many(tx.connection, [(type_, id_)], guard)).get((type_, id_))
    if found is None:
        raise ResourceNotFound
    if found.deleted:
        raise ResourceDeleted(reference=f"{type_}/{id_}")
    return found


async def version(tx: Tx, type_: str, id_: str, number: int, guard: Guard | None = None) -> Version:
    """Return one state, current or superseded. Raises ResourceNotFound, ResourceDeleted."""
    place = (TYPE_NUMBERS[type_], row_id(type_, id_), number)
    sql, given = put_into(store.VREAD, guard, place, type_)
    record = await tx.connection.fetchrow(sql, *given)
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
    guard: Guard | None = None,
) -> tuple[list[Version], tuple[int, int, int] | None]:
    """Return states newest first, and the position after which the next page begins.

    One type and id, one type, or everything. Raises ResourceNotFound for an unknown instance.
    """
    rid = None if id_ is None else row_id(types[0], id_)
    numbers = [TYPE_NUMBERS[name] for name in types]
    if rid is None and since > -(1 << 62):
        records = await changes.history_since(
            tx, types=types, since=since, before=before, position=position, count=count + 1,
            guard=guard,
        )  # fmt: skip
    else:
        sql, given = put_into(
            store.HISTORY, guard, (numbers, rid, since, before, *position, count + 1)
        )
        records = await tx.connection.fetch(sql, *given)
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
    guard: Guard | None = None,
) -> Page:
    """Carry out a search: one statement, others for far sides of chains, a total, includes.

    `remembering` is a connection that keeps plans, for statements whose shape fits every value.
    `guard` hides rows; see `query.guard`. Raises UnsearchableQuery, QueryTooExpensive.
    """
    if statistics.stale():
        await statistics.read(tx)
    after, total = None, None
    if search.cursor:
        after, total = cursor.read(secret, search, search.cursor)
    page = Page(search, total=total)

    def make(part: Search, arguments: Arguments | None = None) -> Compiler:
        return Compiler(
            part, zone=settings.zone(), now=now, base=base, statistics=statistics, guard=guard,
            arguments=arguments,
        )  # fmt: skip

    await resolve(tx, search)

    async def carry_out(statement: Statement) -> list[asyncpg.Record]:
        return await run(remembering or tx if statement.driven else tx, statement)

    asked = await _gathered(search, make, carry_out)

    def composer() -> _Composer:
        if asked.parts is not None:
            return SeveralTypes(asked, make)
        return make(asked) if asked.contained == "false" else Containing(make(asked))

    if asked.parts == []:
        page.total = 0
        return page
    if search.summary == "count" or search.count == 0:
        page.total = (await run(tx, composer().count()))[0][0]
        return page
    if asked.parts is None and sorting.needs_content(asked):
        found = await carry_out(make(sorting.collecting(asked)).page(None))
        records = _sorted(page, await sorting.in_order(asked, found), after, secret)
    else:
        statement = composer().page(after)
        records = await carry_out(statement)
        if page.total is None and not search.cursor:
            page.total = await _total(tx, search, records, composer, exactly=guard is not None)
        if len(records) > search.count:
            merged = search.parts is not None or search.contained != "false"
            row = "type" if merged else "rid"
            page.next_cursor = _following(page, statement.sort_columns, records, row, secret)
    page.matches = [_found(record) for record in records[: search.count]]
    if search.answer == "contained" and search.contained != "false":
        for one, record in zip(page.matches, records, strict=False):
            one.inside = record["inside"]
    if search.includes:
        page.included = await including.included(
            page.matches, search.includes, _Additions(tx, guard, carry_out), base=base
        )
    return page


def _following(
    page: Page, columns: int, records: list[asyncpg.Record], row: str, secret: bytes
) -> str:
    """Return the cursor of the next page; `row` is the last key of the order."""
    last = records[page.search.count - 1]
    values = tuple(last[f"s{n}"] for n in range(columns))
    return cursor.write(secret, page.search, Position(values, last[row]), page.total)


def _sorted(
    page: Page, found: sorting.Sorted, after: Position | None, secret: bytes
) -> list[asyncpg.Record]:
    """Return the records of a page, out of all in their order; the page learns total and cursor."""
    search = page.search
    page.total = None if search.total == "none" else len(found)
    if after is not None:
        found = sorting.after(search, found, after)
    if len(found) > search.count:
        values, last = found[search.count - 1]
        page.next_cursor = cursor.write(secret, search, Position(values, last["rid"]), page.total)
    return [record for _, record in found[: search.count]]


async def prepared(tx: Tx, search: Search, *, now: datetime) -> Search:
    """Return the search with everything looked up that must be known before it is composed."""

    def make(part: Search) -> Compiler:
        return Compiler(part, zone=settings.zone(), now=now, base="", statistics=statistics)

    await resolve(tx, search)
    return await _gathered(search, make, lambda statement: run(tx, statement))


async def _gathered(
    search: Search,
    make: Callable[[Search], Compiler],
    carry_out: Callable[[Statement], Awaitable[list[asyncpg.Record]]],
) -> Search:
    """Return the search with the small far sides of its chains looked up."""
    if search.parts is not None:
        parts = search.parts
        if len(parts) > _FEW_TYPES:
            stored = {TYPE_NAMES[r[0] - 1] for r in await carry_out(Statement(TYPES_PRESENT, []))}
            parts = [part for part in parts if part.type in stored]
        return replace(search, parts=[await _gathered(part, make, carry_out) for part in parts])
    if not is_worthwhile(search.conditions):
        return search
    gatherer = Gatherer(lambda: make(search), carry_out)
    return replace(search, conditions=await gatherer.all(search.conditions))


@dataclass(slots=True)
class _Additions:
    """Reads what includes ask for."""

    tx: Tx
    guard: Guard | None
    carry_out: Callable[[Statement], Awaitable[list[asyncpg.Record]]]

    async def read(self, statement: Statement) -> list[Version]:
        return [_found(record) for record in await self.carry_out(statement)]

    async def version(self, one: Version, number: int) -> Version | None:
        place = (TYPE_NUMBERS[one.type], row_id(one.type, one.id), number)
        sql, given = put_into(store.VREAD, self.guard, place, one.type)
        record = await self.tx.connection.fetchrow(sql, *given)
        return version_of(record, one.id) if record is not None else None


def _found(record: asyncpg.Record) -> Version:
    number, rid, fid, version, updated, patient, body = record[:7]
    return Version(TYPE_NAMES[number - 1], id_of(rid, fid), version, updated, unpack(body), patient)


async def _total(
    tx: Tx,
    search: Search,
    records: list[asyncpg.Record],
    composer: Callable[[], _Composer],
    *,
    exactly: bool,
) -> int | None:
    """Return how many match: exactly, by estimate, or None where nobody asked for a long count.

    An estimate is made from figures about everybody's rows, so who does not see all gets none.
    """
    if search.total == "none":
        return None
    if len(records) <= search.count:
        return len(records)
    if search.total == "accurate" or (search.total == "estimate" and exactly):
        return (await run(tx, composer().count()))[0][0]
    if search.total == "estimate":
        found = (await run(tx, composer().count(_COUNTED_BEFORE_ESTIMATES)))[0][0]
        if found <= _COUNTED_BEFORE_ESTIMATES:
            return found
        expected = re.search(r"rows=(\d+)", (await run(tx, composer().estimate()))[0][0])
        return max(found, int(expected[1]) if expected else 0)
    found = (await run(tx, composer().count(COUNTED_BY_DEFAULT)))[0][0]
    return None if found > COUNTED_BY_DEFAULT else found


def limited(search: Search, count: int) -> Search:
    """Return the search with a page size of its caller's choosing, and no total."""
    return replace(search, count=min(count, MOST_READ_AT_ONCE), total="none")
