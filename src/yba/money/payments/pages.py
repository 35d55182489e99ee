"""The till: open and count, receipts, refunds, unmatched transfers, the day."""

import json
from datetime import datetime

import httpx
from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.audit import service as audit
from yba.kernel.clock import local_date, typed_day, utc_now
from yba.kernel.ids import decode_id, new_id
from yba.kernel.refusal import NotFound, Refusal
from yba.money.payments import service, vietqr
from yba.money.payments.errors import OnlyInDemo
from yba.money.payments.model import Receipt, typed_amount
from yba.money.payments.words import dong_in_words
from yba.plumbing.web import (
    PUBLIC,
    Page,
    actor_of,
    form,
    reading,
    render,
    see_other,
    state_of,
    transaction,
    url,
)


async def receipt(request: Request) -> Response:
    """Show a receipt ready to print, on A5 or on the 80 mm roll; the look is audited."""
    async with transaction(request) as tx:
        found, bill = await service.receipt(tx, key=request.path_params["key"])
        await audit.record(
            tx,
            actor=actor_of(request),
            action="R",
            what="payments.print_receipt",
            at=utc_now(),
            patient_id=bill.patient_id,
        )
    paper = "80" if request.query_params.get("paper") == "80" else "a5"
    return render(
        request,
        "payments/receipt.html",
        receipt=found,
        bill=bill,
        words=dong_in_words(found.amount),
        paper=paper,
        check=_check_address(request, found),
    )


def _check_address(request: Request, found: Receipt) -> str:
    settings = state_of(request).settings
    code = service.check_code(found, secret=settings.secret)
    return settings.base_url + url(request, "payments:check_receipt", code=code)


async def check_receipt(request: Request) -> Response:
    """Say to whoever holds a slip whether it was issued here: number, amount and day, no names."""
    try:
        async with reading(request) as tx:
            found = await service.checked_receipt(
                tx, code=request.path_params["code"], secret=state_of(request).settings.secret
            )
    except NotFound:
        return render(request, "payments/check.html", status=404, receipt=None)
    return render(request, "payments/check.html", receipt=found)


async def till(request: Request) -> Response:
    """Show the actor's till: open it, or count it."""
    return await _till(request)


async def _till(request: Request, refusal: Refusal | None = None) -> Response:
    actor = actor_of(request)
    async with reading(request) as tx:
        shift = await service.shift_of(tx, actor=actor)
        expected = await service.expected_cash(tx, shift=shift) if shift else 0
        shifts = await service.shifts(tx)
    return render(
        request,
        "payments/till.html",
        status=refusal.status if refusal else 200,
        shift=shift,
        expected=expected,
        shifts=shifts,
        refusal=refusal,
    )


async def open_till(request: Request) -> Response:
    """Open the till with the cash that lies in it."""
    try:
        cash = typed_amount(await form(request), "cash")
        async with transaction(request) as tx:
            await service.open_shift(tx, actor=actor_of(request), opening_cash=cash, at=utc_now())
    except Refusal as refusal:
        return await _till(request, refusal)
    return see_other(request, "cashier:home")


