"""The verbs of accounts: create, sign in, sign out, recognise, disable."""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from yba.foundation.accounts import store
from yba.foundation.accounts.errors import (
    AlreadyHasAccount,
    InvitationUnusable,
    LoginTaken,
    TooManyAttempts,
    UnknownRole,
    WeakPassword,
    WrongLogin,
)
from yba.foundation.accounts.model import (
    BEARER_LIFE,
    INVITATION_LIFE,
    PERMISSIONS,
    SESSION_LIFE,
    Account,
    actor_for,
    lock_after,
)
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Database, Tx

SessionKind = Literal["browser", "bearer"]
SHORTEST_PASSWORD = 10
# No letters that look alike on a thermal printer; 8 of them are 40 bits, for a week, online only.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 8
_MIN_TOKEN, _MAX_TOKEN = 20, 200

# OWASP: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Compared against when nobody has the login, so that the answer takes as long.
_nobody = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class _Secret:
    id: str
    password_hash: str
    failed_attempts: int
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class _Invitation:
    patient_id: str
    name: str


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


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
) -> Account:
    """Create an account and return it.

    Raises LoginTaken, UnknownRole, or WeakPassword below ten characters.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(length=SHORTEST_PASSWORD)
    for role in roles:
        if role not in PERMISSIONS:
            raise UnknownRole(role=role)
    account_id = new_id()
    hashed = await asyncio.to_thread(_hasher.hash, password)
    created = await tx.execute(
        store.INSERT,
        account_id,
        login.strip().lower(),
        hashed,
        name,
        list(roles),
        practitioner_id,
        patient_id,
        licence,
        at,
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


async def sign_in(database: Database, *, login: str, password: str, at: datetime) -> str:
    """Check a password and return a new session token.

    A failure is counted even though it is refused, hence the transactions of
    its own. Raises WrongLogin or TooManyAttempts.
    """
    async with database.transaction() as tx:
        secret = await tx.row(_Secret, store.CREDENTIAL, login.strip().lower())
        known = secret.password_hash if secret else _nobody
        if secret and secret.locked_until and secret.locked_until > at:
            minutes = int((secret.locked_until - at).total_seconds() // 60) + 1
            raise TooManyAttempts(minutes=minutes)
        matches = await asyncio.to_thread(_matches, known, password)
        if secret and matches:
            await tx.execute(store.SUCCEEDED, secret.id)
            who = await account(tx, account_id=secret.id)
            await audit.record(tx, actor=actor_for(who), action="E", what="accounts.sign_in", at=at)
            return await open_session(tx, account_id=secret.id, kind="browser", at=at)
        if secret:
            rest = lock_after(secret.failed_attempts + 1)
            await tx.execute(store.FAILED, secret.id, at + rest if rest else None)
    raise WrongLogin


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerificationError:
        return False


async def open_session(tx: Tx, *, account_id: str, kind: SessionKind, at: datetime) -> str:
    """Open a session and return its token, which is stored nowhere."""
    token = ("yba_" if kind == "bearer" else "") + secrets.token_urlsafe(32)
    life = BEARER_LIFE if kind == "bearer" else SESSION_LIFE
    await tx.execute(store.OPEN_SESSION, _digest(token), account_id, kind, at, at + life)
    return token


async def end_session(tx: Tx, *, token: str, at: datetime) -> None:
    """End the session of `token`; ending it twice changes nothing."""
    await tx.execute(store.END_SESSION, _digest(token), at)


async def recognise(tx: Tx, *, token: str, kind: SessionKind, at: datetime) -> Actor | None:
    """Return who holds `token`, or None if nobody does any more."""
    if not _MIN_TOKEN <= len(token) <= _MAX_TOKEN:
        return None
    found = await tx.row(Account, store.WHO_HOLDS, _digest(token), kind, at)
    return actor_for(found) if found else None


async def invite(tx: Tx, *, actor: Actor, patient_id: str, name: str, at: datetime) -> str:
    """Return a new code with which this patient opens her own account within a week.

    The caller has seen who she is. Raises AlreadyHasAccount.
    """
    if await tx.row(Account, store.OF_PATIENT, patient_id) is not None:
        raise AlreadyHasAccount
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    await tx.execute(store.INVITE, _digest(code), patient_id, name, at, at + INVITATION_LIFE)
    await audit.record(
        tx, actor=actor, action="C", what="accounts.invite", at=at, patient_id=patient_id
    )
    return code


async def has_account(tx: Tx, *, patient_id: str) -> bool:
    """Return whether this patient can sign in."""
    return await tx.row(Account, store.OF_PATIENT, patient_id) is not None


async def open_own_account(
    tx: Tx, *, code: str, login: str, password: str, at: datetime
) -> Account:
    """Let the holder of an invitation open the patient's account.

    Raises InvitationUnusable, AlreadyHasAccount, LoginTaken or WeakPassword;
    a refused attempt leaves the code usable.
    """
    invitation = await tx.row(_Invitation, store.USE_INVITATION, _digest(code.strip().upper()), at)
    if invitation is None:
        raise InvitationUnusable
    if await tx.row(Account, store.OF_PATIENT, invitation.patient_id) is not None:
        raise AlreadyHasAccount
    return await create(
        tx,
        actor=Actor(f"patient:{invitation.patient_id}", invitation.name, purpose="PATRQT"),
        login=login,
        password=password,
        name=invitation.name,
        roles=["citizen"],
        at=at,
        patient_id=invitation.patient_id,
    )


async def set_password(
    tx: Tx, *, actor: Actor, account_id: str, password: str, at: datetime
) -> None:
    """Replace a password and end every session of the account."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(length=SHORTEST_PASSWORD)
    hashed = await asyncio.to_thread(_hasher.hash, password)
    if not await tx.execute(store.SET_PASSWORD, account_id, hashed):
        raise NotFound
    await tx.execute(store.END_SESSIONS, account_id, at)
    await audit.record(tx, actor=actor, action="U", what="accounts.set_password", at=at)


async def disable(tx: Tx, *, actor: Actor, account_id: str, at: datetime) -> None:
    """Cut an account off at once: no new session, every open one ended."""
    if not await tx.execute(store.DISABLE, account_id, at):
        raise NotFound
    await tx.execute(store.END_SESSIONS, account_id, at)
    await audit.record(tx, actor=actor, action="U", what="accounts.disable", at=at)
