"""The cashier's screen: who waits, the bill with its reasons, the ways to pay."""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date, utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.money.charging import service
from yba.money.charging.forms import cover_note
from yba.money.charging.model import Bill, SplitLine
from yba.money.charging.panels import reasons, shown_price
from yba.money.payments import model as payments_model
from yba.money.payments import service as payments
from yba.money.payments.model import Method, typed_amount
from yba.plumbing.database import Tx
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    reading,
    render,
    see_other,
    state_of,
    transaction,
)

GROUPS = {
    13: N_("Examination"),
    1: N_("Laboratory tests"),
    2: N_("Imaging"),
    3: N_("Functional tests"),
    8: N_("Surgery"),
    18: N_("Procedures"),
    9: N_("Services paid in part"),
    14: N_("Day beds"),
    15: N_("Ward beds"),
    16: N_("Observation beds"),
    4: N_("Drugs"),
    5: N_("Special drugs outside the list"),
    6: N_("Drugs paid in part"),
    7: N_("Blood"),
    17: N_("Blood products"),
    10: N_("Medical supplies"),
    11: N_("Supplies paid in part"),
    12: N_("Transport"),
    19: N_("Other services"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the payment side of a bill looks like now."""

    bill: payments_model.Bill | None
    request: payments_model.PaymentRequest | None
    receipts: list[payments_model.Receipt]
    refunds: list[payments_model.Refund]
    refundable: int
    shift: payments_model.Shift | None
    is_expired: bool

    @property
    def mark(self) -> str:
        """Return a text that changes when the panel must be drawn anew."""
        if self.bill is None:
            return "none"
        asked = self.request.reference if self.request else ""
        return f"{self.bill.state}:{self.bill.remaining}:{asked}:{len(self.receipts)}:{self.is_expired}"


async def _standing(tx: Tx, actor: Actor, encounter_id: str, at: datetime) -> Standing:
    bill = await payments.bill_of(tx, bill_id=encounter_id)
    asked = await payments.open_request(tx, bill_id=encounter_id) if bill else None
    return Standing(
        bill=bill,
        request=asked,
        receipts=await payments.receipts_of(tx, bill_id=encounter_id) if bill else [],
        refunds=await payments.refunds_of(tx, bill_id=encounter_id) if bill else [],
        refundable=await payments.refundable(tx, bill=bill) if bill else 0,
        shift=await payments.shift_of(tx, actor=actor),
        is_expired=asked is not None and at >= asked.expires_at,
    )


def _groups(bill: Bill) -> list[tuple[str, list[tuple[SplitLine, list[object]]]]]:
    """Return the lines under the headings of the cost statement, each with its reasons."""
    found: list[tuple[str, list[tuple[SplitLine, list[object]]]]] = []
    for group, heading in GROUPS.items():
        lines = [line for line in bill.lines if line.cost.group == group]
        if lines:
            found.append((heading, [(line, [*reasons(line)]) for line in lines]))
    return found


async def home(request: Request) -> Response:
    """Show who waits to pay."""
    now = utc_now()
    async with reading(request) as tx:
        waiting = await service.waiting(tx, at=now)
        shift = await payments.shift_of(tx, actor=actor_of(request))
        refunds = await payments.refunds_waiting(tx)
        notices = await payments.in_suspense(tx)
    return render(
        request,
        "charging/home.html",
        waiting=waiting,
        shift=shift,
        open_points=len(refunds) + len(notices),
    )


async def waiting_list(request: Request) -> Response:
    """Show the list alone, for the page to refresh itself."""
    async with reading(request) as tx:
        waiting = await service.waiting(tx, at=utc_now())
    return render(request, "charging/waiting_.html", waiting=waiting)


async def bill(request: Request) -> Response:
    """Show the bill of a visit, line by line with the rule behind each share."""
    return await _bill(request)


async def _bill(request: Request, refusal: Refusal | None = None) -> Response:
    encounter_id, actor, now = request.path_params["encounter_id"], actor_of(request), utc_now()
    async with transaction(request) as tx:
        statement = None
        try:
            statement = await service.statement(tx, encounter_id=encounter_id, at=now, actor=actor)
        except NotFound:
            raise
        except Refusal as problem:
            # The terms of cover cannot be used; what was invoiced can still be paid.
            refusal = refusal or problem
        standing = await _standing(tx, actor, encounter_id, now)
        if statement is not None:
            await audit.record(
                tx,
                actor=actor,
                action="R",
                what="charging.statement",
                patient_id=statement.visit.patient_id,
                references=[f"Encounter/{encounter_id}"],
                at=now,
                purpose="HPAYMT",
            )
    return render(
        request,
        "charging/bill.html",
        status=refusal.status if refusal else 200,
        encounter_id=encounter_id,
        bill=statement,
        groups=_groups(statement) if statement else [],
        shown_price=shown_price,
        categories=[
            ("", "—"),
            *((c, c) for c in service.rulebook().category_codes(local_date(now))),
        ],
        standing=standing,
        refusal=refusal,
    )


async def panel(request: Request) -> Response:
    """Answer the page that asks every second whether the money has come."""
    encounter_id, actor = request.path_params["encounter_id"], actor_of(request)
    async with reading(request) as tx:
        standing = await _standing(tx, actor, encounter_id, utc_now())
    if standing.mark == request.query_params.get("mark"):
        return Response(status_code=204)
    return render(request, "charging/payment_.html", encounter_id=encounter_id, standing=standing)


async def screen(request: Request) -> Response:
    """Show the QR alone, for the screen that faces the patient."""
    encounter_id, actor = request.path_params["encounter_id"], actor_of(request)
    async with reading(request) as tx:
        standing = await _standing(tx, actor, encounter_id, utc_now())
    if standing.mark == request.query_params.get("mark"):
        return Response(status_code=204)
    name = "screen_" if "mark" in request.query_params else "screen"
    return render(request, f"charging/{name}.html", encounter_id=encounter_id, standing=standing)


async def collect(request: Request) -> Response:
    """Freeze what is due and ask for it with a QR."""
    encounter_id, actor, now = request.path_params["encounter_id"], actor_of(request), utc_now()
    await form(request)
    try:
        async with transaction(request) as tx:
            due = await service.invoice_what_is_due(
                tx, actor=actor, encounter_id=encounter_id, at=now
            )
            if due.remaining > 0:
                await payments.request_payment(
                    tx,
                    actor=actor,
                    bill_id=encounter_id,
                    settings=state_of(request).settings,
                    at=now,
                )
    except Refusal as refusal:
        return await _bill(request, refusal)
    return see_other(request, "cashier:bill", encounter_id=encounter_id)


async def cash(request: Request) -> Response:
    """Take cash and go to the receipt with the change."""
    encounter_id = request.path_params["encounter_id"]
    try:
        tendered = typed_amount(await form(request), "tendered")
        async with transaction(request) as tx:
            receipt = await payments.take_cash(
                tx,
                actor=actor_of(request),
                bill_id=encounter_id,
                tendered=tendered,
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _bill(request, refusal)
    return see_other(request, "cashier:receipt", key=receipt.key)


async def note_cover(request: Request) -> Response:
    """Note a second card or co-payments made elsewhere, and split the bill anew."""
    encounter_id, now = request.path_params["encounter_id"], utc_now()
    categories = service.rulebook().category_codes(local_date(now))
    try:
        note = cover_note(await form(request), categories=categories)
        async with transaction(request) as tx:
            await service.note_cover(
                tx,
                actor=actor_of(request),
                encounter_id=encounter_id,
                at=now,
                original_category=note.original_category,
                co_paid_elsewhere=note.co_paid_elsewhere,
                more_cards=note.more_cards,
            )
    except Refusal as refusal:
        return await _bill(request, refusal)
    return see_other(request, "cashier:bill", encounter_id=encounter_id)


async def refund(request: Request) -> Response:
    """Ask for money back; another person decides."""
    encounter_id = request.path_params["encounter_id"]
    values = await form(request)
    try:
        amount = typed_amount(values, "amount")
        method = Method.TRANSFER if values.get("method") == "transfer" else Method.CASH
        async with transaction(request) as tx:
            await payments.ask_refund(
                tx,
                actor=actor_of(request),
                bill_id=encounter_id,
                amount=amount,
                method=method,
                reason=values.get("reason", "")[:500],
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _bill(request, refusal)
    return see_other(request, "cashier:bill", encounter_id=encounter_id)


PAGES = [
    Page("/cashier", home, "cashier:home", "cashier.home"),
    Page("/cashier/waiting", waiting_list, "cashier:waiting", "cashier.home"),
    Page("/cashier/bills/{encounter_id}", bill, "cashier:bill", "cashier.bill"),
    Page("/cashier/bills/{encounter_id}/payment", panel, "cashier:payment", "cashier.bill"),
    Page("/cashier/bills/{encounter_id}/screen", screen, "cashier:screen", "cashier.bill"),
    Page(
        "/cashier/bills/{encounter_id}/collect",
        collect,
        "cashier:collect",
        "cashier.take",
        ("POST",),
    ),
    Page("/cashier/bills/{encounter_id}/cash", cash, "cashier:cash", "cashier.take", ("POST",)),
    Page(
        "/cashier/bills/{encounter_id}/cover",
        note_cover,
        "cashier:cover",
        "cashier.take",
        ("POST",),
    ),
    Page(
        "/cashier/bills/{encounter_id}/refund",
        refund,
        "cashier:refund",
        "cashier.refund",
        ("POST",),
    ),
]
NAVIGATION = [NavigationItem(N_("Cashier"), "cashier:home", "cashier.home", "wallet", "t")]
