"""Units of quantities in expressions: UCUM codes, and calendar words.

Calendar words (`week`) are kept apart from UCUM codes (`wk`) because months and years of a calendar have no fixed
length. Standard: FHIRPath 2.0, "Time-valued Quantities"; conversion is that of `yba.fhir.ucum`.
"""

from __future__ import annotations

from typing import Final

CALENDAR: Final = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min",
    "second": "s", "millisecond": "ms",
}  # fmt: skip


def calendar_word(text: str) -> str | None:
    """Return the singular of a calendar word ("weeks"), or None for another word."""
    singular = text.removesuffix("s")
    return singular if singular in CALENDAR else None


def ucum_code(unit: str) -> str:
    """Return the UCUM code of a unit: a calendar word's, or the code itself."""
    word = calendar_word(unit)
    return unit if word is None else CALENDAR[word]
