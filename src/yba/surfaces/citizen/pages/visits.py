"""The next step, the record by visits, one visit, her papers and how to pay."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from yba.care.documents import service as documents
from yba.care.documents.panels import archive_of
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitState
from yba.care.orders import service as orders
from yba.care.scheduling import service as scheduling
from yba.foundation.consent import service as consent
from yba.foundation.parties import service as parties
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import AccessRefused, Conflict, Refusal
from yba.money.charging import service as charging
from yba.money.charging.model import Bill
from yba.money.payments import model as payments_model
from yba.money.payments import service as payments
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, form, see_other, state_of, transaction
from yba.surfaces.citizen import model
from yba.surfaces.citizen.pages.subject import PERMISSION, show, subject_of


async def home(request: Request) -> Response:
    """Show the next step, and the last visits."""
    now = utc_now()
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        patient_id, actor = subject.patient_id, subject.actor
        visits = await encounters.visits_of_patient(tx, actor=actor, patient_id=patient_id, at=now)
        going_on = model.open_visit(visits)
        ticket = (
            await scheduling.ticket_of_visit(tx, encounter_id=going_on.encounter_id)
            if going_on
            else None
        )
        finished = model.last_finished(visits)
        money = await _money(tx, actor, finished.encounter_id) if finished else None
        return await show(
            request, tx, "citizen/home.html", subject,
            part="home",
            next=model.next_step(visits, ticket, money.to_pay if money else 0),
            visits=visits[:3],
        )  # fmt: skip


async def record(request: Request) -> Response:
    """Show every visit, newest first."""
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        visits = await encounters.visits_of_patient(
            tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
        )
        return await show(request, tx, "citizen/record.html", subject, part="record", visits=visits)


async def visit(request: Request) -> Response:
    """Show one visit: what was found, prescribed, signed and paid."""
    encounter_id = request.path_params["encounter_id"]
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        actor = subject.actor
        found = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=utc_now())
        ticket = await scheduling.ticket_of_visit(tx, encounter_id=encounter_id)
        money = await _money(tx, actor, encounter_id)
        targets = [f"Encounter/{encounter_id}"]
        restrictions = await consent.restrictions_of(tx, actor=actor, patient_id=subject.patient_id)
        return await show(
            request,
            tx,
            "citizen/visit.html",
            subject,
            part="record",
            corrections=await consent.corrections_on(tx, targets=targets),
            visit=found,
            ticket=ticket,
            hidden=model.entries_hidden_from_everybody(restrictions, utc_now()),
            prescriptions=await orders.prescriptions_of(
                tx, actor=actor, encounter_id=encounter_id, at=utc_now()
            ),
            documents=await documents.documents_of(
                tx, actor=actor, encounter_id=encounter_id, at=utc_now()
            ),
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
    fields = await form(request)
    encounter_id, now = request.path_params["encounter_id"], utc_now()
    async with transaction(request) as tx:
        actor = (await subject_of(request, tx, fields)).actor
        found = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=now)
        if found.state != VisitState.FINISHED:
            raise Conflict
        await charging.invoice_what_is_due(tx, actor=actor, encounter_id=encounter_id, at=now)
        await payments.request_payment(
            tx, actor=actor, bill_id=encounter_id, settings=state_of(request).settings, at=now
        )
    return see_other(request, "citizen:visit", encounter_id=encounter_id)


async def paper(request: Request) -> Response:
    """Answer with the signed bytes of one of her papers."""
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        found, content = await documents.document_bytes(
            tx,
            archive=archive_of(request),
            actor=subject.actor,
            document_id=request.path_params["document_id"],
            at=utc_now(),
        )
    if found.patient_id != subject.patient_id:
        raise AccessRefused
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "content-disposition": f'inline; filename="{found.file_name}"',
            "cache-control": "private, no-store",
        },
    )


async def profile(request: Request) -> Response:
    """Show what is known about the person."""
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        known = await parties.person(
            tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
        )
        return await show(
            request, tx, "citizen/profile.html", subject, part="profile", person=known
        )


PAGES = [
    Page("/me", home, "citizen:home", PERMISSION),
    Page("/me/record", record, "citizen:record", PERMISSION),
    Page("/me/visits/{encounter_id}", visit, "citizen:visit", PERMISSION),
    Page("/me/visits/{encounter_id}/pay", pay, "citizen:pay", PERMISSION, methods=("POST",)),
    Page("/me/documents/{document_id}.pdf", paper, "citizen:paper", PERMISSION),
    Page("/me/profile", profile, "citizen:profile", PERMISSION),
]
