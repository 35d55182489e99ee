"""What every kind of leaf needs: numbered arguments, tests of keys and of the ordered tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.parse import split, unescape
from yba.kernel.clock import micros

_WILD = re.compile(r"([\\%_])")
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[\d+\-.])")


class Arguments:
    """The numbered arguments of one statement."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object, sql_type: str) -> str:
        """Add a value and return the text that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"


class Late:
    """An argument that is added only if the statement comes to use it."""

    def __init__(self, arguments: Arguments, value: int) -> None:
        self._arguments = arguments
        self._value = value
        self._text = ""

    def __str__(self) -> str:
        if not self._text:
            self._text = self._arguments.add(self._value, "bigint")
        return self._text


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range asked for, as numbers of the store, and how to compare with it."""

    prefix: str
    low: int
    high: int
    inclusive: bool
    """Whether `high` is the last value that belongs, or the first that does not."""


class Asking:
    """One question: its arguments, the moment and zone it is asked in, the server's own base."""

    __slots__ = ("arguments", "base", "looked_up", "now", "probing", "zone")

    def __init__(self, arguments: Arguments, *, zone: tzinfo, now: datetime, base: str) -> None:
        self.arguments = arguments
        self.zone = zone
        self.now = micros(now)
        self.base = base.rstrip("/") + "/" if base else ""
        # Whether the ordered tables are probed for a row that is at hand, or lead to rows.
        self.probing = False
        # What of the ordered tables has been read so far: FROM and WHERE of each look-up.
        self.looked_up: list[str] = []

    def has_keys(self, row: str, keys: Sequence[int], lookups: list[str], indexed: bool) -> str:
        """Return "any of these keys", known ones and those that `lookups` find in record.term."""
        array = self.key_array(keys, lookups)
        return f"{row}.keys && {array}" if indexed else f"arrayoverlap({row}.keys, {array})"

    def key_array(self, keys: Sequence[int], lookups: list[str]) -> str:
        """Return the array of known keys and of those that `lookups` find in record.term."""
        if not lookups:
            return self.arguments.add(keys, "bigint[]")
        parts = list(lookups)
        if keys:
            parts.append(f"SELECT unnest({self.arguments.add(keys, 'bigint[]')})")
        return f"ARRAY({' UNION ALL '.join(parts)})"

    def term_lookup(self, scopes: list[int], **texts: str) -> str:
        """Return the statement that finds the keys of terms with these texts."""
        tests = [f"t.scope = ANY({self.arguments.add(scopes, 'bigint[]')})"]
        tests += [
            f"t.{column} = {self.arguments.add(text, 'text')}" for column, text in texts.items()
        ]
        return f"SELECT t.k FROM record.term t WHERE {' AND '.join(tests)}"

    def in_table(self, table: str, keys: list[int] | str, test: str, row: str) -> str:
        """Return "a row of an ordered table with one of these keys passes the test"."""
        array = keys if isinstance(keys, str) else self.arguments.add(keys, "bigint[]")
        rows = f"FROM record.{table} x WHERE x.k = ANY({array}) AND {test}"
        if not self.probing:
            self.looked_up.append(rows)
            return f"{row}.rid IN (SELECT x.rid {rows})"
        # LIMIT keeps the planner from making a join of it.
        return f"(SELECT true {rows} AND x.rid = {row}.rid LIMIT 1)"

    def compare(self, lo: str, hi: str, bounds: Bounds) -> str:
        """Compare the range [lo, hi] of a value with the range asked for."""
        a, b = Late(self.arguments, bounds.low), Late(self.arguments, bounds.high)
        up_to, beyond = ("<=", ">") if bounds.inclusive else ("<", ">=")

        def within() -> str:
            return f"({lo} >= {a} AND {hi} {up_to} {b})"

        match bounds.prefix:
            case "eq":
                return within()
            case "ne":
                return f"NOT {within()}"
            case "gt":
                return f"{hi} {beyond} {b}"
            case "lt":
                return f"{lo} < {a}"
            case "ge":
                return f"({hi} {beyond} {b} OR {within()})"
            case "le":
                return f"({lo} < {a} OR {within()})"
            case "sa":
                return f"{lo} {beyond} {b}"
            case "eb":
                return f"{hi} < {a}"
            case _:
                return f"({lo} <= {b} AND {hi} >= {a})"


def split_prefix(text: str) -> tuple[str, str]:
    """Return the prefix of a value, "eq" without one, and the value behind it."""
    found = _PREFIXED.match(text)
    return (found[1], text[2:]) if found else ("eq", text)


def parts_of(value: str, separator: str = "|") -> list[str]:
    """Return the unescaped parts of a value."""
    return [unescape(part) for part in split(value, separator)]


def like(text: str) -> str:
    """Return a text as a LIKE pattern that matches itself."""
    return _WILD.sub(r"\\\1", text)


def any_of(tests: Iterable[str]) -> str:
    """Return the OR of tests; nothing matches none."""
    found = list(tests)
    if not found:
        return "false"
    return found[0] if len(found) == 1 else "(" + " OR ".join(found) + ")"


def unsupported(code: str) -> UnsearchableQuery:
    """Return the refusal of a parameter that cannot be asked this way."""
    return UnsearchableQuery(reason=f"{code} is not supported")
