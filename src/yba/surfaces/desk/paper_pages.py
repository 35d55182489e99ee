"""Consents that somebody signed on paper: written down at the desk, with the scan, and taken back.

Main rule: the desk writes down what the paper says. The words are those of one version of the text;
who saw it signed stands beside it, and a scan is kept by its hash. Law 91/2025/QH15 art. 9 and 10.
"""

from collections.abc import Mapping
from datetime import date, datetime

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.audit import service as audit
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import NotAgreed, UnknownPurpose
from yba.foundation.consent.model import (
    CHANNELS,
    PURPOSE_NAMES,
    RELATIONS,
    Decision,
    all_texts,
    text_on,
)
from yba.foundation.consent.service import Saying
from yba.foundation.parties import service as parties
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date, utc_now
from yba.kernel.refusal import NotFound, Refusal, TooLarge, Unusable
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_
from yba.plumbing.uploads import form_with_file, scan_type
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    language_of,
    render,
    see_other,
    state_of,
    transaction,
)

_PERMISSION = "desk.register"
_LARGEST_SCAN = 10 * 1024 * 1024
_FULL_DATE = 10
_NO_SCAN = N_("Only PDF, JPEG or PNG, at most 10 MB.")


async def consents(request: Request) -> Response:
    """Show what a person decided, and the form for a paper she has signed."""
    async with transaction(request) as tx:
        return await _page(request, tx)


