"""Who may see a row, decided inside the statement.

Main rule: a guard's test stands wherever a statement touches a row of record.resource: matches,
counts, targets of chains, sources of `_has`, included resources. What it hides can therefore not
be told from what does not exist, neither by pages nor by totals.
"""

from __future__ import annotations

from typing import Protocol

from yba.foundation.record.query.leaves import Arguments


class Guard(Protocol):
    """Decides which rows one asker may see."""

    def sql(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return a test of `row`, an alias of record.resource; "" where nothing is hidden.

        `type_` is the resource type where the statement knows it. Values go through `arguments`.
        """
        ...


def guarded(guard: Guard | None, row: str, type_: str | None, arguments: Arguments) -> str:
    """Return the guard's test as a further part of a conjunction, or ""."""
    test = guard.sql(row, type_, arguments) if guard is not None else ""
    return f" AND ({test})" if test else ""
