"""Fictitious visits: everything about one follows from a seed and a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from yba.app.fiction import findings, lines
from yba.app.fiction.cards import HOME_FACILITY, OTHER_FACILITIES, card_on
from yba.app.fiction.categories import category
from yba.app.fiction.dice import VISIT, Dice, Weighted
from yba.app.fiction.model import (
    FictitiousCard,
    FictitiousDiagnosis,
    FictitiousNote,
    FictitiousPerson,
    FictitiousVisit,
    FictitiousVitals,
)
from yba.app.fiction.people import birth_date
from yba.app.fiction.people import person as person_of
from yba.app.fiction.scenarios import Scenario, for_whom
from yba.kernel.clock import VIETNAM, local_date

FIRST_DAY, LAST_DAY = date(2026, 1, 5), date(2026, 10, 31)
_PERSONS = 1_000_000
_NEWBORN_DAYS = 28
_TRIES = 40
# How often people of an age come, against the oldest.
_COMING = ((6, 0.8), (18, 0.35), (40, 0.45), (60, 0.7), (200, 1.0))
_OUTCOMES = Weighted.of({"1": 30.0, "2": 62.0, "3": 5.0, "4": 2.0, "6": 0.6, "5": 0.4})
_PICK_UP = 0.06
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was decided about a visit before anything is written."""

    person: FictitiousPerson
    scenario: Scenario
    card: FictitiousCard | None
    category: str
    care_type: str
    arrived_at: datetime
    ended_at: datetime
    nights: int
    days: int

    @property
    def is_inpatient(self) -> bool:
        return self.care_type in ("03", "04", "09")


def visit(
    seed: int,
    number: int,
    *,
    facility: str = HOME_FACILITY,
    persons: int = _PERSONS,
    first_day: date = FIRST_DAY,
    last_day: date = LAST_DAY,
) -> FictitiousVisit:
    """Return the visit of that number at a facility, one of `persons` people's."""
    dice = Dice(seed, VISIT, number)
    day = first_day + timedelta(days=dice.below((last_day - first_day).days + 1))
    person = _who(dice, seed, persons, day)
    scenario = _what(dice, person, day)
    plan = _plan(dice, person, scenario, day, facility)
    doctor = lines.staff(scenario.department, 1 + dice.below(5))
    case = lines.Case(
        dice=dice,
        scenario=scenario,
        person=person,
        arrived_at=plan.arrived_at,
        ended_at=_care_ends(plan),
        nights=plan.nights,
        bed_days=_bed_days(plan),
        is_inpatient=plan.is_inpatient,
        is_day_patient=plan.care_type == "04",
        doctor=doctor,
        has_exam=plan.care_type != "07",
    )
    drugs = lines.drugs(case, days=plan.days)
    services = () if plan.care_type == "07" else lines.services(case)
    return _written(dice, seed, number, facility, plan, case, services, drugs)


def _who(dice: Dice, seed: int, persons: int, day: date) -> FictitiousPerson:
    """Return somebody who was born by then; the young and the old come more often."""
    number = 0
    for _ in range(_TRIES):
        number = dice.below(persons)
        born = birth_date(seed, number)
        age = (day - born).days // 365
        coming = next(share for years, share in _COMING if age < years)
        if born < day and dice.chance(coming):
            break
    return person_of(seed, number)


def _what(dice: Dice, person: FictitiousPerson, day: date) -> Scenario:
    is_newborn = person.age_days(day) <= _NEWBORN_DAYS
    age = min(95, person.age_years(day))
    return dice.weighted(for_whom(day.month, person.sex, age, is_newborn))


