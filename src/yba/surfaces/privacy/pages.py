"""The work list with its clocks, one request and its letter, the books, the answers to corrections."""

from collections.abc import Mapping
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.access import service as access
from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import BreachUnusable, NothingNamed
from yba.foundation.consent.model import (
    BASES,
    CHANNELS,
    DATA_KINDS,
    PURPOSE_NAMES,
    RECIPIENT_NAMES,
    RELATIONS,
    REQUEST_NAMES,
    REQUEST_STATES,
    STEP_NAMES,
    urgency,
)
from yba.foundation.consent.service import Agreement, NewBreach
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import IdentifierKind, PersonSummary
from yba.foundation.signing.service import signing_of
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date, typed_day, typed_moment, utc_now
from yba.kernel.refusal import AccessRefused, NotFound, Refusal
from yba.plumbing.database import Tx
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    form_list,
    language_of,
    render,
    see_other,
    state_of,
    transaction,
)
from yba.surfaces.privacy import correcting

_READ, _WRITE, _CLINICIAN = "privacy.read", "privacy.write", consent.ANSWERS_CORRECTIONS


def _numbered(request: Request) -> int:
    number: int = request.path_params["number"]
    if number >= 1 << 63:
        raise NotFound
    return number


def _moment(text: str) -> datetime | None:
    """Return a moment that a form wrote without a zone, as Viet Nam's clock shows it."""
    return typed_moment(text)


async def _person(tx: Tx, actor: Actor, patient_id: str, at: datetime) -> PersonSummary:
    """Return name, numbers and birth date of who asks; the look is in the actor's own name.

    The officer takes care of nobody, so the record's guard shows her nothing: what the law makes her
    answer is the one thing she is given. A clinician sees it if she is related to the person.
    """
    reader = actor.for_facility() if actor.may(_WRITE) else actor
    return await parties.person(tx, actor=reader, patient_id=patient_id, at=at)


async def home(request: Request) -> Response:
    """Show everything that waits, the most pressing first."""
    actor, now = actor_of(request), utc_now()
    async with transaction(request) as tx:
        return render(
            request, "privacy/home.html",
            requests=await consent.open_requests(tx, actor=actor),
            closed=await consent.closed_requests(tx, actor=actor, limit=30),
            proxies=await consent.proxies_asked(tx, actor=actor),
            withdrawals=await consent.open_withdrawals(tx, actor=actor),
            breaches=[one for one in await consent.breaches(tx, actor=actor) if not one.closed_at],
            names=REQUEST_NAMES, states=REQUEST_STATES, relations=RELATIONS,
            purposes=PURPOSE_NAMES, urgency=urgency, today=local_date(now), now=now,
        )  # fmt: skip


async def _one(request: Request, tx: Tx, template: str, refusal: Refusal | None = None) -> Response:
    actor, now = actor_of(request), utc_now()
    found = await consent.request(tx, actor=actor, request_id=_numbered(request))
    person = await _person(tx, actor, found.patient_id, now)
    await audit.record(
        tx, actor=actor, action="R", what="consent.request", at=now, patient_id=found.patient_id
    )
    return render(
        request, template, status=refusal.status if refusal else 200, one=found, person=person,
        steps=await consent.steps_of(tx, request_id=found.request_id), refusal=refusal,
        names=REQUEST_NAMES, states=REQUEST_STATES, step_names=STEP_NAMES, channels=CHANNELS,
        relations=RELATIONS, urgency=urgency, today=local_date(now),
    )  # fmt: skip


async def one_request(request: Request) -> Response:
    """Show one request, its clock, and what can be done."""
    async with transaction(request) as tx:
        return await _one(request, tx, "privacy/request.html")


async def letter(request: Request) -> Response:
    """Show the letter that answers a request, to print."""
    async with transaction(request) as tx:
        return await _one(request, tx, "privacy/letter.html")


