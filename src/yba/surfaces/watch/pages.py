"""The pages of the watch: reports of the last days, and the search of the trail.

What is searched for may be a name or a number of a patient: it travels in forms, never in addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import ACTIONS, PURPOSES
from yba.kernel.clock import VIETNAM, typed_day, utc_now
from yba.kernel.ids import decode_id, encode_id
from yba.kernel.refusal import Unusable
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, actor_of, form, reading, render, see_other, transaction
from yba.surfaces.watch import model, service

_PERMISSION = "privacy.audit"
_DAYS = 7
_MOST_DAYS = 92
_PAGE = 100

VERDICT_NAMES = {
    "justified": N_("Justified"),
    "unjustified": N_("Not justified"),
    "open": N_("Still open"),
}


async def home(request: Request) -> Response:
    """Show the questions that the looks of the last days raise."""
    text = request.query_params.get("days", "")
    days = min(int(text), _MOST_DAYS) if text.isdecimal() and len(text) < 4 and int(text) else _DAYS
    now, actor = utc_now(), actor_of(request)
    async with transaction(request) as tx:
        found = await service.report(
            tx, actor=actor, since=now - timedelta(days=days), until=now, at=now
        )
        standing = await audit.is_standing(tx, at=now)
        flagged = await audit.flagged(tx)
    return render(
        request,
        "watch/home.html",
        reported=found,
        rules=model.RULES,
        verdicts=VERDICT_NAMES,
        thresholds=model.thresholds_on(now.astimezone(VIETNAM).date()),
        days=days,
        standing=standing,
        flagged=sorted(flagged),
    )


async def decide(request: Request) -> Response:
    """Keep a decision about one question."""
    fields = await form(request)
    async with transaction(request) as tx:
        await service.decide(
            tx,
            actor=actor_of(request),
            suspicion=request.path_params["key"],
            verdict=fields.get("verdict", ""),
            note=fields.get("note", ""),
            at=utc_now(),
        )
    return see_other(request, "watch:home")


async def flag(request: Request) -> Response:
    """Flag a record, or no longer."""
    fields = await form(request)
    async with transaction(request) as tx:
        await service.flag(
            tx,
            actor=actor_of(request),
            patient_id=fields.get("patient_id", ""),
            on=fields.get("on", "yes") == "yes",
            at=utc_now(),
        )
    return see_other(request, "watch:home")


async def search_form(request: Request) -> Response:
    """Show an empty search of the trail."""
    return render(
        request, "watch/search.html", asked={}, found=None, purposes=PURPOSES, actions=ACTIONS
    )


async def search(request: Request) -> Response:
    """Search the trail; the look is audited."""
    fields = await form(request)
    question = question_of(fields)
    async with reading(request) as tx:
        found = await audit.search(tx, question)
    async with transaction(request) as tx:
        await audit.record(
            tx,
            actor=actor_of(request),
            action="R",
            what="watch.search",
            at=utc_now(),
            patient_id=question.patient_id,
        )
    more = encode_id(found[-1].id) if len(found) == _PAGE else ""
    return render(
        request,
        "watch/search.html",
        asked=dict(fields),
        found=found,
        more=more,
        purposes=PURPOSES,
        actions=ACTIONS,
    )


def question_of(given: Mapping[str, str]) -> audit.Question:
    """Return what a search form asks. Raises Unusable for dates that are none."""

    def text(name: str) -> str | None:
        return given.get(name, "")[:200] or None

    last = _day(given.get("until", ""))
    before = given.get("before", "")
    return audit.Question(
        patient_id=text("patient_id"),
        person=text("person"),
        since=_day(given.get("since", "")),
        until=last + timedelta(days=1) if last else None,
        purpose=text("purpose"),
        action=text("action"),
        what=text("what"),
        before=decode_id(before) if before else None,
        count=_PAGE,
    )


def _day(value: str) -> datetime | None:
    if not value:
        return None
    day = typed_day(value)
    if day is None:
        raise Unusable
    return datetime.combine(day, time(), VIETNAM).astimezone(UTC)


NAVIGATION = [
    NavigationItem(N_("Access watch"), "watch:home", _PERMISSION, "eye"),
]

PAGES = [
    Page("/watch", home, "watch:home", _PERMISSION),
    Page("/watch/search", search_form, "watch:search_form", _PERMISSION),
    Page("/watch/search/found", search, "watch:search", _PERMISSION, methods=("POST",)),
    Page("/watch/flag", flag, "watch:flag", _PERMISSION, methods=("POST",)),
    Page("/watch/questions/{key}", decide, "watch:decide", _PERMISSION, methods=("POST",)),
]