async def close_till(request: Request) -> Response:
    """Close the till with its count."""
    values = await form(request)
    try:
        counted = typed_amount(values, "counted")
        async with transaction(request) as tx:
            await service.close_shift(
                tx,
                actor=actor_of(request),
                counted=counted,
                note=values.get("note", "")[:500],
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _till(request, refusal)
    return see_other(request, "cashier:till")


async def open_points(request: Request) -> Response:
    """Show what needs a person: refunds to decide, transfers without a bill."""
    return await _open_points(request)


async def _open_points(request: Request, refusal: Refusal | None = None) -> Response:
    async with reading(request) as tx:
        refunds = await service.refunds_waiting(tx)
        notices = await service.in_suspense(tx)
        bills = await service.open_bills(tx)
    return render(
        request,
        "payments/open_points.html",
        status=refusal.status if refusal else 200,
        refunds=refunds,
        notices=notices,
        bills=bills,
        refusal=refusal,
    )


async def decide_refund(request: Request) -> Response:
    """Approve or decline a refund."""
    values = await form(request)
    refund_id = decode_id(request.path_params["key"])
    if refund_id is None:
        raise NotFound
    try:
        async with transaction(request) as tx:
            await service.decide_refund(
                tx,
                actor=actor_of(request),
                refund_id=refund_id,
                approve=values.get("decision") == "approve",
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _open_points(request, refusal)
    return see_other(request, "cashier:open_points")


async def assign(request: Request) -> Response:
    """Match a transfer to a bill by hand."""
    values = await form(request)
    try:
        async with transaction(request) as tx:
            await service.assign_suspense(
                tx,
                actor=actor_of(request),
                transaction_id=values.get("transaction_id", ""),
                bill_id=values.get("bill_id", ""),
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _open_points(request, refusal)
    return see_other(request, "cashier:open_points")


async def day(request: Request) -> Response:
    """Show a day by method, with the bank's side."""
    chosen = typed_day(request.query_params.get("day", "")) or local_date(utc_now())
    async with reading(request) as tx:
        methods, bank = await service.day_of(tx, day=chosen)
    return render(request, "payments/day.html", day=chosen, methods=methods, bank=bank)


async def stand_in_bank(request: Request) -> Response:
    """Show what a banking app shows after a scan. Demonstration only."""
    if not state_of(request).settings.is_demo:
        raise OnlyInDemo
    transfer = vietqr.decode(request.query_params.get("qr", ""))
    return render(
        request,
        "payments/stand_in_bank.html",
        transfer=transfer,
        qr=request.query_params["qr"],
        outcome="",
    )


async def stand_in_pay(request: Request) -> Response:
    """Move the money and tell the facility over HTTP, signed, as its bank would."""
    settings = state_of(request).settings
    if not settings.is_demo:
        raise OnlyInDemo
    values = await form(request)
    transfer = vietqr.decode(values.get("qr", ""))
    paid = typed_amount(values, "amount")
    body, headers = _signed(transfer, paid, settings.bank_secret, utc_now())
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.post(
            f"http://{settings.host}:{settings.port}/payments/bank-notices",
            content=body,
            headers=headers,
        )
    outcome = answer.json().get("outcome", "") if answer.status_code == 200 else "refused"
    return render(
        request,
        "payments/stand_in_bank.html",
        transfer=transfer,
        qr=values["qr"],
        outcome=outcome,
    )


def _signed(
    transfer: vietqr.Transfer, paid: int, secret: bytes, at: datetime
) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(
        {
            "transaction_id": f"DEMO{new_id().upper()}",
            "account": transfer.account,
            "amount": paid,
            "purpose": transfer.purpose,
            "booked_at": at.isoformat(),
        }
    ).encode()
    timestamp = str(int(at.timestamp()))
    return body, {
        "content-type": "application/json",
        "x-timestamp": timestamp,
        "x-signature": service.sign(body, timestamp=timestamp, secret=secret),
    }


PAGES = [
    Page("/verify/receipts/{code}", check_receipt, "payments:check_receipt", PUBLIC),
    Page("/cashier/receipts/{key}", receipt, "cashier:receipt", "cashier.bill"),
    Page("/cashier/till", till, "cashier:till", "cashier.take"),
    Page("/cashier/till/open", open_till, "cashier:open_till", "cashier.take", ("POST",)),
    Page("/cashier/till/close", close_till, "cashier:close_till", "cashier.take", ("POST",)),
    Page("/cashier/open-points", open_points, "cashier:open_points", "cashier.home"),
    Page(
        "/cashier/refunds/{key}",
        decide_refund,
        "cashier:decide_refund",
        service.APPROVE,
        ("POST",),
    ),
    Page("/cashier/assign", assign, "cashier:assign", "cashier.take", ("POST",)),
    Page("/cashier/day", day, "cashier:day", "payments.day"),
    Page("/demo/bank", stand_in_bank, "payments:stand_in_bank", PUBLIC),
    Page("/demo/bank/pay", stand_in_pay, "payments:stand_in_pay", PUBLIC, ("POST",)),
]
