"""Act for a mother or a child: ask, accept, switch, end. Always about the one who signed in."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.access import service as access
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import ProxyAskedAlready, ProxyNotPossible
from yba.foundation.consent.model import RELATIONS, Proxy
from yba.foundation.consent.service import Asked
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import IdentifierKind
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, form, see_other, state_of, transaction
from yba.surfaces.citizen.pages.subject import COOKIE, PERMISSION, numbered, own, show

_LOOKING = Actor.system("proxies", purpose="PATRQT")


async def _page(request: Request, tx: Tx, refusal: Refusal | None = None) -> Response:
    herself = own(request)
    proxies = await consent.proxies_of(tx, actor=herself.actor, patient_id=herself.patient_id)
    return await show(
        request, tx, "citizen/family.html", herself, status=refusal.status if refusal else 200,
        part="profile", refusal=refusal, proxies=proxies, relations=RELATIONS, now=utc_now(),
        acting_for=request.cookies.get(COOKIE, ""),
    )  # fmt: skip


async def family(request: Request) -> Response:
    """Show for whom she acts, who acts for her, and the form to ask."""
    async with transaction(request) as tx:
        return await _page(request, tx)


async def ask(request: Request) -> Response:
    """Ask to act for the holder of an identity number and birth date.

    Both must fit; the answer is the same whether such a person exists or not.
    """
    fields = await form(request)
    now, herself = utc_now(), own(request)
    try:
        async with transaction(request) as tx:
            patient_id = await _meant(tx, fields.get("number", ""), fields.get("birth_date", ""))
            if patient_id is not None:
                known = await parties.person(tx, actor=_LOOKING, patient_id=patient_id, at=now)
                await consent.ask_proxy(
                    tx, actor=herself.actor, at=now,
                    asked=Asked(
                        patient_id=patient_id, patient_name=known.details.name,
                        person_id=herself.patient_id, person_name=herself.actor.name,
                        relation=fields.get("relation", ""),
                    ),
                )  # fmt: skip
            return await _page(request, tx, None if patient_id else ProxyNotPossible())
    except (ProxyAskedAlready, ProxyNotPossible) as refusal:
        async with transaction(request) as tx:
            return await _page(request, tx, refusal)


async def _meant(tx: Tx, number: str, birth_date: str) -> str | None:
    """Return the patient who holds this number and was born that day (a child: patient number)."""
    compact = number.replace(" ", "")
    for kind in (IdentifierKind.CCCD, IdentifierKind.PATIENT_NUMBER):
        patient_id = await parties.person_with_identifier(tx, kind=kind, value=compact)
        if patient_id is None:
            continue
        known = await parties.person(tx, actor=_LOOKING, patient_id=patient_id, at=utc_now())
        return patient_id if _same_day(known.details.birth_date, birth_date) else None
    return None


def _same_day(known: str, typed: str) -> bool:
    parts = [part for part in typed.replace("/", "-").replace(".", "-").split("-") if part]
    if len(parts) == 3 and len(parts[2]) == 4:
        typed = f"{parts[2]}-{parts[1]:0>2}-{parts[0]:0>2}"
    return bool(known) and known == typed


async def accept(request: Request) -> Response:
    """Let somebody act for her from now on."""
    await form(request)
    async with transaction(request) as tx:
        await consent.accept_proxy(
            tx, actor=own(request).actor, proxy_id=numbered(request), at=utc_now()
        )
    return see_other(request, "citizen:family")


async def refuse(request: Request) -> Response:
    """Say no."""
    await form(request)
    async with transaction(request) as tx:
        await consent.refuse_proxy(
            tx, actor=own(request).actor, proxy_id=numbered(request), at=utc_now()
        )
    return see_other(request, "citizen:family")


async def end(request: Request) -> Response:
    """End a representation at once, from either side."""
    await form(request)
    number, now = numbered(request), utc_now()
    async with transaction(request) as tx:
        await consent.end_proxy(tx, actor=own(request).actor, proxy_id=number, at=now)
        await access.end(tx, why=f"Proxy/{number}", kinds=("proxy",), at=now, at_once=True)
    return see_other(request, "citizen:family")


async def act(request: Request) -> Response:
    """Act for somebody from now on, or for herself again; every page says so."""
    fields = await form(request)
    wanted, herself = fields.get("who", ""), own(request)
    if wanted in ("", herself.patient_id):
        response = see_other(request, "citizen:home")
        response.delete_cookie(COOKIE)
        return response
    now = utc_now()
    async with transaction(request) as tx:
        proxy = await consent.acts_for(tx, person_id=herself.patient_id, patient_id=wanted, at=now)
        if proxy is None:
            raise NotFound
        await _relate(tx, herself.actor, proxy)
    response = see_other(request, "citizen:home")
    response.set_cookie(
        COOKIE, wanted, httponly=True, samesite="lax",
        secure=state_of(request).settings.base_url.startswith("https:"),
    )  # fmt: skip
    return response


async def _relate(tx: Tx, actor: Actor, proxy: Proxy) -> None:
    """Open the record to the account that acts, for as long as the representation lasts."""
    await access.relate(
        tx, patient_id=proxy.patient_id, kind="proxy", why=f"Proxy/{proxy.proxy_id}",
        account_id=actor.account_id, at=utc_now(), until=proxy.until,
    )  # fmt: skip


_POST = ("POST",)
PAGES = [
    Page("/me/family", family, "citizen:family", PERMISSION),
    Page("/me/family", ask, "citizen:ask_proxy", PERMISSION, methods=_POST),
    Page("/me/family/act", act, "citizen:act", PERMISSION, methods=_POST),
    Page(
        "/me/family/{number:int}/accept", accept, "citizen:accept_proxy", PERMISSION, methods=_POST
    ),
    Page(
        "/me/family/{number:int}/refuse", refuse, "citizen:refuse_proxy", PERMISSION, methods=_POST
    ),
    Page("/me/family/{number:int}/end", end, "citizen:end_proxy", PERMISSION, methods=_POST),
]
