"""Concepts, their validity and the rules a diagnosis must keep. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from yba.kernel.text import fold
from yba.plumbing.i18n import N_

Sex = Literal["male", "female"]
Severity = Literal["error", "warning"]
ProblemKind = Literal[
    "unknown", "unusable", "not-main", "discouraged-main", "death-cause", "sex", "age", "group"
]

# Names under which the claim tables know a list that has a plainer name here.
ALIASES: Mapping[str, str] = {
    "ma_tinh": "province",
    "ma_tinh_63": "card_province",
    "ma_xa": "commune",
    "ma_dantoc": "ethnicity",
    "ma_nghe_nghiep": "occupation",
    "ma_khoa": "department",
    "duong_dung": "route",
    "ma_benh": "icd10",
    "ma_dich_vu": "service",
    "ma_thuoc": "drug",
}

_NOT_WORD = re.compile(r"[^0-9a-z]+")
_ICD10 = re.compile(r"^[A-Z]\d{2}(\.[0-9A-Z]{1,3})?$")
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Concept:
    """One code with its names while it is valid.

    `valid_to` is the last day in force, None while open. `properties` holds
    what the list says beside the names; docs/how-to/code-lists.md names them.
    """

    system: str
    code: str
    name_vi: str
    name_en: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    valid_from: date = date(1900, 1, 1)
    valid_to: date | None = None
    is_common: bool = False

    def is_valid(self, on: date) -> bool:
        """Tell whether the code is in force on that day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def name(self, language: str = "vi") -> str:
        """Return the name in Vietnamese, or in English where there is one."""
        return self.name_en if language == "en" and self.name_en else self.name_vi


@dataclass(frozen=True, slots=True)
class Group:
    """A chapter or block of a classification: its range is its code, `I10-I15`."""

    code: str
    name_vi: str
    name_en: str = ""

    @property
    def first(self) -> str:
        """The first category of the range."""
        return self.code[:3]

    @property
    def last(self) -> str:
        """The last category of the range."""
        return self.code[-3:]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a code may not, or should not, be used here.

    `message` is an English msgid with `%(name)s` places for `values`.
    """

    kind: ProblemKind
    severity: Severity
    code: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])

    def text(self) -> str:
        """Return the English sentence."""
        return self.message % self.values


@dataclass(frozen=True, slots=True)
class Withheld:
    """A concept that matches the words and does not fit the person."""

    concept: Concept
    problem: Problem


@dataclass(frozen=True, slots=True)
class Found:
    """What a search offers, and what it holds back and why."""

    concepts: Sequence[Concept]
    withheld: Sequence[Withheld] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """One loaded list."""

    edition_id: int
    system: str
    source: str
    is_shipped: bool
    valid_from: date | None
    row_count: int


def system_name(name: str) -> str:
    """Return the short system name for a list's name in any case."""
    lower = name.lower()
    return ALIASES.get(lower, lower)


def normal_code(system: str, code: str) -> str:
    """Return the code as it is stored: trimmed, an ICD-10 code with its dot."""
    code = code.strip()
    if system != "icd10":
        return code
    code = code.upper().rstrip("†*+ ")
    if len(code) > 3 and "." not in code:
        code = f"{code[:3]}.{code[3:]}"
    return code


def is_icd10_shaped(code: str) -> bool:
    """Tell whether a dotted code has the form of the Vietnamese ICD-10 list."""
    return _ICD10.match(code) is not None


def words_of(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return [word for word in _NOT_WORD.split(fold(text)) if word]


def search_text(concept: Concept) -> str:
    """Return what a concept is found by: both names and its other names.

    Folded words with one space between; a bar stands between names, so that
    words next to each other here are next to each other in a name.
    """
    also: Sequence[str] = concept.properties.get("also", ())
    names = (" ".join(words_of(name)) for name in (concept.name_vi, concept.name_en, *also))
    return " | ".join(name for name in names if name) or fold(concept.code)


def years(number: float) -> int:
    """Return the first day of life on which somebody is that many years old."""
    return round(number * _DAYS_A_YEAR)


_MESSAGES: Mapping[ProblemKind, tuple[Severity, str]] = {
    "unknown": ("error", N_("%(code)s is not a valid code on %(on)s.")),
    "unusable": ("error", N_("%(code)s may not be used: a more specific code exists.")),
    "not-main": ("error", N_("%(code)s may not be the main diagnosis.")),
    "discouraged-main": (
        "warning",
        N_("%(code)s is discouraged as the main diagnosis: confirm or choose another."),
    ),
    "death-cause": ("error", N_("%(code)s is only for causes of death.")),
    "sex": ("warning", N_("%(code)s does not fit the patient's sex.")),
    "age": ("warning", N_("%(code)s does not fit the patient's age.")),
    "group": ("warning", N_("%(code)s is a group: choose the more specific code.")),
}


def problem(kind: ProblemKind, code: str, *, on: date | None = None) -> Problem:
    """Return the problem of that kind for a code."""
    severity, message = _MESSAGES[kind]
    values = {"code": code}
    if on is not None:
        values["on"] = on.strftime("%d/%m/%Y")
    return Problem(kind, severity, code, message, values)


def fits_sex(concept: Concept, sex: str | None) -> bool:
    """Tell whether a concept may be used for that sex; unknown sex always fits."""
    wanted = concept.properties.get("sex")
    return wanted is None or sex not in ("male", "female") or wanted == sex


def fits_age(concept: Concept, age_days: int | None) -> bool:
    """Tell whether a concept may be used at that age; unknown age always fits."""
    if age_days is None:
        return True
    low = concept.properties.get("min_age_days")
    high = concept.properties.get("max_age_days")
    return (low is None or low <= age_days) and (high is None or age_days <= high)


def problems_of(
    concept: Concept, *, sex: str | None, age_days: int | None, as_main: bool
) -> list[Problem]:
    """Return what stands against a diagnosis, errors before warnings.

    Source: Circular 06/2026/TT-BYT, columns 24 to 29 of the list; annexes
    A2 to A4 of Decision 4469/QĐ-BYT.
    """
    properties = concept.properties
    kinds: list[ProblemKind] = []
    if properties.get("unusable"):
        kinds.append("unusable")
    if properties.get("death_cause_only"):
        kinds.append("death-cause")
    if as_main and properties.get("not_main"):
        kinds.append("not-main")
    if as_main and properties.get("discouraged_main"):
        kinds.append("discouraged-main")
    if not fits_sex(concept, sex):
        kinds.append("sex")
    if not fits_age(concept, age_days):
        kinds.append("age")
    if properties.get("group") and not properties.get("unusable"):
        kinds.append("group")
    return [problem(kind, concept.code) for kind in kinds]


@dataclass(frozen=True, slots=True)
class CodeBook:
    """Whole lists of one day in memory, for checking many files quickly."""

    on: date
    concepts: Mapping[str, Mapping[str, Concept]]

    def has(self, system: str, code: str) -> bool:
        """Tell whether the code is in force in that list."""
        return self.get(system, code) is not None

    def get(self, system: str, code: str) -> Concept | None:
        """Return the concept, or None."""
        name = system_name(system)
        return self.concepts.get(name, {}).get(normal_code(name, code))
