"""Consents with their history, data to others, requests about her data, her data to take away."""

from datetime import UTC, date, datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.foundation.accounts import service as accounts
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import NotAgreed, NothingNamed, TermUnusable
from yba.foundation.consent.model import (
    CHANNELS,
    DATA_KINDS,
    PURPOSE_NAMES,
    RECIPIENT_NAMES,
    RELATIONS,
    REQUEST_NAMES,
    REQUEST_STATES,
    STEP_NAMES,
    Recipient,
    RecipientKind,
    RequestKind,
    text_on,
    urgency,
)
from yba.foundation.consent.service import Asking, Saying
from yba.foundation.parties import service as parties
from yba.foundation.record import service as record
from yba.kernel.clock import VIETNAM, local_date, typed_day, utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, form, form_list, language_of, see_other, transaction
from yba.surfaces.citizen import taking
from yba.surfaces.citizen.pages.subject import PERMISSION, Subject, numbered, own, show, subject_of

_FULL_DATE = 10


async def _born(tx: Tx, subject: Subject) -> date | None:
    known = await parties.person(
        tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
    )
    text = known.details.birth_date
    return date.fromisoformat(text) if len(text) == _FULL_DATE else None


async def _consents(
    request: Request, tx: Tx, subject: Subject, refusal: Refusal | None = None
) -> Response:
    language, today = language_of(request), local_date(utc_now())
    history = await consent.decisions_of(tx, actor=subject.actor, patient_id=subject.patient_id)
    standing = {one.purpose: one for one in reversed(history) if one.replaced_at is None}
    texts = {purpose: text_on(purpose, language, today) for purpose in PURPOSE_NAMES}
    return await show(
        request, tx, "citizen/consents.html", subject, status=refusal.status if refusal else 200,
        part="profile", refusal=refusal, history=history, standing=standing, texts=texts,
        purposes=PURPOSE_NAMES, channels=CHANNELS, relations=RELATIONS,
        kinds=DATA_KINDS, recipients=RECIPIENT_NAMES, now=utc_now(),
        releases=await consent.releases_of(
            tx, actor=subject.actor, patient_id=subject.patient_id
        ),
    )  # fmt: skip


async def consents(request: Request) -> Response:
    """Show what she agrees to, the words, the history, and written requests to give data."""
    async with transaction(request) as tx:
        return await _consents(request, tx, await subject_of(request, tx))


