"""What a person meets when a program asks: the page where she allows, narrows, or refuses.

Main rule: nothing leaves before program and address are known to belong together, and nothing is granted
but what this page showed. A redirection to a program never follows a form of our own unless that form
said so to the browser (`form-action`).
Standards: OAuth 2.1 section 4.1.1; OpenID Connect Core 3.1.2; SMART App Launch 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.errors import (
    PatientNotChosen,
    ProgramUnknown,
    ProtocolError,
    RequestGone,
)
from yba.foundation.authorization.model import Grant
from yba.foundation.authorization.service import Asked, Opened, SentBack, Server
from yba.foundation.consent.model import Proxy
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import PersonMatch
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal, Unusable
from yba.plumbing.database import Tx
from yba.plumbing.web import (
    PUBLIC,
    SIGNED_IN,
    Page,
    actor_of,
    actor_or_none,
    form_list,
    limited_body,
    render,
    state_of,
    transaction,
    url,
)
from yba.surfaces.programs import words

_LARGEST = 64 * 1024
_MOST_MATCHES = 8
Pairs = Sequence[tuple[str, str]]


def server_of(request: Request) -> Server:
    """Return which authorization server this node is."""
    settings = state_of(request).settings
    return Server(settings.base_url, settings.base_url + "/fhir", settings.secret)


async def _read(request: Request, tx: Tx, pairs: Pairs, at: datetime) -> Asked:
    """Return what is asked for. Raises ProgramUnknown, RequestGone, SentBack."""
    server = server_of(request)
    try:
        given = authorization.parameters_of(pairs)
    except ProtocolError as problem:
        raise ProgramUnknown(reason=problem.reason) from None
    return await authorization.read(
        tx, given=given, issuer=server.issuer, fhir_base=server.fhir_base, at=at
    )


def _out(location: str) -> Response:
    return RedirectResponse(location, status_code=303, headers={"cache-control": "no-store"})


async def authorize(request: Request) -> Response:
    """Take a program's request and show it, or answer at once where nothing is to be asked."""
    try:
        pairs = parse_qsl(
            request.url.query, keep_blank_values=True, errors="strict", max_num_fields=60
        )
    except ValueError:
        raise ProgramUnknown(reason="query") from None
    try:
        async with transaction(request) as tx:
            return await _authorize(request, tx, pairs, utc_now())
    except SentBack as refused:
        return _out(refused.location)


async def authorize_posted(request: Request) -> Response:
    """Take the same request as a form (OpenID Connect Core 3.1.2.1): kept, then asked for by GET.

    The form may come from another site, so nothing is decided by it; the page decides.
    """
    try:
        async with limited_body(request, _LARGEST) as body:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=60)
    except ValueError:
        raise Unusable from None
    at = utc_now()
    try:
        async with transaction(request) as tx:
            asked = await _read(request, tx, pairs, at)
            return _out(await _here(request, tx, asked, dict(pairs), at))
    except SentBack as refused:
        return _out(refused.location)


async def _here(request: Request, tx: Tx, asked: Asked, given: dict[str, str], at: datetime) -> str:
    """Return the address of this request on our own site; what it holds stays with us."""
    kept = asked.pushed or await authorization.keep(
        tx, client_id=asked.client.id, given=given, at=at
    )
    query = urlencode({"client_id": asked.client.id, "request_uri": kept})
    return f"{url(request, 'programs:authorize')}?{query}"


async def _authorize(request: Request, tx: Tx, pairs: Pairs, at: datetime) -> Response:
    issuer = server_of(request).issuer
    asked = await _read(request, tx, pairs, at)
    actor = actor_or_none(request)
    silent = "none" in asked.prompts
    if actor is None or not _is_fresh(actor, asked, at):
        if silent:
            raise asked.refused(issuer, "login_required", "nobody is signed in, or too long ago")
        here = await _here(request, tx, asked, dict(pairs), at)
        if actor is None:
            return _out(f"{url(request, 'accounts:sign_in')}?{urlencode({'next': here})}")
        return _again(request, here)
    if not authorization.grantable(actor, asked.scopes):
        raise asked.refused(issuer, "access_denied", "this person may grant none of it")
    opened = await authorization.opened(tx, actor=actor, asked=asked, at=at)
    earlier = await _granted_before(tx, actor, asked, at)
    patient_id = opened.patient_id if opened else authorization.own_patient(actor)
    if opened is None and patient_id is not None and earlier is not None:
        # She chose then, herself or a child of hers.
        patient_id = earlier.patient_id or patient_id
    needs_choice = asked.needs_patient and patient_id is None
    if (earlier is not None or _is_trusted(actor, asked)) and not needs_choice:
        if silent or _comes_from_elsewhere(request):
            code = await authorization.grant(
                tx, actor=actor, asked=asked, ticked=words.ticked_at_first(asked.scopes), patient_id=patient_id,
                encounter_id=opened.encounter_id if opened else None,
                until=earlier.expires_at if earlier else None, at=at,
            )  # fmt: skip
            return _out(asked.back(issuer, code=code))
    elif silent:
        error = "interaction_required" if needs_choice else "consent_required"
        raise asked.refused(issuer, error, "the person must be asked")
    return await _page(request, tx, asked, dict(pairs), opened=opened, at=at)


def _is_fresh(actor: Actor, asked: Asked, at: datetime) -> bool:
    """Return whether the sign-in is recent enough for `prompt=login` and `max_age`."""
    if "login" not in asked.prompts and asked.max_age is None:
        return True
    proven = actor.proven_at
    if proven is None:
        return False
    if asked.pushed and asked.begun_at is not None and proven >= asked.begun_at:
        return True
    if "login" in asked.prompts or not asked.max_age:
        return False
    return (at - proven).total_seconds() <= asked.max_age


