"""The archive's pages: the list, one record, what is due, holds, destruction, the copy that leaves."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response

from yba.care.archive import exporting, service
from yba.care.archive.access import require
from yba.care.archive.model import GROUND_WORDS, KIND_WORDS, STATE_WORDS, State
from yba.care.documents.panels import archive_of
from yba.foundation.consent.errors import ReleaseRefused
from yba.foundation.consent.model import RECIPIENT_NAMES, Recipient, RecipientKind
from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM, local_date, typed_day, utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    SIGNED_IN,
    Page,
    actor_of,
    form,
    reading,
    render,
    see_other,
    transaction,
)

_ENTERED_KINDS = (
    "transplant", "medical-incident", "aesthetic-surgery", "death", "psychiatric", "work-accident",
    "traffic-accident",
)  # fmt: skip


class _About(TypedDict):
    """Who asks about which record, and when."""

    actor: Actor
    encounter_id: str
    at: datetime


_TYPES = {"xml": "application/xml", "json": "application/json", "pdf": "application/pdf"}


async def home(request: Request) -> Response:
    """Show the records that match the filters, newest first, by pages of 50."""
    query = request.query_params
    state, key = query.get("state", ""), query.get("key", "").strip()
    show = query.get("show", "")
    typed = query.get("page", "1")
    page = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 1
    now = utc_now()
    async with reading(request) as tx:
        found, more = await service.records(
            tx,
            actor=actor_of(request),
            state=state,
            key=key,
            held=show == "held",
            due_on=local_date(now) if show == "due" else None,
            page=page,
        )
    return render(
        request,
        "archive/home.html",
        records=found,
        more=more,
        page=page,
        state=state,
        key=key,
        show=show,
        states=[(one.value, words) for one, words in STATE_WORDS.items()],
        today=local_date(now),
    )


async def one(request: Request) -> Response:
    """Show one record: where it stands, what it lacks, what happened, what may be done."""
    return await _one(request)


async def _one(request: Request, refusal: Refusal | None = None) -> Response:
    actor = actor_of(request)
    encounter_id = request.path_params["encounter_id"]
    about = _About(actor=actor, encounter_id=encounter_id, at=utc_now())
    async with transaction(request) as tx:
        found = await service.record(tx, **about)
        gaps, view = (), None
        if found.state in (State.DRAFT, State.ACTIVE, State.CLOSED):
            view, gaps = await service.missing(tx, **about)
        happened = await service.steps(tx, **about)
        kinds = await service.circumstances_of(tx, **about)
        holds = (
            await service.holds(tx, actor=actor, encounter_id=encounter_id)
            if actor.may("archive.read")
            else []
        )
    return render(
        request,
        "archive/record.html",
        status=refusal.status if refusal else 200,
        record=found,
        view=view,
        gaps=gaps,
        steps=happened,
        holds=holds,
        kinds=[KIND_WORDS[kind] for kind in kinds],
        choices=[(kind, KIND_WORDS[kind]) for kind in _ENTERED_KINDS],
        grounds=list(GROUND_WORDS.items()),
        recipients=list(RECIPIENT_NAMES.items()),
        refusal=refusal,
    )


async def act(request: Request) -> Response:
    """Carry out one act on a record; what refuses it is told beside the record."""
    fields = await form(request)
    encounter_id, what = request.path_params["encounter_id"], request.path_params["act"]
    about = _About(actor=actor_of(request), encounter_id=encounter_id, at=utc_now())
    reason = fields.get("reason", "")
    try:
        async with transaction(request) as tx:
            match what:
                case "close":
                    await service.close_record(tx, **about)
                case "reopen":
                    await service.reopen_record(tx, reason=reason, **about)
                case "archive":
                    await service.archive_record(tx, **about)
                case "cancel":
                    await service.cancel_mark(tx, reason=reason, **about)
                case "restore":
                    await service.restore_record(tx, reason=reason, **about)
                case "circumstance":
                    await service.add_circumstance(tx, kind=fields.get("kind", ""), **about)
                case "hold":
                    ordered = fields.get("ordered_by", "")
                    await service.place_hold(tx, ordered_by=ordered, reason=reason, **about)
                case "lift":
                    hold_id = fields.get("hold_id", "")
                    await service.lift_hold(tx, hold_id=hold_id, reason=reason, **about)
                case "reader":
                    await service.allow_reading(
                        tx,
                        account_id=fields.get("account_id", ""),
                        ground=fields.get("ground", ""),
                        purpose=reason,
                        until=_end_of(fields.get("until", ""), about["at"]),
                        may_copy=fields.get("may_copy") == "yes",
                        **about,
                    )
                case _:
                    raise NotFound
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return await _one(request, refusal)
    return see_other(request, "archive:record", encounter_id=encounter_id)


def _end_of(day: str, now: datetime) -> datetime:
    """Return the end of a day that was typed; `now` if it is none, which is refused further on."""
    typed = typed_day(day)
    if typed is None:
        return now
    return datetime.combine(typed + timedelta(days=1), time(), VIETNAM)


async def export(request: Request) -> Response:
    """Answer with HoSoBenhAn; the written request is part of the form."""
    fields = await form(request)
    file_form = "json" if fields.get("form") == "json" else "xml"
    try:
        async with transaction(request) as tx:
            name, content = await exporting.exported(
                tx,
                actor=actor_of(request),
                encounter_id=request.path_params["encounter_id"],
                form=file_form,
                request=fields.get("request", ""),
                at=utc_now(),
                recipient=_recipient(fields),
            )
    except Refusal as refusal:
        if refusal.status not in (403, 409, 422):
            raise
        return await _one(request, refusal)
    return _file(content, name, file_form)


def _recipient(fields: Mapping[str, str]) -> Recipient | None:
    """Return the provider or insurer that the form names; None for the person or an authority.

    Raises ReleaseRefused for a recipient that cannot be understood: nobody can have agreed to it.
    """
    kind = fields.get("recipient", "")
    if not kind and not fields.get("recipient_code"):
        return None
    if kind not in set(RecipientKind):
        raise ReleaseRefused
    return Recipient(RecipientKind(kind), fields.get("recipient_code", ""))


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(
        content,
        media_type=_TYPES[kind],
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
        },
    )


async def destruction(request: Request) -> Response:
    """Show what is due, the holds in force and the lists for destruction; printable."""
    return await _destruction(request)


async def _destruction(request: Request, refusal: Refusal | None = None) -> Response:
    actor, now = actor_of(request), utc_now()
    async with reading(request) as tx:
        due = await service.due_records(tx, actor=actor, at=now)
        lists = await service.destructions(tx, actor=actor)
        holds = await service.holds(tx, actor=actor)
    return render(
        request,
        "archive/destruction.html",
        status=refusal.status if refusal else 200,
        due=due,
        lists=lists,
        holds=holds,
        now=now,
        refusal=refusal,
    )


async def propose(request: Request) -> Response:
    """Make a list of everything that is due."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            listed = await service.propose_destruction(
                tx, actor=actor_of(request), reason=fields.get("reason", ""), at=utc_now()
            )
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return await _destruction(request, refusal)
    return see_other(request, "archive:list", destruction_id=listed)


