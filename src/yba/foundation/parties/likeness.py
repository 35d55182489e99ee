"""How likely two descriptions mean the same person: weights of evidence. Pure.

The model is that of Fellegi and Sunter (1969): each field agrees to some level, each level weighs
log2(m / u), where m is how often it is seen in pairs of one person and u in pairs of two. Weights
add up with the prior odds; the sum in bits gives a probability. Weights are stated here, not
learned; they hold for Vietnamese registers, where few family names serve most people, a name says
less than a birth date, and phones and addresses are shared by households.

Promises: the same whichever way round; no description resembles another more than it resembles
itself; better agreement of one field never lowers the sum.
Source: FHIR R4 OperationDefinition Patient-match; value set match-grade.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from yba.fhir import r4
from yba.foundation.parties.model import phone_e164
from yba.foundation.parties.search import name_words
from yba.kernel import systems
from yba.kernel.text import fold, tidy

Grade: TypeAlias = Literal["certain", "probable", "possible", "certainly-not"]
Identifier: TypeAlias = tuple[str, str]

# One in a quarter million pairs that share a block is one person.
_PRIOR = -18.0
_CERTAIN, _PROBABLE, _POSSIBLE = 0.999, 0.8, 0.01

# Fields and their levels, in bits. What is absent on either side weighs nothing.
NAME = {
    "as written": 11.5, "without accents": 11.0, "other accents": 9.5, "other order": 9.0,
    "a part": 5.0, "misspelt": 4.0, "given name": 1.0, "different": -7.0,
}  # fmt: skip
BIRTH = {
    "day": 12.0, "swapped": 8.5, "month": 8.0, "one digit": 5.5, "year": 5.0, "near": 3.0,
    "same year": 0.0, "different": -9.0,
}  # fmt: skip
SEX = {"same": 0.9, "different": -4.0}
NATIONAL_NUMBER = {"same": 30.0, "one digit": 6.0, "different": -8.0}
OTHER_NUMBER = {"same": 28.0, "same value": 24.0, "different": 0.0}
CARD = {"same": 26.0, "different": -1.0}
TELECOM = {"same": 12.0, "different": -0.5}
ADDRESS = {"same": 4.0, "similar": 2.0, "different": -0.3}
_NATIONAL = (systems.CCCD, systems.CMND, systems.PASSPORT, systems.SOCIAL_INSURANCE)


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared of a person."""

    names: tuple[str, ...] = ()
    birth_date: str = ""
    sex: str = ""
    identifiers: frozenset[Identifier] = frozenset()
    telecoms: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known by which a person can be looked for."""
        return not (self.names or self.birth_date or self.identifiers or self.telecoms)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two persons are: bits of evidence, and the probability of being one."""

    bits: float

    @property
    def score(self) -> float:
        """The probability that both are one person."""
        return 1 / (1 + 2.0 ** -max(min(self.bits, 200.0), -200.0))

    @property
    def grade(self) -> Grade:
        """What the probability means to whoever asked."""
        if self.score >= _CERTAIN:
            return "certain"
        if self.score >= _PROBABLE:
            return "probable"
        return "possible" if self.score >= _POSSIBLE else "certainly-not"


def features_of(patient: r4.Patient) -> Features:
    """Return what is compared of a Patient."""
    return Features(
        names=tuple(dict.fromkeys(_name(each) for each in patient.name or () if _name(each))),
        birth_date=patient.birthDate or "",
        sex=patient.gender if patient.gender in ("male", "female") else "",
        identifiers=frozenset(
            (each.system or "", each.value.strip())
            for each in patient.identifier or ()
            if each.value and each.value.strip()
        ),
        telecoms=frozenset(
            telecom_key(each.value) for each in patient.telecom or () if each.value
        ),
        addresses=tuple(text for text in map(_address, patient.address or ()) if text),
    )  # fmt: skip


def telecom_key(value: str) -> str:
    """Return a phone as E.164 whatever its spelling, any other contact folded."""
    return phone_e164(value) or fold(value)


def _name(name: r4.HumanName) -> str:
    words = [name.family or "", *(word or "" for word in name.given or ())]
    return tidy(name.text or " ".join(words))


def _address(address: r4.Address) -> str:
    lines = [str(line) for line in address.line or () if line]
    parts = [*lines, address.district or "", address.city or "", address.state or ""]
    return fold(address.text or " ".join(part for part in parts if part))


def likeness(one: Features, other: Features) -> Likeness:
    """Weigh everything that both descriptions know."""
    return Likeness(
        _PRIOR
        + _best(one.names, other.names, name_level, NAME)
        + _weight(birth_level(one.birth_date, other.birth_date), BIRTH)
        + _weight(_sex_level(one.sex, other.sex), SEX)
        + _identifiers(one.identifiers, other.identifiers)
        + _shared(one.telecoms, other.telecoms, TELECOM)
        + _best(one.addresses, other.addresses, address_level, ADDRESS)
    )


