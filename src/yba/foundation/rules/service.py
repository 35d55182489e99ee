"""Limits by name and day. Pure: no database, no clock."""

from collections.abc import Mapping
from datetime import date

from yba.foundation.rules.model import Limit, Number, all_limits, limit_on, rendered

__all__ = ["Limit", "Number", "limit", "limit_with_source", "limits", "rendered"]


def limit(name: str, on: date) -> Number:
    """Return the value of a limit on that day, an int or an exact Decimal.

    Raises UnknownLimit if none is set that day.
    """
    return limit_on(name, on).value


def limit_with_source(name: str, on: date) -> Limit:
    """Return the value with its unit, act and confidence, to explain a refusal."""
    return limit_on(name, on)


def limits() -> Mapping[str, tuple[Limit, ...]]:
    """Return every limit by name, its values from the oldest to the newest."""
    return all_limits()
