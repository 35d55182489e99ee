"""What the law and arithmetic ask of a prescription. Pure.

Source: Circular 26/2025/TT-BYT; the limits themselves are dated rules.
"""

import secrets
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING
from functools import lru_cache
from importlib import resources
from typing import Any

from yba.care.encounters.model import Allergy, MedicationLine
from yba.care.orders.errors import PrescriptionRefused, PrescriptionTooLong
from yba.care.orders.model import (
    DrugLine,
    PrescriptionKind,
    PrescriptionWarning,
    Round,
    WarningKind,
)
from yba.foundation.rules import service as rules
from yba.foundation.terminology.model import Concept
from yba.kernel.clock import local_date
from yba.kernel.text import fold
from yba.plumbing.i18n import N_

UNKNOWN_DRUG = N_("This drug is not in the list in force.")
QUANTITY_ZERO = N_("The quantity must be more than zero.")
DOSE_INCOMPLETE = N_("Give dose, times a day and days, or write how to use it.")
QUANTITY_DIFFERS = N_("The quantity does not equal dose x times a day x days.")
TOO_LONG = N_("Too many days for this kind of drug.")
ALLERGIC = N_("The patient is recorded as allergic to this.")
TWICE_HERE = N_("The same substance is prescribed twice.")
TWICE_ELSEWHERE = N_("The patient still takes the same substance from an earlier prescription.")
CHILD_WEIGHT = N_("A prescription for a child under 72 months states the weight: measure it.")
CHILD_GUARDIAN = N_("A prescription for a child under 72 months names the adult who came along.")

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_KIND_NAMES = {
    PrescriptionKind.ORDINARY: "ordinary",
    PrescriptionKind.NARCOTIC: "narcotic",
    PrescriptionKind.PSYCHOTROPIC: "psychotropic",
}


@dataclass(frozen=True)
class Item:
    """A line with the drug it names."""

    line: DrugLine
    drug: Concept

    @property
    def substance_code(self) -> str:
        """What counts as the same drug."""
        return str(self.drug.properties.get("substance_code") or self.drug.code)

    @property
    def kind(self) -> PrescriptionKind:
        """On which kind of prescription the drug belongs."""
        return kind_of(self.drug.properties)

    @property
    def toxic(self) -> bool:
        """Whether the drug must come first."""
        return bool(self.drug.properties.get("is_toxic"))


@dataclass(frozen=True)
class DayLimits:
    """How many days each kind may cover for this patient on this day."""

    ordinary: int
    narcotic: int
    psychotropic: int

    def of(self, kind: PrescriptionKind) -> int:
        """Return the limit of one kind."""
        return int(getattr(self, _KIND_NAMES[kind]))


def kind_of(properties: Mapping[str, Any]) -> PrescriptionKind:
    """Return the kind of prescription that a drug's control class asks for.

    Precursors (P) go on the psychotropic prescription.
    """
    control = str(properties.get("control") or "none").upper()
    if control.startswith("N") and control != "NONE":
        return PrescriptionKind.NARCOTIC
    if control in ("H", "P") or control.startswith(("PSYCHO", "PRECURSOR")):
        return PrescriptionKind.PSYCHOTROPIC
    return PrescriptionKind.ORDINARY


def is_cancer(codes: Iterable[str]) -> bool:
    """Whether a diagnosis is a malignant neoplasm (ICD-10 C00-C97)."""
    return any(code.startswith("C") for code in codes)


def is_long_psychiatric(codes: Iterable[str]) -> bool:
    """Whether a diagnosis is treated with psychotropics for long (F chapter, epilepsy)."""
    return any(code.startswith(("F", "G40")) for code in codes)


def split_by_kind(items: Sequence[Item]) -> dict[PrescriptionKind, list[Item]]:
    """Return one list a kind, for kinds never share a prescription; toxic drugs first."""
    found: dict[PrescriptionKind, list[Item]] = {}
    for item in sorted(items, key=lambda item: not item.toxic):
        found.setdefault(item.kind, []).append(item)
    return dict(sorted(found.items()))


def check_lines(items: Sequence[Item], limits: DayLimits) -> None:
    """Raise PrescriptionRefused or PrescriptionTooLong for lines that may not stand."""
    wrong = {item.drug.code: why for item in items if (why := _problem(item.line))}
    if wrong:
        raise PrescriptionRefused(fields=wrong)
    for item in items:
        limit = limits.of(item.kind)
        if item.line.days > limit:
            too_long = {other.drug.code: TOO_LONG for other in items if other.line.days > limit}
            raise PrescriptionTooLong(fields=too_long, limit=limit)


