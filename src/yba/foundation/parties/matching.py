"""How well a person fits what was typed, or another person. Pure.

Scores are shown as an order, never as a probability; every point has a
reason that is shown beside it.
"""

from dataclasses import dataclass, replace

from yba.foundation.parties.model import PersonDetails, PersonMatch, phone_e164
from yba.foundation.parties.search import PersonQuery, has_words, name_words, same_words
from yba.kernel.text import fold
from yba.plumbing.i18n import N_

SAME_NUMBER = N_("Same identity number")
SAME_CARD = N_("Same insurance number")
SAME_PATIENT_NUMBER = N_("Same patient number")
EARLIER_NUMBER = N_("A number of this person")
SAME_PHONE = N_("Same phone")
SAME_NAME = N_("Same name")
NAME_HAS_WORDS = N_("Name contains these words")
NAME_BEGINS = N_("Name begins like this")
SAME_BIRTH = N_("Same birth date")
SAME_MONTH = N_("Born in that month")
SAME_YEAR = N_("Same year of birth")
SWAPPED_BIRTH = N_("Day and month of birth may be swapped")
LIKELY_DUPLICATE = 50


@dataclass(frozen=True)
class _Sum:
    score: int = 0
    reasons: tuple[str, ...] = ()

    def plus(self, points: int, reason: str) -> "_Sum":
        return _Sum(self.score + points, (*self.reasons, reason))


def rank(found: list[PersonMatch], query: PersonQuery, limit: int) -> list[PersonMatch]:
    """Return the best matches of a typed search first."""
    scored = [_scored(person, _against_query(person, query)) for person in found]
    return _best(scored, limit)


def rank_duplicates(
    found: list[PersonMatch], details: PersonDetails, limit: int
) -> list[PersonMatch]:
    """Return who may be the same person, most likely first; unlikely ones are left out."""
    scored = [_scored(person, _against_details(person, details)) for person in found]
    return _best([person for person in scored if person.score >= LIKELY_DUPLICATE], limit)


def _scored(person: PersonMatch, total: _Sum) -> PersonMatch:
    return replace(person, score=min(total.score, 100), reasons=total.reasons)


def _best(persons: list[PersonMatch], limit: int) -> list[PersonMatch]:
    # Stable: what was seen last stays first among equals.
    return sorted(persons, key=lambda person: -person.score)[:limit]


def _against_query(person: PersonMatch, query: PersonQuery) -> _Sum:
    total = _Sum()
    for number in (*query.numbers, *query.years):
        total = _number(total, person, number)
    total = _name(total, person, query)
    birth = person.birth_date.replace("-", "")
    for day in query.days:
        if birth == day:
            total = total.plus(30, SAME_BIRTH)
    for month in query.months:
        if birth.startswith(month):
            total = total.plus(20, SAME_MONTH)
    for year in query.years:
        if birth.startswith(year):
            total = total.plus(10, SAME_YEAR)
    return total


def _number(total: _Sum, person: PersonMatch, number: str) -> _Sum:
    if number == person.identity_number.lower():
        return total.plus(100, SAME_NUMBER)
    if number in (person.card_number.lower(), person.card_number[-10:]):
        return total.plus(100, SAME_CARD)
    if number in (person.patient_number.lower(), person.patient_number.lstrip("0")):
        return total.plus(90, SAME_PATIENT_NUMBER)
    if person.phone and phone_e164(number) == person.phone:
        return total.plus(70, SAME_PHONE)
    return total if len(number) == 4 else total.plus(40, EARLIER_NUMBER)


def _name(total: _Sum, person: PersonMatch, query: PersonQuery) -> _Sum:
    if not query.names:
        return total
    if fold(person.name) == query.name:
        return total.plus(60, SAME_NAME)
    if sorted(name_words(person.name)) == sorted(query.names):
        return total.plus(55, SAME_NAME)
    if has_words(person.name, query.names):
        return total.plus(40, NAME_HAS_WORDS)
    return total.plus(20, NAME_BEGINS)


def _against_details(person: PersonMatch, details: PersonDetails) -> _Sum:
    total = _Sum()
    numbers = {identifier.value for identifier in details.identifiers}
    if person.identity_number and person.identity_number in numbers:
        total = total.plus(100, SAME_NUMBER)
    card = details.insurance.number[-10:] if details.insurance else ""
    if person.card_number and person.card_number[-10:] in {card, *numbers}:
        total = total.plus(100, SAME_CARD)
    same_name = same_words(person.name, details.name)
    if same_name:
        total = total.plus(40, SAME_NAME)
    if details.phone and phone_e164(details.phone) == person.phone:
        total = total.plus(30, SAME_PHONE)
    total = _same_birth(total, person.birth_date, details.birth_date)
    if not total.reasons:
        # It was found by a number that is no longer in force.
        total = total.plus(LIKELY_DUPLICATE, EARLIER_NUMBER)
    return total


def _same_birth(total: _Sum, one: str, other: str) -> _Sum:
    if not one or not other:
        return total
    if one == other:
        return total.plus(50 if len(one) == 10 else 30, SAME_BIRTH)
    if one.startswith(other) or other.startswith(one):
        return total.plus(25, SAME_YEAR)
    if len(one) == len(other) == 10:
        year, month, day = one.split("-")
        if other == f"{year}-{day}-{month}":
            return total.plus(35, SWAPPED_BIRTH)
    return total.plus(5, SAME_YEAR) if one[:4] == other[:4] else total