async def one_list(request: Request) -> Response:
    """Show one list with its records."""
    return await _one_list(request)


async def _one_list(request: Request, refusal: Refusal | None = None) -> Response:
    async with reading(request) as tx:
        found, lines = await service.lines_of(
            tx, actor=actor_of(request), destruction_id=request.path_params["destruction_id"]
        )
    return render(
        request,
        "archive/list.html",
        status=refusal.status if refusal else 200,
        list=found,
        lines=lines,
        refusal=refusal,
    )


async def approve(request: Request) -> Response:
    """The head approves a list."""
    await form(request)
    destruction_id = request.path_params["destruction_id"]
    try:
        async with transaction(request) as tx:
            await service.approve_destruction(
                tx, actor=actor_of(request), destruction_id=destruction_id, at=utc_now()
            )
    except Refusal as refusal:
        if refusal.code != "archive.same-person":
            raise
        return await _one_list(request, refusal)
    return see_other(request, "archive:list", destruction_id=destruction_id)


async def destroy(request: Request) -> Response:
    """Carry out an approved list."""
    await form(request)
    destruction_id = request.path_params["destruction_id"]
    try:
        async with transaction(request) as tx:
            await service.carry_out(
                tx,
                archive=archive_of(request),
                actor=actor_of(request),
                destruction_id=destruction_id,
                at=utc_now(),
            )
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return await _one_list(request, refusal)
    return see_other(request, "archive:list", destruction_id=destruction_id)


async def minutes(request: Request) -> Response:
    """Answer with the signed minutes of a destruction."""
    actor = actor_of(request)
    require(actor, "archive.read")
    destruction_id = request.path_params["destruction_id"]
    async with reading(request) as tx:
        content = await service.minutes_of(
            tx, archive=archive_of(request), actor=actor, destruction_id=destruction_id
        )
    return _file(content, f"minutes-{destruction_id}.pdf", "pdf")


NAVIGATION = [
    NavigationItem(N_("Medical records archive"), "archive:home", "archive.read", "archive", "h")
]
_LIST = "/archive/destruction/{destruction_id}"

PAGES = [
    Page("/archive", home, "archive:home", "archive.read"),
    Page("/archive/destruction", destruction, "archive:destruction", "archive.read"),
    Page("/archive/destruction", propose, "archive:propose", "archive.manage", ("POST",)),
    Page(_LIST, one_list, "archive:list", "archive.read"),
    Page(_LIST + "/approve", approve, "archive:approve", "archive.approve", ("POST",)),
    Page(_LIST + "/destroy", destroy, "archive:destroy", "archive.destroy", ("POST",)),
    Page(_LIST + "/minutes.pdf", minutes, "archive:minutes", "archive.read"),
    # Who may is decided by the record: treating staff, the patient, readers named for a time.
    Page("/archive/records/{encounter_id}", one, "archive:record", SIGNED_IN),
    Page("/archive/records/{encounter_id}/export", export, "archive:export", SIGNED_IN, ("POST",)),
    Page("/archive/records/{encounter_id}/{act}", act, "archive:act", SIGNED_IN, ("POST",)),
]
