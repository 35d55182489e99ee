"""Dates: values and questions are ranges of microseconds.

Standard: FHIR R4 search, "date" and "prefixes".
"""

from __future__ import annotations

from collections.abc import Sequence

from yba.fhir.index import range_of
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import MISSING_TIME
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import Asking, Bounds, Late, any_of, split_prefix
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Condition, Leaf

# What lasts longer than this is looked up apart: microseconds.
DAY = 86_400_000_000
_NEVER = 1 << 63


def sql(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "one of its dates compares so with one of these"."""
    return any_of(_value(asking, leaf, unescape(value), row) for value in leaf.values)


def updated(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return the same for the moment of the last change, which is a column."""
    column = f"{row}.updated"
    return any_of(
        asking.compare(column, column, moment(asking, "_lastUpdated", unescape(value)))
        for value in leaf.values
    )


def moment(asking: Asking, code: str, value: str) -> Bounds:
    """Read a date with its prefix. Raises UnsearchableQuery."""
    prefix, text = split_prefix(value)
    try:
        low, high = range_of(text.replace(" ", "+"), asking.zone)
    except ValueError:
        raise UnsearchableQuery(reason=f"{code} must be a date or a time") from None
    if prefix == "ap":
        slack = abs(asking.now - (low + high) // 2) // 10
        return Bounds("overlap", low - slack, high + slack, inclusive=True)
    return Bounds(prefix, low, high, inclusive=True)


def _value(asking: Asking, leaf: Leaf, value: str, row: str) -> str:
    bounds = moment(asking, leaf.parameter.code, value)
    plan = plan_of(leaf.type)
    elements = frozenset(leaf.parameter.elements)
    scopes = [plan.scopes[element] for element in elements]
    inside = asking.compare("x.lo", "x.hi", bounds)
    if elements != plan.time_elements:
        return asking.in_table("range", scopes, inside, row)
    exact = asking.compare(f"{row}.ts", f"{row}.te", bounds)
    several = asking.in_table("range", scopes, inside, row)
    return (
        f"({row}.ts > {MISSING_TIME} AND {_hull(asking, row, bounds)}"
        f" AND CASE WHEN {row}.flags & 2 = 0 THEN {exact} ELSE {several} END)"
    )


def window(asking: Asking, conditions: Sequence[Condition]) -> tuple[Late | None, Late | None]:
    """Return from when and until when the clinical time must be, by all conditions together."""
    low, high = -_NEVER, _NEVER
    for leaf in conditions:
        if not isinstance(leaf, Leaf) or leaf.modifier or len(leaf.values) != 1:
            continue
        elements = frozenset(leaf.parameter.elements)
        if leaf.parameter.kind != "date" or elements != plan_of(leaf.type).time_elements:
            continue
        bounds = moment(asking, leaf.parameter.code, unescape(leaf.values[0]))
        if bounds.prefix in ("gt", "ge", "sa", "eq", "overlap"):
            low = max(low, bounds.low)
        if bounds.prefix in ("lt", "le", "eb", "eq", "overlap"):
            high = min(high, bounds.high)
    return (
        None if low == -_NEVER else Late(asking.arguments, low),
        None if high == _NEVER else Late(asking.arguments, high),
    )


def _hull(asking: Asking, row: str, bounds: Bounds) -> str:
    """Return what must hold of the earliest and latest time; an index can serve it."""
    a, b = Late(asking.arguments, bounds.low), Late(asking.arguments, bounds.high)
    ts, te = f"{row}.ts", f"{row}.te"

    def recent() -> str:
        # A span longer than a day is rare, so "ends after a" is looked up as "began after
        # a less one day, or is one of the long ones".
        return f"({ts} >= {a} - {DAY} OR {te} > {ts} + {DAY})"

    match bounds.prefix:
        case "eq" | "overlap":
            return f"{ts} <= {b} AND {te} >= {a} AND {recent()}"
        case "gt" | "ge":
            return f"{te} >= {a} AND {recent()}"
        case "sa":
            return f"{te} > {b}"
        case "lt" | "le" | "eb":
            return f"{ts} <= {b}"
        case _:
            return "true"
