"""Who speaks for a child, and from which birthday on she is asked again. Pure."""

from datetime import date
from enum import StrEnum

from yba.foundation.rules import service as rules


class Voice(StrEnum):
    """Who must speak for a decision about personal data, by age."""

    REPRESENTATIVE = "representative"
    BOTH = "both"
    SUBJECT = "subject"


def birthday(born: date, years: int) -> date:
    """Return the day on which a person becomes that old (29 February: 1 March)."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def _years(name: str, on: date) -> int:
    return int(rules.limit(name, on))


def voice_of(born: date, on: date) -> Voice:
    """Return who decides on that day for a person born then.

    Source: Law 91/2025/QH15 (children): below 7 the representative, from 7 both, from 18 herself.
    """
    if on < birthday(born, _years("privacy.child_asked_from_years", on)):
        return Voice.REPRESENTATIVE
    if on < birthday(born, _years("privacy.adult_from_years", on)):
        return Voice.BOTH
    return Voice.SUBJECT


def ask_again_on(born: date, on: date) -> date | None:
    """Return when what was decided for a child is asked again: at 7 and at 18; then never."""
    for name in ("privacy.child_asked_from_years", "privacy.adult_from_years"):
        day = birthday(born, _years(name, on))
        if on < day:
            return day
    return None