async def answer(request: Request) -> Response:
    """Acknowledge, extend, finish or refuse a request."""
    fields = await form(request)
    actor, number, now = actor_of(request), _numbered(request), utc_now()
    words, act = fields.get("words", ""), fields.get("act", "")
    try:
        async with transaction(request) as tx:
            if act == "acknowledge":
                await consent.acknowledge(tx, actor=actor, request_id=number, at=now)
            elif act == "extend":
                await consent.extend(tx, actor=actor, request_id=number, reason=words, at=now)
            elif act == "finish":
                await consent.finish(tx, actor=actor, request_id=number, answer=words, at=now)
            elif act == "refuse":
                await consent.refuse(
                    tx, actor=actor, request_id=number, reason=words, at=now,
                    legal_basis=fields.get("legal_basis", ""),
                )  # fmt: skip
            else:
                raise NothingNamed
    except (AccessRefused, NotFound):
        raise
    except Refusal as refusal:
        async with transaction(request) as tx:
            return await _one(request, tx, "privacy/request.html", refusal)
    return see_other(request, "privacy:request", number=number)


async def decide_proxy(request: Request) -> Response:
    """Confirm a representation on the papers seen, or decline it."""
    fields = await form(request)
    actor, number, now = actor_of(request), _numbered(request), utc_now()
    async with transaction(request) as tx:
        if fields.get("act") == "accept":
            asked = await consent.proxy(tx, actor=actor, proxy_id=number)
            person = await _person(tx, actor, asked.patient_id, now)
            await consent.accept_proxy(
                tx, actor=actor, proxy_id=number, papers=fields.get("papers", ""), at=now,
                born=typed_day(person.details.birth_date),
            )  # fmt: skip
        else:
            await consent.refuse_proxy(tx, actor=actor, proxy_id=number, at=now)
    return see_other(request, "privacy:home")


async def end_proxy(request: Request) -> Response:
    """End a representation (a court decision, an error)."""
    await form(request)
    number, now = _numbered(request), utc_now()
    async with transaction(request) as tx:
        await consent.end_proxy(tx, actor=actor_of(request), proxy_id=number, at=now)
        await access.end(tx, why=f"Proxy/{number}", kinds=("proxy",), at=now, at_once=True)
    return see_other(request, "privacy:home")


async def withdrawal_done(request: Request) -> Response:
    """Note that what a withdrawn consent had allowed has stopped everywhere."""
    await form(request)
    async with transaction(request) as tx:
        await consent.withdrawal_done(
            tx, actor=actor_of(request), decision_id=_numbered(request), at=utc_now()
        )
    return see_other(request, "privacy:home")


async def _books(request: Request, tx: Tx, refusal: Refusal | None = None) -> Response:
    actor = actor_of(request)
    return render(
        request, "privacy/books.html", status=refusal.status if refusal else 200, refusal=refusal,
        register=await consent.processing_register(
            tx, actor=actor, language=language_of(request)
        ),
        breaches=await consent.breaches(tx, actor=actor),
        agreements=await consent.agreements(tx, actor=actor),
        disclosures=await consent.all_disclosures(tx, actor=actor),
        kinds=DATA_KINDS, bases=BASES, recipients=RECIPIENT_NAMES,
        today=local_date(utc_now()), now=utc_now(),
    )  # fmt: skip


async def books(request: Request) -> Response:
    """Show the processing register, breaches, agreements and what went to others."""
    async with transaction(request) as tx:
        return await _books(request, tx)


async def register_file(request: Request) -> Response:
    """Answer with the processing register as JSON, for the authority or another system."""
    async with transaction(request) as tx:
        register = await consent.processing_register(
            tx, actor=actor_of(request), language=language_of(request)
        )
    return Response(
        orjson.dumps(register, option=orjson.OPT_INDENT_2),
        media_type="application/json",
        headers={
            "content-disposition": 'attachment; filename="processing-register.json"',
            "cache-control": "no-store",
        },
    )


