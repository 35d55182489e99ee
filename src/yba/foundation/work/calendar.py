"""Working days in Viet Nam. Pure; the days are data (holidays.toml).

Saturdays and Sundays are free, except a Saturday that the state works in exchange.
Source: Labour Code 45/2019/QH14 art. 111 and 112, and the yearly announcements.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from yba.foundation.work.errors import CalendarEnds

_DATA = Path(__file__).parent / "holidays.toml"
_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class _Days:
    """What is known: free days by date, Saturdays that are worked, and the years covered."""

    free: Mapping[date, str]
    worked: frozenset[date]
    years: frozenset[int]


@cache
def _days() -> _Days:
    rows: list[dict[str, Any]] = tomllib.loads(_DATA.read_text(encoding="utf-8"))["off"]
    return _Days(
        free={day["day"]: day["name"] for row in rows for day in row["days"]},
        worked=frozenset(day["day"] for row in rows for day in row["worked_instead"]),
        years=frozenset(row["year"] for row in rows),
    )


def is_working_day(day: date) -> bool:
    """Return whether offices work on that day. Raises CalendarEnds outside the years known."""
    known = _days()
    if day.year not in known.years:
        raise CalendarEnds(year=day.year)
    if day in known.free:
        return False
    return day.weekday() < _SATURDAY or day in known.worked


def after_working_days(start: date, count: int) -> date:
    """Return the last day of a period of `count` working days that begins the day after `start`.

    Raises CalendarEnds outside the years known.
    """
    day = start
    while count > 0:
        day += _DAY
        if is_working_day(day):
            count -= 1
    return day


def next_working_day(day: date) -> date:
    """Return `day`, or the first working day after it (Civil Code 91/2015/QH13 art. 148(5))."""
    while not is_working_day(day):
        day += _DAY
    return day