async def _page(
    request: Request,
    tx: Tx,
    *,
    fields: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> Response:
    patient_id, actor, now = request.path_params["patient_id"], actor_of(request), utc_now()
    language, today = language_of(request), local_date(now)
    known = await parties.person(tx, actor=actor, patient_id=patient_id, at=now)
    history = await consent.decisions_of(tx, actor=actor, patient_id=patient_id)
    await audit.record(
        tx, actor=actor, action="R", what="consent.decisions_of", at=now, patient_id=patient_id
    )
    texts = {purpose: text_on(purpose, language, today) for purpose in PURPOSE_NAMES}
    return render(
        request, "desk/consents.html", status=refusal.status if refusal else 200, person=known,
        history=history, purposes=PURPOSE_NAMES, channels=CHANNELS, relations=RELATIONS,
        texts={purpose: text for purpose, text in texts.items() if text is not None},
        versions=_versions(today), values=fields or {"witness": actor.name}, refusal=refusal,
        errors=refusal.fields if refusal else {},
    )  # fmt: skip


def _versions(on: date) -> list[tuple[str, str]]:
    """Return the wordings that a paper may carry, as (value, words): version and language."""
    found = {(one.version, one.language) for one in all_texts() if one.valid_from <= on}
    newest_first = sorted(sorted(found, key=lambda one: one[1], reverse=True), reverse=True)
    return [
        (f"{version} {language}", f"{version} · {language}") for version, language in newest_first
    ]


async def keep(request: Request) -> Response:
    """Write down a signed paper: purpose, words, answer, witness, scan."""
    patient_id, actor, now = request.path_params["patient_id"], actor_of(request), utc_now()
    fields: Mapping[str, str] = {}
    try:
        fields, scan = await _sent(request)
        digest = await anyio.to_thread.run_sync(state_of(request).blobs.put, scan) if scan else ""
        async with transaction(request) as tx:
            known = await parties.person(tx, actor=actor, patient_id=patient_id, at=now)
            saying = _saying(fields, digest)
            await consent.decide(
                tx, actor=actor, patient_id=patient_id, born=_born(known.details.birth_date),
                saying=saying, at=now,
            )  # fmt: skip
            await _file(tx, actor, patient_id, saying.purpose, now)
    except NotFound:
        raise
    except Refusal as refusal:
        async with transaction(request) as tx:
            return await _page(request, tx, fields=fields, refusal=refusal)
    return see_other(request, "desk:consents", patient_id=patient_id)


async def _sent(request: Request) -> tuple[Mapping[str, str], bytes]:
    """Return the form and its scan. Raises Unusable for a scan of another kind."""
    try:
        fields, scan = await form_with_file(request, file="scan", limit=_LARGEST_SCAN)
    except TooLarge:
        raise Unusable(fields={"scan": _NO_SCAN}) from None
    if scan and not scan_type(scan):
        raise Unusable(fields={"scan": _NO_SCAN})
    return fields, scan


def _saying(fields: Mapping[str, str], scan: str) -> Saying:
    """Read what the paper says. Raises NotAgreed where no answer was chosen, UnknownPurpose."""
    if fields.get("answer") not in ("yes", "no"):
        raise NotAgreed(fields={"answer": NotAgreed.message})
    version, _, language = fields.get("text", "").partition(" ")
    if fields.get("purpose") not in PURPOSE_NAMES:
        raise UnknownPurpose(fields={"purpose": UnknownPurpose.message})
    relation = fields.get("relation", "")
    return Saying(
        purpose=fields["purpose"],
        given=fields["answer"] == "yes",
        text_version=version,
        language=language,
        channel="paper",
        evidence=fields.get("evidence", "")[:300],
        by_subject=fields.get("subject") == "yes" or not relation,
        representative=fields.get("representative", "")[:200],
        relation=relation if relation in RELATIONS else "",
        witness=fields.get("witness", "")[:200],
        scan=scan,
    )


def _born(text: str) -> date | None:
    return date.fromisoformat(text) if len(text) == _FULL_DATE else None


async def _file(tx: Tx, actor: Actor, patient_id: str, purpose: str, at: datetime) -> None:
    """Write the newest decision about a purpose, and the one it replaced, into the record."""
    history = await consent.decisions_of(tx, actor=actor, patient_id=patient_id)
    newest = [one for one in history if one.purpose == purpose][:2]
    await record.save(
        tx, actor=actor.for_facility(), at=at, note="consent.decide",
        resources=[consent.consent_of(one) for one in newest],
    )  # fmt: skip


async def take_back(request: Request) -> Response:
    """Withdraw a consent for a person who stands at the desk: her word is enough."""
    fields = await form(request)
    patient_id, actor, now = request.path_params["patient_id"], actor_of(request), utc_now()
    async with transaction(request) as tx:
        found = await _decision(request, tx)
        ended = await consent.withdraw(
            tx, actor=actor, decision_id=found.decision_id, channel="paper", at=now,
            evidence=fields.get("evidence", "")[:300], witness=actor.name,
        )  # fmt: skip
        await record.save(
            tx, actor=actor.for_facility(), at=now, note="consent.withdraw",
            resources=[consent.consent_of(ended)],
        )  # fmt: skip
    return see_other(request, "desk:consents", patient_id=patient_id)


async def _decision(request: Request, tx: Tx) -> Decision:
    """Return the decision in the address. Raises NotFound unless it is this person's."""
    number: int = request.path_params["number"]
    if number >= 1 << 63:
        raise NotFound
    found = await consent.decision(tx, actor=actor_of(request), decision_id=number)
    if found.patient_id != request.path_params["patient_id"]:
        raise NotFound
    return found


async def scan(request: Request) -> Response:
    """Answer with the scan of a paper, as it was brought."""
    actor, now = actor_of(request), utc_now()
    async with transaction(request) as tx:
        found = await _decision(request, tx)
        if not found.scan:
            raise NotFound
        await audit.record(
            tx, actor=actor, action="R", what="consent.scan", at=now, patient_id=found.patient_id
        )
    content = await anyio.to_thread.run_sync(state_of(request).blobs.get, found.scan)
    return Response(
        content,
        media_type=scan_type(content) or "application/octet-stream",
        headers={
            "content-disposition": f'attachment; filename="consent-{found.decision_id}"',
            "cache-control": "private, no-store",
        },
    )


_HERE = "/desk/persons/{patient_id}/consents"
PAGES = [
    Page(_HERE, consents, "desk:consents", _PERMISSION),
    Page(_HERE, keep, "desk:keep_consent", _PERMISSION, methods=("POST",)),
    Page(
        _HERE + "/{number:int}/take-back", take_back, "desk:take_back_consent", _PERMISSION,
        methods=("POST",),
    ),
    Page(_HERE + "/{number:int}/scan", scan, "desk:consent_scan", _PERMISSION),
]  # fmt: skip