def _plan(
    dice: Dice, person: FictitiousPerson, scenario: Scenario, day: date, facility: str
) -> _Plan:
    is_newborn = scenario.is_newborns
    admitted = dice.chance(scenario.inpatient)
    is_pick_up = scenario.is_chronic and not admitted and dice.chance(_PICK_UP)
    card = card_on(person.card, day)
    patient_category = category(
        dice,
        card=card,
        facility=facility,
        is_inpatient=admitted,
        is_newborn=is_newborn,
        is_pick_up=is_pick_up,
        department=scenario.department,
    )
    is_pick_up = is_pick_up and card is not None
    nights = max(1, round(scenario.nights * dice.real(0.6, 1.4))) if admitted else 0
    care_type = _care_type(dice, scenario, admitted=admitted, is_pick_up=is_pick_up)
    if care_type in ("04", "09"):
        nights = 0
    days = 28 if scenario.is_chronic and not admitted else 7
    arrived = _arrival(dice, day, is_urgent=patient_category == "2" or admitted)
    if care_type in ("05", "07"):
        ended = _end_of_day(arrived, days - 1)
    elif care_type == "02":
        ended = _end_of_day(arrived, 0)
    elif care_type == "09":
        ended = arrived + timedelta(minutes=dice.between(150, 230))
    elif nights:
        ended = _morning(arrived, nights) + timedelta(minutes=dice.below(180))
    else:
        ended = arrived + timedelta(minutes=dice.between(110, 330))
    return _Plan(person, scenario, card, patient_category, care_type, arrived, ended, nights, days)


def _care_type(dice: Dice, scenario: Scenario, *, admitted: bool, is_pick_up: bool) -> str:
    if admitted:
        if scenario.department == "K33" and dice.chance(0.3):
            return "04"
        return "09" if dice.chance(0.01) else "03"
    if is_pick_up:
        return "07"
    if scenario.department == "K35":
        return "08"
    if scenario.department in ("K16", "K31"):
        return "02"
    return "05" if scenario.is_chronic else "01"


