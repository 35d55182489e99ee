"""Accounts themselves: created, found, given other duties or a new password, cut off."""

from collections.abc import Sequence
from datetime import datetime

from yba.foundation.accounts import passwords, sessions, store
from yba.foundation.accounts.errors import LoginTaken, UnknownRole
from yba.foundation.accounts.events import AccountDisabled
from yba.foundation.accounts.factors import factors_of
from yba.foundation.accounts.model import PERMISSIONS, Account, actor_for
from yba.foundation.accounts.sessions import Installation
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound
from yba.plumbing import outbox
from yba.plumbing.database import Tx


async def create(
    tx: Tx,
    *,
    actor: Actor,
    login: str,
    password: str,
    name: str,
    roles: Sequence[str],
    at: datetime,
    practitioner_id: str | None = None,
    patient_id: str | None = None,
    licence: str = "",
    departments: Sequence[str] = (),
) -> Account:
    """Create an account and return it. `departments` are where the person is on duty.

    Raises LoginTaken, UnknownRole, WeakPassword or LeakedPassword.
    """
    policy = Installation.policy
    passwords.refuse_weak(
        password,
        is_alone=bool(policy.second_factor) and not policy.asks_second_factor(roles),
        words=(login, *name.split()),
        leaked=Installation.leaked,
    )
    for role in roles:
        if role not in PERMISSIONS:
            raise UnknownRole(role=role)
    account_id = new_id()
    created = await tx.execute(
        store.INSERT,
        account_id,
        login.strip().lower(),
        await passwords.hashed(password),
        name,
        list(roles),
        practitioner_id,
        patient_id,
        licence,
        at,
        list(departments),
    )
    if not created:
        raise LoginTaken
    await audit.record(
        tx, actor=actor, action="C", what="accounts.create", at=at, patient_id=patient_id
    )
    return await account(tx, account_id=account_id)


async def account(tx: Tx, *, account_id: str) -> Account:
    """Return one account. Raises NotFound."""
    found = await tx.row(Account, store.BY_ID, account_id)
    if found is None:
        raise NotFound
    return found


async def account_by_login(tx: Tx, *, login: str) -> Account | None:
    """Return the account called `login`, or None."""
    return await tx.row(Account, store.BY_LOGIN, login.strip().lower())


async def all_accounts(tx: Tx, *, limit: int = 500) -> list[Account]:
    """Return at most `limit` accounts by login."""
    return await tx.rows(Account, store.ALL, limit)


async def names_of(tx: Tx, *, account_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those accounts that exist, by id."""
    rows = await tx.connection.fetch(store.NAMES, list(account_ids))
    return {row["id"]: row["name"] for row in rows}


async def actor_of(tx: Tx, *, account_id: str, at: datetime) -> Actor | None:
    """Return an account as somebody who acts without a session of its own; None once it is disabled."""
    found = await tx.row(Account, store.BY_ID, account_id)
    if found is None or (found.disabled_at is not None and found.disabled_at <= at):
        return None
    return actor_for(found)


async def set_departments(
    tx: Tx, *, actor: Actor, account_id: str, departments: Sequence[str], at: datetime
) -> None:
    """Say where a person is on duty from now on. Raises NotFound."""
    if not await tx.execute(store.SET_DEPARTMENTS, account_id, sorted(set(departments))):
        raise NotFound
    await tx.execute(store.TELL_CALLERS, account_id)
    await audit.record(tx, actor=actor, action="U", what="accounts.set_departments", at=at)


async def set_roles(
    tx: Tx, *, actor: Actor, account_id: str, roles: Sequence[str], at: datetime
) -> None:
    """Give a person other roles, at once. Raises NotFound, UnknownRole."""
    for role in roles:
        if role not in PERMISSIONS:
            raise UnknownRole(role=role)
    if not await tx.execute(store.SET_ROLES, account_id, sorted(set(roles))):
        raise NotFound
    await tx.execute(store.TELL_CALLERS, account_id)
    await audit.record(tx, actor=actor, action="U", what="accounts.set_roles", at=at)


async def set_password(
    tx: Tx, *, actor: Actor, account_id: str, password: str, at: datetime
) -> None:
    """Replace a password and end every session of the account.

    Raises WeakPassword, LeakedPassword, NotFound.
    """
    whose = await account(tx, account_id=account_id)
    known = await factors_of(tx, account_id=account_id)
    passwords.refuse_weak(
        password,
        is_alone=bool(Installation.policy.second_factor) and not known.any,
        words=(whose.login, *whose.name.split()),
        leaked=Installation.leaked,
    )
    await tx.execute(store.SET_PASSWORD, account_id, await passwords.hashed(password))
    await sessions.end_all(tx, account_id=account_id, at=at)
    await audit.record(tx, actor=actor, action="U", what="accounts.set_password", at=at)


async def disable(tx: Tx, *, actor: Actor, account_id: str, at: datetime) -> None:
    """Cut an account off at once: no new session, every open one ended, programs forget it.

    Raises NotFound if there is no such account in use.
    """
    if not await tx.execute(store.DISABLE, account_id, at):
        raise NotFound
    await sessions.end_all(tx, account_id=account_id, at=at)
    await outbox.publish(tx, AccountDisabled(account_id=account_id, at=at))
    await audit.record(tx, actor=actor, action="U", what="accounts.disable", at=at)
