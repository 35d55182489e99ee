"""Illnesses as they come to a hospital: read from data/scenarios.tsv.

A scenario says how often a main diagnosis comes in each month, to whom, and
what is then examined, found, given and written. Codes are resolved against
the shipped lists once; a code that is not there is a mistake of the release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from yba.app.fiction.dice import Weighted
from yba.app.fiction.model import Sex
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept


@dataclass(frozen=True, slots=True)
class Possible:
    """Something of a scenario with its probability."""

    concept: Concept
    chance: float


@dataclass(frozen=True, slots=True)
class PossibleDrug:
    """A drug, for whom and where it is meant."""

    concept: Concept
    chance: float
    is_for_children: bool
    is_for_adults: bool
    is_for_ward: bool
    is_to_take_home: bool

    def fits(self, *, is_child: bool) -> bool:
        """Tell whether a person of that age gets it."""
        return (not self.is_for_children or is_child) and (not self.is_for_adults or not is_child)


@dataclass(frozen=True, slots=True)
class Finding:
    """How an index deviates: `high`, `low`, or the answer of a qualitative test."""

    index: str
    deviation: str
    chance: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One illness."""

    diagnosis: Concept
    weight: float
    months: Sequence[int]
    ages: tuple[int, int]
    sex: str
    inpatient: float
    department: str
    reason: str
    pattern: str
    services: Sequence[Possible]
    findings: Sequence[Finding]
    drugs: Sequence[PossibleDrug]
    secondary: Sequence[Possible]
    nights: int
    reading: str
    injury: str

    @property
    def is_newborns(self) -> bool:
        """Tell whether it belongs to the first four weeks of life."""
        return self.diagnosis.code.startswith("P")

    @property
    def is_chronic(self) -> bool:
        """Tell whether people come for a month's drugs."""
        return bool(self.diagnosis.properties.get("long_prescription")) and not self.is_newborns


@cache
def _codes(system: str) -> Mapping[str, Concept]:
    return {c.code: c for c in terminology.shipped_concepts(system) if c.valid_to is None}


def shipped(system: str, code: str) -> Concept:
    """Return a concept of the shipped lists."""
    return _codes(system)[code]


@cache
def _drugs_by_name() -> Mapping[str, Concept]:
    found: dict[str, Concept] = {}
    for item in _codes("drug").values():
        found.setdefault(f"{item.properties['substance']} {item.properties['strength']}", item)
    return found


def _split(text: str) -> list[tuple[str, float]]:
    parts = [part.partition("@") for part in text.split(";") if part]
    return [(name, float(chance) if chance else 1.0) for name, _, chance in parts]


def _drug(text: str, chance: float) -> PossibleDrug:
    tags: set[str] = set()
    while text[1:2] == ":" and text[0] in "acio":
        tags.add(text[0])
        text = text[2:]
    return PossibleDrug(
        _drugs_by_name()[text], chance, "c" in tags, "a" in tags, "i" in tags, "o" in tags
    )


def _finding(text: str, chance: float) -> Finding:
    index, _, deviation = text.partition("=")
    shipped("lab_index", index)
    return Finding(index, deviation, chance)


def _scenario(row: Mapping[str, str]) -> Scenario:
    low, _, high = row["ages"].partition("-")
    return Scenario(
        diagnosis=shipped("icd10", row["code"]),
        weight=float(row["weight"]),
        months=tuple(int(digit) for digit in row["months"]),
        ages=(int(low), int(high)),
        sex=row["sex"],
        inpatient=float(row["inpatient"]),
        department=shipped("department", row["department"]).code,
        reason=row["reason"],
        pattern=row["pattern"],
        services=[Possible(shipped("service", c), p) for c, p in _split(row["services"])],
        findings=[_finding(text, p) for text, p in _split(row["findings"])],
        drugs=[_drug(text, p) for text, p in _split(row["drugs"])],
        secondary=[Possible(shipped("icd10", c), p) for c, p in _split(row["secondary"])],
        nights=int(row["nights"] or 0),
        reading=row["reading"],
        injury=row["injury"],
    )


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return every illness."""
    text = files("yba.app.fiction").joinpath("data", "scenarios.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    heading = lines[0].split("\t")
    found: list[Scenario] = []
    for line in lines[1:]:
        cells = line.split("\t")
        cells += [""] * (len(heading) - len(cells))
        found.append(_scenario(dict(zip(heading, cells, strict=True))))
    return tuple(found)


@cache
def for_whom(month: int, sex: Sex, age: int, is_newborn: bool) -> Weighted[Scenario]:
    """Return the illnesses of people of that sex and age in that month, by share."""
    sums: list[float] = []
    items: list[Scenario] = []
    total = 0.0
    for item in scenarios():
        # A year of digits keeps the share; a digit of 5 is an ordinary month.
        season = item.months[month - 1] * 12 / sum(item.months)
        fits = item.ages[0] <= age <= item.ages[1] and item.sex in ("", sex)
        if fits and season and item.is_newborns == is_newborn:
            total += item.weight * season
            items.append(item)
            sums.append(total)
    return Weighted(items, sums)


@cache
def exam_of(department: str) -> Concept:
    """Return the exam of a department, the general one where it has none."""
    for item in _codes("service").values():
        if item.properties["kind"] == "exam" and item.properties["department"] == department:
            return item
    return shipped("service", "02.0000.1896")


_BEDS: Mapping[str, str] = {
    "K04": "02.0001.1907",
    "K11": "11.0000.1907",
    "K12": "11.0000.1907",
    "K16": "08.0000.1912",
    "K18": "03.0000.1907",
    "K19": "10.0000.1917",
    "K22": "10.0000.1917",
    "K23": "10.0000.1917",
    "K24": "10.0000.1917",
    "K25": "11.0001.1920",
    "K27": "13.0000.1911",
    "K28": "14.0000.1913",
    "K29": "14.0000.1913",
    "K30": "14.0000.1913",
    "K31": "08.0000.1912",
}


def bed_of(department: str, *, is_day_bed: bool) -> Concept:
    """Return the bed of a department."""
    if is_day_bed:
        return shipped("service", "02.0002.1916")
    return shipped("service", _BEDS.get(department, "02.0000.1907"))
