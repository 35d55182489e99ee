"""Why somebody may see a record: relations, each with its reason and its end, and asking for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from yba.foundation.access import store
from yba.foundation.access.errors import NotTreating, ReasonMissing
from yba.foundation.access.model import ALL_CATEGORIES, Category, policy_for
from yba.foundation.audit import service as audit
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import row_id
from yba.kernel.refusal import AccessRefused, Refusal
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

Kind = Literal["visit", "order", "referral", "document", "bill", "grant", "proxy", "need", "share"]
Extent = Literal["care", "summary"]
SHORTEST_REASON = 10
_LONGEST_REASON = 500
MOST = 200
# Everything that a person's own representative opens; a minor's own reproductive care stays hers.
_OF_A_PROXY = ALL_CATEGORIES & ~(Category.REPRODUCTIVE | Category.SEXUAL)

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
    await relate_holder(
        tx, patient_id, holders[0], kind, extent=extent, categories=categories, why=why,
        since=at, until=until,
    )  # fmt: skip


async def relate_holder(
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
    """Let a holder such as `account:x` or `department:K01` see a record; see `relate`."""
    await tx.execute(
        store.RELATE, row_id("Patient", patient_id), patient_id, holder, kind, extent,
        int(categories), overrides, why, since, until,
    )  # fmt: skip


async def end(
    tx: Tx, *, why: str, at: datetime, kinds: Sequence[Kind] = ("visit",), at_once: bool = False
) -> None:
    """End the relations of one reason: at once, or after the days in which records are completed."""
    until = at if at_once else at + timedelta(days=limit("access.after_visit_days", at))
    await tx.execute(store.END, why, list(kinds), until)


async def reopen(tx: Tx, *, why: str, kinds: Sequence[Kind] = ("visit",)) -> None:
    """Let the relations of one reason last again (a visit that is corrected)."""
    await tx.execute(store.REOPEN, why, list(kinds))


async def remember_author(
    tx: Tx, *, actor: Actor, patient_id: str, categories: int, at: datetime
) -> None:
    """Let who wrote something in restricted categories see these of that patient for some time."""
    await relate_holder(
        tx, patient_id, f"account:{actor.account_id}", "author", categories=categories,
        why="author", since=at, until=at + timedelta(days=limit("access.after_visit_days", at)),
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


async def related_among(
    tx: Tx, *, actor: Actor, patient_ids: Iterable[str], at: datetime
) -> set[str]:
    """Return those of these persons with whom the actor is connected; see `require_related`."""
    asked = {row_id("Patient", one): one for one in patient_ids}
    policy = policy_for(actor, at=at)
    if policy.everything or policy.whole or policy.anyone:
        return set(asked.values())
    found = {policy.person} & asked.keys()
    if policy.related and asked:
        rows = await tx.values(store.RELATED_AMONG, list(asked), sorted(policy.holders), at)
        found |= set(rows)
    return {asked[row] for row in found if row is not None}


def unknown(actor: Actor, otherwise: Refusal, *, at: datetime) -> Refusal:
    """Return what somebody is told of a thing that does not exist.

    Whoever sees only those whom she treats hears of somebody else's things and of things that are
    not there the same: NotTreating. Everybody else hears `otherwise`.
    """
    policy = policy_for(actor, at=at)
    sees_some = policy.related and not (policy.everything or policy.whole or policy.anyone)
    return NotTreating() if sees_some and policy.person is None else otherwise


async def relations_of(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> list[RelationRow]:
    """Return who may see this record now and why, newest first. Raises NotTreating."""
    if not actor.may("access.review"):
        await require_related(tx, actor=actor, patient_id=patient_id, at=at)
    found = await tx.rows(RelationRow, store.OF_PATIENT, row_id("Patient", patient_id), at, MOST)
    await audit.record(
        tx, actor=actor, action="R", what="access.relations_of", at=at, patient_id=patient_id
    )
    return found


async def proxied_by(tx: Tx, *, actor: Actor, at: datetime) -> list[str]:
    """Return the Patient ids of those whom a citizen may act for."""
    if actor.patient_id is None:
        return []
    return await tx.values(store.PROXIED, f"person:{actor.patient_id}", at)


def require(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor's roles grant `permission`."""
    if not actor.may(permission):
        raise AccessRefused


def checked_reason(text: str) -> str:
    """Return a reason on one line. Raises ReasonMissing for one that says nothing."""
    text = " ".join(text.split())[:_LONGEST_REASON]
    if len(text) < SHORTEST_REASON:
        raise ReasonMissing(length=SHORTEST_REASON, fields={"reason": ReasonMissing.message})
    return text


def limit(name: str, at: datetime) -> int:
    """Return a period of the rules in force at a moment."""
    return int(rules.limit(name, local_date(at)))
