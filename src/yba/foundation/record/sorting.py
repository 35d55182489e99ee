"""Orders that the index cannot give: identifiers, references to any type or by url, composites.

Main rule: their values are read from the resources that match, so only as many are sorted as can be
read at once; more are refused and never cut. Missing values and repeated ones count as they do in
`query.ordering`, and pages go on after the last value shown.
Standard: FHIR R4 search, "Sorting".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeAlias

import asyncpg

from yba.fhir import r4
from yba.fhir.index import Index, SearchParam, extract
from yba.foundation.record import settings
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import ordered
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.compile import Position
from yba.foundation.record.query.controls import may_sort
from yba.foundation.record.query.tree import Search

MOST_SORTED = 5000
_AT_ONCE = 200
_BEFORE_ALL, _AFTER_ALL = "", "\U0010ffff"
_FROM_ZERO = 1 << 63
Values: TypeAlias = tuple[int | str, ...]
Sorted: TypeAlias = list[tuple[Values, asyncpg.Record]]


def needs_content(search: Search) -> bool:
    """Return whether a key of the order must be read from the resources themselves."""
    return not all(may_sort(search.type, key.parameter) for key in search.sort)


def collecting(search: Search) -> Search:
    """Return the search for everything that is to be sorted: by the keys that the index knows."""
    kept = [key for key in search.sort if may_sort(search.type, key.parameter)]
    return replace(search, sort=kept, count=MOST_SORTED)


async def in_order(search: Search, records: Sequence[asyncpg.Record]) -> Sorted:
    """Return the records of a `collecting` search in the order asked for, each with its values.

    Raises UnsearchableQuery if there are more than can be sorted so.
    """
    if len(records) > MOST_SORTED:
        raise UnsearchableQuery(
            reason=f"more than {MOST_SORTED} matches cannot be sorted by this; choose fewer"
        )
    found: Sorted = []
    for number, record in enumerate(records):
        found.append((_values(search, record), record))
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
    found.sort(key=lambda one: one[1]["rid"], reverse=search.sort[0].descending)
    for place in reversed(range(len(search.sort))):
        key: Callable[[tuple[Values, Any]], Any] = lambda one, n=place: one[0][n]  # noqa: E731
        found.sort(key=key, reverse=search.sort[place].descending)
    return found


def after(search: Search, found: Sorted, position: Position) -> Sorted:
    """Return what comes behind a position."""
    downwards = [key.descending for key in search.sort]
    if len(position.values) != len(downwards):
        raise UnsearchableQuery(reason="this cursor belongs to another search")
    last = (*position.values, position.rid)
    downwards.append(downwards[0])

    def is_behind(one: tuple[Values, asyncpg.Record]) -> bool:
        for value, shown, down in zip((*one[0], one[1]["rid"]), last, downwards, strict=True):
            if value != shown:
                return (value < shown) is down  # type: ignore[operator]
        return False

    return [one for one in found if is_behind(one)]


def _values(search: Search, record: asyncpg.Record) -> Values:
    index: Index | None = None
    values: list[int | str] = []
    kept = 0
    for key in search.sort:
        if may_sort(search.type, key.parameter):
            values.append(record[f"s{kept}"])
            kept += 1
            continue
        index = index or _index(search.type, record["body"])
        found = list(_texts(key.parameter, index))
        if key.descending:
            values.append(max(found, default=_BEFORE_ALL))
        else:
            values.append(min(found, default=_AFTER_ALL))
    return tuple(values)


def _index(type_: str, body: bytes) -> Index:
    resource = r4.decode(unpack(body))
    index = extract(resource, settings.zone())
    for added in plan_of(type_).added:
        added.file(resource, index, settings.zone())
    return index


def _texts(parameter: SearchParam, index: Index) -> Iterable[str]:
    """Return the values of a parameter as texts in the order of what they mean."""
    elements = {*parameter.elements}
    match parameter.kind:
        case "token":
            return (code for element, _, code in index.tokens if element in elements)
        case "reference":
            types = {*parameter.targets}
            local = [
                f"{type_}/{id_}"
                for element, type_, id_ in index.references
                if element in elements and (not types or type_ in types)
            ]
            return [*local, *(url for element, url in index.urls if element in elements)]
        case _:
            return (
                "\x1f".join(map(_part, parts))
                for element, parts in index.composites
                if element in elements
            )


def _part(part: tuple[Any, ...]) -> str:
    """Return a part of a composite: of a code the code, of an amount or date where it begins."""
    first = part[0]
    if isinstance(first, Decimal):
        return f"{ordered(first) + _FROM_ZERO:020d}"
    if isinstance(first, int):
        return f"{first + _FROM_ZERO:020d}"
    return str(part[1]) if len(part) > 1 else str(first)