async def decide(request: Request) -> Response:
    """Keep her yes or no to one purpose; nothing is chosen beforehand."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            subject = await subject_of(request, tx, fields)
            answer = fields.get("answer", "")
            if answer not in ("yes", "no"):
                raise NotAgreed
            saying = Saying(
                purpose=request.path_params["purpose"],
                given=answer == "yes",
                text_version=fields.get("version", ""),
                language=fields.get("language", ""),
                by_subject=subject.proxy is None or fields.get("child") == "yes",
                representative=subject.proxy.person_name if subject.proxy else "",
                relation=subject.relation,
            )
            await consent.decide(
                tx, actor=subject.actor, patient_id=subject.patient_id,
                born=await _born(tx, subject), saying=saying, at=utc_now(),
            )  # fmt: skip
            await _file_decisions(tx, subject, saying.purpose, utc_now())
    except Refusal as refusal:
        async with transaction(request) as tx:
            return await _consents(request, tx, await subject_of(request, tx), refusal)
    return see_other(request, "citizen:consents")


async def _file_decisions(tx: Tx, subject: Subject, purpose: str, at: datetime) -> None:
    """Write the newest decision about a purpose, and the one that it replaced, into the record."""
    history = await consent.decisions_of(tx, actor=subject.actor, patient_id=subject.patient_id)
    newest = [one for one in history if one.purpose == purpose][:2]
    await record.save(
        tx, actor=subject.actor, at=at, note="consent.decide",
        resources=[consent.consent_of(one) for one in newest],
    )  # fmt: skip


async def _file_release(tx: Tx, subject: Subject, release_id: int, at: datetime) -> None:
    """Write a written request, as it stands now, into the record."""
    releases = await consent.releases_of(tx, actor=subject.actor, patient_id=subject.patient_id)
    await record.save(
        tx, actor=subject.actor, at=at, note="consent.request_release",
        resources=[consent.release_of(one) for one in releases if one.release_id == release_id],
    )  # fmt: skip


async def withdraw(request: Request) -> Response:
    """Withdraw a consent: one button, as agreeing was. Whoever acts for another proves herself."""
    fields = await form(request)
    now = utc_now()
    async with transaction(request) as tx:
        subject = await subject_of(request, tx, fields)
        if subject.proxy is not None:
            accounts.require_fresh(own(request).actor, at=now)
        decision = await consent.withdraw(
            tx, actor=subject.actor, decision_id=numbered(request), channel="web",
            at=now,
        )  # fmt: skip
        await record.save(
            tx, actor=subject.actor, at=now, note="consent.withdraw",
            resources=[consent.consent_of(decision)],
        )  # fmt: skip
    return see_other(request, "citizen:consents")


async def release(request: Request) -> Response:
    """Keep her written request to give data to another provider or a private insurer."""
    sent = await form_list(request)
    fields, now = dict(sent), utc_now()
    try:
        async with transaction(request) as tx:
            subject = await subject_of(request, tx, fields)
            kind = fields.get("recipient_kind", "")
            if kind not in RECIPIENT_NAMES:
                raise NothingNamed(fields={"recipient": NothingNamed.message})
            release_id = await consent.request_release(
                tx, actor=subject.actor, patient_id=subject.patient_id,
                recipient=Recipient(
                    RecipientKind(kind), fields.get("recipient_code", ""),
                    fields.get("recipient_name", ""),
                ),
                kinds=[value for name, value in sent if name == "kinds"],
                purpose=fields.get("purpose", ""), since=now, until=_until(fields.get("until", "")),
                relation=subject.relation, at=now,
            )  # fmt: skip
            await _file_release(tx, subject, release_id, now)
    except (NothingNamed, TermUnusable) as refusal:
        async with transaction(request) as tx:
            return await _consents(request, tx, await subject_of(request, tx), refusal)
    return see_other(request, "citizen:consents")


def _until(text: str) -> datetime:
    """Return the end of that day in Viet Nam. Raises TermUnusable."""
    day = typed_day(text)
    if day is None:
        raise TermUnusable(days=365, fields={"until": TermUnusable.message})
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM).astimezone(UTC)


async def end_release(request: Request) -> Response:
    """Take a written request back."""
    fields = await form(request)
    async with transaction(request) as tx:
        subject = await subject_of(request, tx, fields)
        number, now = numbered(request), utc_now()
        await consent.end_release(tx, actor=subject.actor, release_id=number, at=now)
        await _file_release(tx, subject, number, now)
    return see_other(request, "citizen:consents")


async def _requests(
    request: Request, tx: Tx, subject: Subject, refusal: Refusal | None = None
) -> Response:
    visits = await encounters.visits_of_patient(
        tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
    )
    return await show(
        request, tx, "citizen/requests.html", subject, status=refusal.status if refusal else 200,
        part="profile", refusal=refusal, visits=visits, names=REQUEST_NAMES, states=REQUEST_STATES,
        requests=await consent.requests_of(
            tx, actor=subject.actor, patient_id=subject.patient_id
        ),
        visit=request.query_params.get("visit", ""), urgency=urgency, today=local_date(utc_now()),
    )  # fmt: skip


async def requests(request: Request) -> Response:
    """Show her requests with their clocks, and the form to ask."""
    async with transaction(request) as tx:
        return await _requests(request, tx, await subject_of(request, tx))


async def ask(request: Request) -> Response:
    """Take a request in: both clocks start."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            subject = await subject_of(request, tx, fields)
            kind, visit = fields.get("kind", ""), fields.get("visit", "")
            if kind not in REQUEST_NAMES:
                raise NothingNamed(fields={"kind": NothingNamed.message})
            if visit:
                await encounters.visit(tx, actor=subject.actor, encounter_id=visit, at=utc_now())
            request_id = await consent.ask(
                tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now(),
                asking=Asking(
                    kind=RequestKind(kind), details=fields.get("details", ""),
                    target=f"Encounter/{visit}" if visit else "",
                    proposed=fields.get("proposed", ""), relation=subject.relation,
                ),
            )  # fmt: skip
    except NothingNamed as refusal:
        async with transaction(request) as tx:
            return await _requests(request, tx, await subject_of(request, tx), refusal)
    return see_other(request, "citizen:request", number=request_id)


async def one_request(request: Request) -> Response:
    """Show one request: what was asked, its clock, what happened, the answer."""
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        found = await consent.request(tx, actor=subject.actor, request_id=numbered(request))
        return await show(
            request, tx, "citizen/request.html", subject, part="profile", one=found,
            names=REQUEST_NAMES, states=REQUEST_STATES, step_names=STEP_NAMES,
            steps=await consent.steps_of(tx, request_id=found.request_id),
            urgency=urgency, today=local_date(utc_now()),
        )  # fmt: skip


async def take_back(request: Request) -> Response:
    """Take her own request back."""
    fields = await form(request)
    number = numbered(request)
    async with transaction(request) as tx:
        subject = await subject_of(request, tx, fields)
        await consent.take_back(tx, actor=subject.actor, request_id=number, at=utc_now())
    return see_other(request, "citizen:request", number=number)


async def download(request: Request) -> Response:
    """Answer with everything in her record as one FHIR bundle."""
    async with transaction(request) as tx:
        subject = await subject_of(request, tx)
        body = await taking.bundle_of(
            tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
        )
    return Response(
        body,
        media_type="application/fhir+json",
        headers={
            "content-disposition": 'attachment; filename="yba-record.json"',
            "cache-control": "private, no-store",
        },
    )


_POST = ("POST",)
PAGES = [
    Page("/me/consents", consents, "citizen:consents", PERMISSION),
    Page("/me/consents/{purpose}", decide, "citizen:decide", PERMISSION, methods=_POST),
    Page(
        "/me/consents/{number:int}/withdraw", withdraw, "citizen:withdraw", PERMISSION,
        methods=_POST,
    ),
    Page("/me/releases", release, "citizen:release", PERMISSION, methods=_POST),
    Page(
        "/me/releases/{number:int}/end", end_release, "citizen:end_release", PERMISSION,
        methods=_POST,
    ),
    Page("/me/requests", requests, "citizen:requests", PERMISSION),
    Page("/me/requests", ask, "citizen:ask", PERMISSION, methods=_POST),
    Page("/me/requests/{number:int}", one_request, "citizen:request", PERMISSION),
    Page(
        "/me/requests/{number:int}/take-back", take_back, "citizen:take_back", PERMISSION,
        methods=_POST,
    ),
    Page("/me/download.json", download, "citizen:download", PERMISSION),
]  # fmt: skip
