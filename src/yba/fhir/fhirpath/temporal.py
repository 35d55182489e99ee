"""Dates, date-times and times of FHIRPath: partial, with or without a zone.

The main rule: what the precision or a missing zone leaves open is unknown, and a comparison that
depends on it has no answer (None).
Standard: FHIRPath 2.0, "Date/Time Equality", "Comparison", "Date/Time Arithmetic".
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["Date", "DateTime", "Time"]

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:(T)(?:(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_TIME = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?", re.ASCII)
_EARLIEST_ZONE, _LATEST_ZONE = 14 * 3600, -12 * 3600
_LIMITS = ((1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 60))


@dataclass(frozen=True, slots=True)
class Temporal:
    """A moment as written: only the parts that were given, seconds with their digits."""

    kind: Kind
    parts: tuple[int, ...]
    """Year, month, day, hour, minute; a Time begins with the hour. Seconds are apart."""
    second: Decimal | None = None
    offset: int | None = None
    """Seconds east of Greenwich."""

    @property
    def precision(self) -> int:
        """Number of parts given, seconds included."""
        return len(self.parts) + (self.second is not None)

    def __str__(self) -> str:
        names = [f"{p:02}" for p in self.parts]
        if self.kind != "Time":
            names[0] = f"{self.parts[0]:04}"
        if self.second is not None:
            whole, _, fraction = str(self.second).partition(".")
            names.append(whole.rjust(2, "0") + ("." + fraction if fraction else ""))
        if self.kind == "Time":
            return ":".join(names)
        text = "-".join(names[:3])
        if self.kind == "DateTime":
            text += "T" + ":".join(names[3:])
        return text + _zone_text(self.offset)


@lru_cache(maxsize=4096)
def read(text: str) -> Temporal | None:
    """Return the Date or DateTime written as `text` (without @), or None if it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    parts = tuple(int(p) for p in found.group(1, 2, 3, 5, 6) if p is not None)
    second = None if found[7] is None else Decimal(found[7])
    if found[5] is not None and found[3] is None:
        return None
    kind: Kind = "Date" if found[4] is None else "DateTime"
    moment = Temporal(kind, parts, second, _zone(found[8]))
    return moment if _is_real(moment) else None


