"""From the visit to the terms of its cover."""

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from yba.care.encounters import service as encounters
from yba.foundation.audit import service as audit
from yba.foundation.parties.model import HealthInsurance
from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM, local, local_date
from yba.kernel.refusal import AccessRefused
from yba.money.charging import store
from yba.money.charging.model import (
    INPATIENT_CARE,
    ZERO,
    Card,
    CoPaid,
    CoverageTerms,
    VisitFacts,
)
from yba.plumbing.database import Tx

_BILLING = ("cashier.read", "payments.read", "claims.read")


async def visit_facts(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> VisitFacts:
    """Return what charging needs of a visit; cover counts up to its end, or to `at`.

    Raises VisitNotFound.
    """
    # The till does not see the record; the split of a bill needs the visit's card and category.
    reader = actor.for_facility() if any(map(actor.may, _BILLING)) else actor
    visit = await encounters.visit(tx, actor=reader, encounter_id=encounter_id, at=at)
    noted = await store.cover(tx, encounter_id) or {}
    ended_at = visit.closed_at or at
    insurance = visit.insurance
    cards = [card_of(insurance)] if insurance is not None and insurance.number else []
    cards += [_noted_card(given) for given in noted.get("more_cards", [])]
    free_from = insurance.copayment_free_from if insurance else None
    terms = CoverageTerms(
        category=visit.patient_category,
        is_inpatient=visit.care_type in INPATIENT_CARE,
        arrived_at=visit.opened_at,
        ended_at=ended_at,
        cards=tuple(cards),
        original_category=noted.get("original_category", ""),
        five_years_on=insurance.five_years_on if insurance else None,
        exempt_from=_midnight(free_from) if free_from else None,
        co_paid=tuple(await _co_paid(tx, visit.patient_id, encounter_id, ended_at, noted)),
    )
    return VisitFacts(
        encounter_id=encounter_id,
        patient_id=visit.patient_id,
        patient_name=visit.patient_name,
        facility_code=visit.facility_code,
        department=visit.department_code,
        is_closed=visit.closed_at is not None,
        terms=terms,
        patient_number=visit.patient_number,
        birth_date=visit.birth_date,
        sex=visit.sex,
        clinic_name=visit.clinic_name,
        co_paid_elsewhere=Decimal(noted.get("co_paid_elsewhere", 0)),
    )


def card_of(insurance: HealthInsurance) -> Card:
    """Return the card that the desk took down."""
    return Card(
        number=insurance.number,
        valid_from=insurance.valid_from or date.min,
        valid_to=insurance.valid_to,
        registered_at=insurance.registered_facility,
        benefit_digit=insurance.benefit_digit,
    )


async def note_cover(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    at: datetime,
    original_category: str = "",
    co_paid_elsewhere: Decimal = ZERO,
    more_cards: tuple[Card, ...] = (),
) -> None:
    """Note what the visit itself does not say: a second card, co-payments made elsewhere.

    Raises AccessRefused for whoever is neither at the desk nor at the till.
    """
    if not (actor.may("cashier.take") or actor.may("desk.register")):
        raise AccessRefused
    cards = [
        {name: str(value) for name, value in asdict(card).items() if value not in (None, "")}
        for card in more_cards
    ]
    await store.add_cover(tx, encounter_id, original_category, co_paid_elsewhere, cards, at, actor)
    await audit.record(
        tx,
        actor=actor,
        action="U",
        what="charging.note_cover",
        references=[f"Encounter/{encounter_id}"],
        at=at,
        purpose="HPAYMT",
    )


def _noted_card(given: dict[str, Any]) -> Card:
    shown = given.get("shown_at")
    until = given.get("valid_to")
    return Card(
        number=given["number"],
        valid_from=date.fromisoformat(given["valid_from"]),
        valid_to=date.fromisoformat(until) if until else None,
        registered_at=given.get("registered_at", ""),
        shown_at=datetime.fromisoformat(shown) if shown else None,
        benefit_digit=given.get("benefit_digit", ""),
    )


async def _co_paid(
    tx: Tx, patient_id: str, encounter_id: str, ended_at: datetime, noted: dict[str, Any]
) -> list[CoPaid]:
    """Return this year's co-payments: our own invoices, and what was noted from elsewhere."""
    year = local(ended_at).year
    start = datetime(year, 1, 1, tzinfo=VIETNAM)
    paid = await store.co_paid(tx, patient_id, encounter_id, start, ended_at)
    elsewhere = Decimal(noted.get("co_paid_elsewhere", 0))
    return [*paid, CoPaid(local_date(ended_at), elsewhere)] if elsewhere else paid


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
