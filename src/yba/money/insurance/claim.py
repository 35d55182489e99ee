"""A claim file in memory: episodes, each with tables of rows of text.

The text of a field is kept exactly as it was written, so that a file can be
written again without loss; numbers and dates are read from it when a rule
or a mapping asks.

Standard: 130/QĐ-BYT and letter 1245 (envelope).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from yba.kernel.clock import VIETNAM

_DIGITS = frozenset("0123456789")
_ZERO = Decimal(0)


@lru_cache(maxsize=8192)
def read_day(text: str) -> date | None:
    """Return the date written as `yyyyMMdd`, or None if it is not one."""
    if len(text) != 8 or not _DIGITS.issuperset(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def read_moment(text: str) -> datetime | None:
    """Return the wall-clock moment written as `yyyyMMddHHmm` (no zone), or None."""
    if len(text) != 12 or not _DIGITS.issuperset(text):
        return None
    try:
        return datetime(  # noqa: DTZ001 - the claim speaks Vietnam's wall clock
            int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:])
        )
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def read_number(text: str) -> Decimal | None:
    """Return the number, or None if `text` is not digits with at most one dot.

    A leading minus is read, so that a rule can say that it is negative.
    """
    bare = text[1:] if text[:1] == "-" else text
    whole, _, rest = bare.partition(".")
    if not whole or not _DIGITS.issuperset(whole) or not _DIGITS.issuperset(rest):
        return None
    if len(bare) > 30 or bare.endswith("."):
        return None
    return Decimal(text)


@lru_cache(maxsize=8192)
def read_birth(text: str) -> tuple[date | None, bool]:
    """Return (first day the birth can be, whether the time is known).

    `yyyy0000` with `0000` hours means that only the year is known.
    """
    if len(text) != 12 or not _DIGITS.issuperset(text):
        return None, False
    if text[4:8] == "0000":
        try:
            return date(int(text[:4]), 1, 1), False
        except ValueError:
            return None, False
    return read_day(text[:8]), text[8:] != "0000"


def write_moment(at: datetime | None) -> str:
    """Return an aware moment as `yyyyMMddHHmm` on Vietnam's wall clock; empty for None."""
    return "" if at is None else at.astimezone(VIETNAM).strftime("%Y%m%d%H%M")


def write_day(day: date | None) -> str:
    """Return `yyyyMMdd`, or empty for None."""
    return "" if day is None else day.strftime("%Y%m%d")


def aware(moment: datetime) -> datetime:
    """Return the claim's wall-clock moment with Vietnam's zone."""
    return moment.replace(tzinfo=VIETNAM)


class Row(dict[str, str]):
    """One row: field name to text. A missing field reads as the empty text."""

    __slots__ = ("number", "table")

    def __init__(self, table: str, number: int, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.table = table
        self.number = number

    def __missing__(self, name: str) -> str:
        return ""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Row)
            and (self.table, self.number) == (other.table, other.number)
            and super().__eq__(other)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Row({self.table}, {self.number}, {len(self)} fields)"

    def __reduce__(self) -> tuple[type["Row"], tuple[str, int, dict[str, str]]]:
        return Row, (self.table, self.number, dict(self))

    def day(self, name: str) -> date | None:
        """Return the date in that field, if it is one."""
        return read_day(self[name])

    def moment(self, name: str) -> datetime | None:
        """Return the wall-clock moment in that field, if it is one."""
        return read_moment(self[name])

    def number_in(self, name: str) -> Decimal | None:
        """Return the number in that field, if it is one."""
        return read_number(self[name])

    def amount(self, name: str) -> Decimal:
        """Return the number in that field, zero when it is blank or unreadable."""
        return read_number(self[name]) or _ZERO

    def parts(self, name: str) -> list[str]:
        """Return the parts of a `;` list, trimmed; none for a blank field."""
        text = self[name]
        return [part.strip() for part in text.split(";")] if text.strip() else []


@dataclass(frozen=True, slots=True)
class Episode:
    """One HOSO: the tables of one patient's episode."""

    tables: Mapping[str, tuple[Row, ...]]

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of a table, none if it is absent."""
        return self.tables.get(table, ())

    @property
    def main(self) -> Row:
        """Return the row of XML1, an empty one if it is absent."""
        rows = self.tables.get("XML1", ())
        return rows[0] if rows else Row("XML1", 1, {})

    @property
    def key(self) -> str:
        """Return MA_LK."""
        return self.main["MA_LK"]

    def end_day(self, default: date) -> date:
        """Return the day whose rules and lists apply: the end of care, else `default`.

        Only the date part is asked for, so a wrong hour does not move the file
        to another act.
        """
        text = self.main["NGAY_RA"] or self.main["NGAY_VAO"]
        return read_day(text[:8]) or default

    def all_rows(self) -> Iterator[Row]:
        """Yield every row of every table, in table order."""
        for rows in self.tables.values():
            yield from rows


@dataclass(frozen=True, slots=True)
class Claim:
    """One file: who sends it, when it was made, its episodes."""

    facility: str
    created: str
    episodes: tuple[Episode, ...]
    declared_count: str = ""
    is_signed: bool = False

    @property
    def created_day(self) -> date | None:
        """Return NGAYLAP as a date, if it is one."""
        return read_day(self.created)


@dataclass(frozen=True, slots=True)
class CheckIn:
    """The check-in message: its rows stand alone, without the outer envelope."""

    rows: tuple[Row, ...]
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Age:
    """Age at a day, as the rules ask for it."""

    days: int
    months: int
    years: int
    exact: bool = field(default=True)

    @staticmethod
    def between(born: date, on: date, *, exact: bool = True) -> "Age":
        """Return the age of someone born that day."""
        months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
        return Age(
            days=(on - born) // timedelta(days=1), months=months, years=months // 12, exact=exact
        )
