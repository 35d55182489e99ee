"""Pages for those who decide: requests to see a record, and emergencies to look at afterwards."""

from datetime import UTC, datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.access import service
from yba.foundation.access.errors import EmergencyNotFound, RequestNotFound
from yba.kernel.clock import VIETNAM, typed_day, utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, actor_of, form, render, see_other, transaction

_REVIEW, _GRANT = "access.review", "access.grant"


async def emergencies(request: Request) -> Response:
    """Show who broke the glass, those without a verdict first."""
    return await _emergencies(request)


async def _emergencies(request: Request, refusal: Refusal | None = None) -> Response:
    async with transaction(request) as tx:
        found = await service.emergencies(tx, actor=actor_of(request), at=utc_now())
    return render(
        request, "access/emergencies.html", found=found, refusal=refusal,
        purpose_name=service.purpose_name, status=refusal.status if refusal else 200, now=utc_now(),
    )  # fmt: skip


async def review(request: Request) -> Response:
    """Say whether it was an emergency."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            await service.review(
                tx,
                actor=actor_of(request),
                emergency_id=request.path_params["emergency_id"],
                justified=fields.get("verdict") == "justified",
                note=fields.get("note", ""),
                at=utc_now(),
            )
    except EmergencyNotFound:
        raise
    except Refusal as refusal:
        return await _emergencies(request, refusal)
    return see_other(request, "access:emergencies")


async def requests(request: Request) -> Response:
    """Show who asks to see a record, those without an answer first."""
    return await _requests(request)


async def _requests(request: Request, refusal: Refusal | None = None) -> Response:
    async with transaction(request) as tx:
        found = await service.requests(tx, actor=actor_of(request), at=utc_now())
    return render(
        request, "access/requests.html", found=found, purposes=service.PURPOSES, refusal=refusal,
        status=refusal.status if refusal else 200,
    )  # fmt: skip


async def decide(request: Request) -> Response:
    """Grant a request until the end of a day, or refuse it."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            await service.decide(
                tx,
                actor=actor_of(request),
                request_id=request.path_params["request_id"],
                granted=fields.get("answer") == "grant",
                until=_end_of(fields.get("until", "")),
                extent="summary" if fields.get("extent") == "summary" else "care",
                at=utc_now(),
            )
    except RequestNotFound:
        raise
    except Refusal as refusal:
        return await _requests(request, refusal)
    return see_other(request, "access:requests")


def _end_of(day: str) -> datetime | None:
    """Return the end of a day written as a date, None where there is none."""
    found = typed_day(day)
    if found is None:
        return None
    return datetime.combine(found + timedelta(days=1), time(), VIETNAM).astimezone(UTC)


NAVIGATION = [
    NavigationItem(N_("Emergencies"), "access:emergencies", _REVIEW, "shield-alert", "e"),
    NavigationItem(N_("Access requests"), "access:requests", _GRANT, "lock", "y"),
]

PAGES = [
    Page("/access/emergencies", emergencies, "access:emergencies", _REVIEW),
    Page(
        "/access/emergencies/{emergency_id:int}", review, "access:review", _REVIEW,
        methods=("POST",),
    ),
    Page("/access/requests", requests, "access:requests", _GRANT),
    Page("/access/requests/{request_id:int}", decide, "access:decide", _GRANT, methods=("POST",)),
]  # fmt: skip