def _arrival(dice: Dice, day: date, *, is_urgent: bool) -> datetime:
    if is_urgent and dice.chance(0.4):
        clock = time(dice.below(24), dice.below(60))
    else:
        while day.weekday() == 6:
            day -= timedelta(days=1)
        minute = min(dice.below(540), dice.below(540))  # most come early
        clock = time(7 + minute // 60, minute % 60)
    return datetime.combine(day, clock, tzinfo=VIETNAM).astimezone(UTC)


def _end_of_day(at: datetime, days: int) -> datetime:
    """Return 23:59 in Vietnam so many days later (claim rule of types 02, 05 and 07)."""
    day = at.astimezone(VIETNAM).date() + timedelta(days=days)
    return datetime.combine(day, time(23, 59), tzinfo=VIETNAM).astimezone(UTC)


def _morning(at: datetime, nights: int) -> datetime:
    day = at.astimezone(VIETNAM).date() + timedelta(days=nights)
    return datetime.combine(day, time(8, 30), tzinfo=VIETNAM).astimezone(UTC)


def _admitted(plan: _Plan) -> datetime | None:
    return plan.arrived_at + timedelta(minutes=30) if plan.is_inpatient else None


def _bed_days(plan: _Plan) -> int:
    """Return the days a bed is charged: none for a stay under four hours."""
    admitted = _admitted(plan)
    if admitted is None or plan.care_type == "09":
        return 0
    return max(1, (local_date(plan.ended_at) - local_date(admitted)).days)


def _care_ends(plan: _Plan) -> datetime:
    """Return when the last order may be written: the course of drugs runs on at home."""
    if plan.care_type in ("02", "05", "07"):
        return min(plan.ended_at, plan.arrived_at + timedelta(hours=4))
    return plan.ended_at


def _diagnoses(dice: Dice, scenario: Scenario) -> tuple[FictitiousDiagnosis, ...]:
    main = scenario.diagnosis
    found = [FictitiousDiagnosis(main.code, main.name_vi, is_main=True)]
    for item in scenario.secondary:
        if dice.chance(item.chance):
            concept = item.concept
            found.append(FictitiousDiagnosis(concept.code, concept.name_vi, is_main=False))
    return tuple(found)


def _vitals(dice: Dice, plan: _Plan) -> tuple[FictitiousVitals, ...]:
    """Return the signs at arrival and on each morning of a stay, calming down."""
    moments = [plan.arrived_at + timedelta(minutes=5)]
    moments += [_morning(plan.arrived_at, day) for day in range(1, plan.nights + 1)]
    last = len(moments)
    return tuple(
        findings.vitals(
            dice,
            person=plan.person,
            pattern=plan.scenario.pattern,
            at=at,
            share=1 - place / last,
        )
        for place, at in enumerate(moments)
        if at <= plan.ended_at
    )


def _notes(plan: _Plan, signs: Sequence[FictitiousVitals], doctor: str) -> Sequence[FictitiousNote]:
    reason = plan.scenario.reason
    first = FictitiousNote(
        plan.arrived_at + timedelta(minutes=15),
        f"Người bệnh tỉnh, tiếp xúc tốt. {reason}. Mạch {signs[0].pulse} lần/phút, "
        f"nhiệt độ {_comma(signs[0].temperature)} °C.",
        doctor,
    )
    later = [
        FictitiousNote(
            min(sign.at + timedelta(minutes=20), plan.ended_at),
            f"Ngày thứ {place + 1}: triệu chứng giảm, nhiệt độ {_comma(sign.temperature)} °C. "
            "Tiếp tục điều trị.",
            doctor,
        )
        for place, sign in enumerate(signs[1:], start=1)
    ]
    return [first, *later]


def _comma(number: Decimal) -> str:
    return f"{number:f}".replace(".", ",")


def _written(
    dice: Dice,
    seed: int,
    number: int,
    facility: str,
    plan: _Plan,
    case: lines.Case,
    services: tuple[lines.FictitiousServiceLine, ...],
    drugs: tuple[lines.FictitiousDrugLine, ...],
) -> FictitiousVisit:
    scenario, person = plan.scenario, plan.person
    diagnoses = _diagnoses(dice, scenario)
    signs = _vitals(dice, plan)
    outcome = dice.weighted(_OUTCOMES) if plan.is_inpatient else "2"
    is_moved = outcome in ("3", "4") and dice.chance(0.5)
    arrived = plan.arrived_at.astimezone(VIETNAM).date()
    is_referred = plan.category in ("1.3", "1.5")
    departments = (case.department,)
    if plan.is_inpatient:
        departments = (lines.EXAMINATION, scenario.department)
    takes_home = any(line.is_prescribed for line in drugs)
    letters = "".join(dice.pick(_LETTERS) for _ in range(7))
    is_birth = scenario.diagnosis.code in ("O80.0", "O82.0")
    return FictitiousVisit(
        key=f"F{seed}-{number:09}",
        number=number,
        facility=facility,
        person=person,
        card=plan.card if plan.category != "9" else None,
        record_number=f"{arrived:%y}.{number:08}",
        category=plan.category,
        care_type=plan.care_type,
        arrived_at=plan.arrived_at,
        admitted_at=_admitted(plan),
        ended_at=plan.ended_at,
        reason=scenario.reason,
        admission_reason=scenario.reason if plan.is_inpatient else "",
        diagnosis_on_arrival=diagnoses[0].name,
        diagnoses=diagnoses,
        departments=departments,
        doctor=case.doctor,
        head_licence="000001/YBA-GPHN",
        sender=dice.pick(OTHER_FACILITIES) if is_referred else "",
        receiver=dice.pick(OTHER_FACILITIES) if is_moved else "",
        slip=f"{'GCT' if plan.category == '1.3' else 'GHK'}-{number:07}" if is_referred else "",
        injury=scenario.injury,
        treatment="Ngoại khoa" if any(line.cost_group == 8 for line in services) else "Nội khoa",
        advice=_advice(scenario, takes_home=takes_home),
        outcome=outcome,
        leaving="2" if is_moved else "4" if outcome == "6" else "1",
        re_exam_on=arrived + timedelta(days=28) if plan.days >= 28 else None,
        exempt_from=_exemption(dice, plan.card, arrived),
        baby_weights_g=(dice.between(260, 380) * 10,) if is_birth else (),
        vitals=signs,
        services=services,
        drugs=drugs,
        notes=tuple(_notes(plan, signs, case.doctor)),
        prescription_code=f"{facility}{letters}-C" if takes_home else "",
    )


def _advice(scenario: Scenario, *, takes_home: bool) -> str:
    if scenario.is_chronic:
        return "Uống thuốc đều, ăn nhạt, tập thể dục nhẹ; tái khám đúng hẹn."
    if takes_home:
        return "Uống thuốc theo đơn; tái khám ngay khi có dấu hiệu bất thường."
    return "Theo dõi tại nhà; tái khám khi có dấu hiệu bất thường."


def _exemption(dice: Dice, card: FictitiousCard | None, day: date) -> date | None:
    """Few have paid six base salaries after five continuous years of insurance."""
    if card is None or card.benefit_digit not in (3, 4) or card.five_years_on is None:
        return None
    if card.five_years_on > day or not dice.chance(0.04):
        return None
    start = date(day.year, 1, 1)
    return start + timedelta(days=dice.below(max(1, (day - start).days)))
