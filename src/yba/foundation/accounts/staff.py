"""Accounts of those who work here: joining, other duties, reviews, lost devices, leaving.

Main rule: nobody chooses or learns another's password: an administrator hands out a code, and the
person sets her own. Nobody changes what she herself may, and taking a lost second factor away needs
two administrators. There is always one who can let others in.
Law: Decree 331/2026 (accounts idle for 45 days are disabled, rights are reviewed every six months).
Standard: OWASP ASVS 5.0 6.4.1, 6.4.4, 6.4.6, 7.4.2.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from yba.foundation.accounts import keeping, sessions
from yba.foundation.accounts import staff_store as store
from yba.foundation.accounts.errors import (
    LastAdministrator,
    NotOneself,
    SecondPersonNeeded,
    UnknownRole,
)
from yba.foundation.accounts.model import INVITATION_LIFE, Account
from yba.foundation.audit import service as audit
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Tx

Verdict = Literal["confirmed", "changed", "disabled"]
# People who work here: neither patients nor programs, which are let in elsewhere.
_NOT_OF_STAFF = frozenset(("citizen", "api"))
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
# Longer than a citizen's: what it opens may be more.
_CODE_LENGTH = 12
_DAYS_OF_A_MONTH = 30.4


@dataclass(frozen=True, slots=True)
class Member:
    """One account of staff, as its administrator sees it."""

    id: str
    login: str
    name: str
    roles: list[str]
    departments: list[str]
    licence: str
    created_at: datetime
    last_seen_at: datetime | None
    disabled_at: datetime | None
    has_factor: bool
    reviewed_at: datetime | None
    reset_id: int | None
    reset_asked_by: str | None

    def is_review_due(self, at: datetime) -> bool:
        """Return whether somebody must look again at what this account may."""
        months = float(rules.limit("accounts.review_months", local_date(at)))
        since = self.reviewed_at or self.created_at
        return self.disabled_at is None and at - since > timedelta(days=months * _DAYS_OF_A_MONTH)


async def members(tx: Tx, *, limit: int = 1000) -> list[Member]:
    """Return at most `limit` accounts of staff, those in use first."""
    return await tx.rows(Member, store.PEOPLE, None, limit)


async def member(tx: Tx, *, account_id: str) -> Member:
    """Return one account of staff. Raises NotFound."""
    found = await tx.row(Member, store.PEOPLE, account_id, 1)
    if found is None:
        raise NotFound
    return found


async def join(
    tx: Tx,
    *,
    actor: Actor,
    login: str,
    name: str,
    roles: Sequence[str],
    departments: Sequence[str],
    at: datetime,
    practitioner_id: str | None = None,
    licence: str = "",
) -> tuple[Account, str]:
    """Create an account that nobody can sign in to yet; return it and the code that opens it.

    Raises LoginTaken, UnknownRole.
    """
    _refuse_others(roles)
    account = await keeping.create(
        tx,
        actor=actor,
        login=login,
        password=secrets.token_urlsafe(32),
        name=name,
        roles=roles,
        at=at,
        practitioner_id=practitioner_id,
        licence=licence,
        departments=departments,
    )
    return account, await invite(tx, actor=actor, account_id=account.id, at=at)


def _refuse_others(roles: Sequence[str]) -> None:
    for role in roles:
        if role in _NOT_OF_STAFF:
            raise UnknownRole(role=role)


async def invite(tx: Tx, *, actor: Actor, account_id: str, at: datetime) -> str:
    """Return a new code with which the person sets her password within a week; earlier ones end.

    Factors that are set up stay: the code alone opens nothing then. Raises NotFound.
    """
    whose = await member(tx, account_id=account_id)
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    await tx.execute(store.END_INVITATIONS, account_id, at)
    await tx.execute(
        store.INVITE_ACCOUNT,
        hashlib.sha256(code.encode()).digest(),
        account_id,
        whose.name,
        at,
        at + INVITATION_LIFE,
    )
    await audit.record(tx, actor=actor, action="C", what="accounts.invite_staff", at=at)
    return code


async def change_duties(
    tx: Tx,
    *,
    actor: Actor,
    account_id: str,
    roles: Sequence[str],
    departments: Sequence[str],
    at: datetime,
) -> None:
    """Give a person other roles and departments, from this moment. Counts as a review.

    Raises NotFound, UnknownRole; NotOneself to whoever would change her own roles;
    LastAdministrator if nobody else could let others in.
    """
    _refuse_others(roles)
    whose = await member(tx, account_id=account_id)
    if account_id == actor.account_id and set(roles) != set(whose.roles):
        raise NotOneself
    if "administrator" not in roles:
        await _keep_one_administrator(tx, without=account_id)
    await keeping.set_roles(tx, actor=actor, account_id=account_id, roles=roles, at=at)
    await keeping.set_departments(
        tx, actor=actor, account_id=account_id, departments=departments, at=at
    )
    await review(tx, actor=actor, account_id=account_id, verdict="changed", at=at)


async def review(tx: Tx, *, actor: Actor, account_id: str, verdict: Verdict, at: datetime) -> None:
    """Say of an account that it still needs what it may; keep who said so.

    Raises NotFound; NotOneself for a confirmation of one's own rights.
    """
    if verdict == "confirmed" and account_id == actor.account_id:
        raise NotOneself
    whose = await member(tx, account_id=account_id)
    await tx.execute(
        store.REVIEW, new_snowflake(), account_id, actor.account_id, at, whose.roles, verdict
    )
    await audit.record(tx, actor=actor, action="E", what="accounts.review_rights", at=at)


async def _keep_one_administrator(tx: Tx, *, without: str) -> None:
    """Raise LastAdministrator if `without` is the only one; two who go at once wait for each other."""
    in_use: list[str] = await tx.values(store.ADMINISTRATORS)
    if in_use == [without]:
        raise LastAdministrator


async def leave(tx: Tx, *, actor: Actor, account_id: str, at: datetime) -> None:
    """Cut a person off at once. Raises NotFound, LastAdministrator."""
    await _keep_one_administrator(tx, without=account_id)
    await review(tx, actor=actor, account_id=account_id, verdict="disabled", at=at)
    await keeping.disable(tx, actor=actor, account_id=account_id, at=at)


async def come_back(tx: Tx, *, actor: Actor, account_id: str, at: datetime) -> str:
    """Take a disabled account into use again; return the code for a new password.

    Nothing that was ended comes back: no session, no token. Raises NotFound.
    """
    if not await tx.execute(store.ENABLE, account_id, at):
        raise NotFound
    await audit.record(tx, actor=actor, action="U", what="accounts.enable", at=at)
    return await invite(tx, actor=actor, account_id=account_id, at=at)


async def ask_reset(tx: Tx, *, actor: Actor, account_id: str, reason: str, at: datetime) -> None:
    """Ask that the second factor of somebody who lost her device be taken away.

    Nothing is taken yet: another administrator must confirm. Raises NotFound.
    """
    await member(tx, account_id=account_id)
    await tx.execute(
        store.ASK_RESET, new_snowflake(), account_id, actor.account_id, actor.name, reason, at
    )
    await audit.record(tx, actor=actor, action="C", what="accounts.ask_reset", at=at)


async def confirm_reset(tx: Tx, *, actor: Actor, reset_id: int, at: datetime) -> str:
    """Take the second factor away, end every session, and return the code for a new password.

    Raises SecondPersonNeeded if the actor asked for it herself or it is her own, or if nobody did.
    """
    account_id = await tx.value(store.CONFIRM_RESET, reset_id, actor.account_id, at)
    if account_id is None:
        raise SecondPersonNeeded
    for statement in (store.FORGET_PASSKEYS, store.FORGET_TOTP, store.FORGET_CODES):
        await tx.execute(statement, account_id)
    await sessions.end_all(tx, account_id=account_id, at=at)
    await audit.record(tx, actor=actor, action="U", what="accounts.reset_factors", at=at)
    return await invite(tx, actor=actor, account_id=account_id, at=at)


async def disable_idle(tx: Tx, *, at: datetime) -> int:
    """Disable the accounts of staff that nobody has used for as long as the law says; count them."""
    days = int(rules.limit("accounts.idle_days", local_date(at)))
    actor = Actor.system("accounts", "SYSADMIN")
    idle: list[str] = await tx.values(store.IDLE, at - timedelta(days=days))
    for account_id in idle:
        await keeping.disable(tx, actor=actor, account_id=account_id, at=at)
    return len(idle)
