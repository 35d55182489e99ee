"""The verbs of access: relate, end, ask, grant, break the glass, look at it afterwards.

Each writes its audit entry in the caller's transaction. What they change holds from the next
statement on, in every process, because the guard of the record joins these rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from yba.foundation.access import store
from yba.foundation.access.errors import (
    AlreadyAsked,
    EmergencyNotFound,
    NotTreating,
    OwnCase,
    PurposeUnknown,
    ReasonMissing,
    RequestNotFound,
    UntilWrong,
)
from yba.foundation.access.model import ALL_CATEGORIES, Category, Policy, policy_for
from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.notices import service as notices
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import row_id
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

Kind = Literal["visit", "order", "referral", "document", "bill", "grant", "proxy", "need", "share"]
Extent = Literal["care", "summary"]
SHORTEST_REASON = 10
_LONGEST_REASON = 500
_MOST = 200
# Everything that a person's own representative opens; a minor's own reproductive care stays hers.
_OF_A_PROXY = ALL_CATEGORIES & ~(Category.REPRODUCTIVE | Category.SEXUAL)

# Purposes of Law 15/2023/QH15 art. 69, and the code under which each is audited.
PURPOSES = {
    "TREAT": N_("To treat this person"),
    "EDU": N_("Learning on the spot"),
    "HLEGAL": N_("Court, police, lawyer or forensic examination"),
    "HCOMPL": N_("Inspection and audit"),
    "COVERAGE": N_("Insurance assessment on the spot"),
    "CLINTRCH": N_("Approved research"),
}

KIND_NAMES = {
    "visit": N_("Visit"),
    "order": N_("Order"),
    "referral": N_("Referral"),
    "document": N_("Document"),
    "bill": N_("Bill"),
    "grant": N_("Granted access"),
    "break-glass": N_("Emergency access"),
    "proxy": N_("Acts for this person"),
    "author": N_("Wrote restricted entries"),
    "need": N_("Declared a need"),
    "share": N_("Shared by the person"),
}


_JUSTIFIED = N_("The emergency access of %(who)s to your record was found justified.")
_UNJUSTIFIED = N_(
    "The emergency access of %(who)s to your record was found NOT justified. You may complain."
)


@dataclass(frozen=True, slots=True)
class RelationRow:
    """One relation as it stands; `until` None has no end yet."""

    relation_id: int
    holder: str
    kind: str
    extent: str
    categories: int
    overrides: bool
    why: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Emergency:
    """One time that somebody broke the glass, or opened the restricted part because care needs it."""

    emergency_id: int
    patient_id: str
    account_id: str
    account_name: str
    reason: str
    began_at: datetime
    ends_at: datetime
    reviewer_name: str
    reviewed_at: datetime | None
    verdict: str | None
    note: str
    kind: Literal["emergency", "need"] = "emergency"


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


async def policy_of(_tx: Tx, *, actor: Actor, at: datetime) -> Policy:
    """Return what an actor may see: pure data, no look-up; see `model.policy_for`."""
    return policy_for(actor, at=at)


# -- relations --------------------------------------------------------------------------------------


async def relate(
    tx: Tx,
    *,
    patient_id: str,
    kind: Kind,
    why: str,
    at: datetime,
    account_id: str | None = None,
    department: str | None = None,
    person_id: str | None = None,
    until: datetime | None = None,
    extent: Extent = "care",
    categories: int = 0,
) -> None:
    """Let one holder see a patient's record from `at` on, for a reason such as `Encounter/x`.

    Exactly one of account, department (clinic id or department code) and person (Patient id of who
    acts for the patient). Related again for the same reason, it lasts as long as the longer one.
    A proxy sees restricted categories too, a minor's reproductive care excepted.
    """
    holders = [
        f"{name}:{value}"
        for name, value in
        (("account", account_id), ("department", department), ("person", person_id)) if value
    ]  # fmt: skip
    if len(holders) != 1:
        raise ValueError("a relation has exactly one holder")
    if kind == "proxy":
        categories |= _OF_A_PROXY
    await _relate(
        tx, patient_id, holders[0], kind, extent=extent, categories=categories, why=why,
        since=at, until=until,
    )  # fmt: skip


async def _relate(
    tx: Tx,
    patient_id: str,
    holder: str,
    kind: str,
    *,
    why: str,
    since: datetime,
    until: datetime | None,
    extent: str = "care",
    categories: int = 0,
    overrides: bool = False,
) -> None:
    await tx.execute(
        store.RELATE, row_id("Patient", patient_id), patient_id, holder, kind, extent,
        int(categories), overrides, why, since, until,
    )  # fmt: skip


async def end(
    tx: Tx, *, why: str, at: datetime, kinds: Sequence[Kind] = ("visit",), at_once: bool = False
) -> None:
    """End the relations of one reason: at once, or after the days in which records are completed."""
    until = at if at_once else at + timedelta(days=_limit("access.after_visit_days", at))
    await tx.execute(store.END, why, list(kinds), until)


async def reopen(tx: Tx, *, why: str, kinds: Sequence[Kind] = ("visit",)) -> None:
    """Let the relations of one reason last again (a visit that is corrected)."""
    await tx.execute(store.REOPEN, why, list(kinds))


async def remember_author(
    tx: Tx, *, actor: Actor, patient_id: str, categories: int, at: datetime
) -> None:
    """Let who wrote something in restricted categories see these of that patient for some time."""
    await _relate(
        tx, patient_id, f"account:{actor.account_id}", "author", categories=categories,
        why="author", since=at, until=at + timedelta(days=_limit("access.after_visit_days", at)),
    )  # fmt: skip


async def require_related(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> None:
    """Raise NotTreating unless the actor may see anything of this patient's record.

    The system, programs of the facility, roles that see everybody (reception, the till), and the
    person herself pass; staff who treat need a relation that holds at `at`.
    """
    if not await is_related(tx, actor=actor, patient_id=patient_id, at=at):
        raise NotTreating


async def is_related(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> bool:
    """Return whether anything connects the actor with this patient; see `require_related`."""
    policy = policy_for(actor, at=at)
    row = row_id("Patient", patient_id)
    if policy.everything or policy.whole or policy.anyone or policy.person == row:
        return True
    if not policy.related:
        return False
    return bool(await tx.value(store.IS_RELATED, row, sorted(policy.holders), at))


async def relations_of(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> list[RelationRow]:
    """Return who may see this record now and why, newest first. Raises NotTreating."""
    if not actor.may("access.review"):
        await require_related(tx, actor=actor, patient_id=patient_id, at=at)
    found = await tx.rows(RelationRow, store.OF_PATIENT, row_id("Patient", patient_id), at, _MOST)
    await audit.record(
        tx, actor=actor, action="R", what="access.relations_of", at=at, patient_id=patient_id
    )
    return found


async def proxied_by(tx: Tx, *, actor: Actor, at: datetime) -> list[str]:
    """Return the Patient ids of those whom a citizen may act for."""
    if actor.patient_id is None:
        return []
    return await tx.values(store.PROXIED, f"person:{actor.patient_id}", at)


# -- emergencies ------------------------------------------------------------------------------------


async def break_glass(
    tx: Tx, *, actor: Actor, patient_id: str, reason: str, at: datetime, sensitive: bool = False
) -> Emergency:
    """Open a record in an emergency, for hours; the citizen is told and somebody looks at it later.

    `sensitive` opens the restricted categories too. What the citizen has hidden is opened.
    Raises AccessRefused, ReasonMissing, FreshProofNeeded, and AuditLogDown while nothing can be
    written down: then nobody breaks the glass.
    """
    if not actor.may("access.break") or not policy_for(actor, at=at).related:
        raise AccessRefused
    reason = _reason(reason)
    accounts.require_fresh(actor, at=at)
    await audit.require_standing(tx, at=at)
    ends_at = at + timedelta(hours=_limit("access.emergency_hours", at))
    number: int = await tx.value(
        store.BEGIN_EMERGENCY, patient_id, actor.account_id, actor.name, reason, at, ends_at,
        "emergency",
    )  # fmt: skip
    await _relate(
        tx, patient_id, f"account:{actor.account_id}", "break-glass", why=f"Emergency/{number}",
        categories=ALL_CATEGORIES if sensitive else 0, overrides=True, since=at, until=ends_at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.break_glass", at=at, patient_id=patient_id,
        purpose="BTG", references=[f"Emergency/{number}"],
    )  # fmt: skip
    await notices.notify(
        tx, to_patient=patient_id, kind="break-glass", at=at,
        sentence=N_("%(who)s opened your record in an emergency. This is looked at by somebody else."),
        values={"who": actor.name},
    )  # fmt: skip
    return Emergency(
        number, patient_id, actor.account_id, actor.name, reason, at, ends_at, "", None, None, ""
    )


def emergency_hours(at: datetime) -> int:
    """Return how many hours a record stays open in an emergency."""
    return _limit("access.emergency_hours", at)


async def emergency_now(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> Emergency | None:
    """Return the emergency under which the actor sees this record now, for the banner."""
    return await tx.row(Emergency, store.EMERGENCY_NOW, patient_id, actor.account_id, at)


async def end_emergency(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> None:
    """Close the record again before the hours are over."""
    await tx.execute(store.END_EMERGENCY, patient_id, actor.account_id, at)
    await tx.execute(
        store.END_HOLDER, row_id("Patient", patient_id), f"account:{actor.account_id}",
        ["break-glass"], at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.end_emergency", at=at, patient_id=patient_id
    )


async def emergencies(tx: Tx, *, actor: Actor, at: datetime) -> list[Emergency]:
    """Return emergencies, those without a verdict first. Raises AccessRefused."""
    _require(actor, "access.review")
    await audit.record(tx, actor=actor, action="R", what="access.emergencies", at=at)
    return await tx.rows(Emergency, store.EMERGENCIES, _MOST)


async def review(
    tx: Tx, *, actor: Actor, emergency_id: int, justified: bool, note: str, at: datetime
) -> Emergency:
    """Say whether an emergency was one; an unjustified one says why.

    Raises AccessRefused, EmergencyNotFound, OwnCase, ReasonMissing.
    """
    _require(actor, "access.review")
    found = await tx.row(Emergency, store.EMERGENCY_LOCKED, emergency_id)
    if found is None:
        raise EmergencyNotFound
    if found.account_id == actor.account_id:
        raise OwnCase
    if not justified:
        note = _reason(note)
    verdict = "justified" if justified else "unjustified"
    await tx.execute(
        store.REVIEW, emergency_id, verdict, note.strip(), actor.account_id, actor.name, at
    )
    await audit.record(
        tx, actor=actor, action="U", what=f"access.review.{verdict}", at=at,
        patient_id=found.patient_id, references=[f"Emergency/{emergency_id}"],
    )  # fmt: skip
    await notices.notify(
        tx, to_patient=found.patient_id, kind="break-glass-reviewed", at=at,
        sentence=_JUSTIFIED if justified else _UNJUSTIFIED,
        values={"who": found.account_name},
    )  # fmt: skip
    return found


# -- requests and grants ----------------------------------------------------------------------------


async def ask(
    tx: Tx, *, actor: Actor, patient_id: str, purpose: str, reason: str, at: datetime
) -> int:
    """Ask to see a record for a purpose; a head of department decides.

    Raises AccessRefused, PurposeUnknown, ReasonMissing, AlreadyAsked.
    """
    _require(actor, "access.ask")
    if purpose not in PURPOSES:
        raise PurposeUnknown
    number: int | None = await tx.value(
        store.ASK, patient_id, actor.account_id, actor.name, purpose, _reason(reason), at
    )
    if number is None:
        raise AlreadyAsked
    await audit.record(tx, actor=actor, action="C", what="access.ask", at=at, patient_id=patient_id)
    return number


async def requests(tx: Tx, *, actor: Actor, at: datetime) -> list[AccessRequest]:
    """Return requests, those without an answer first. Raises AccessRefused."""
    _require(actor, "access.grant")
    await audit.record(tx, actor=actor, action="R", what="access.requests", at=at)
    return await tx.rows(AccessRequest, store.REQUESTS, _MOST)


async def refused(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> AccessRequest | None:
    """Note that somebody came to a closed door, and return her own last request for this record."""
    await audit.record(
        tx, actor=actor, action="E", what="access.refused", at=at, patient_id=patient_id
    )
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
    _require(actor, "access.grant")
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
    days = _limit("access.longest_grant_days", at)
    if until is None or not at < until <= at + timedelta(days=days + 1):
        raise UntilWrong(days=days)
    await _relate(
        tx, found.patient_id, f"account:{found.account_id}", "grant", extent=extent,
        why=f"AccessRequest/{found.request_id}", since=at, until=until,
    )  # fmt: skip


async def declare_need(tx: Tx, *, actor: Actor, patient_id: str, reason: str, at: datetime) -> None:
    """Open the restricted categories of a patient one treats, for hours, because care needs them.

    The citizen is told, and somebody looks at the reason later. Raises NotTreating, AccessRefused,
    ReasonMissing, FreshProofNeeded, AuditLogDown.
    """
    _require(actor, "access.break")
    await require_related(tx, actor=actor, patient_id=patient_id, at=at)
    reason = _reason(reason)
    accounts.require_fresh(actor, at=at)
    await audit.require_standing(tx, at=at)
    until = at + timedelta(hours=_limit("access.emergency_hours", at))
    number: int = await tx.value(
        store.BEGIN_EMERGENCY, patient_id, actor.account_id, actor.name, reason, at, until, "need"
    )
    await _relate(
        tx, patient_id, f"account:{actor.account_id}", "need", categories=ALL_CATEGORIES,
        why=f"Emergency/{number}", since=at, until=until,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.declare_need", at=at, patient_id=patient_id,
        references=[f"Emergency/{number}"],
    )  # fmt: skip
    await notices.notify(
        tx, to_patient=patient_id, kind="break-glass", at=at,
        sentence=N_("%(who)s opened the restricted part of your record. This is looked at by somebody else."),
        values={"who": actor.name},
    )  # fmt: skip


def _require(actor: Actor, permission: str) -> None:
    if not actor.may(permission):
        raise AccessRefused


def _reason(text: str) -> str:
    text = " ".join(text.split())[:_LONGEST_REASON]
    if len(text) < SHORTEST_REASON:
        raise ReasonMissing(length=SHORTEST_REASON, fields={"reason": ReasonMissing.message})
    return text


def _limit(name: str, at: datetime) -> int:
    return int(rules.limit(name, local_date(at)))
