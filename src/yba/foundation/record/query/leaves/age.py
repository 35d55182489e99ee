"""A patient's age in whole years today; the dead have none.

Standard: SearchParameter patient-extensions-Patient-age of FHIR R4.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import MISSING_TIME
from yba.foundation.record.keys import token_key
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import Asking, Bounds, any_of, split_prefix
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.kernel.clock import micros

_OLDEST = 200


def sql(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "the patient is alive and as old as that"."""
    plan = plan_of(leaf.type)
    dead = token_key(plan.scopes[plan.parameters["deceased"].elements[0]], None, "true")
    alive = f"NOT arrayoverlap({row}.keys, {asking.arguments.add([dead], 'bigint[]')})"
    return (
        f"({row}.ts > {MISSING_TIME} AND {alive}"
        f" AND {any_of(_value(asking, unescape(value), row) for value in leaf.values)})"
    )


def _value(asking: Asking, text: str, row: str) -> str:
    prefix, number = split_prefix(text)
    if not number.isascii() or not number.isdigit() or len(number) > 9 or int(number) > _OLDEST:
        raise UnsearchableQuery(reason="age must be whole years")
    years = int(number)
    youngest, oldest = years, years
    match prefix:
        case "gt" | "sa":
            youngest, oldest = years + 1, _OLDEST
        case "ge":
            oldest = _OLDEST
        case "lt" | "eb":
            youngest, oldest = 0, years - 1
        case "le":
            youngest = 0
        case "ap":
            youngest, oldest = years - years // 10, years + years // 10
        case _:
            pass
    # Born after the day on which one would be a year older, and up to the day of being that old.
    low, high = _born(asking, oldest + 1) + 1, _born(asking, youngest)
    test = asking.compare(f"{row}.ts", f"{row}.te", Bounds("overlap", low, high, inclusive=True))
    return f"NOT {test}" if prefix == "ne" else test


def _born(asking: Asking, years: int) -> int:
    """Return the last microsecond of the birthday of those who turn `years` today."""
    today = datetime.fromtimestamp(asking.now / 1_000_000, UTC).astimezone(asking.zone).date()
    try:
        birthday = today.replace(year=today.year - years)
    except ValueError:
        birthday = today.replace(year=today.year - years, day=28)
    following = datetime(birthday.year, birthday.month, birthday.day, tzinfo=asking.zone)
    return micros((following + timedelta(days=1)).astimezone(UTC)) - 1