async def file_processing(request: Request) -> Response:
    """Keep when a processing began and what became of its impact file."""
    fields = await form(request)
    started = typed_day(fields.get("started_on", ""))
    try:
        async with transaction(request) as tx:
            if started is None:
                raise NothingNamed
            await consent.file_processing(
                tx, actor=actor_of(request), processing_id=request.path_params["processing"],
                started_on=started, impact_filed_on=typed_day(fields.get("filed_on", "")),
                impact_result=fields.get("result", ""), at=utc_now(),
            )  # fmt: skip
    except NothingNamed as refusal:
        async with transaction(request) as tx:
            return await _books(request, tx, refusal)
    return see_other(request, "privacy:books")


async def open_breach(request: Request) -> Response:
    """Open a breach file: the 72 hours run from the discovery."""
    sent = await form_list(request)
    fields = dict(sent)
    try:
        async with transaction(request) as tx:
            await consent.open_breach(
                tx, actor=actor_of(request), breach=_new_breach(fields, sent), at=utc_now()
            )
    except BreachUnusable as refusal:
        async with transaction(request) as tx:
            return await _books(request, tx, refusal)
    return see_other(request, "privacy:books")


def _new_breach(fields: Mapping[str, str], sent: list[tuple[str, str]]) -> NewBreach:
    discovered = _moment(fields.get("discovered_at", ""))
    if discovered is None:
        raise BreachUnusable(fields={"discovered_at": BreachUnusable.message})
    about = fields.get("persons_about", "")
    return NewBreach(
        discovered_at=discovered,
        happened_at=_moment(fields.get("happened_at", "")),
        nature=fields.get("nature", ""),
        data_kinds=[value for name, value in sent if name == "data_kinds"],
        tell_persons=fields.get("tell_persons") == "yes",
        persons_about=int(about) if about.isdecimal() and len(about) < 9 else 0,
        cause=fields.get("cause", ""),
        consequences=fields.get("consequences", ""),
        measures=fields.get("measures", ""),
        contact=fields.get("contact", ""),
    )


async def breach_step(request: Request) -> Response:
    """Note that the authority or the persons were told, or close the file."""
    fields = await form(request)
    actor, number, now = actor_of(request), _numbered(request), utc_now()
    act = fields.get("act", "")
    try:
        async with transaction(request) as tx:
            if act == "authority":
                await consent.authority_notified(
                    tx, actor=actor, breach_id=number, reference=fields.get("reference", ""),
                    late_reason=fields.get("late_reason", ""), at=now,
                )  # fmt: skip
            elif act == "persons":
                numbers = fields.get("patients", "").split()
                told = [
                    found for one in numbers
                    if (found := await _patient_numbered(tx, one)) is not None
                ]  # fmt: skip
                await consent.tell_persons(
                    tx, actor=actor, breach_id=number, patient_ids=told, at=now
                )
            elif act == "close":
                await consent.close_breach(tx, actor=actor, breach_id=number, at=now)
            else:
                raise NothingNamed
    except (AccessRefused, NotFound):
        raise
    except Refusal as refusal:
        async with transaction(request) as tx:
            return await _books(request, tx, refusal)
    return see_other(request, "privacy:books")


async def _patient_numbered(tx: Tx, number: str) -> str | None:
    return await parties.person_with_identifier(
        tx, kind=IdentifierKind.PATIENT_NUMBER, value=number
    )


async def add_agreement(request: Request) -> Response:
    """Enter an agreement about giving data."""
    sent = await form_list(request)
    fields = dict(sent)
    try:
        async with transaction(request) as tx:
            await consent.add_agreement(
                tx, actor=actor_of(request), at=utc_now(),
                agreement=Agreement(
                    agreement_id=0, party_code=fields.get("party_code", ""),
                    party_name=fields.get("party_name", ""), purpose=fields.get("purpose", ""),
                    kinds=[value for name, value in sent if name == "kinds"],
                    basis=fields.get("basis", ""), protection=fields.get("protection", ""),
                    valid_from=typed_day(fields.get("valid_from", "")) or local_date(utc_now()),
                    valid_to=typed_day(fields.get("valid_to", "")),
                    reference=fields.get("reference", ""),
                ),
            )  # fmt: skip
    except NothingNamed as refusal:
        async with transaction(request) as tx:
            return await _books(request, tx, refusal)
    return see_other(request, "privacy:books")


