"""One visit on one screen, and every verb that leads back to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.care.documents import service as documents
from yba.care.documents.panels import archive_of
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Allergy, VisitView
from yba.care.orders import service as orders
from yba.care.orders.model import PrescriptionWarning
from yba.foundation.access import service as access
from yba.foundation.access.errors import NotTreating
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
    url,
)
from yba.surfaces.chart import forms, service
from yba.surfaces.chart.errors import BasketNotEmpty
from yba.surfaces.chart.pages.relating import not_treating

_READ = "chart.read"
_WRITE = "chart.write"
# Which rows of the basket a button uses up, and where its answer is looked for.
_USED_BY = {"orders": "service", "prescription": "drug"}
_PLACES = {"orders": "#orders-part", "prescription": "#drugs-part", "allergies": "#allergies"}


async def visit(request: Request) -> Response:
    """Show the chart of one visit."""
    try:
        async with transaction(request) as tx:
            return await _chart(request, tx)
    except NotTreating:
        return await not_treating(request)


async def _chart(
    request: Request,
    tx: Tx,
    *,
    note: forms.Note | None = None,
    refusal: Refusal | None = None,
    refused_part: str = "",
    basket: Sequence[Mapping[str, str]] = (),
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
        names=_names(found, note, basket),
        emergency=await access.emergency_now(
            tx, actor=actor_of(request), patient_id=found.patient_id, at=now
        ),
        documents=await documents.documents_of(
            tx, actor=actor_of(request), encounter_id=found.encounter_id, at=now
        ),
    )


def _names(
    visit: VisitView, note: forms.Note | None, basket: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Return how a refused code is called on this screen."""
    rows = (note or forms.note_of(visit)).diagnoses
    return _names_in(basket) | {row.code: f"{row.code} {row.name}" for row in rows}


def _names_in(basket: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = {row["service"]: row.get("service_name", "") for row in basket if "service" in row}
    return names | {row["drug"]: row.get("drug_name", "") for row in basket if "drug" in row}


def _latest(visit: VisitView) -> dict[str, object]:
    """Return the last measurement of each kind in this visit, by its field."""
    return {finding.field: finding for finding in visit.latest_vitals}


def _days_old(visit: VisitView, on: date) -> int | str:
    """Return the age in days for the diagnosis search; nothing if unknown."""
    return (on - earliest_birth(visit.birth_date)).days if visit.birth_date else ""


async def _save_and(
    request: Request, part: str, verb: Callable[[Tx, forms.Pairs], Awaitable[None]] | None = None
) -> Response:
    """Save the note, do `verb`, and show the chart; or neither, and say why.

    The whole screen is one form, so that no button loses what was typed
    elsewhere. Rows that `part` did not use up stay in their basket.
    """
    encounter_id, actor = request.path_params["encounter_id"], actor_of(request)
    pairs = await form_list(request)
    note, basket = forms.read_note(pairs), forms.basket_of(pairs)
    try:
        async with transaction(request) as tx:
            await service.save_note(
                tx, actor=actor, encounter_id=encounter_id, note=note, at=utc_now()
            )
            if verb is not None:
                await verb(tx, pairs)
    except Refusal as refusal:
        at_fault = "note" if refusal.code.startswith("encounters.") and part != "close" else part
        return await _again(request, refusal, note=note, part=at_fault, basket=basket)
    left = [row for row in basket if _USED_BY.get(part, "") not in row]
    if left:
        async with transaction(request) as tx:
            return await _chart(request, tx, basket=left)
    path = url(request, "chart:visit", encounter_id=encounter_id)
    return RedirectResponse(path + _PLACES.get(part, ""), status_code=303)


async def save(request: Request) -> Response:
    """Save the note: reason, examination, measurements, diagnoses, follow-up, allergy."""
    return await _save_and(request, "note")


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

    async def close_and_sign(tx: Tx, pairs: forms.Pairs) -> None:
        if forms.basket_of(pairs):
            raise BasketNotEmpty
        await service.close_and_sign(
            tx,
            actor=actor_of(request),
            archive=archive_of(request),
            encounter_id=request.path_params["encounter_id"],
            closing=forms.read_closing(pairs),
            reason=dict(pairs).get("correction", ""),
            at=utc_now(),
        )

    return await _save_and(request, "close", close_and_sign)


async def _again(
    request: Request,
    refusal: Refusal,
    *,
    part: str,
    note: forms.Note | None = None,
    basket: Sequence[Mapping[str, str]] = (),
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

    async def place(tx: Tx, pairs: forms.Pairs) -> None:
        await orders.order_services(
            tx,
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            lines=forms.read_services(pairs),
            at=utc_now(),
            confirmed=dict(pairs).get("confirmed_orders") == "yes",
        )

    return await _save_and(request, "orders", place)


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

    async def issue(tx: Tx, pairs: forms.Pairs) -> None:
        one = dict(pairs)
        await orders.prescribe(
            tx,
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            lines=forms.read_drugs(pairs),
            advice=one.get("drug_advice", ""),
            confirmed=one.get("confirmed_prescription") == "yes",
            at=utc_now(),
        )

    return await _save_and(request, "prescription", issue)


class _OnlyLooked(Exception):
    """Ends a transaction whose writes were tried, not meant."""


async def check_prescription(request: Request) -> Response:
    """Answer the editor: limits, allergies and duplicates, before anything is signed.

    The note on the screen counts as if it were saved, then everything is undone.
    """
    pairs = await form_list(request)
    found: Sequence[PrescriptionWarning] = ()
    refusal: Refusal | None = None
    try:
        async with transaction(request) as tx:
            found = await service.try_prescription(
                tx,
                actor=actor_of(request),
                encounter_id=request.path_params["encounter_id"],
                note=forms.read_note(pairs),
                lines=[line for line in forms.read_drugs(pairs) if line.quantity > 0],
                at=utc_now(),
            )
            raise _OnlyLooked
    except _OnlyLooked:
        pass
    except NotTreating:
        raise
    except Refusal as problem:
        refusal = problem
    names = _names_in(forms.basket_of(pairs))
    return render(request, "chart/checked_.html", warnings=found, refusal=refusal, names=names)


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


async def no_allergy(request: Request) -> Response:
    """Record that the patient knows of no allergy."""

    async def none_known(tx: Tx, _pairs: forms.Pairs) -> None:
        await encounters.record_allergy(
            tx,
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            allergy=Allergy(allergy_id="", code="", text="", criticality=""),
            at=utc_now(),
        )

    return await _save_and(request, "allergies", none_known)


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
    Page(_VISIT + "/allergies/none", no_allergy, "chart:no_allergy", _WRITE, methods=("POST",)),
    Page(
        _VISIT + "/allergies/withdraw",
        withdraw_allergy,
        "chart:withdraw_allergy",
        _WRITE,
        methods=("POST",),
    ),
]
