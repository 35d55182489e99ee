"""Data to others: the written request, the gate every outgoing path passes, the disclosure log."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from yba.foundation.audit import service as audit
from yba.foundation.consent import store
from yba.foundation.consent.access import (
    require_officer_reads,
    require_see,
    require_self_or_officer,
)
from yba.foundation.consent.errors import (
    EvidenceMissing,
    ExceptionUnfounded,
    NothingNamed,
    ReleaseRefused,
    TermUnusable,
)
from yba.foundation.consent.model import (
    DATA_KINDS,
    OWN_CHANNELS,
    Channel,
    Disclosure,
    Exception19,
    Permit,
    Recipient,
    RecipientKind,
    Release,
)
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import Conflict, NotFound
from yba.plumbing.database import Tx

_MOST = 500


async def request_release(
    tx: Tx,
    *,
    actor: Actor,
    patient_id: str,
    recipient: Recipient,
    kinds: Collection[str],
    purpose: str,
    since: datetime,
    until: datetime,
    at: datetime,
    channel: Channel = "web",
    evidence: str = "",
    relation: str = "",
) -> int:
    """Keep a person's written request to give these kinds of her data to one recipient.

    It holds from `since` until `until` (not included). Raises NothingNamed, TermUnusable,
    EvidenceMissing where it was written elsewhere. Source: Law 91/2025/QH15 art. 26(2).
    """
    require_self_or_officer(actor, patient_id)
    unknown = set(kinds) - set(DATA_KINDS)
    if not kinds or unknown or not purpose.strip() or not recipient.code.strip():
        raise NothingNamed(fields={"recipient": NothingNamed.message})
    longest = int(rules.limit("privacy.longest_release_days", local_date(at)))
    if not since < until <= since + timedelta(days=longest) or until <= at:
        raise TermUnusable(days=longest, fields={"until": TermUnusable.message})
    if channel not in OWN_CHANNELS and not evidence.strip():
        raise EvidenceMissing(fields={"evidence": EvidenceMissing.message})
    release_id = new_snowflake()
    await tx.execute(
        store.ADD_RELEASE, release_id, patient_id, recipient.kind.value, recipient.code.strip(),
        recipient.name.strip(), sorted(set(kinds)), purpose.strip(), channel, evidence.strip(),
        actor.name, relation, actor.account_id, since, until,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="C", what="consent.request_release", at=at, patient_id=patient_id
    )
    return release_id


async def end_release(tx: Tx, *, actor: Actor, release_id: int, at: datetime) -> None:
    """Take a written request back: nothing more goes out. Raises NotFound, Conflict."""
    found = await tx.row(Release, store.RELEASE, release_id)
    if found is None:
        raise NotFound
    require_self_or_officer(actor, found.patient_id)
    if not await tx.execute(store.END_RELEASE, release_id, at):
        raise Conflict
    await audit.record(
        tx, actor=actor, action="U", what="consent.end_release", at=at,
        patient_id=found.patient_id,
    )  # fmt: skip


async def releases_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Release]:
    """Return a person's written requests, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Release, store.RELEASES, patient_id, _MOST)


async def require_release(
    tx: Tx,
    *,
    patient_id: str,
    recipient: Recipient,
    kinds: Collection[str],
    at: datetime,
    exception: Exception19 | None = None,
) -> Permit:
    """Return on which basis these kinds of data may go to this recipient now.

    Every path that gives a person's data to another care provider or a private insurer calls this
    first and `disclose` with its answer in the same transaction. Social insurance, authorities and
    the person herself are no recipients in this sense.

    Raises ReleaseRefused unless one written request covers all kinds at that moment, or a case of
    article 19(1) is named with its reason (ExceptionUnfounded without one).
    Source: Law 91/2025/QH15 art. 26(2), 19(1).
    """
    wanted = frozenset(kinds)
    if not wanted or wanted - set(DATA_KINDS):
        raise ReleaseRefused
    if exception is not None:
        if not exception.reason.strip() or exception.letter not in "abcdđ":
            raise ExceptionUnfounded
        basis = f"19.1.{exception.letter}"
        return Permit(patient_id, recipient, wanted, basis, reason=exception.reason.strip())
    found = await tx.row(
        Release, store.COVERING, patient_id, recipient.kind.value, recipient.code,
        sorted(wanted), at,
    )  # fmt: skip
    if found is None:
        raise ReleaseRefused
    named = Recipient(
        RecipientKind(found.recipient_kind), found.recipient_code, found.recipient_name
    )
    return Permit(patient_id, named, wanted, "request", found.release_id, found.purpose)


async def disclose(
    tx: Tx, *, actor: Actor, permit: Permit, resources: Sequence[str], at: datetime
) -> int:
    """Write down that data went out; the person reads it among "who looked".

    `resources` are FHIR references, never values. The log is written once and never changed.
    """
    disclosure_id = new_snowflake()
    to = permit.recipient
    await tx.execute(
        store.DISCLOSE, disclosure_id, permit.patient_id, to.kind.value, to.code, to.name,
        permit.basis, permit.release_id, permit.reason, sorted(permit.kinds), list(resources),
        actor.account_id, actor.name, at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="R", what="consent.disclose", at=at,
        patient_id=permit.patient_id, references=list(resources),
    )  # fmt: skip
    return disclosure_id


async def disclosures_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Disclosure]:
    """Return what of a person's data went to whom, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Disclosure, store.DISCLOSURES, patient_id, _MOST)


async def all_disclosures(tx: Tx, *, actor: Actor, limit: int = 200) -> list[Disclosure]:
    """Return the newest disclosures of this facility. Raises AccessRefused."""
    require_officer_reads(actor)
    return await tx.rows(Disclosure, store.ALL_DISCLOSURES, limit)
