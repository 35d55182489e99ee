"""Dates and times of FHIR read as ranges of microseconds.

The main rule: a value means everything its precision leaves open, so "2010" is the whole year, and
"10:00:00" the whole second. A value without a zone is read in the zone that the caller gives.
Standard: FHIR R4 datatypes (date, dateTime, instant, time) and search, "date".
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final

EARLIEST: Final = -(1 << 62)
"""First microsecond of a period without a start."""
LATEST: Final = 1 << 62
"""Last microsecond of a period without an end."""

_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400
_SECOND = 1_000_000


@lru_cache(maxsize=32_768)
def range_of(text: str, zone: tzinfo = UTC) -> tuple[int, int]:
    """Return the first and last microsecond (inclusive, since 1970 UTC) that `text` may mean.

    Reads every precision from year to fraction of a second, also minutes and a missing zone, which
    queries may use although resources may not. Digits beyond the microsecond are cut.

    Raises ValueError for anything else, impossible calendar dates included.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a FHIR date")
    year, month, day, hour, _, second, fraction, offset = found.groups()
    if hour is not None:
        start = _instant(found, zone if offset is None else _fixed(offset))
        if second is None:
            return start, start + 60 * _SECOND - 1
        open_digits = 6 if fraction is None else max(6 - len(fraction), 0)
        return start, start + 10**open_digits - 1
    first = date(int(year), int(month or 1), int(day or 1))
    if day is not None:
        last = first
    elif month is not None:
        last = _last_of_month(first.year, first.month)
    else:
        last = date(first.year, 12, 31)
    end = _wall(last, 23, 59, 59, zone) * _SECOND
    return _wall(first, 0, 0, 0, zone) * _SECOND, end + _SECOND - 1


@lru_cache(maxsize=32_768)
def is_date(text: str) -> bool:
    """Return whether `text` is a FHIR date: YYYY, YYYY-MM or a real YYYY-MM-DD."""
    return len(text) <= 10 and _reads(text)


@lru_cache(maxsize=32_768)
def is_date_time(text: str) -> bool:
    """Return whether `text` is a FHIR dateTime; with a time, seconds and zone are mandatory."""
    return (len(text) <= 10 or len(text) >= 20) and _has_zone(text) and _reads(text)


@lru_cache(maxsize=32_768)
def is_instant(text: str) -> bool:
    """Return whether `text` is a FHIR instant: full date, time to the second and zone."""
    return len(text) >= 20 and _has_zone(text) and _reads(text)


def is_time(text: str) -> bool:
    """Return whether `text` is a FHIR time: HH:MM:SS with an optional fraction, without a zone."""
    return _TIME.fullmatch(text) is not None


def _has_zone(text: str) -> bool:
    return len(text) <= 10 or text[-1] == "Z" or text[-6] in "+-"


def _reads(text: str) -> bool:
    found = _MOMENT.fullmatch(text)
    if found is None or (found[4] is not None and found[6] is None):
        return False
    try:
        range_of(text)
    except ValueError:
        return False
    return True


def _instant(found: re.Match[str], zone: tzinfo | int) -> int:
    """Return the microsecond at which the matched date and time begins."""
    second = int(found[6] or 0)
    # FHIR allows a leap second; it is filed with the second before it.
    day = date(int(found[1]), int(found[2]), int(found[3]))
    hour, minute = int(found[4]), int(found[5])
    if second > 60:
        raise ValueError("not a second")
    at = _wall(day, hour, minute, min(second, 59), zone)
    return at * _SECOND + int(((found[7] or "") + "000000")[:6])


def _wall(day: date, hour: int, minute: int, second: int, zone: tzinfo | int) -> int:
    """Return seconds since 1970 UTC of a wall-clock time in `zone` (or at an offset in seconds)."""
    moment = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001  (its zone is applied below)
    if isinstance(zone, int):
        offset = zone
    else:
        delta = zone.utcoffset(moment.replace(tzinfo=zone))
        offset = 0 if delta is None else delta.days * _DAY + delta.seconds
    days = day.toordinal() - _EPOCH_DAY
    return days * _DAY + hour * 3600 + minute * 60 + second - offset


def _fixed(offset: str) -> int:
    """Return the seconds east of Greenwich of "Z" or "+07:00"."""
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59 or (hours == 14 and minutes):
        raise ValueError("not a zone")
    return (hours * 60 + minutes) * (-60 if offset[0] == "-" else 60)


def _last_of_month(year: int, month: int) -> date:
    if month == 12:
        return date(year, 12, 31)
    return date.fromordinal(date(year, month + 1, 1).toordinal() - 1)