def _sex_level(one: str, other: str) -> str:
    if not one or not other:
        return ""
    return "same" if one == other else "different"


def _weight(level: str, weights: dict[str, float]) -> float:
    return weights[level] if level else 0.0


def _best(
    ones: tuple[str, ...], others: tuple[str, ...], level: Callable[[str, str], str],
    weights: dict[str, float],
) -> float:  # fmt: skip
    return max((weights[level(a, b)] for a, b in product(ones, others)), default=0.0)


def _shared(ones: frozenset[str], others: frozenset[str], weights: dict[str, float]) -> float:
    if not ones or not others:
        return 0.0
    return weights["same" if ones & others else "different"]


def name_level(one: str, other: str) -> str:
    """Return how far two names agree."""
    if tidy(one).lower() == tidy(other).lower():
        return "as written"
    ones, others = name_words(one), name_words(other)
    if not ones or not others:
        return "different"
    if ones == others:
        plain = fold(one) == one.lower() or fold(other) == other.lower()
        return "without accents" if plain else "other accents"
    if sorted(ones) == sorted(others):
        return "other order"
    fewer, more = sorted((ones, others), key=len)
    if len(fewer) > 1 and not _left(fewer, more):
        return "a part"
    # A short word with another letter is another name: An is not Anh.
    changed = [(a, b) for a, b in zip(ones, others, strict=False) if a != b]
    if len(ones) == len(others) and len(changed) == 1 and _is_typo(*changed[0]):
        return "misspelt"
    return "given name" if ones[-1] == others[-1] else "different"


def _left(words: list[str], whole: list[str]) -> list[str]:
    """Return the words that are not in `whole`, each counted as often as it occurs."""
    rest = list(whole)
    left: list[str] = []
    for word in words:
        if word in rest:
            rest.remove(word)
        else:
            left.append(word)
    return left


def _is_typo(one: str, other: str) -> bool:
    """Whether one letter was changed, left out, added, or two neighbours were swapped."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) < 4 or len(other) - len(one) > 1:
        return False
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    swapped = one[start + 1 : start + 2] + one[start : start + 1]
    return one[start + 1 :] == other[start + 1 :] or (
        swapped == other[start : start + 2] and one[start + 2 :] == other[start + 2 :]
    )


def birth_level(one: str, other: str) -> str:
    """Return how far two birth dates agree, each as precise as it is known; "" if one is not."""
    if not one or not other:
        return ""
    if len(one) > len(other):
        one, other = other, one
    if other.startswith(one):
        return {4: "year", 7: "month"}.get(len(one), "day")
    if len(one) == 10:
        year, month, day = one.split("-")
        if other == f"{year}-{day}-{month}":
            return "swapped"
        if sum(a != b for a, b in zip(one, other, strict=True)) == 1:
            return "one digit"
    if one[:4] == other[:4]:
        return "same year"
    if abs(int(one[:4]) - int(other[:4])) == 1 and one[4:] == other[4:]:
        return "near"
    return "different"


def _identifiers(ones: frozenset[Identifier], others: frozenset[Identifier]) -> float:
    """Weigh numbers: the best one that agrees, or all that contradict."""
    agreeing = [_number(a, b) for a, b in product(ones, others)]
    best = max((bits for bits in agreeing if bits > 0), default=0.0)
    if best:
        return best
    return min((bits for bits in agreeing if bits < 0), default=0.0)


def _number(one: Identifier, other: Identifier) -> float:
    (system, value), (other_system, other_value) = one, other
    same = re.sub(r"[\s.\-]", "", value).upper() == re.sub(r"[\s.\-]", "", other_value).upper()
    if system != other_system:
        # Without a system it may be any of the person's numbers.
        unknown = not system or not other_system
        return OTHER_NUMBER["same value"] if same and unknown else 0.0
    if system in _NATIONAL:
        if same:
            return NATIONAL_NUMBER["same"]
        typo = len(value) == len(other_value) and _is_typo(value, other_value)
        return NATIONAL_NUMBER["one digit" if typo else "different"]
    if system == systems.BHYT_CARD:
        # The last ten digits stay the person's, the letters change with the kind of cover.
        return CARD["same" if value[-10:] == other_value[-10:] else "different"]
    return OTHER_NUMBER["same" if same else "different"]


def address_level(one: str, other: str) -> str:
    """Return how far two folded addresses agree."""
    if one == other:
        return "same"
    ones, others = set(name_words(one)), set(name_words(other))
    if not ones or not others:
        return "different"
    alike = len(ones & others) / len(ones | others)
    return "similar" if alike >= 0.5 else "different"
