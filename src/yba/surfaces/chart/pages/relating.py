"""When a chart may not be opened: an honest page with two ways, and who may see a chart at all.

Main rule: the page names nobody. It says that the visit is not one's own, and what can be done.
"""

from collections.abc import Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.care.encounters.errors import VisitNotFound
from yba.care.scheduling import service as scheduling
from yba.foundation.access import service as access
from yba.foundation.access.errors import NotTreating
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.errors import FreshProofNeeded
from yba.kernel.clock import local_date, utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, actor_of, form, language_of, render, see_other, transaction

_READ, _BREAK, _ASK = "chart.read", "access.break", "access.ask"


async def not_treating(request: Request, refusal: Refusal | None = None) -> Response:
    """Say that the person is not treated here by who asks, and offer the two ways."""
    encounter_id, actor = request.path_params["encounter_id"], actor_of(request)
    now = utc_now()
    async with transaction(request) as tx:
        try:
            patient_id = await encounters.patient_of_visit(tx, encounter_id=encounter_id)
        except VisitNotFound:
            patient_id = None
        asked = await access.refused(tx, actor=actor, patient_id=patient_id, at=now)
    return render(
        request, "chart/not_treating.html", encounter_id=encounter_id, asked=asked,
        purposes=access.PURPOSES, refusal=refusal, errors=refusal.fields if refusal else {},
        hours=access.emergency_hours(now), status=refusal.status if refusal else 403,
    )  # fmt: skip


async def _patient(request: Request, tx: Tx) -> str:
    """Return whose visit it is. Raises NotTreating for one that is not there, as for a foreign one."""
    encounter_id: str = request.path_params["encounter_id"]
    try:
        return await encounters.patient_of_visit(tx, encounter_id=encounter_id)
    except VisitNotFound:
        raise NotTreating from None


async def show(request: Request) -> Response:
    """Show the page, also where the chart could be opened."""
    return await not_treating(request)


async def break_glass(request: Request) -> Response:
    """Open the record in an emergency, with a reason and a fresh proof of oneself."""
    encounter_id, fields = request.path_params["encounter_id"], await form(request)
    try:
        async with transaction(request) as tx:
            reason = fields.get("reason", "")
            await access.require_emergency(tx, actor=actor_of(request), reason=reason, at=utc_now())
            await access.break_glass(
                tx,
                actor=actor_of(request),
                patient_id=await _patient(request, tx),
                reason=reason,
                sensitive=fields.get("sensitive") == "yes",
                at=utc_now(),
            )
    except FreshProofNeeded:
        raise
    except Refusal as refusal:
        return await not_treating(request, refusal)
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def end_emergency(request: Request) -> Response:
    """Close the record again."""
    await form(request)
    async with transaction(request) as tx:
        await access.end_emergency(
            tx, actor=actor_of(request), patient_id=await _patient(request, tx), at=utc_now()
        )
    return see_other(request, "chart:queue")


async def ask(request: Request) -> Response:
    """Ask a head of department for access."""
    encounter_id, fields = request.path_params["encounter_id"], await form(request)
    try:
        async with transaction(request) as tx:
            access.require_request(
                actor_of(request), purpose=fields.get("purpose", ""), reason=fields.get("why", "")
            )
            await access.ask(
                tx,
                actor=actor_of(request),
                patient_id=await _patient(request, tx),
                purpose=fields.get("purpose", ""),
                reason=fields.get("why", ""),
                at=utc_now(),
            )
    except Refusal as refusal:
        return await not_treating(request, refusal)
    return see_other(request, "chart:access", encounter_id=encounter_id)


async def need(request: Request) -> Response:
    """Open the restricted part to who treats the person, with a reason and a fresh proof."""
    encounter_id, fields = request.path_params["encounter_id"], await form(request)
    try:
        async with transaction(request) as tx:
            await access.declare_need(
                tx,
                actor=actor_of(request),
                patient_id=await _patient(request, tx),
                purpose=fields.get("purpose", ""),
                reason=fields.get("reason", ""),
                at=utc_now(),
            )
    except (FreshProofNeeded, NotTreating):
        raise
    except Refusal as refusal:
        return await who(request, refusal)
    return see_other(request, "chart:visit", encounter_id=encounter_id)


async def who(request: Request, refusal: Refusal | None = None) -> Response:
    """Show who may see this record now, and why; here the restricted part is opened."""
    encounter_id, actor, now = request.path_params["encounter_id"], actor_of(request), utc_now()
    try:
        async with transaction(request) as tx:
            patient_id = await _patient(request, tx)
            await access.require_related(tx, actor=actor, patient_id=patient_id, at=now)
            found = await access.relations_of(tx, actor=actor, patient_id=patient_id, at=now)
            names = await _names(tx, [one.holder for one in found])
    except NotTreating:
        return await not_treating(request)
    return render(
        request, "chart/who_has_access.html", encounter_id=encounter_id, found=found,
        names=names, kinds=access.KIND_NAMES, needs=_needs(request, now), refusal=refusal, errors=refusal.fields if refusal else {},
        hours=access.emergency_hours(now), status=refusal.status if refusal else 200,
    )  # fmt: skip


def _needs(request: Request, at: datetime) -> list[tuple[str, str]]:
    """Return the purposes for which the restricted part may be opened, as (code, name)."""
    language = language_of(request)
    return [(one.code, one.name(language)) for one in access.needs_on(local_date(at)).values()]


async def _names(tx: Tx, holders: Sequence[str]) -> dict[str, str]:
    """Return how people call those who hold relations: staff and clinics."""
    people = [
        name for kind, _, name in (one.partition(":") for one in holders) if kind == "account"
    ]
    clinics = {one.clinic_id: one.name for one in await scheduling.clinics(tx)}
    return clinics | await accounts.names_of(tx, account_ids=people)


_VISIT = "/chart/visits/{encounter_id}"
PAGES = [
    Page(_VISIT + "/access", show, "chart:access", _READ),
    Page(_VISIT + "/who", who, "chart:who", _READ),
    Page(_VISIT + "/emergency", break_glass, "chart:break_glass", _BREAK, methods=("POST",)),
    Page(
        _VISIT + "/emergency/end", end_emergency, "chart:end_emergency", _BREAK, methods=("POST",)
    ),
    Page(_VISIT + "/need", need, "chart:need", _BREAK, methods=("POST",)),
    Page(_VISIT + "/ask", ask, "chart:ask", _ASK, methods=("POST",)),
]