async def corrections(request: Request) -> Response:
    """Show a clinician what those whom she treats ask to be corrected."""
    actor, now = actor_of(request), utc_now()
    async with transaction(request) as tx:
        waiting = await consent.open_requests(tx, actor=actor)
        mine = await access.related_among(
            tx, actor=actor, patient_ids={one.patient_id for one in waiting}, at=now
        )
        return render(
            request, "privacy/corrections.html",
            requests=[one for one in waiting if one.patient_id in mine],
            urgency=urgency, today=local_date(now),
        )  # fmt: skip


async def _require_treating(request: Request, tx: Tx) -> None:
    """Raise NotFound unless she treats the one who asks for this correction."""
    actor = actor_of(request)
    found = await consent.request(tx, actor=actor, request_id=_numbered(request))
    if not await access.is_related(tx, actor=actor, patient_id=found.patient_id, at=utc_now()):
        raise NotFound


async def correction(request: Request) -> Response:
    """Show one request to correct, and how to answer it."""
    async with transaction(request) as tx:
        await _require_treating(request, tx)
        return await _one(request, tx, "privacy/correction.html")


async def correct(request: Request) -> Response:
    """Add a signed addendum, or refuse with a reason."""
    fields = await form(request)
    actor, number, now = actor_of(request), _numbered(request), utc_now()
    words = fields.get("words", "")
    accepting = fields.get("act") == "accept"
    async with transaction(request) as tx:
        await _require_treating(request, tx)
    if accepting:
        accounts.require_fresh(actor, at=now)
    try:
        async with transaction(request) as tx:
            if accepting:
                await correcting.accept(
                    tx, signing=signing_of(state_of(request)), actor=actor, request_id=number,
                    words=words, at=now,
                )  # fmt: skip
            else:
                await consent.refuse(tx, actor=actor, request_id=number, reason=words, at=now)
    except (AccessRefused, NotFound):
        raise
    except Refusal as refusal:
        async with transaction(request) as tx:
            return await _one(request, tx, "privacy/correction.html", refusal)
    return see_other(request, "privacy:correction", number=number)


NAVIGATION = [
    NavigationItem(N_("Data protection"), "privacy:home", _READ, "shield-check"),
    NavigationItem(N_("Corrections"), "privacy:corrections", _CLINICIAN, "pencil"),
]

_POST = ("POST",)
PAGES = [
    Page("/privacy", home, "privacy:home", _WRITE),
    Page("/privacy/requests/{number:int}", one_request, "privacy:request", _WRITE),
    Page("/privacy/requests/{number:int}", answer, "privacy:answer", _WRITE, methods=_POST),
    Page("/privacy/requests/{number:int}/letter", letter, "privacy:letter", _WRITE),
    Page("/privacy/proxies/{number:int}", decide_proxy, "privacy:proxy", _WRITE, methods=_POST),
    Page("/privacy/proxies/{number:int}/end", end_proxy, "privacy:end_proxy", _WRITE, methods=_POST),
    Page(
        "/privacy/withdrawals/{number:int}", withdrawal_done, "privacy:withdrawal", _WRITE,
        methods=_POST,
    ),
    Page("/privacy/books", books, "privacy:books", _READ),
    Page("/privacy/register.json", register_file, "privacy:register", _READ),
    Page(
        "/privacy/register/{processing}", file_processing, "privacy:file", _WRITE, methods=_POST
    ),
    Page("/privacy/breaches", open_breach, "privacy:open_breach", _WRITE, methods=_POST),
    Page("/privacy/breaches/{number:int}", breach_step, "privacy:breach", _WRITE, methods=_POST),
    Page("/privacy/agreements", add_agreement, "privacy:agreement", _WRITE, methods=_POST),
    Page("/corrections", corrections, "privacy:corrections", _CLINICIAN),
    Page("/corrections/{number:int}", correction, "privacy:correction", _CLINICIAN),
    Page("/corrections/{number:int}", correct, "privacy:correct", _CLINICIAN, methods=_POST),
]  # fmt: skip
