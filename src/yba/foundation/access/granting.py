"""Requests to see a record for a purpose of the law, and who grants them until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from yba.foundation.access import store
from yba.foundation.access.errors import (
    AlreadyAsked,
    OwnCase,
    PurposeUnknown,
    RequestNotFound,
    UntilWrong,
)
from yba.foundation.access.relating import (
    MOST,
    Extent,
    checked_reason,
    limit,
    relate_holder,
    require,
)
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

# Purposes of Law 15/2023/QH15 art. 69, and the code under which each is audited.
PURPOSES = {
    "TREAT": N_("To treat this person"),
    "EDU": N_("Learning on the spot"),
    "HLEGAL": N_("Court, police, lawyer or forensic examination"),
    "HCOMPL": N_("Inspection and audit"),
    "COVERAGE": N_("Insurance assessment on the spot"),
    "CLINTRCH": N_("Approved research"),
}


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One request to see a record."""

    request_id: int
    patient_id: str
    account_id: str
    account_name: str
    purpose: str
    reason: str
    asked_at: datetime
    decider_name: str
    decided_at: datetime | None
    granted: bool | None
    until: datetime | None


def require_request(actor: Actor, *, purpose: str, reason: str) -> None:
    """Raise AccessRefused, PurposeUnknown or ReasonMissing unless this asks for access properly."""
    require(actor, "access.ask")
    if purpose not in PURPOSES:
        raise PurposeUnknown
    checked_reason(reason)


async def ask(
    tx: Tx, *, actor: Actor, patient_id: str, purpose: str, reason: str, at: datetime
) -> int:
    """Ask to see a record for a purpose; a head of department decides.

    Raises AccessRefused, PurposeUnknown, ReasonMissing, AlreadyAsked.
    """
    require_request(actor, purpose=purpose, reason=reason)
    number: int | None = await tx.value(
        store.ASK, patient_id, actor.account_id, actor.name, purpose, checked_reason(reason), at
    )
    if number is None:
        raise AlreadyAsked
    await audit.record(tx, actor=actor, action="C", what="access.ask", at=at, patient_id=patient_id)
    return number


async def requests(tx: Tx, *, actor: Actor, at: datetime) -> list[AccessRequest]:
    """Return requests, those without an answer first. Raises AccessRefused."""
    require(actor, "access.grant")
    await audit.record(tx, actor=actor, action="R", what="access.requests", at=at)
    return await tx.rows(AccessRequest, store.REQUESTS, MOST)


async def refused(
    tx: Tx, *, actor: Actor, patient_id: str | None, at: datetime
) -> AccessRequest | None:
    """Note that somebody came to a closed door, and return her own last request for this record.

    None: behind the door is nothing; that is noted, too.
    """
    await audit.record(
        tx, actor=actor, action="E", what="access.refused", at=at, patient_id=patient_id
    )
    if patient_id is None:
        return None
    return await tx.row(AccessRequest, store.REQUEST_OF, patient_id, actor.account_id)


async def decide(
    tx: Tx,
    *,
    actor: Actor,
    request_id: int,
    granted: bool,
    at: datetime,
    until: datetime | None = None,
    extent: Extent = "care",
) -> AccessRequest:
    """Grant a request until a moment, or refuse it.

    Raises AccessRefused, RequestNotFound, OwnCase, UntilWrong.
    """
    require(actor, "access.grant")
    found = await tx.row(AccessRequest, store.REQUEST_LOCKED, request_id)
    if found is None:
        raise RequestNotFound
    if found.account_id == actor.account_id:
        raise OwnCase
    if granted:
        await _grant(tx, found, until, extent, at)
    await tx.execute(
        store.DECIDE, request_id, granted, until if granted else None, actor.account_id,
        actor.name, at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="U", what="access.grant" if granted else "access.refuse", at=at,
        patient_id=found.patient_id, references=[f"AccessRequest/{request_id}"],
    )  # fmt: skip
    return found


async def _grant(
    tx: Tx, found: AccessRequest, until: datetime | None, extent: Extent, at: datetime
) -> None:
    days = limit("access.longest_grant_days", at)
    if until is None or not at < until <= at + timedelta(days=days + 1):
        raise UntilWrong(days=days)
    await relate_holder(
        tx, found.patient_id, f"account:{found.account_id}", "grant", extent=extent,
        why=f"AccessRequest/{found.request_id}", since=at, until=until,
    )  # fmt: skip