@lru_cache(maxsize=4096)
def read_time(text: str) -> Temporal | None:
    """Return the Time written as `text` (without @T), or None if it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    parts = tuple(int(p) for p in found.group(1, 2) if p is not None)
    moment = Temporal("Time", parts, None if found[3] is None else Decimal(found[3]))
    return moment if _is_real(moment) else None


def from_datetime(at: datetime) -> Temporal:
    """Return an aware moment to the millisecond."""
    offset = at.utcoffset()
    second = Decimal(at.second * 1000 + at.microsecond // 1000).scaleb(-3)
    return Temporal(
        "DateTime",
        (at.year, at.month, at.day, at.hour, at.minute),
        second.quantize(Decimal("0.001")),
        None if offset is None else int(offset.total_seconds()),
    )


def compare(left: Temporal, right: Temporal) -> int | None:
    """Return -1, 0 or 1, or None when precision or zone leave it open. Kinds must both be Time or neither."""
    if (left.offset is None) != (right.offset is None):
        return _compare_spans(left, right)
    if left.offset is not None:
        left, right = _in_utc(left), _in_utc(right)
    for a, b in zip(left.parts, right.parts, strict=False):
        if a != b:
            return -1 if a < b else 1
    if left.precision != right.precision:
        return None
    if left.second is not None and right.second is not None and left.second != right.second:
        return -1 if left.second < right.second else 1
    return 0


def add(moment: Temporal, amount: int, unit: str) -> Temporal | None:
    """Return `moment` moved by whole units (year ... millisecond), at its own precision; None out of range."""
    try:
        if unit in ("year", "month"):
            return _add_months(moment, amount * (12 if unit == "year" else 1))
        step = timedelta(
            weeks=amount * (unit == "week"),
            days=amount * (unit == "day"),
            hours=amount * (unit == "hour"),
            minutes=amount * (unit == "minute"),
            seconds=amount * (unit == "second"),
            milliseconds=amount * (unit == "millisecond"),
        )
        return _from_wall(moment, _wall(moment) + step)
    except (OverflowError, ValueError):
        return None


def low_boundary(moment: Temporal, precision: int) -> Temporal | None:
    """Return the earliest moment that `moment` may mean, to 4-6-8-10-12-14-17 digits (2-4-6-9 for times)."""
    return _boundary(moment, precision, highest=False)


def high_boundary(moment: Temporal, precision: int) -> Temporal | None:
    """Return the latest moment that `moment` may mean."""
    return _boundary(moment, precision, highest=True)


def digits(moment: Temporal) -> int:
    """Return the precision as a number of digits."""
    count = len(moment.parts) * 2 + (2 if moment.kind != "Time" else 0)
    if moment.second is not None:
        fraction = -int(moment.second.as_tuple().exponent)
        count += 2 + fraction
    return count


def _zone(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    seconds = int(text[1:3]) * 3600 + int(text[4:6]) * 60
    return -seconds if text[0] == "-" else seconds


def _zone_text(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _is_real(moment: Temporal) -> bool:
    limits = _LIMITS[3:] if moment.kind == "Time" else _LIMITS
    if not all(low <= p <= high for p, (low, high) in zip(moment.parts, limits, strict=False)):
        return False
    if moment.second is not None and moment.second >= 61:
        return False
    if moment.kind != "Time" and len(moment.parts) >= 3:
        return moment.parts[2] <= monthrange(moment.parts[0], moment.parts[1])[1]
    return True


def _wall(moment: Temporal) -> datetime:
    """Return the moment on its own wall clock, missing parts at their least."""
    parts = (1970, 1, 1, *moment.parts) if moment.kind == "Time" else moment.parts
    year, month, day, hour, minute = (*parts, *(1970, 1, 1, 0, 0)[len(parts) :])
    second = moment.second or Decimal(0)
    micros = min(int(second * 1_000_000), 59_999_999)
    return datetime(
        year, month, day, hour, minute, micros // 1_000_000, micros % 1_000_000, tzinfo=UTC
    )


def _from_wall(moment: Temporal, wall: datetime) -> Temporal:
    parts = (wall.year, wall.month, wall.day, wall.hour, wall.minute)
    if moment.kind == "Time":
        parts = parts[3:]
    second = moment.second
    if second is not None:
        exponent = min(int(second.as_tuple().exponent), 0)
        micros = Decimal(wall.second * 1_000_000 + wall.microsecond).scaleb(-6)
        # A finer step than the seconds were written with shows its own digits.
        exponent = exponent if wall.microsecond == 0 else min(exponent, -3)
        second = micros.quantize(Decimal(1).scaleb(exponent))
    return replace(moment, parts=parts[: len(moment.parts)], second=second)


def _add_months(moment: Temporal, months: int) -> Temporal:
    if moment.kind == "Time":
        raise ValueError("a time has no months")
    year, month = moment.parts[0], moment.parts[1] if len(moment.parts) > 1 else 1
    year, month = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ValueError("out of range")
    parts = [year, month + 1, *moment.parts[2:]][: len(moment.parts)]
    if len(parts) > 2:
        parts[2] = min(parts[2], monthrange(year, month + 1)[1])
    return replace(moment, parts=tuple(parts))


def _in_utc(moment: Temporal) -> Temporal:
    if not moment.offset or len(moment.parts) < 4:
        return moment
    try:
        return _from_wall(moment, _wall(moment) - timedelta(seconds=moment.offset))
    except OverflowError:
        return moment


def _compare_spans(left: Temporal, right: Temporal) -> int | None:
    (low_left, high_left), (low_right, high_right) = _span(left), _span(right)
    if high_left < low_right:
        return -1
    return 1 if low_left > high_right else None


def _span(moment: Temporal) -> tuple[float, float]:
    """Return the first and last second that a moment may be, wherever its zone is."""
    low, high = low_boundary(moment, 17), high_boundary(moment, 17)
    assert low is not None
    assert high is not None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = (_wall(low) - epoch).total_seconds() - (low.offset or 0)
    return first, (_wall(high) - epoch).total_seconds() - (high.offset or 0)


def _boundary(moment: Temporal, precision: int, *, highest: bool) -> Temporal | None:
    sizes = (2, 4, 6, 9) if moment.kind == "Time" else (4, 6, 8, 10, 12, 14, 17)
    if precision not in sizes:
        return None
    parts = list(moment.parts)
    limits = _LIMITS[3:5] if moment.kind == "Time" else _LIMITS[:5]
    # FHIR writes no hour without its minute, so an hour alone is taken to be on the hour.
    if len(parts) == 4 and moment.kind != "Time":
        parts.append(0)
    for low, high in limits[len(parts) :]:
        parts.append(high if highest else low)
    if moment.kind != "Time":
        parts[2] = min(parts[2], monthrange(parts[0], parts[1])[1])
    second = moment.second
    if second is None:
        second = Decimal("59.999" if highest else "0.000")
    elif second == second.to_integral_value() and -int(second.as_tuple().exponent) == 0:
        second += Decimal("0.999" if highest else "0.000")
    offset = moment.offset
    if moment.kind != "Time" and offset is None and precision > 8:
        offset = _LATEST_ZONE if highest else _EARLIEST_ZONE
    kept = sizes.index(precision) + 1
    has_second = kept > len(limits)
    if precision == (14 if moment.kind != "Time" else 6):
        second = Decimal(int(second))
    kind: Kind = "Time" if moment.kind == "Time" else ("Date" if precision <= 8 else "DateTime")
    return Temporal(
        kind,
        tuple(parts[:kept]),
        second.quantize(Decimal("0.001"))
        if has_second and precision in (17, 9)
        else (second if has_second else None),
        offset if kind == "DateTime" else None,
    )
