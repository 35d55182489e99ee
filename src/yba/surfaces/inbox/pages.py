"""Pages: the papers that wait for my signature, and what I sign with."""

import base64
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response

from yba.care.documents import service as documents
from yba.care.documents.panels import archive_of
from yba.care.documents.service import Chosen, Outcome
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import Account
from yba.foundation.signing import service as signing
from yba.foundation.signing.model import KeyRef
from yba.kernel.clock import VIETNAM, local_date, typed_day, utc_now
from yba.kernel.ids import decode_id, encode_id
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    SIGNED_IN,
    Page,
    actor_of,
    form,
    form_list,
    reading,
    render,
    see_other,
    state_of,
    transaction,
)
from yba.surfaces.inbox import governing_pages
from yba.surfaces.inbox.errors import NothingChosen
from yba.surfaces.inbox.governing_pages import PLACE_WORDS, ROLE_WORDS

_SECRETS = ("pin", "code")
LEVEL_WORDS = {
    "B-B": N_("Signed; the time stamp follows"),
    "B-T": N_("Signed with a time stamp"),
    "B-LT": N_("Signed, with evidence for later"),
    "B-LTA": N_("Signed for the archive"),
}


async def home(request: Request) -> Response:
    """Show what waits for the person's signature."""
    return await _home(request)


async def _home(
    request: Request,
    *,
    outcomes: Sequence[Outcome] = (),
    refusal: Refusal | None = None,
    chosen: frozenset[str] = frozenset(),
) -> Response:
    actor, at = actor_of(request), utc_now()
    async with transaction(request) as tx:
        waiting = await signing.waiting_for(tx, actor=actor, at=at)
        certificate = None
        agents: list[signing.Agent] = []
        if actor.practitioner_id is not None and actor.licence:
            holder = signing.holder_of(actor, signing.signing_of(state_of(request)))
            certificate = await signing.linked_certificate(tx, holder=holder)
            agents = await signing.agents_of(tx, account_id=actor.account_id)
    return render(
        request,
        "inbox/home.html",
        status=refusal.status if refusal else 200,
        waiting=[(f"{encode_id(one.request_id)}:{one.position}", one) for one in waiting],
        certificate=certificate,
        place=certificate.key.place if certificate else "software",
        agent_there=any(one.is_there(at) for one in agents),
        outcomes=outcomes,
        refusal=refusal,
        chosen=chosen,
        place_words=PLACE_WORDS,
        role_words=ROLE_WORDS,
        level_words=LEVEL_WORDS,
    )


def _chosen(text: str) -> Chosen:
    number, _, position = text.partition(":")
    request_id = decode_id(number)
    if request_id is None or not position.isdecimal():
        raise NotFound
    return Chosen(request_id, int(position[:3]))


async def preview(request: Request) -> Response:
    """Answer with the page that is about to be signed."""
    wanted = _chosen(request.path_params["paper"])
    async with transaction(request) as tx:
        content = await documents.preview(
            tx, archive=archive_of(request), actor=actor_of(request), chosen=wanted, at=utc_now()
        )
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "content-disposition": 'inline; filename="preview.pdf"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def sign(request: Request) -> Response:
    """Sign the chosen papers with one confirmation; show what became of each."""
    sent = await form_list(request)
    secrets = {name: signing.Secret(value) for name, value in sent if name in _SECRETS and value}
    # Whoever has to prove herself first gets her form back, without any PIN.
    request.scope["yba.form"] = [(name, value) for name, value in sent if name not in _SECRETS]
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    names = frozenset(value for name, value in sent if name == "paper")
    try:
        if not names:
            raise NothingChosen
        wanted = [_chosen(value) for name, value in sent if name == "paper"]
        consent = signing.confirmed(
            actor,
            summary=_CONSENT % len(names),
            at=at,
            method="+".join(sorted(actor.methods)) or "session",
            secret=secrets.get("pin"),
            code=secrets.get("code"),
        )
        outcomes = await documents.sign_basket(
            state_of(request).database,
            archive=archive_of(request),
            actor=actor,
            chosen=wanted,
            consent=consent,
            at=at,
        )
    except Refusal as refusal:
        return await _home(request, refusal=refusal, chosen=names)
    finally:
        for secret in secrets.values():
            secret.wipe()
    return await _home(request, outcomes=outcomes)


_CONSENT = "Ký %d văn bản"


async def refuse(request: Request) -> Response:
    """Refuse to sign one paper, with the reason."""
    fields = await form(request)
    wanted = _chosen(fields.get("paper", ""))
    try:
        async with transaction(request) as tx:
            await signing.refuse(
                tx,
                actor=actor_of(request),
                request_id=wanted.request_id,
                position=wanted.position,
                reason=fields.get("reason", ""),
                at=utc_now(),
            )
    except Refusal as refusal:
        return await _home(request, refusal=refusal)
    return see_other(request, "inbox:home")


async def keys(request: Request) -> Response:
    """Show the person's certificate, her paired programs and her delegations."""
    return await _keys(request)


