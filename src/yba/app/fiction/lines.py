"""The lines of a fictitious visit: services, beds, drugs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from yba.app.fiction import findings
from yba.app.fiction.dice import Dice
from yba.app.fiction.model import (
    FictitiousDrugLine,
    FictitiousPerson,
    FictitiousResult,
    FictitiousServiceLine,
)
from yba.app.fiction.scenarios import (
    Finding,
    PossibleDrug,
    Scenario,
    bed_of,
    exam_of,
)
from yba.foundation.terminology.model import Concept

_ONE = Decimal(1)
_SURGERY, _EXAM = 8, 13
_NO_PERFORMER = ("exam", "bed", "transport", "other")
# Routes and forms of which one container lasts the whole course.
_CONTAINER_ROUTES = ("3.01", "3.05", "5.02", "5.07", "5.10", "6.01", "6.02", "6.04")
_CONTAINER_UNITS = ("chai", "lọ", "bút", "bình", "tuýp")
EXAMINATION = "K01"
# Departments that treat people who are not admitted: emergency, dialysis and the like.
_TREATING = ("K02", "K16", "K31", "K35")
_OXYGEN = "40.17.01"
_OXYGEN_LITRES = Decimal(720)
_LONGEST_WARD_COURSE = 10
_SECOND_EXAM = 0.06
_SHARED_BED = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """What all lines of one visit know."""

    dice: Dice
    scenario: Scenario
    person: FictitiousPerson
    arrived_at: datetime
    ended_at: datetime
    nights: int
    bed_days: int
    is_inpatient: bool
    is_day_patient: bool
    doctor: str
    has_exam: bool

    @property
    def department(self) -> str:
        """Return the department that treats: for most outpatients that of examination."""
        own = self.is_inpatient or self.scenario.department in _TREATING
        return self.scenario.department if own else EXAMINATION


def staff(department: str, number: int) -> str:
    """Return the licence of somebody in a department; none of them exists."""
    return f"{int(department[1:3]) * 100 + number:06}/YBA-GPHN"


def _service_line(
    case: Case,
    concept: Concept,
    *,
    ordered_at: datetime,
    minutes: int = 0,
    results: tuple[FictitiousResult, ...] = (),
    quantity: Decimal = _ONE,
    ratio: int = 100,
    bed: str = "",
    result_at: datetime | None = None,
) -> FictitiousServiceLine:
    properties = concept.properties
    kind = str(properties["kind"])
    department = str(properties["department"])
    is_surgery = properties["cost_group"] == _SURGERY
    return FictitiousServiceLine(
        code=concept.code,
        name=concept.name_vi,
        unit=str(properties["unit"]),
        cost_group=int(properties["cost_group"]),
        kind=kind,
        quantity=quantity,
        price=int(properties["price"]),
        insurance_price=int(properties["insurance_price"]),
        is_covered=bool(properties["is_covered"]),
        payment_ratio=ratio,
        department=EXAMINATION
        if kind == "exam"
        else case.department
        if kind in ("bed", "procedure")
        else department,
        orderer=case.doctor,
        performer=_performer(kind, department),
        bed=bed,
        anaesthesia=("1" if case.dice.chance(0.6) else "2") if is_surgery else "",
        ordered_at=ordered_at,
        done_at=ordered_at + timedelta(minutes=minutes),
        result_at=result_at,
        results=results,
    )


def _performer(kind: str, department: str) -> str:
    """Return who does it; an operation has a surgeon and an anaesthetist."""
    if kind in _NO_PERFORMER:
        return ""
    first = staff(department, 7)
    return f"{first};{staff('K26', 3)}" if kind == "surgery" else first


def _at(case: Case, step: int, day: int) -> datetime:
    """Return when the step-th order of a day is written, inside the visit."""
    at = case.arrived_at + timedelta(days=day, minutes=12 + 4 * step)
    return min(at, case.ended_at - timedelta(minutes=45))


def _tested(case: Case, concept: Concept, found: Mapping[str, Finding], step: int, day: int):
    ordered = _at(case, step, day)
    kind = str(concept.properties["kind"])
    waiting = {"lab": 35, "imaging": 20, "function": 20, "surgery": 40}.get(kind, 10)
    result_at: datetime | None = min(
        ordered + timedelta(minutes=waiting + case.dice.below(20)), case.ended_at
    )
    results: tuple[FictitiousResult, ...] = ()
    if kind == "lab":
        results = findings.laboratory(
            case.dice, service=concept, person=case.person, findings=found, at=result_at
        )
    return ordered, result_at, results


def services(case: Case) -> tuple[FictitiousServiceLine, ...]:
    """Return exam, tests, operations and beds of a visit in the order of time."""
    found: list[FictitiousServiceLine] = []
    if case.has_exam:
        found += _exams(case)
    deviations = {
        item.index: item for item in case.scenario.findings if case.dice.chance(item.chance)
    }
    reading = case.scenario.reading
    seen: set[str] = set()
    for step, possible in enumerate(case.scenario.services):
        if not case.dice.chance(possible.chance):
            continue
        concept = possible.concept
        is_repeat = concept.code in seen
        if is_repeat and not case.nights:
            continue
        seen.add(concept.code)
        day = min(case.nights, 2 + case.dice.below(2)) if is_repeat else 0
        is_surgery = concept.properties["cost_group"] == _SURGERY
        if is_surgery and case.nights > 1:
            day = 1
        ordered, result_at, results = _tested(case, concept, deviations, step, day)
        kind = concept.properties["kind"]
        if kind in ("imaging", "function"):
            text, reading = (reading, "") if kind == "imaging" else ("", reading)
            results = findings.reading(concept, text, result_at)
        found.append(
            _service_line(
                case,
                concept,
                ordered_at=ordered,
                minutes=5,
                results=results,
                result_at=result_at if results or is_surgery else None,
            )
        )
    if case.bed_days:
        found.append(_bed(case))
    return tuple(sorted(found, key=lambda line: line.ordered_at))


def _exams(case: Case) -> list[FictitiousServiceLine]:
    first = exam_of(case.scenario.department)
    lines = [_service_line(case, first, ordered_at=case.arrived_at, minutes=10)]
    if not case.is_inpatient and case.dice.chance(_SECOND_EXAM):
        other = exam_of(case.dice.pick(("K04", "K05", "K06", "K28", "K30")))
        if other.code != first.code:
            at = _at(case, 20, 0)
            lines.append(_service_line(case, other, ordered_at=at, minutes=10, ratio=30))
    return lines


def _bed(case: Case) -> FictitiousServiceLine:
    concept = bed_of(case.scenario.department, is_day_bed=case.is_day_patient)
    is_shared = not case.is_day_patient and case.dice.chance(_SHARED_BED)
    return _service_line(
        case,
        concept,
        ordered_at=min(case.arrived_at + timedelta(minutes=60), case.ended_at),
        quantity=Decimal(case.bed_days),
        ratio=50 if is_shared else 100,
        bed=f"H{case.dice.between(1, 240):03}",
        result_at=case.ended_at,
    )


# --- Drugs ---------------------------------------------------------------------


def _lasts_a_course(concept: Concept) -> bool:
    properties = concept.properties
    return properties["route"] in _CONTAINER_ROUTES or (
        properties["route"] in ("1.01", "2.02") and properties["unit"] in _CONTAINER_UNITS
    )


def _quantity(concept: Concept, days: int) -> Decimal:
    properties = concept.properties
    if concept.code == _OXYGEN:
        return _OXYGEN_LITRES
    if _lasts_a_course(concept):
        return _ONE
    per_take = Decimal(str(properties["per_take"]))
    # A weekly drug is listed as one take a day for the number of weeks.
    return per_take * int(properties["times_a_day"]) * days


def _drug_line(
    case: Case, concept: Concept, *, days: int, at: datetime, is_prescribed: bool
) -> FictitiousDrugLine:
    properties = concept.properties
    quantity = _quantity(concept, days)
    # A container that lasts a course counts as one take.
    is_one_take = _lasts_a_course(concept) or concept.code == _OXYGEN
    return FictitiousDrugLine(
        code=concept.code,
        substance_code=str(properties["substance_code"]),
        name=concept.name_vi,
        substance=str(properties["substance"]),
        strength=str(properties["strength"]),
        form=str(properties["form"]),
        unit=str(properties["unit"]),
        route=str(properties["route"]),
        registration=str(properties["registration"]),
        cost_group=int(properties["cost_group"]),
        control=str(properties["control"]),
        quantity=quantity,
        price=int(properties["price"]),
        insurance_ratio=int(properties["insurance_ratio"]),
        per_take=quantity if is_one_take else Decimal(str(properties["per_take"])),
        times_a_day=1 if is_one_take else int(properties["times_a_day"]),
        days=1 if is_one_take else days,
        dose=str(properties["dose"]),
        department=case.department,
        orderer=case.doctor,
        ordered_at=at,
        is_prescribed=is_prescribed,
    )


def drugs(case: Case, *, days: int) -> tuple[FictitiousDrugLine, ...]:
    """Return what is given on the ward, day by day, and what is taken home.

    `days` is the length of a prescription. Narcotic and psychotropic drugs
    are only given on the ward: they never share a prescription with others.
    """
    is_child = case.person.age_years(case.arrived_at.date()) < 12
    chosen = [
        drug
        for drug in case.scenario.drugs
        if drug.fits(is_child=is_child) and case.dice.chance(drug.chance)
    ]
    found: list[FictitiousDrugLine] = []
    for drug in chosen:
        if case.is_inpatient and not drug.is_to_take_home:
            found += _given(case, drug)
        elif not drug.is_for_ward or _is_given_at_visit(case, drug):
            found += _taken(case, drug, days)
    if case.is_inpatient and case.nights:
        found += [line for drug in chosen if _continues(drug) for line in _taken(case, drug, 5)]
    return tuple(sorted(found, key=lambda line: (line.ordered_at, line.code)))


def _is_given_at_visit(case: Case, drug: PossibleDrug) -> bool:
    """Injections of an outpatient visit (serum, anaesthetic, dialysis) are given there."""
    return drug.is_for_ward and bool(case.scenario.injury or case.scenario.department == "K35")


def _continues(drug: PossibleDrug) -> bool:
    """Tell whether a ward drug is also taken home: tablets that are not ward-only."""
    return (
        not drug.is_for_ward
        and not drug.is_to_take_home
        and drug.concept.properties["control"] == "none"
        and drug.concept.properties["route"] == "1.01"
    )


def _given(case: Case, drug: PossibleDrug) -> Sequence[FictitiousDrugLine]:
    if _lasts_a_course(drug.concept) or drug.concept.code == _OXYGEN:
        length = 1
    else:
        length = min(case.nights + 1, int(drug.concept.properties["days"]), _LONGEST_WARD_COURSE)
    return [
        _drug_line(case, drug.concept, days=1, at=_at(case, 25, day), is_prescribed=False)
        for day in range(max(1, length))
    ]


def _taken(case: Case, drug: PossibleDrug, days: int) -> Sequence[FictitiousDrugLine]:
    concept = drug.concept
    at = case.ended_at if case.is_inpatient else _at(case, 30, 0)
    if concept.properties["control"] != "none":
        return []
    if drug.is_for_ward or (concept.properties["route"].startswith("2") and not _at_home(concept)):
        return [_drug_line(case, concept, days=1, at=at, is_prescribed=False)]
    length = min(days, int(concept.properties["days"])) if days < 28 else _long(concept, days)
    return [_drug_line(case, concept, days=length, at=at, is_prescribed=True)]


def _at_home(concept: Concept) -> bool:
    """Insulin is the only injection that people give themselves here."""
    return str(concept.properties["atc"]).startswith("A10A")


def _long(concept: Concept, days: int) -> int:
    return days if int(concept.properties["days"]) >= 28 else int(concept.properties["days"])
