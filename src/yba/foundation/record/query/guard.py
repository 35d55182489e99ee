"""Who may see a row, decided inside the statement.

Main rule: a guard's test stands wherever a statement touches a row of record.resource: matches,
counts, targets of chains, sources of `_has`, included resources. What it hides can therefore not
be told from what does not exist, neither by pages nor by totals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yba.foundation.record.model import Version
from yba.foundation.record.query.leaves import Arguments

# In constant statements: where a test of the row named here belongs.
_PLACE = re.compile(r"/\*guard (state )?(\w+)\*/")


class Guard(Protocol):
    """Decides which rows one asker may see."""

    def sql(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return a test of `row`, an alias of record.resource; "" where nothing is hidden.

        `type_` is the resource type where the statement knows it. Values go through `arguments`.
        """
        ...

    @property
    def alone(self) -> bool:
        """Return whether most states tell by themselves who may see them."""
        ...

    def decides(self, version: Version) -> bool | None:
        """Return the decision where a state alone tells it, None where a statement must."""
        ...

    def state_sql(self, row: str, arguments: Arguments) -> str:
        """Return a test of a superseded state: type, rid, patient, flags, ts and updated only."""
        ...


@dataclass(frozen=True, slots=True)
class Both:
    """Two guards: shown is what both show."""

    first: Guard
    second: Guard

    def sql(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return both tests."""
        tests = (self.first.sql(row, type_, arguments), self.second.sql(row, type_, arguments))
        return " AND ".join(f"({test})" for test in tests if test)

    def state_sql(self, row: str, arguments: Arguments) -> str:
        """Return both tests of a superseded state."""
        tests = (self.first.state_sql(row, arguments), self.second.state_sql(row, arguments))
        return " AND ".join(f"({test})" for test in tests if test)

    @property
    def alone(self) -> bool:
        """Return whether most states tell it to both."""
        return self.first.alone and self.second.alone

    def decides(self, version: Version) -> bool | None:
        """Return False if either says so, True if both do."""
        found = (self.first.decides(version), self.second.decides(version))
        if False in found:
            return False
        return None if None in found else True


def guarded(guard: Guard | None, row: str, type_: str | None, arguments: Arguments) -> str:
    """Return the guard's test as a further part of a conjunction, or ""."""
    test = guard.sql(row, type_, arguments) if guard is not None else ""
    return f" AND ({test})" if test else ""


def put_into(
    statement: str, guard: Guard | None, given: Sequence[object], type_: str | None = None
) -> tuple[str, list[object]]:
    """Return a constant statement with the guard's tests in its places, and its arguments.

    A place is written `/*guard r*/` behind a condition; `/*guard state h*/` stands for a superseded
    state. Without a guard the statement stays as it is.
    """
    if guard is None:
        return statement, list(given)
    arguments = Arguments()
    arguments.values.extend(given)

    def test(found: re.Match[str]) -> str:
        if found[1]:
            part = guard.state_sql(found[2], arguments)
        else:
            part = guard.sql(found[2], type_, arguments)
        return f" AND ({part})" if part else ""

    return _PLACE.sub(test, statement), arguments.values
