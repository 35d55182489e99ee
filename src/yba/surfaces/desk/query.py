"""What was typed or scanned into the one box of the desk. Pure."""

from dataclasses import dataclass

from yba.foundation.parties import service as parties
from yba.foundation.parties.errors import NumberUnknownKind, UnreadableCard
from yba.foundation.parties.model import PersonDetails, PersonMatch
from yba.kernel.refusal import Refusal
from yba.kernel.text import tidy

_ENOUGH_TO_SEARCH = 2


@dataclass(frozen=True)
class Query:
    """What to look for, what the card says already, and what is wrong with it."""

    text: str
    details: PersonDetails
    number: str = ""
    is_card: bool = False
    warnings: tuple[str, ...] = ()
    problem: Refusal | None = None

    def the_one(self, matches: list[PersonMatch]) -> PersonMatch | None:
        """Return the only person who carries the number, if a number was given."""
        if not self.number:
            return None
        same = [match for match in matches if _carries(match, self.number)]
        return same[0] if len(same) == 1 else None


def read(text: str) -> Query:
    """Understand a scan, a number, a name, or a part of either."""
    text = text.strip()
    try:
        scan = parties.parse_scan(text)
    except NumberUnknownKind:
        return Query(tidy(text), PersonDetails(name="" if _has_digits(text) else tidy(text)))
    except UnreadableCard as problem:
        return Query("", PersonDetails(name=""), problem=problem)
    is_card = not isinstance(scan, parties.TypedNumber)
    return Query(scan.search_text, scan.to_details(), scan.search_text, is_card, scan.warnings)


def is_searchable(text: str) -> bool:
    """Return whether typing so far is worth a search: not a scan, not one letter."""
    return _ENOUGH_TO_SEARCH <= len(text.strip()) <= 60 and "|" not in text


def _has_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _carries(match: PersonMatch, number: str) -> bool:
    own = {match.identity_number, match.patient_number, match.card_number, match.card_number[-10:]}
    return number in own - {""}
