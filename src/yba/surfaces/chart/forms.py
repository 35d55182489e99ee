"""What the chart's forms carry, to and from the shapes of visits and orders. Pure.

Rows keep their order: the first diagnosis is the main one. A comma counts as
decimal point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from yba.care.encounters.model import (
    Allergy,
    Closing,
    DiagnosisEntry,
    Examination,
    FollowUp,
    VisitView,
    VitalSigns,
)
from yba.care.orders.model import DrugLine, ServiceLine
from yba.foundation.parties.errors import BirthDateUnreadable
from yba.foundation.parties.model import parse_birth_date
from yba.kernel.refusal import Unusable
from yba.plumbing.i18n import N_

Pairs = Sequence[tuple[str, str]]
VITALS = (
    "pulse",
    "temperature",
    "systolic",
    "diastolic",
    "breaths",
    "saturation",
    "weight",
    "height",
)
NOTES = (
    "reason",
    "history",
    "past_history",
    "findings",
    "course",
    "preliminary_diagnosis",
    "plan",
)
_NOT_A_NUMBER = N_("Write a number.")
_NOT_A_DATE = N_("Write day/month/year, for instance 05/09/1990.")


@dataclass(frozen=True)
class DiagnosisRow:
    """One diagnosis as the form shows it."""

    code: str
    name: str
    text: str = ""


@dataclass(frozen=True)
class Note:
    """The doctor's note as typed: what to show again, and what to save."""

    examination: Examination = field(default_factory=Examination)
    vitals: dict[str, str] = field(default_factory=dict[str, str])
    diagnoses: tuple[DiagnosisRow, ...] = ()
    follow_up_on: str = ""
    follow_up_reason: str = ""
    allergy: Allergy | None = None
    confirmed: bool = False

    def vital_signs(self) -> VitalSigns | None:
        """Return what was measured, None if nothing. Raises Unusable for what is no number."""
        problems: dict[str, str] = {}
        numbers = {name: _number(text, name, problems) for name, text in self.vitals.items()}
        if problems:
            raise Unusable(fields=problems)
        measured = {name: value for name, value in numbers.items() if value is not None}
        return VitalSigns(**measured) if measured else None

    def diagnosis_entries(self) -> list[DiagnosisEntry]:
        """Return the diagnoses, main first."""
        return [DiagnosisEntry(code=row.code, text=row.text) for row in self.diagnoses]

    def follow_up(self) -> FollowUp | None:
        """Return when to come again. Raises Unusable for what is no date."""
        if not self.follow_up_on:
            return None
        try:
            on = date.fromisoformat(parse_birth_date(self.follow_up_on))
            return FollowUp(on=on, reason=self.follow_up_reason)
        except (BirthDateUnreadable, ValueError):
            raise Unusable(fields={"follow_up_on": _NOT_A_DATE}) from None


def note_of(visit: VisitView) -> Note:
    """Return the note as it stands in the record; measurements start empty."""
    follow_up = visit.follow_up
    return Note(
        examination=visit.examination,
        diagnoses=tuple(
            DiagnosisRow(d.code, d.name, "" if d.text == d.name else d.text)
            for d in visit.diagnoses
        ),
        follow_up_on=follow_up.on.strftime("%d/%m/%Y") if follow_up else "",
        follow_up_reason=follow_up.reason if follow_up else "",
    )


def read_note(pairs: Pairs) -> Note:
    """Return the note that was sent."""
    one = dict(pairs)
    return Note(
        examination=Examination(**{name: _text(one.get(name, "")) for name in NOTES}),
        vitals={name: one.get(name, "") for name in VITALS},
        diagnoses=_diagnoses(pairs, one),
        follow_up_on=one.get("follow_up_on", ""),
        follow_up_reason=one.get("follow_up_reason", ""),
        allergy=_allergy(one),
        confirmed=one.get("confirmed_note") == "yes",
    )


