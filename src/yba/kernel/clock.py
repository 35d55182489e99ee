"""Time: aware UTC inside, Vietnam's wall clock at the border.

Only `app`, pages, endpoints and jobs read the clock; every service receives
the moment as an argument.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def local(at: datetime) -> datetime:
    """Return `at` on Vietnam's wall clock."""
    return at.astimezone(VIETNAM)


def local_date(at: datetime) -> date:
    """Return the calendar day in Vietnam at that moment."""
    return at.astimezone(VIETNAM).date()


def micros(at: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z, exactly."""
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
