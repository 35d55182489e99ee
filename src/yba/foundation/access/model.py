"""The decision itself, in plain values: who may see one row, and why (or why not).

Main rule: deny by default. This is the specification; `record.query.permitting` is the same in SQL,
and a property test compares them on random policies and data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from yba.foundation.access.kinds import CLINICAL, COMMON, EXTENTS, KINDS, role_rules, types_of
from yba.foundation.access.labels import (
    ALL_CATEGORIES,
    Category,
    categories_of,
    categories_of_code,
)
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date, micros
from yba.kernel.ids import row_id
from yba.plumbing.i18n import N_

__all__ = [
    "ALL_CATEGORIES", "CLINICAL", "COMMON", "EXTENTS", "KINDS", "Category", "Decision", "Facts",
    "Policy", "Reason", "Relation", "Restriction", "categories_of", "categories_of_code",
    "may_see", "policy_for", "types_of",
]  # fmt: skip

_YEAR_MICROSECONDS = 31_557_600_000_000  # 365.25 days
_SENSITIVE_SCOPE = "yba.sensitive"
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """What an actor may see, before anything is known of a row.

    `holders` are the names under which relations may be hers (`account:…`, `department:…`,
    `person:…`), `person` the row of her own Patient. `whole` is a program that works for the
    facility: every person, but no restricted category beyond `categories`. `barred` categories stay
    hidden whatever else holds (programs that were not granted them). `at` is microseconds
    since 1970; None means the moment of the statement.
    """

    holders: frozenset[str] = _NONE
    person: int | None = None
    everything: bool = False
    whole: bool = False
    categories: int = 0
    barred: int = 0
    anyone: frozenset[str] = _NONE
    related: frozenset[str] = _NONE
    own: frozenset[str] = _NONE
    common: frozenset[str] = COMMON
    at: datetime | None = None
    adult_micros: int = 18 * _YEAR_MICROSECONDS


@dataclass(frozen=True, slots=True)
class Relation:
    """One reason why a holder may see a patient's record, from when until when (not included)."""

    holder: str
    since: datetime
    until: datetime
    extent: str = "care"
    categories: int = 0
    overrides: bool = False


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a citizen has hidden: from one holder or (None) everybody, one row or (None) all."""

    holder: str | None
    since: datetime
    until: datetime | None = None
    type: str | None = None
    rid: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one row when it is to be shown.

    `moment` is its clinical time, or its last change without one; `born_by` the last moment at
    which the patient can have been born, None where that is not known. Microseconds since 1970.
    """

    type: str
    rid: int
    patient: int | None
    categories: int = 0
    moment: int = 0
    born_by: int | None = None
    relations: tuple[Relation, ...] = ()
    restrictions: tuple[Restriction, ...] = ()


