"""The generator: persons and visits by number, or as endless-looking streams."""

from collections.abc import Iterator

from yba.app.fiction.cards import HOME_FACILITY
from yba.app.fiction.model import (
    FictitiousCard,
    FictitiousDiagnosis,
    FictitiousDrugLine,
    FictitiousNote,
    FictitiousPerson,
    FictitiousResult,
    FictitiousServiceLine,
    FictitiousVisit,
    FictitiousVitals,
)
from yba.app.fiction.people import person
from yba.app.fiction.visits import FIRST_DAY, LAST_DAY, visit

__all__ = [
    "FIRST_DAY",
    "HOME_FACILITY",
    "LAST_DAY",
    "FictitiousCard",
    "FictitiousDiagnosis",
    "FictitiousDrugLine",
    "FictitiousNote",
    "FictitiousPerson",
    "FictitiousResult",
    "FictitiousServiceLine",
    "FictitiousVisit",
    "FictitiousVitals",
    "person",
    "persons",
    "visit",
    "visits",
]


def persons(seed: int, count: int, *, first: int = 0) -> Iterator[FictitiousPerson]:
    """Yield persons one at a time; nothing is kept."""
    for number in range(first, first + count):
        yield person(seed, number)


def visits(
    seed: int,
    count: int,
    *,
    first: int = 0,
    facility: str = HOME_FACILITY,
    persons: int = 1_000_000,
) -> Iterator[FictitiousVisit]:
    """Yield visits one at a time; nothing is kept."""
    for number in range(first, first + count):
        yield visit(seed, number, facility=facility, persons=persons)