async def _keys(request: Request, *, code: str = "", refusal: Refusal | None = None) -> Response:
    actor, at = actor_of(request), utc_now()
    async with reading(request) as tx:
        holder = signing.holder_of(actor, signing.signing_of(state_of(request)))
        certificate = await signing.linked_certificate(tx, holder=holder)
        agents = await signing.agents_of(tx, account_id=actor.account_id)
        delegations = await signing.delegations_of(tx, practitioner_id=holder.holder_id)
        colleagues = await _colleagues(tx, actor.account_id)
    return render(
        request,
        "inbox/keys.html",
        status=refusal.status if refusal else 200,
        certificate=certificate,
        agents=[
            (encode_id(one.agent_id), one, one.is_there(at), signing.named_certificates(one))
            for one in agents
        ],
        delegations=[(encode_id(one.delegation_id), one) for one in delegations],
        me=holder.holder_id,
        now=at,
        today=local_date(at),
        colleagues=colleagues,
        code=code,
        server=state_of(request).settings.base_url,
        refusal=refusal,
        place_words=PLACE_WORDS,
    )


async def _colleagues(tx: signing.Tx, account_id: str) -> list[Account]:
    return [
        one
        for one in await accounts.all_accounts(tx)
        if one.practitioner_id and one.licence and not one.disabled_at and one.id != account_id
    ]


async def pair(request: Request) -> Response:
    """Show a code that pairs a signing program at a PC."""
    fields = await form(request)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    async with transaction(request) as tx:
        code = await signing.begin_pairing(tx, actor=actor, name=fields.get("name", ""), at=at)
    return await _keys(request, code=code)


async def unpair(request: Request) -> Response:
    """Cut a signing program off."""
    fields = await form(request)
    async with transaction(request) as tx:
        await signing.end_agent(
            tx,
            actor=actor_of(request),
            agent_id=decode_id(fields.get("agent", "")) or 0,
            at=utc_now(),
        )
    return see_other(request, "inbox:keys")


async def link(request: Request) -> Response:
    """Sign from now on with a certificate that a paired program found on its token."""
    fields = await form(request)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    place = signing.signing_of(state_of(request))
    try:
        async with reading(request) as tx:
            agents = await signing.agents_of(tx, account_id=actor.account_id)
        agent = next((a for a in agents if encode_id(a.agent_id) == fields.get("agent")), None)
        if agent is None:
            raise NotFound
        found = {one["key"]: one["certificate"] for one in agent.found}
        wanted = fields.get("key", "")
        if wanted not in found:
            raise NotFound
        holder = signing.holder_of(actor, place)
        proven = await signing.prove_key(
            signing=place,
            holder=holder,
            certificate=base64.b64decode(found[wanted]),
            chain=(),
            key=KeyRef("agent", agent.label(wanted)),
            consent=signing.confirmed(actor, summary=_LINKING, at=at),
            at=at,
        )
        async with transaction(request) as tx:
            await signing.link_proven(tx, actor=actor, holder=holder, proven=proven, at=at)
    except Refusal as refusal:
        return await _keys(request, refusal=refusal)
    return see_other(request, "inbox:keys")


_LINKING = "Xác nhận bạn giữ khoá của chứng thư số này"


async def delegate(request: Request) -> Response:
    """Let a colleague sign for the person for some days."""
    fields = await form(request)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    try:
        start, end = _day(fields.get("from", "")), _day(fields.get("to", ""))
        async with transaction(request) as tx:
            taker = next(
                (
                    one
                    for one in await _colleagues(tx, actor.account_id)
                    if one.practitioner_id == fields.get("to_whom")
                ),
                None,
            )
            await signing.delegate(
                tx,
                actor=actor,
                taker_id=(taker.practitioner_id or "") if taker else (actor.practitioner_id or ""),
                taker_name=taker.name if taker else "",
                kinds=(),
                reason=fields.get("reason", ""),
                valid_from=start or at,
                valid_to=(end + timedelta(days=1)) if end else at,
                at=at,
            )
    except Refusal as refusal:
        return await _keys(request, refusal=refusal)
    return see_other(request, "inbox:keys")


def _day(text: str) -> datetime | None:
    day = typed_day(text)
    return None if day is None else datetime.combine(day, time(), VIETNAM)


async def end_delegation(request: Request) -> Response:
    """End a delegation before its day."""
    fields = await form(request)
    async with transaction(request) as tx:
        await signing.end_delegation(
            tx,
            actor=actor_of(request),
            delegation_id=decode_id(fields.get("delegation", "")) or 0,
            at=utc_now(),
        )
    return see_other(request, "inbox:keys")


NAVIGATION = [
    NavigationItem(N_("My signatures"), "inbox:home", "documents.sign", "signature"),
    NavigationItem(N_("My signatures"), "inbox:home", "laboratory.release", "signature"),
    *governing_pages.NAVIGATION,
]

PAGES = [
    Page("/inbox", home, "inbox:home", SIGNED_IN),
    Page("/inbox/preview/{paper}.pdf", preview, "inbox:preview", SIGNED_IN),
    Page("/inbox/sign", sign, "inbox:sign", SIGNED_IN, ("POST",)),
    Page("/inbox/refuse", refuse, "inbox:refuse", SIGNED_IN, ("POST",)),
    Page("/inbox/keys", keys, "inbox:keys", SIGNED_IN),
    Page("/inbox/pair", pair, "inbox:pair", SIGNED_IN, ("POST",)),
    Page("/inbox/unpair", unpair, "inbox:unpair", SIGNED_IN, ("POST",)),
    Page("/inbox/link", link, "inbox:link", SIGNED_IN, ("POST",)),
    Page("/inbox/delegate", delegate, "inbox:delegate", SIGNED_IN, ("POST",)),
    Page("/inbox/end", end_delegation, "inbox:end_delegation", SIGNED_IN, ("POST",)),
    *governing_pages.PAGES,
]