class Reason(StrEnum):
    """Why a row is shown or not."""

    SYSTEM = N_("The system itself")
    COMMON = N_("Says nothing of a person")
    HERSELF = N_("Her own record")
    PROGRAM = N_("A program of this facility")
    ROLE = N_("Everybody in this role sees this of every person")
    RELATED = N_("Takes care of this person")
    OVERRIDE = N_("Emergency access")
    NOBODY = N_("Belongs to no person, so nobody is related to it")
    UNRELATED = N_("Does not take care of this person")
    TYPE = N_("The role does not include this kind of data")
    CATEGORY = N_("A restricted category of health data")
    HIDDEN = N_("The person has hidden it")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a row is shown, and why."""

    allowed: bool
    reason: Reason

    def __bool__(self) -> bool:
        """Return whether it is shown."""
        return self.allowed


def may_see(policy: Policy, facts: Facts, *, at: datetime) -> Decision:
    """Decide one row. `at` stands for the moment where the policy names none."""
    if policy.everything:
        return Decision(True, Reason.SYSTEM)
    now = policy.at or at
    hidden = _restricted_categories(policy, facts)
    if hidden & policy.barred:
        return Decision(False, Reason.CATEGORY)
    if facts.patient is None:
        return _of_nobody(policy, facts, hidden)
    if policy.person == facts.patient and facts.type in policy.own:
        return Decision(True, Reason.HERSELF)
    if policy.whole:
        if hidden & ~policy.categories:
            return Decision(False, Reason.CATEGORY)
        return Decision(True, Reason.PROGRAM)
    free = not _is_hidden(policy, facts, now)
    if facts.type in policy.anyone and not hidden and free:
        return Decision(True, Reason.ROLE)
    return _related(policy, facts, hidden, free, now)


def _of_nobody(policy: Policy, facts: Facts, hidden: int) -> Decision:
    if policy.whole:
        if hidden & ~policy.categories:
            return Decision(False, Reason.CATEGORY)
        return Decision(True, Reason.PROGRAM)
    if facts.type in policy.common:
        if hidden:
            return Decision(False, Reason.CATEGORY)
        return Decision(True, Reason.COMMON)
    return Decision(False, Reason.NOBODY)


def _related(policy: Policy, facts: Facts, hidden: int, free: bool, now: datetime) -> Decision:
    if facts.type not in policy.related:
        return Decision(False, Reason.TYPE)
    mine = [
        one for one in facts.relations
        if one.holder in policy.holders and one.since <= now < one.until
    ]  # fmt: skip
    if not mine:
        return Decision(False, Reason.UNRELATED)
    reason = Reason.TYPE
    for one in mine:
        if facts.type not in EXTENTS[one.extent]:
            continue
        if hidden & ~one.categories:
            reason = Reason.CATEGORY
        elif free:
            return Decision(True, Reason.RELATED)
        elif one.overrides:
            return Decision(True, Reason.OVERRIDE)
        else:
            reason = Reason.HIDDEN
    return Decision(False, reason)


def _restricted_categories(policy: Policy, facts: Facts) -> int:
    """Return the categories that restrict the row: reproductive care of adults does not."""
    hidden = facts.categories
    adult = facts.born_by is not None and facts.born_by + policy.adult_micros <= facts.moment
    return hidden & ~Category.REPRODUCTIVE if adult else hidden


def _is_hidden(policy: Policy, facts: Facts, now: datetime) -> bool:
    return any(
        one.since <= now
        and (one.until is None or now < one.until)
        and (one.holder is None or one.holder in policy.holders)
        and (
            facts.type in CLINICAL
            if one.rid is None
            else (one.type, one.rid) == (facts.type, facts.rid)
        )
        for one in facts.restrictions
    )


def policy_for(actor: Actor, *, at: datetime | None) -> Policy:
    """Return what an actor may see: from her roles, her departments and her purpose; no look-up.

    Relations, grants, emergencies and the citizen's wishes are joined by every statement, so a
    change of them holds from the next statement on, in every process.
    """
    base = _policy_of(
        actor.account_id, actor.roles, actor.permissions, actor.purpose, actor.departments,
        actor.patient_id, actor.scopes,
    )  # fmt: skip
    if base.everything or at is None:
        return base
    return replace(base, at=at, adult_micros=_adult_micros(local_date(at).year))


@lru_cache(maxsize=64)
def _adult_micros(year: int) -> int:
    return int(rules.limit("access.adult_from_years", date(year, 1, 1))) * _YEAR_MICROSECONDS


@lru_cache(maxsize=4096)
def _policy_of(
    account_id: str,
    roles: frozenset[str],
    permissions: frozenset[str],
    purpose: str,
    departments: frozenset[str],
    patient_id: str | None,
    scopes: tuple[str, ...] | None,
) -> Policy:
    if "*" in permissions:
        return Policy(everything=True)
    sensitive = scopes is not None and _SENSITIVE_SCOPE in scopes
    if "api" in roles:
        return Policy(whole=True, categories=ALL_CATEGORIES if sensitive else 0)
    known = role_rules()
    granted = [known[role] for role in roles if role in known and purpose in known[role].purposes]
    served = departments.union(*(one.departments for one in granted))
    holders = {f"account:{account_id}", *(f"department:{one}" for one in served)}
    if patient_id is not None:
        holders.add(f"person:{patient_id}")
    return Policy(
        holders=frozenset(holders),
        person=None if patient_id is None else row_id("Patient", patient_id),
        barred=0 if scopes is None or sensitive else ALL_CATEGORIES,
        anyone=_NONE.union(*(one.anyone for one in granted)),
        related=_NONE.union(*(one.related for one in granted)),
        own=_NONE.union(*(one.own for one in granted)),
    )


def moment_micros(at: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return micros(at)