def _again(request: Request, here: str) -> Response:
    """Lead to a fresh proof of who is there, and back."""
    return _out(f"{url(request, 'accounts:prove')}?{urlencode({'next': here})}")


def _comes_from_elsewhere(request: Request) -> bool:
    """Return whether the person comes straight from the program, not from a form of ours."""
    return request.headers.get("sec-fetch-site", "cross-site") in (
        "cross-site",
        "same-site",
        "none",
    )


def _is_trusted(actor: Actor, asked: Asked) -> bool:
    """Return whether an administrator has decided for staff, so that nobody needs to be asked."""
    if asked.prompts & {"consent", "select_account"}:
        return False
    return asked.client.is_trusted and authorization.own_patient(actor) is None


async def _granted_before(tx: Tx, actor: Actor, asked: Asked, at: datetime) -> Grant | None:
    """Return what was granted before and need not be asked again; its end is not put off."""
    if "none" not in asked.prompts or _is_trusted(actor, asked):
        return None
    return await authorization.granted_already(tx, actor=actor, asked=asked, at=at)


async def _page(
    request: Request,
    tx: Tx,
    asked: Asked,
    given: dict[str, str],
    *,
    opened: Opened | None,
    at: datetime,
    entered: Pairs = (),
    matches: Sequence[PersonMatch] = (),
    refusal: Refusal | None = None,
) -> Response:
    """Show who asks, for what, of whom, until when."""
    actor = actor_of(request)
    here = await _here(request, tx, asked, given, at)
    request.scope["yba.form_action"] = _form_target(asked.redirect_uri)
    scopes = authorization.grantable(actor, asked.scopes)
    ticked = (
        [value for name, value in entered if name == "scope"]
        if entered
        else [name for name in scopes if name not in words.UNTICKED]
    )
    children = list[Proxy]()
    if asked.needs_patient and opened is None:
        children = await authorization.represented(tx, actor=actor, at=at)
    shown = None
    if opened is not None:
        shown = await parties.person(tx, actor=actor, patient_id=opened.patient_id, at=at)
    return render(
        request,
        "programs/consent.html",
        status=refusal.status if refusal else 200,
        client=asked.client,
        host=urlsplit(asked.redirect_uri).netloc or urlsplit(asked.redirect_uri).scheme,
        request_uri=dict(parse_qsl(urlsplit(here).query))["request_uri"],
        always=words.always(scopes),
        lines=words.lines(scopes),
        ticked=ticked,
        lasting=dict(entered).get("lasting", "month"),
        is_lasting="offline_access" in scopes,
        patient=shown,
        needs_choice=asked.needs_patient
        and opened is None
        and authorization.own_patient(actor) is None,
        own=authorization.own_patient(actor),
        children=children,
        words=dict(entered).get("words", ""),
        matches=matches,
        refusal=refusal,
    )


def _form_target(address: str) -> str:
    """Return what the browser must allow a form to lead to, for the answer to reach the program."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


async def decide(request: Request) -> Response:
    """Take what a person decided: search for the patient, allow, or refuse."""
    entered = await form_list(request)
    fields = dict(entered)
    pairs = [(name, fields.get(name, "")) for name in ("client_id", "request_uri")]
    actor, at = actor_of(request), utc_now()
    issuer = server_of(request).issuer
    try:
        async with transaction(request) as tx:
            asked = await _read(request, tx, pairs, at)
            if asked.pushed is None or not _is_fresh(actor, asked, at):
                raise RequestGone
            opened = await authorization.opened(tx, actor=actor, asked=asked, at=at)
            match fields.get("decision"):
                case "allow":
                    return await _allow(request, tx, asked, entered, opened, at)
                case "search":
                    matches = await parties.find_persons(
                        tx, actor=actor, text=fields.get("words", ""), limit=_MOST_MATCHES
                    )
                    return await _page(
                        request, tx, asked, dict(pairs), opened=opened, at=at, entered=entered,
                        matches=matches,
                    )  # fmt: skip
                case _:
                    raise asked.refused(issuer, "access_denied", "the person refused")
    except SentBack as refused:
        return _out(refused.location)


async def _allow(
    request: Request,
    tx: Tx,
    asked: Asked,
    entered: Pairs,
    opened: Opened | None,
    at: datetime,
) -> Response:
    actor, fields = actor_of(request), dict(entered)
    ticked = [value for name, value in entered if name == "scope"]
    patient_id: str | None
    if opened is not None:
        patient_id = opened.patient_id
    else:
        own = authorization.own_patient(actor)
        patient_id = fields.get("patient") or own
        if own is None and patient_id is not None:
            # Whoever may not see her may not open a program on her either.
            await parties.person(tx, actor=actor, patient_id=patient_id, at=at)
    try:
        code = await authorization.grant(
            tx, actor=actor, asked=asked, ticked=ticked, patient_id=patient_id,
            encounter_id=opened.encounter_id if opened else None,
            lasting=fields.get("lasting", "day"), at=at,
        )  # fmt: skip
    except PatientNotChosen as refusal:
        return await _page(
            request, tx, asked, {}, opened=opened, at=at, entered=entered, refusal=refusal
        )
    request.scope["yba.form_action"] = _form_target(asked.redirect_uri)
    return _out(asked.back(server_of(request).issuer, code=code))


PAGES = [
    Page("/oauth/authorize", authorize, "programs:authorize", PUBLIC),
    Page(
        "/oauth/authorize", authorize_posted, "programs:authorize_posted", PUBLIC,
        methods=("POST",), browser_only=False,
    ),
    Page("/oauth/decide", decide, "programs:decide", SIGNED_IN, methods=("POST",)),
]  # fmt: skip
