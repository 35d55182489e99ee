"""Rounds of includes: what the matches refer to, what refers to them, and so on.

Main rule: nothing is added twice, so circles end; more than MOST_INCLUDED is refused, never cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.model import Version
from yba.foundation.record.query import includes
from yba.foundation.record.query.compile import Statement
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.tree import Include

MOST_INCLUDED = 5000


class Additions(Protocol):
    """Where resources to include are read."""

    guard: Guard | None

    async def read(self, statement: Statement) -> list[Version]:
        """Return what a statement finds."""
        ...

    async def version(self, one: Version, number: int) -> Version | None:
        """Return that version of a resource."""
        ...


async def included(
    matches: Sequence[Version], asked: Sequence[Include], source: Additions, *, base: str
) -> list[Version]:
    """Return what `asked` adds to the matches, in the order found.

    Includes without :iterate look at the matches alone. A reference to a version adds that
    version. Raises UnsearchableQuery for more than MOST_INCLUDED.
    """
    seen = {(one.type, one.id) for one in matches}
    added: list[Version] = []
    last, current = list(matches), list(asked)
    while last and current:
        wanted = includes.referred(last, current, base)
        for place in seen.intersection(wanted.places):
            del wanted.places[place]
        # What was seen may come again, and must not take the place of something new.
        most = MOST_INCLUDED + len(seen)
        fresh: list[Version] = []
        for statement in (
            includes.forward(wanted, source.guard, most),
            includes.backward(last, current, source.guard, most),
        ):
            for one in await source.read(statement) if statement is not None else ():
                if (one.type, one.id) not in seen:
                    seen.add((one.type, one.id))
                    fresh.append(one)
        if len(added) + len(fresh) > MOST_INCLUDED:
            raise UnsearchableQuery(reason=f"more than {MOST_INCLUDED} resources would be included")
        added += [await _as_referred(one, wanted, source) for one in fresh]
        last, current = fresh, [include for include in asked if include.iterate]
    return added


async def _as_referred(one: Version, wanted: includes.Wanted, source: Additions) -> Version:
    """Return the version that was referred to, the current one where none was named."""
    number = wanted.versions.get((one.type, one.id))
    if number is None or number == one.version:
        return one
    found = await source.version(one, number)
    return one if found is None or found.deleted else found
