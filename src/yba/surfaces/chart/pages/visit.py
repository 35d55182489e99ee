"""One visit on one screen, and every verb that leads back to it."""

from collections.abc import Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from yba.care.documents import service as documents
from yba.care.documents.panels import archive_of
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Allergy, VisitView
from yba.care.orders import service as orders
from yba.foundation.parties.model import age_months, earliest_birth
from yba.kernel.clock import local_date, utc_now
from yba.kernel.refusal import Refusal
from yba.money.charging import service as charging
from yba.plumbing.database import Tx
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    form_list,
    render,
    see_other,
    transaction,
)
from yba.surfaces.chart import forms, service

_READ = "chart.read"
_WRITE = "chart.write"


async def visit(request: Request) -> Response:
    """Show the chart of one visit."""
    async with transaction(request) as tx:
        return await _chart(request, tx)


async def _chart(
    request: Request,
    tx: Tx,
    *,
    note: forms.Note | None = None,
    refusal: Refusal | None = None,
    refused_part: str = "",
    basket: Sequence[object] = (),
) -> Response:
    now = utc_now()
    found = await encounters.visit(
        tx, actor=actor_of(request), encounter_id=request.path_params["encounter_id"], at=now
    )
    return render(
        request,
        "chart/visit.html",
        status=refusal.status if refusal else 200,
        visit=found,
        note=note or forms.note_of(found),
        kinds=encounters.vital_kinds(),
        months=age_months(found.birth_date, local_date(now)),
        days_old=_days_old(found, local_date(now)),
        latest=_latest(found),
        is_open=found.state.value in ("arrived", "in-progress"),
        refusal=refusal,
        refused_part=refused_part,
        errors=refusal.fields if refusal else {},
        basket=basket,
        documents=await documents.documents_of(
            tx, actor=actor_of(request), encounter_id=found.encounter_id
        ),
    )


def _latest(visit: VisitView) -> dict[str, object]:
    """Return the last measurement of each kind in this visit, by its field."""
    return {finding.field: finding for finding in visit.latest_vitals}


def _days_old(visit: VisitView, on: date) -> int | str:
    """Return the age in days for the diagnosis search; nothing if unknown."""
    return (on - earliest_birth(visit.birth_date)).days if visit.birth_date else ""


