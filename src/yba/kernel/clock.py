"""Time: aware UTC inside, Vietnam's wall clock at the border.

Only `app`, pages, endpoints and jobs read the clock; every service receives
the moment as an argument.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_FIRST_YEAR, _LAST_YEAR = 1800, 2200


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def local(at: datetime) -> datetime:
    """Return `at` on Vietnam's wall clock."""
    return at.astimezone(VIETNAM)


def local_date(at: datetime) -> date:
    """Return the calendar day in Vietnam at that moment."""
    return at.astimezone(VIETNAM).date()


def typed_day(text: str) -> date | None:
    """Return a day that somebody wrote as `yyyy-mm-dd`; None for anything else.

    Years outside 1800–2200 are typing mistakes, and the first and last of the calendar break sums.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    is_plain = day.isoformat() == text
    return day if is_plain and _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def typed_moment(text: str) -> datetime | None:
    """Return a moment that a form wrote without a zone, as Vietnam's wall clock shows it; else None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    return moment.replace(tzinfo=VIETNAM).astimezone(UTC)


def micros(at: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z, exactly."""
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