def _allergy(one: dict[str, str]) -> Allergy | None:
    text = one.get("allergy", "").strip()
    if not text:
        return None
    return Allergy(allergy_id="", code="", text=text, criticality=one.get("criticality", ""))


def _diagnoses(pairs: Pairs, one: dict[str, str]) -> tuple[DiagnosisRow, ...]:
    rows = [
        DiagnosisRow(row["diagnosis"], row.get("diagnosis_name", ""), row.get("diagnosis_note", ""))
        for row in rows_of(pairs, "diagnosis", ("diagnosis_name", "diagnosis_note"))
    ]
    # Without scripts the search box itself carries a code.
    typed = one.get("add_diagnosis") or one.get("add_diagnosis_text", "").split(" ")[0]
    if typed and typed.upper() not in {row.code for row in rows}:
        rows.append(DiagnosisRow(typed.upper(), ""))
    return tuple(rows)


def rows_of(pairs: Pairs, first: str, rest: Sequence[str]) -> list[dict[str, str]]:
    """Return repeated groups of fields; each group begins with a non-empty `first`."""
    rows: list[dict[str, str]] = []
    for name, value in pairs:
        if name == first:
            rows.append({first: value})
        elif name in rest and rows:
            rows[-1][name] = value
    return [row for row in rows if row[first]]


SERVICE_FIELDS = ("service_name", "service_quantity", "service_note", "service_urgent")
DRUG_FIELDS = (
    "drug_name",
    "drug_detail",
    "dose",
    "times",
    "days",
    "quantity",
    "when",
    "directions",
)


def basket_of(pairs: Pairs) -> list[dict[str, str]]:
    """Return the rows as they were sent, to show them again."""
    return rows_of(pairs, "service", SERVICE_FIELDS) + rows_of(pairs, "drug", DRUG_FIELDS)


def read_services(pairs: Pairs) -> list[ServiceLine]:
    """Return the basket. Raises Unusable if it is empty or a quantity is no number."""
    problems: dict[str, str] = {}
    lines = [
        ServiceLine(
            service_code=row["service"],
            quantity=_number(row.get("service_quantity") or "1", "quantity", problems)
            or Decimal(1),
            note=row.get("service_note", ""),
            urgent=row.get("service_urgent") == "yes",
        )
        for row in rows_of(pairs, "service", SERVICE_FIELDS)
    ]
    if problems or not lines:
        raise Unusable(fields=problems or {"service": N_("Choose at least one service.")})
    return lines


def read_drugs(pairs: Pairs) -> list[DrugLine]:
    """Return the prescription. Raises Unusable if it is empty or a number cannot be read."""
    problems: dict[str, str] = {}
    lines = [
        DrugLine(
            drug_code=row["drug"],
            quantity=_number(row.get("quantity", ""), "quantity", problems) or Decimal(0),
            dose=_number(row.get("dose", ""), "dose", problems),
            times_per_day=int(_number(row.get("times", ""), "times", problems) or 0),
            days=int(_number(row.get("days", ""), "days", problems) or 0),
            when=row.get("when", ""),
            directions=row.get("directions", ""),
        )
        for row in rows_of(pairs, "drug", DRUG_FIELDS)
    ]
    if problems or not lines:
        raise Unusable(fields=problems or {"drug": N_("Choose at least one drug.")})
    return lines


def read_closing(pairs: Pairs) -> Closing:
    """Return how the visit ended."""
    one = dict(pairs)
    return Closing(
        outcome=one.get("outcome", "2"),
        discharge_type=one.get("discharge_type", "1"),
        treatment=_text(one.get("treatment", "")),
        advice=_text(one.get("advice", "")),
    )


def _number(text: str, name: str, problems: dict[str, str]) -> Decimal | None:
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or not 0 <= number < 1_000_000:
        problems[name] = _NOT_A_NUMBER
        return None
    return number


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