async def save(request: Request) -> Response:
    """Save the note: reason, examination, measurements, diagnoses, follow-up."""
    encounter_id = request.path_params["encounter_id"]
    note = forms.read_note(await form_list(request))
    try:
        async with transaction(request) as tx:
            await service.save_note(
                tx, actor=actor_of(request), encounter_id=encounter_id, note=note, at=utc_now()
            )
    except Refusal as refusal:
        return await _again(request, refusal, note=note, part="note")
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def save_vitals(request: Request) -> Response:
    """Save measurements only, as a nurse does before the doctor."""
    encounter_id = request.path_params["encounter_id"]
    note = forms.read_note(await form_list(request))
    try:
        signs = note.vital_signs()
        if signs is not None:
            async with transaction(request) as tx:
                await encounters.record_vitals(
                    tx,
                    actor=actor_of(request),
                    encounter_id=encounter_id,
                    signs=signs,
                    at=utc_now(),
                )
    except Refusal as refusal:
        return await _again(request, refusal, note=note, part="note")
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def close(request: Request) -> Response:
    """Save, close and sign with one confirmation."""
    encounter_id = request.path_params["encounter_id"]
    pairs = await form_list(request)
    note = forms.read_note(pairs)
    try:
        async with transaction(request) as tx:
            await service.save_close_and_sign(
                tx,
                actor=actor_of(request),
                archive=archive_of(request),
                encounter_id=encounter_id,
                note=note,
                closing=forms.read_closing(pairs),
                reason=dict(pairs).get("correction", ""),
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _again(request, refusal, note=note, part="close")
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def _again(
    request: Request,
    refusal: Refusal,
    *,
    part: str,
    note: forms.Note | None = None,
    basket: Sequence[object] = (),
) -> Response:
    """Show the chart with what was typed and what is wrong; nothing was stored."""
    if refusal.status not in (409, 422):
        raise refusal
    async with transaction(request) as tx:
        return await _chart(
            request, tx, note=note, refusal=refusal, refused_part=part, basket=basket
        )


async def start(request: Request) -> Response:
    """The patient is in the room."""
    encounter_id = request.path_params["encounter_id"]
    async with transaction(request) as tx:
        await encounters.start_visit(
            tx, actor=actor_of(request), encounter_id=encounter_id, at=utc_now()
        )
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def reopen(request: Request) -> Response:
    """Open a closed visit again, for a reason."""
    encounter_id = request.path_params["encounter_id"]
    reason = (await form(request)).get("reason", "")
    async with transaction(request) as tx:
        await encounters.reopen_visit(
            tx, actor=actor_of(request), encounter_id=encounter_id, reason=reason, at=utc_now()
        )
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def order(request: Request) -> Response:
    """Order the services of the basket."""
    encounter_id = request.path_params["encounter_id"]
    pairs = await form_list(request)
    try:
        lines = forms.read_services(pairs)
        async with transaction(request) as tx:
            await orders.order_services(
                tx,
                actor=actor_of(request),
                encounter_id=encounter_id,
                lines=lines,
                at=utc_now(),
                confirmed=dict(pairs).get("confirmed") == "yes",
            )
    except Refusal as refusal:
        return await _again(request, refusal, part="orders")
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def cancel_order(request: Request) -> Response:
    """Take an order back before it is done."""
    fields = await form(request)
    async with transaction(request) as tx:
        await orders.cancel_order(
            tx,
            actor=actor_of(request),
            request_id=fields.get("request_id", ""),
            reason=fields.get("reason", ""),
            at=utc_now(),
        )
    return see_other(request, "chart:visit", encounter_id=request.path_params["encounter_id"])


async def preview_orders(request: Request) -> Response:
    """Answer the basket: what it costs and who pays, before it is ordered."""
    lines = forms.read_services(await form_list(request))
    async with transaction(request) as tx:
        bill = await charging.preview(
            tx,
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            service_codes=[(line.service_code, line.quantity) for line in lines],
            at=utc_now(),
        )
    return render(request, "chart/split_.html", bill=bill)


async def prescribe(request: Request) -> Response:
    """Issue a prescription."""
    encounter_id = request.path_params["encounter_id"]
    pairs = await form_list(request)
    one = dict(pairs)
    try:
        lines = forms.read_drugs(pairs)
        async with transaction(request) as tx:
            await orders.prescribe(
                tx,
                actor=actor_of(request),
                encounter_id=encounter_id,
                lines=lines,
                advice=one.get("drug_advice", ""),
                confirmed=one.get("confirmed") == "yes",
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _again(request, refusal, part="prescription")
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def check_prescription(request: Request) -> Response:
    """Answer the editor: limits, allergies and duplicates, before anything is signed."""
    pairs = await form_list(request)
    refusal: Refusal | None = None
    warnings: Sequence[object] = ()
    try:
        lines = [line for line in forms.read_drugs(pairs) if line.quantity > 0]
        if lines:
            async with transaction(request) as tx:
                warnings = await orders.check_prescription(
                    tx,
                    actor=actor_of(request),
                    encounter_id=request.path_params["encounter_id"],
                    lines=lines,
                    at=utc_now(),
                )
    except Refusal as problem:
        refusal = problem
    return render(request, "chart/checked_.html", warnings=warnings, refusal=refusal)


async def cancel_prescription(request: Request) -> Response:
    """Cancel an issued prescription; it must not be dispensed any more."""
    fields = await form(request)
    async with transaction(request) as tx:
        await orders.cancel_prescription(
            tx,
            actor=actor_of(request),
            code=fields.get("code", ""),
            reason=fields.get("reason", ""),
            at=utc_now(),
        )
    return see_other(request, "chart:visit", encounter_id=request.path_params["encounter_id"])


async def add_allergy(request: Request) -> Response:
    """Record an allergy, or that none is known."""
    encounter_id = request.path_params["encounter_id"]
    fields = await form(request)
    text = "" if fields.get("none") == "yes" else fields.get("allergy", "")
    async with transaction(request) as tx:
        if text or fields.get("none") == "yes":
            allergy = Allergy(
                allergy_id="",
                code=fields.get("allergy_code", ""),
                text=text,
                criticality=fields.get("criticality", ""),
            )
            await encounters.record_allergy(
                tx,
                actor=actor_of(request),
                encounter_id=encounter_id,
                allergy=allergy,
                at=utc_now(),
            )
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def withdraw_allergy(request: Request) -> Response:
    """Take back an allergy entered in error."""
    encounter_id = request.path_params["encounter_id"]
    fields = await form(request)
    async with transaction(request) as tx:
        await encounters.withdraw_allergy(
            tx,
            actor=actor_of(request),
            encounter_id=encounter_id,
            allergy_id=fields.get("allergy_id", ""),
            at=utc_now(),
        )
    return see_other(request, "chart:visit", encounter_id=encounter_id)


_VISIT = "/chart/visits/{encounter_id}"

PAGES = [
    Page(_VISIT, visit, "chart:visit", _READ),
    Page(_VISIT, save, "chart:save", _WRITE, methods=("POST",)),
    Page(_VISIT + "/vitals", save_vitals, "chart:vitals", "chart.vitals", methods=("POST",)),
    Page(_VISIT + "/start", start, "chart:start", _WRITE, methods=("POST",)),
    Page(_VISIT + "/close", close, "chart:close", _WRITE, methods=("POST",)),
    Page(_VISIT + "/reopen", reopen, "chart:reopen", _WRITE, methods=("POST",)),
    Page(_VISIT + "/orders", order, "chart:order", _WRITE, methods=("POST",)),
    Page(_VISIT + "/orders/preview", preview_orders, "chart:preview", _WRITE, methods=("POST",)),
    Page(_VISIT + "/orders/cancel", cancel_order, "chart:cancel_order", _WRITE, methods=("POST",)),
    Page(_VISIT + "/prescriptions", prescribe, "chart:prescribe", _WRITE, methods=("POST",)),
    Page(
        _VISIT + "/prescriptions/check",
        check_prescription,
        "chart:check_prescription",
        _WRITE,
        methods=("POST",),
    ),
    Page(
        _VISIT + "/prescriptions/cancel",
        cancel_prescription,
        "chart:cancel_prescription",
        _WRITE,
        methods=("POST",),
    ),
    Page(_VISIT + "/allergies", add_allergy, "chart:add_allergy", _WRITE, methods=("POST",)),
    Page(
        _VISIT + "/allergies/withdraw",
        withdraw_allergy,
        "chart:withdraw_allergy",
        _WRITE,
        methods=("POST",),
    ),
]
