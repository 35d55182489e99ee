"""Pages of the administration: who signs what in what order, and whose certificates count."""

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from yba.care.documents.model import TITLES, Kind
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import Account
from yba.foundation.signing import service as signing
from yba.foundation.signing.errors import RegulationImpossible
from yba.foundation.signing.model import HolderKind, SignerRole
from yba.kernel.clock import local_date, typed_day, utc_now
from yba.kernel.ids import encode_id
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
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
from yba.surfaces.inbox.errors import ReasonForRevocation

_READ, _WRITE = "admin.read", "admin.write"
PLACE_WORDS = {
    "software": N_("a key of this installation"),
    "pkcs11": N_("a token at the server"),
    "remote": N_("a remote signing service"),
    "agent": N_("the token at your PC"),
}
ROLE_WORDS = {
    "author": N_("author"),
    "reviewer": N_("reviewer"),
    "head": N_("head of department"),
    "co-signer": N_("co-signer"),
    "organisation": N_("organisation seal"),
}


async def governing(request: Request) -> Response:
    """Show the regulation, the offices, and every certificate in use."""
    return await _shown(request)


async def _shown(request: Request, refusal: Refusal | None = None) -> Response:
    at = utc_now()
    async with reading(request) as tx:
        lines = await signing.regulation(tx)
        officers = await signing.officers(tx)
        certificates = await signing.certificates_in_use(tx)
        people = await accounts.all_accounts(tx)
    held = {one.role for one in officers if one.valid_from <= local_date(at)}
    wanted = {role for one in lines for role in one.roles}
    return render(
        request,
        "inbox/governing.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        lines=lines,
        officers=officers,
        vacant=[one for one in signing.OFFICES if one in wanted and one not in held],
        certificates=[(encode_id(one.certificate_id), one) for one in certificates],
        people=[one for one in people if _may_hold(one)],
        kinds={kind.value: title for kind, title in TITLES.items()},
        offices=[one.value for one in signing.OFFICES],
        role_words=ROLE_WORDS,
        place_words=PLACE_WORDS,
        organisation=HolderKind.ORGANISATION.value,
        today=local_date(at),
        now=at,
    )


def _may_hold(one: Account) -> bool:
    return bool(one.practitioner_id and one.licence and not one.disabled_at)


async def decide(request: Request) -> Response:
    """Enter a line of the regulation: which offices sign a kind of paper, from when on."""
    sent = await form_list(request)
    fields = dict(sent)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    try:
        offices = [SignerRole(value) for name, value in sent if name == "office" and value]
        async with transaction(request) as tx:
            await signing.decide_order(
                tx,
                actor=actor,
                kind=Kind(fields.get("kind", "")).value,
                offices=offices,
                sealed="seal" in fields,
                valid_from=_day(fields),
                source=fields.get("source", ""),
                at=at,
            )
    except ValueError:
        return await _shown(request, RegulationImpossible())
    except Refusal as refusal:
        return await _shown(request, refusal)
    return see_other(request, "inbox:governing")


async def appoint(request: Request) -> Response:
    """Enter who holds an office from a day on."""
    fields = await form(request)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    try:
        async with transaction(request) as tx:
            people = [one for one in await accounts.all_accounts(tx) if _may_hold(one)]
            chosen = [one for one in people if one.practitioner_id == fields.get("holder")]
            await signing.appoint(
                tx,
                actor=actor,
                role=SignerRole(fields.get("role", "")),
                holder_id=(chosen[0].practitioner_id or "") if chosen else "",
                holder_name=chosen[0].name if chosen else "",
                valid_from=_day(fields),
                at=at,
            )
    except ValueError:
        return await _shown(request, RegulationImpossible())
    except Refusal as refusal:
        return await _shown(request, refusal)
    return see_other(request, "inbox:governing")


def _day(fields: Mapping[str, str]) -> date:
    day = typed_day(fields.get("from", ""))
    if day is None:
        raise ValueError("no day")
    return day


async def revoke(request: Request) -> Response:
    """Take a certificate out of use, with the reason; ours is revoked as well."""
    fields = await form(request)
    actor, at = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=at)
    reason = fields.get("reason", "").strip()
    try:
        if not reason:
            raise ReasonForRevocation
        async with transaction(request) as tx:
            known = await signing.certificates_in_use(tx)
            wanted = [
                one for one in known if encode_id(one.certificate_id) == fields.get("certificate")
            ]
            if not wanted:
                raise NotFound
            await signing.revoke_certificate(
                tx,
                signing=signing.signing_of(state_of(request)),
                actor=actor,
                holder=wanted[0].holder,
                reason=reason,
                at=at,
            )
    except Refusal as refusal:
        return await _shown(request, refusal)
    return see_other(request, "inbox:governing")


NAVIGATION = [NavigationItem(N_("Signing rules"), "inbox:governing", _READ, "badge-check", "")]

PAGES = [
    Page("/admin/signing", governing, "inbox:governing", _READ),
    Page("/admin/signing/order", decide, "inbox:decide", _WRITE, ("POST",)),
    Page("/admin/signing/office", appoint, "inbox:appoint", _WRITE, ("POST",)),
    Page("/admin/signing/revoke", revoke, "inbox:revoke", _WRITE, ("POST",)),
]
