"""Show chosen parts for half an hour: the citizen's code, and what its viewer sees.

Link and PIN are shown once. The viewer gives the PIN and says who she is; from then on a cookie of
hers opens one read-only page, so that the secret leaves the address bar. Nothing is cached.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.care.encounters.errors import VisitNotFound
from yba.care.encounters.model import VisitView
from yba.foundation.access import service as access
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import NothingNamed, ShareNotOpen, ViewerUnnamed
from yba.foundation.consent.model import SHARE_PARTS, NewShare
from yba.foundation.consent.service import Shown, Viewer
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import PersonSummary
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import (
    PUBLIC,
    Page,
    form,
    form_list,
    render,
    see_other,
    state_of,
    transaction,
    url,
)
from yba.surfaces.citizen.pages.subject import PERMISSION, Subject, numbered, show, subject_of

_TICKET = "share"
_VISITS = 5
_LONGEST_TICKET = 60


async def _page(
    request: Request,
    tx: Tx,
    subject: Subject,
    *,
    new: NewShare | None = None,
    refusal: Refusal | None = None,
) -> Response:
    address = ""
    if new is not None:
        path = url(request, "citizen:open_share", secret=new.secret)
        address = state_of(request).settings.base_url + path
    return await show(
        request, tx, "citizen/share.html", subject, status=refusal.status if refusal else 200,
        part="profile", parts=SHARE_PARTS, new=new, address=address, refusal=refusal,
        shares=await consent.shares_of(tx, actor=subject.actor, patient_id=subject.patient_id),
        openings=await consent.openings_of(tx, actor=subject.actor, patient_id=subject.patient_id),
        now=utc_now(),
    )  # fmt: skip


async def sharing(request: Request) -> Response:
    """Show what is shared now, who opened it, and the form to share."""
    async with transaction(request) as tx:
        return await _page(request, tx, await subject_of(request, tx))


async def share(request: Request) -> Response:
    """Open a link and show it with its PIN: this once."""
    sent = await form_list(request)
    parts = [value for name, value in sent if name == "parts"]
    try:
        async with transaction(request) as tx:
            subject = await subject_of(request, tx, dict(sent))
            now = utc_now()
            new = await consent.share(
                tx, actor=subject.actor, patient_id=subject.patient_id, parts=parts, at=now
            )
            # Whoever opens it is related to the record as somebody who treats: what is hidden from
            # everybody and the restricted categories stay hidden.
            await access.relate(
                tx, patient_id=subject.patient_id, kind="share", why=f"Share/{new.share_id}",
                account_id=f"share:{new.share_id}", at=now, until=new.until,
            )  # fmt: skip
            return await _page(request, tx, subject, new=new)
    except NothingNamed as refusal:
        async with transaction(request) as tx:
            return await _page(request, tx, await subject_of(request, tx), refusal=refusal)


async def end(request: Request) -> Response:
    """End a link before its time."""
    fields = await form(request)
    number, now = numbered(request), utc_now()
    async with transaction(request) as tx:
        subject = await subject_of(request, tx, fields)
        await consent.end_share(tx, actor=subject.actor, share_id=number, at=now)
        await access.end(tx, why=f"Share/{number}", kinds=("share",), at=now, at_once=True)
    return see_other(request, "citizen:share")


def _ask(request: Request, refusal: Refusal | None, viewer: Viewer) -> Response:
    return render(
        request, "citizen/open_share.html", status=refusal.status if refusal else 200,
        refusal=refusal, viewer=viewer,
    )  # fmt: skip


async def open_form(request: Request) -> Response:
    """Ask whoever holds a link for the PIN and her name; says nothing of the record or the link."""
    return _ask(request, None, Viewer("", "", ""))


async def open_now(request: Request) -> Response:
    """Check the PIN, write down who opens it, and lead to the shown page."""
    fields = await form(request)
    viewer = Viewer(fields.get("name", ""), fields.get("place", ""), fields.get("purpose", ""))
    state = state_of(request)
    try:
        ticket = await consent.open_share(
            state.database,
            secret=request.path_params["secret"],
            pin=fields.get("pin", ""),
            viewer=viewer,
            at=utc_now(),
        )
    except (ShareNotOpen, ViewerUnnamed) as refusal:
        return _ask(request, refusal, viewer)
    response = see_other(request, "citizen:shared")
    response.set_cookie(
        _TICKET,
        ticket,
        max_age=3600,
        path=url(request, "citizen:shared"),
        httponly=True,
        samesite="strict",
        secure=state.settings.base_url.startswith("https:"),
    )
    return response


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a viewer is shown: the parts that were chosen, the others empty."""

    person: PersonSummary | None
    visits: list[VisitView]


async def shared(request: Request) -> Response:
    """Show the chosen parts, read-only, to whoever opened the link; each opening leaves traces."""
    ticket = request.cookies.get(_TICKET, "")
    if not ticket or len(ticket) > _LONGEST_TICKET:
        raise ShareNotOpen
    async with transaction(request) as tx:
        found = await consent.shown(tx, ticket=ticket, at=utc_now())
        parts = await _parts(tx, found)
        response = render(
            request, "citizen/shared.html", parts=found.share.parts, names=SHARE_PARTS,
            person=parts.person, visits=parts.visits, share=found.share, viewer=found.opening,
        )  # fmt: skip
    response.headers["cache-control"] = "no-store, private"
    return response


async def _parts(tx: Tx, found: Shown) -> _Parts:
    chosen, patient_id, now = set(found.share.parts), found.share.patient_id, utc_now()
    person = None
    if "summary" in chosen:
        person = await parties.person(tx, actor=found.actor, patient_id=patient_id, at=now)
    visits: list[VisitView] = []
    lines = await encounters.visits_of_patient(tx, actor=found.actor, patient_id=patient_id, at=now)
    for line in lines[:_VISITS]:
        try:
            visits.append(
                await encounters.visit(
                    tx, actor=found.actor, encounter_id=line.encounter_id, at=now
                )
            )
        except VisitNotFound:
            # Imported visits have a line and no sheet of their own.
            continue
    return _Parts(person, visits)


PAGES = [
    Page("/me/share", sharing, "citizen:share", PERMISSION),
    Page("/me/share", share, "citizen:share_now", PERMISSION, methods=("POST",)),
    Page("/me/share/{number:int}/end", end, "citizen:end_share", PERMISSION, methods=("POST",)),
    Page("/shared", shared, "citizen:shared", PUBLIC),
    Page("/shared/{secret}", open_form, "citizen:open_share", PUBLIC),
    Page("/shared/{secret}", open_now, "citizen:open_share_now", PUBLIC, methods=("POST",)),
]
