"""How dates, ages, money and numbers are written on every page. Pure."""

from datetime import date, datetime
from decimal import Decimal

from yba.kernel.clock import local
from yba.kernel.money import format_dong

_MONTHS_SHOWN_UNDER = 72


def shown_date(value: date | datetime | str | None) -> str:
    """Return dd/MM/yyyy; a partial FHIR date keeps its precision: 03/1985, 1985."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return "/".join(reversed(value[:10].split("-")))
    if isinstance(value, datetime):
        value = local(value).date()
    return value.strftime("%d/%m/%Y")


def shown_datetime(value: datetime | str | None) -> str:
    """Return dd/MM/yyyy HH:mm on Vietnam's wall clock."""
    moment = _moment(value)
    return local(moment).strftime("%d/%m/%Y %H:%M") if moment else ""


def shown_time(value: datetime | str | None) -> str:
    """Return HH:mm on Vietnam's wall clock."""
    moment = _moment(value)
    return local(moment).strftime("%H:%M") if moment else ""


def _moment(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value) if value else None
    return value


def age_parts(birth_date: str | date | None, on: date) -> tuple[int, str] | None:
    """Return the age in its unit, `months` under 72 months and else `years`.

    The earliest day of a partial date counts. None if the date is unknown.
    """
    if not birth_date:
        return None
    text = birth_date.isoformat() if isinstance(birth_date, date) else birth_date
    year, month, day = (int(part) for part in [*text.split("-"), "1", "1"][:3])
    months = (on.year - year) * 12 + on.month - month - (on.day < day)
    return (months, "months") if months < _MONTHS_SHOWN_UNDER else (months // 12, "years")


def shown_number(value: Decimal | int | float | str | None) -> str:
    """Return a decimal with a comma and without needless zeros: 37,5."""
    if value is None or value == "":
        return ""
    text = format(Decimal(str(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", ",")


def shown_dong(value: int | Decimal | None) -> str:
    """Return 1.234.000 ₫, or nothing for an amount that is not known."""
    return "" if value is None else format_dong(value)


def grouped(number: str) -> str:
    """Return a long number in groups of three or four, easier to compare by eye."""
    if len(number) == 12 and number.isdigit():
        return " ".join(number[start : start + 3] for start in range(0, 12, 3))
    return number
