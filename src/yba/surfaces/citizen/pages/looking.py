"""Who looked: name, place, purpose, when, during which visit; and what went to others."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import NoMatchFound

from yba.care.encounters import service as encounters
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import ACTIONS, PURPOSES
from yba.foundation.consent import service as consent
from yba.foundation.consent.model import (
    BASES,
    CHANNELS,
    DATA_KINDS,
    ENTRY_NAMES,
    PURPOSE_NAMES,
    SCOPES,
)
from yba.kernel.clock import utc_now
from yba.plumbing.web import Page, transaction, url
from yba.surfaces.citizen import model
from yba.surfaces.citizen.pages.subject import PERMISSION, show, subject_of

_TRACES = 200
_LONGEST_NUMBER = 19


def _before(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER else None


def _address(request: Request, name: str) -> str:
    """Return where a page is, or nothing on a node that does not offer it."""
    try:
        return url(request, name)
    except NoMatchFound:
        return ""


async def who_looked(request: Request) -> Response:
    """Show who looked at or changed the record, in plain words, newest first, filtered if asked."""
    query = request.query_params
    wish = model.LookFilter(
        text=query.get("q", "")[:80], purpose=query.get("purpose", ""), visit=query.get("visit", "")
    )
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        patient_id, actor = subject.patient_id, subject.actor
        visits = await encounters.visits_of_patient(
            tx, actor=actor, patient_id=patient_id, at=utc_now()
        )
        traces = await audit.who_looked(
            tx, patient_id=patient_id, limit=_TRACES, before=_before(query.get("before", ""))
        )
        # Her own visits to her own pages would bury the others; what she does for a child stays.
        others = [t for t in traces if subject.proxy or t.account_id != actor.account_id]
        looks = [look for look in model.looks(others, visits) if wish.fits(look)]
        return await show(
            request, tx, "citizen/access.html", subject,
            part="access", looks=looks, purposes=PURPOSES, actions=ACTIONS, visits=visits,
            wish=wish, more=traces[-1].id if len(traces) == _TRACES else None,
            disclosures=await consent.disclosures_of(tx, actor=actor, patient_id=patient_id),
            restrictions=[
                one
                for one in await consent.restrictions_of(tx, actor=actor, patient_id=patient_id)
                if one.holds(utc_now())
            ],
            consents=[
                one
                for one in await consent.decisions_of(tx, actor=actor, patient_id=patient_id)
                if one.stands
            ],
            scopes=SCOPES, entries=ENTRY_NAMES, channels=CHANNELS, consent_names=PURPOSE_NAMES,
            bases=BASES, kinds=DATA_KINDS, proof=_address(request, "audit:mine"),
            check=_address(request, "audit:check"),
        )  # fmt: skip


PAGES = [Page("/me/access", who_looked, "citizen:access", PERMISSION)]
