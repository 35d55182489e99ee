"""Emergencies and declared needs: opened with a reason and a fresh proof, told, looked at later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from yba.foundation.access import store
from yba.foundation.access.errors import (
    EmergencyNotFound,
    NotTreating,
    OwnCase,
    PurposeUnknown,
)
from yba.foundation.access.model import ALL_CATEGORIES, policy_for
from yba.foundation.access.purposes import needs_on
from yba.foundation.access.relating import (
    MOST,
    checked_reason,
    limit,
    relate_holder,
    require,
    require_related,
)
from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import row_id
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

# HL7 v3 PurposeOfUse: break the glass.
_BREAKING = "BTG"
_JUSTIFIED = N_("The emergency access of %(who)s to your record was found justified.")
_OPENED = N_(
    "%(who)s opened the restricted part of your record. Purpose: %(purpose)s. Reason given:"
    " %(reason)s. This is looked at by somebody else."
)
# What citizens were told before a purpose was chosen; their messages still carry it.
_TOLD_EARLIER = (
    N_("%(who)s opened the restricted part of your record. This is looked at by somebody else."),
)
_UNJUSTIFIED = N_(
    "The emergency access of %(who)s to your record was found NOT justified. You may complain."
)


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
    purpose: str = ""


async def require_emergency(tx: Tx, *, actor: Actor, reason: str, at: datetime) -> None:
    """Raise what keeps somebody from opening any record in an emergency, before whose it is matters.

    Raises AccessRefused, ReasonMissing, FreshProofNeeded, AuditLogDown.
    """
    if not actor.may("access.break") or not policy_for(actor, at=at).related:
        raise AccessRefused
    checked_reason(reason)
    accounts.require_fresh(actor, at=at)
    await audit.require_standing(tx, at=at)


async def break_glass(
    tx: Tx, *, actor: Actor, patient_id: str, reason: str, at: datetime, sensitive: bool = False
) -> Emergency:
    """Open a record in an emergency, for hours; the citizen is told and somebody looks at it later.

    `sensitive` opens the restricted categories too. What the citizen has hidden is opened.
    Raises AccessRefused, ReasonMissing, FreshProofNeeded, and AuditLogDown while nothing can be
    written down: then nobody breaks the glass.
    """
    await require_emergency(tx, actor=actor, reason=reason, at=at)
    reason = checked_reason(reason)
    ends_at = at + timedelta(hours=limit("access.emergency_hours", at))
    number: int = await tx.value(
        store.BEGIN_EMERGENCY, patient_id, actor.account_id, actor.name, reason, at, ends_at,
        "emergency", _BREAKING,
    )  # fmt: skip
    await relate_holder(
        tx, patient_id, f"account:{actor.account_id}", "break-glass", why=f"Emergency/{number}",
        categories=ALL_CATEGORIES if sensitive else 0, overrides=True, since=at, until=ends_at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.break_glass", at=at, patient_id=patient_id,
        purpose=_BREAKING, references=[f"Emergency/{number}"],
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
    return limit("access.emergency_hours", at)


async def emergency_now(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> Emergency | None:
    """Return the emergency under which the actor sees this record now, for the banner."""
    return await tx.row(Emergency, store.EMERGENCY_NOW, patient_id, actor.account_id, at)


async def end_emergency(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> None:
    """Close the record again before the hours are over. Raises NotTreating where none is open."""
    if not await tx.execute(store.END_EMERGENCY, patient_id, actor.account_id, at):
        raise NotTreating
    await tx.execute(
        store.END_HOLDER, row_id("Patient", patient_id), f"account:{actor.account_id}",
        ["break-glass"], at,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.end_emergency", at=at, patient_id=patient_id
    )


async def emergencies(tx: Tx, *, actor: Actor, at: datetime) -> list[Emergency]:
    """Return emergencies, those without a verdict first. Raises AccessRefused."""
    require(actor, "access.review")
    await audit.record(tx, actor=actor, action="R", what="access.emergencies", at=at)
    return await tx.rows(Emergency, store.EMERGENCIES, MOST)


async def review(
    tx: Tx, *, actor: Actor, emergency_id: int, justified: bool, note: str, at: datetime
) -> Emergency:
    """Say whether an emergency was one; an unjustified one says why.

    Raises AccessRefused, EmergencyNotFound, OwnCase, ReasonMissing.
    """
    require(actor, "access.review")
    found = await tx.row(Emergency, store.EMERGENCY_LOCKED, emergency_id)
    if found is None:
        raise EmergencyNotFound
    if found.account_id == actor.account_id:
        raise OwnCase
    if not justified:
        note = checked_reason(note)
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


async def declare_need(
    tx: Tx, *, actor: Actor, patient_id: str, purpose: str, reason: str, at: datetime
) -> None:
    """Open the restricted categories of a patient one treats, for hours, because care needs them.

    `purpose` is a code of `purposes.needs_on`; it stands in the trace and with the reason in what
    the citizen is told. Somebody looks at it later. Raises NotTreating, AccessRefused,
    PurposeUnknown, ReasonMissing, FreshProofNeeded, AuditLogDown.
    """
    require(actor, "access.break")
    await require_related(tx, actor=actor, patient_id=patient_id, at=at)
    chosen = needs_on(local_date(at)).get(purpose)
    if chosen is None:
        raise PurposeUnknown(fields={"purpose": PurposeUnknown.message})
    reason = checked_reason(reason)
    accounts.require_fresh(actor, at=at)
    await audit.require_standing(tx, at=at)
    until = at + timedelta(hours=limit("access.emergency_hours", at))
    number: int = await tx.value(
        store.BEGIN_EMERGENCY,
        patient_id,
        actor.account_id,
        actor.name,
        reason,
        at,
        until,
        "need",
        purpose,
    )
    await relate_holder(
        tx, patient_id, f"account:{actor.account_id}", "need", categories=ALL_CATEGORIES,
        why=f"Emergency/{number}", since=at, until=until,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="access.declare_need", at=at, patient_id=patient_id,
        purpose=purpose, references=[f"Emergency/{number}"],
    )  # fmt: skip
    await notices.notify(
        tx, to_patient=patient_id, kind="break-glass", at=at,
        sentence=_OPENED, values={"who": actor.name, "purpose": chosen.vi, "reason": reason},
    )  # fmt: skip