def _problem(line: DrugLine) -> str:
    if line.quantity <= 0:
        return QUANTITY_ZERO
    if line.dose is None:
        return "" if line.directions.strip() and line.days >= 0 else DOSE_INCOMPLETE
    if line.dose <= 0 or line.times_per_day <= 0 or line.days <= 0:
        return DOSE_INCOMPLETE
    needed = line.dose * line.times_per_day * line.days
    # A part of a tablet or ampoule left over is dispensed whole.
    whole = needed.to_integral_value(ROUND_CEILING)
    return "" if needed <= line.quantity <= whole else QUANTITY_DIFFERS


def warnings_for(
    items: Sequence[Item],
    *,
    allergies: Sequence[Allergy],
    running: Sequence[MedicationLine],
    on: date,
) -> list[PrescriptionWarning]:
    """Return allergies and duplicates the doctor must look at."""
    found: list[PrescriptionWarning] = []
    seen: set[str] = set()
    for item in items:
        found.extend(
            _warning(WarningKind.ALLERGY, item, ALLERGIC, allergy.text)
            for allergy in allergies
            if _is_allergic(item, allergy)
        )
        if item.substance_code in seen:
            found.append(_warning(WarningKind.DUPLICATE, item, TWICE_HERE))
        seen.add(item.substance_code)
        for earlier in running:
            if earlier.substance_code == item.substance_code and _still_runs(earlier, on):
                found.append(_warning(WarningKind.DUPLICATE, item, TWICE_ELSEWHERE, earlier.name))
                break
    return found


def _is_allergic(item: Item, allergy: Allergy) -> bool:
    if allergy.code and allergy.code in (item.drug.code, item.substance_code):
        return True
    text = fold(allergy.text)
    substances = fold(str(item.drug.properties.get("substance") or item.drug.name_vi))
    for part in substances.split("+"):
        # Salts follow the substance ("amoxicilin trihydrat"), so its first word counts.
        words = part.split()
        if words and len(words[0]) > 3 and words[0] in text:
            return True
    return len(text) > 3 and text in substances


def _still_runs(line: MedicationLine, on: date) -> bool:
    if line.status != "active" or line.prescribed_at is None:
        return False
    return (on - local_date(line.prescribed_at)).days < line.days


def _warning(kind: WarningKind, item: Item, message: str, detail: str = "") -> PrescriptionWarning:
    return PrescriptionWarning(kind=kind, drug_code=item.drug.code, message=message, detail=detail)


def rounds_of(kind: PrescriptionKind, days: int, first_day: date) -> tuple[Round, ...]:
    """Return the rounds of a long narcotic prescription, none for any other.

    Source: Circular 26/2025/TT-BYT, narcotics for cancer patients.
    """
    longest = int(rules.limit("prescription.narcotic_cancer_round_days", first_day))
    if kind != PrescriptionKind.NARCOTIC or days <= longest:
        return ()
    found: list[Round] = []
    for number, start in enumerate(range(0, days, longest), 1):
        last = min(start + longest, days) - 1
        found.append(
            Round(
                number=number,
                first_day=first_day + timedelta(days=start),
                last_day=first_day + timedelta(days=last),
            )
        )
    return tuple(found)


def new_code(facility_code: str, kind: PrescriptionKind, on: date) -> str:
    """Return a new national code: facility, seven random letters, hyphen, kind.

    Source: Circular 26/2025/TT-BYT annex I (14 characters with the hyphen).
    """
    middle = "".join(secrets.choice(_ALPHABET) for _ in range(7))
    return f"{facility_code}{middle}-{code_letter(kind, on)}"


def code_letter(kind: PrescriptionKind, on: date) -> str:
    """Return the letter of a kind by the specification in force on that day."""
    in_force = [entry for entry in _specifications() if entry["valid_from"] <= on]
    newest = max(in_force or _specifications(), key=lambda entry: entry["valid_from"])
    return str(newest[_KIND_NAMES[kind]])


@lru_cache(maxsize=1)
def _specifications() -> list[dict[str, Any]]:
    path = resources.files("yba.care.orders").joinpath("data/prescription-codes.toml")
    return tomllib.loads(path.read_text("utf-8"))["specification"]
