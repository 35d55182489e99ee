"""The pages of a citizen. Each one is about the person who signed in, nobody else."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from yba.care.documents import service as documents
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitState
from yba.care.orders import service as orders
from yba.care.scheduling import service as scheduling
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import ACTIONS, PURPOSES
from yba.foundation.parties import service as parties
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import AccessRefused, Conflict, Refusal
from yba.money.charging import service as charging
from yba.money.charging.model import Bill
from yba.money.payments import model as payments_model
from yba.money.payments import service as payments
from yba.plumbing.database import Tx
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, actor_of, form, render, see_other, state_of, transaction
from yba.surfaces.citizen import model

_PERMISSION = "citizen.self"
_TRACES = 200


def _own_patient(request: Request) -> str:
    """Return the record of the person who signed in. Raises AccessRefused if she has none."""
    patient_id = actor_of(request).patient_id
    if patient_id is None:
        raise AccessRefused
    return patient_id


async def home(request: Request) -> Response:
    """Show the next step, and the last visits."""
    patient_id, actor, now = _own_patient(request), actor_of(request), utc_now()
    async with transaction(request) as tx:
        visits = await encounters.visits_of_patient(tx, actor=actor, patient_id=patient_id, at=now)
        going_on = model.open_visit(visits)
        ticket = (
            await scheduling.ticket_of_visit(tx, encounter_id=going_on.encounter_id)
            if going_on
            else None
        )
        finished = model.last_finished(visits)
        money = await _money(tx, actor, finished.encounter_id) if finished else None
    return render(
        request,
        "citizen/home.html",
        part="home",
        next=model.next_step(visits, ticket, money.to_pay if money else 0),
        visits=visits[:3],
    )


async def record(request: Request) -> Response:
    """Show every visit, newest first."""
    patient_id, actor = _own_patient(request), actor_of(request)
    async with transaction(request) as tx:
        visits = await encounters.visits_of_patient(
            tx, actor=actor, patient_id=patient_id, at=utc_now()
        )
    return render(request, "citizen/record.html", part="record", visits=visits)


async def visit(request: Request) -> Response:
    """Show one visit: what was found, prescribed, signed and paid."""
    actor, encounter_id = actor_of(request), request.path_params["encounter_id"]
    _own_patient(request)
    async with transaction(request) as tx:
        found = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=utc_now())
        ticket = await scheduling.ticket_of_visit(tx, encounter_id=encounter_id)
        money = await _money(tx, actor, encounter_id)
        return render(
            request,
            "citizen/visit.html",
            part="record",
            visit=found,
            ticket=ticket,
            prescriptions=await orders.prescriptions_of(
                tx, actor=actor, encounter_id=encounter_id, at=utc_now()
            ),
            documents=await documents.documents_of(tx, actor=actor, encounter_id=encounter_id),
            money=money,
        )


@dataclass(frozen=True)
class _Money:
    """What a visit costs this person, what is paid, and how to pay the rest."""

    statement: Bill | None
    bill: payments_model.Bill | None
    request: payments_model.PaymentRequest | None
    receipts: list[payments_model.Receipt]
    to_pay: int


async def _money(tx: Tx, actor: Actor, encounter_id: str) -> _Money:
    now = utc_now()
    try:
        statement = await charging.statement(tx, encounter_id=encounter_id, actor=actor, at=now)
    except Refusal:
        # Terms of cover that cannot be used yet are the desk's business, not hers.
        statement = None
    bill = await payments.bill_of(tx, bill_id=encounter_id)
    waiting = await payments.open_request(tx, bill_id=encounter_id) if bill else None
    owed = statement.dong.patient if statement and statement.lines else 0
    return _Money(
        statement=statement if statement and statement.lines else None,
        bill=bill,
        request=waiting if waiting and waiting.expires_at > now else None,
        receipts=await payments.receipts_of(tx, bill_id=encounter_id) if bill else [],
        to_pay=max(owed - bill.paid, 0) if bill else owed,
    )


async def pay(request: Request) -> Response:
    """Ask for a QR that pays what is left of the bill of one visit."""
    await form(request)
    actor, encounter_id, now = actor_of(request), request.path_params["encounter_id"], utc_now()
    _own_patient(request)
    async with transaction(request) as tx:
        found = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=now)
        if found.state != VisitState.FINISHED:
            raise Conflict
        await charging.invoice_what_is_due(tx, actor=actor, encounter_id=encounter_id, at=now)
        await payments.request_payment(
            tx, actor=actor, bill_id=encounter_id, settings=state_of(request).settings, at=now
        )
    return see_other(request, "citizen:visit", encounter_id=encounter_id)


async def who_looked(request: Request) -> Response:
    """Show who looked at or changed the record: name, place, purpose, time."""
    patient_id = _own_patient(request)
    before = request.query_params.get("before", "")
    async with transaction(request) as tx:
        traces = await audit.who_looked(
            tx,
            patient_id=patient_id,
            limit=_TRACES,
            before=int(before) if before.isdigit() and len(before) < 19 else None,
        )
    others = [trace for trace in traces if trace.account_id != actor_of(request).account_id]
    return render(
        request,
        "citizen/access.html",
        part="access",
        looks=model.looks(others),
        what=model.what_was_seen,
        purposes=PURPOSES,
        actions=ACTIONS,
        more=traces[-1].id if len(traces) == _TRACES else None,
    )


async def profile(request: Request) -> Response:
    """Show what is known about the person."""
    patient_id, actor = _own_patient(request), actor_of(request)
    async with transaction(request) as tx:
        known = await parties.person(tx, actor=actor, patient_id=patient_id, at=utc_now())
    return render(request, "citizen/profile.html", part="profile", person=known)


NAVIGATION = [
    NavigationItem(N_("Today"), "citizen:home", _PERMISSION, "house"),
    NavigationItem(N_("My record"), "citizen:record", _PERMISSION, "book-open"),
    NavigationItem(N_("Who looked"), "citizen:access", _PERMISSION, "eye"),
    NavigationItem(N_("Me"), "citizen:profile", _PERMISSION, "user-round"),
]

PAGES = [
    Page("/me", home, "citizen:home", _PERMISSION),
    Page("/me/record", record, "citizen:record", _PERMISSION),
    Page("/me/visits/{encounter_id}", visit, "citizen:visit", _PERMISSION),
    Page("/me/visits/{encounter_id}/pay", pay, "citizen:pay", _PERMISSION, methods=("POST",)),
    Page("/me/access", who_looked, "citizen:access", _PERMISSION),
    Page("/me/profile", profile, "citizen:profile", _PERMISSION),
]
