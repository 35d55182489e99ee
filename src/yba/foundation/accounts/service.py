"""The verbs of accounts: create, sign in, prove again, sign out, recognise, disable."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yba.foundation.accounts import (
    attempts,
    external,
    factors,
    passkeys,
    passwords,
    sessions,
    store,
)
from yba.foundation.accounts.errors import (
    AlreadyHasAccount,
    InvitationUnusable,
    LoginTaken,
    NothingToProveWith,
    NotLinked,
    UnknownRole,
    WrongLogin,
)
from yba.foundation.accounts.events import AccountDisabled
from yba.foundation.accounts.factors import Factors, factors_of
from yba.foundation.accounts.model import (
    INVITATION_LIFE,
    PERMISSIONS,
    Account,
    Client,
    Policy,
    Session,
    SignedIn,
    actor_for,
)
from yba.foundation.accounts.passkeys import Passkey, Site, passkeys_of
from yba.foundation.accounts.passwords import SHORTEST_PASSWORD, LeakedList
from yba.foundation.accounts.sealing import key_from
from yba.foundation.accounts.sessions import (
    Installation,
    SessionKind,
    configure,
    end_one,
    end_others,
    end_session,
    open_session,
    pending_account,
    recognise,
    require_fresh,
    sessions_of,
)
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing import outbox
from yba.plumbing.database import Database, Tx

__all__ = [
    "SHORTEST_PASSWORD",
    "Client",
    "Factors",
    "LeakedList",
    "Passkey",
    "Policy",
    "Session",
    "SessionKind",
    "SignedIn",
    "Site",
    "account",
    "account_by_login",
    "actor_of",
    "all_accounts",
    "change_password",
    "configure",
    "create",
    "disable",
    "end_one",
    "end_others",
    "end_session",
    "factors_of",
    "has_account",
    "invite",
    "key_from",
    "open_own_account",
    "open_session",
    "passkeys_of",
    "pending_account",
    "prove",
    "prove_by_passkey",
    "recognise",
    "renew",
    "require_fresh",
    "second_factor",
    "sessions_of",
    "set_departments",
    "set_password",
    "set_roles",
    "sign_in",
    "sign_in_by_passkey",
    "sign_in_from_elsewhere",
]

# No letters that look alike on a thermal printer; 8 of them are 40 bits, for a week, online only.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class _Secret:
    id: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class _Invitation:
    patient_id: str
    name: str


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


# -- accounts -----------------------------------------------------------------------------------


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


# -- signing in ---------------------------------------------------------------------------------


async def sign_in(
    database: Database, *, login: str, password: str, at: datetime, client: Client | None = None
) -> SignedIn:
    """Check a password; the session is pending where a second factor is set up.

    A failure is counted even though it is refused, hence the transactions of its own.
    Raises WrongLogin or TooManyAttempts, alike for names that nobody has.
    """
    client = client or Client()
    login = login.strip().lower()
    async with database.transaction() as tx:
        secret = await tx.row(_Secret, store.CREDENTIAL, login)
        account_id = secret.id if secret else ""
        await attempts.refuse_locked(tx, login=login, account_id=account_id, client=client, at=at)
    kept = secret.password_hash if secret else passwords.NOBODY
    is_right = await passwords.matches(kept, password) and secret is not None
    async with database.transaction() as tx:
        if is_right:
            if passwords.is_outdated(kept):
                await tx.execute(store.SET_PASSWORD, account_id, await passwords.hashed(password))
            return await _after_password(tx, account_id, login, client, at)
        await attempts.count_failure(tx, login=login, account_id=account_id, client=client, at=at)
        await _audit_failure(tx, account_id, at)
    raise WrongLogin


async def _audit_failure(tx: Tx, account_id: str, at: datetime) -> None:
    """Leave a trace of a failed attempt; a name that nobody has is not written down."""
    who = Actor(account_id or "nobody", "", purpose="SYSADMIN")
    await audit.record(tx, actor=who, action="E", what="accounts.sign_in_refused", at=at)


async def _after_password(
    tx: Tx, account_id: str, login: str, client: Client, at: datetime
) -> SignedIn:
    if (await factors_of(tx, account_id=account_id)).any:
        token = await open_session(
            tx, account_id=account_id, kind="pending", at=at, device=client.device
        )
        return SignedIn(token, account_id, is_pending=True)
    await attempts.forget(tx, login=login, account_id=account_id, client=client)
    return await _opened(tx, account_id, ("pwd",), client, at)


async def _opened(
    tx: Tx, account_id: str, methods: Sequence[str], client: Client, at: datetime
) -> SignedIn:
    who = await account(tx, account_id=account_id)
    if who.disabled_at:
        raise WrongLogin
    token = await open_session(
        tx, account_id=account_id, kind="browser", at=at, methods=methods, device=client.device
    )
    await audit.record(tx, actor=actor_for(who), action="E", what="accounts.sign_in", at=at)
    return SignedIn(token, account_id)


async def second_factor(
    database: Database, *, token: str, code: str, at: datetime, client: Client | None = None
) -> SignedIn:
    """Finish a pending sign-in with a one-time or a recovery code.

    Raises WrongCode, TooManyAttempts; NotFound if the pending session is over.
    """
    client = client or Client()
    async with database.transaction() as tx:
        who = await pending_account(tx, token=token, at=at)
    if who is None:
        raise NotFound
    method = await _checked_code(database, who, code, client, at)
    async with database.transaction() as tx:
        await end_session(tx, token=token, at=at)
        return await _opened(tx, who.id, ("pwd", method, "mfa"), client, at)


async def _checked_code(
    database: Database, who: Account, code: str, client: Client, at: datetime
) -> str:
    """Return the method that a code proves; failures are counted like those of passwords."""
    async with database.transaction() as tx:
        await attempts.refuse_locked(tx, login=who.login, account_id=who.id, client=client, at=at)
    try:
        async with database.transaction() as tx:
            if "".join(code.split()).isdigit():
                await factors.check_totp(
                    tx, account_id=who.id, key=Installation.key, code=code, at=at
                )
                method = "otp"
            else:
                await factors.use_recovery_code(tx, account_id=who.id, code=code, at=at)
                method = "otp"
            await attempts.forget(tx, login=who.login, account_id=who.id, client=client)
    except Refusal:
        async with database.transaction() as tx:
            await attempts.count_failure(
                tx, login=who.login, account_id=who.id, client=client, at=at
            )
            await _audit_failure(tx, who.id, at)
        raise
    return method


async def sign_in_by_passkey(
    tx: Tx,
    *,
    answer: Mapping[str, Any],
    site: Site,
    holder: str,
    at: datetime,
    client: Client | None = None,
) -> SignedIn:
    """Open a session for whose device signed the challenge. Raises PasskeyRefused, WrongLogin."""
    key = await passkeys.prove(tx, answer=answer, site=site, holder=holder, at=at)
    return await _opened(tx, key.account_id, ("hwk", "user", "mfa"), client or Client(), at)


async def sign_in_from_elsewhere(
    tx: Tx,
    *,
    issuer: str,
    subject: str,
    methods: Sequence[str],
    at: datetime,
    client: Client | None = None,
) -> SignedIn:
    """Open a session for an identity that an OpenID provider vouches for.

    Where the account has a second factor here and the provider did not see one, it is owed here.
    Raises NotLinked, WrongLogin for an account that is disabled.
    """
    known = await external.identity(tx, issuer=issuer, subject=subject, at=at)
    if known is None:
        raise NotLinked
    client = client or Client()
    if "mfa" not in methods and (await factors_of(tx, account_id=known.account_id)).any:
        token = await open_session(
            tx, account_id=known.account_id, kind="pending", at=at, device=client.device
        )
        return SignedIn(token, known.account_id, is_pending=True)
    return await _opened(tx, known.account_id, methods, client, at)


async def prove(
    database: Database,
    *,
    token: str,
    actor: Actor,
    secret: str,
    at: datetime,
    client: Client | None = None,
) -> str:
    """Prove an open session again by password or code; return its new token.

    With a second factor set up, a code is asked for; otherwise the password.
    Raises WrongLogin, WrongCode, TooManyAttempts.
    """
    client = client or Client()
    async with database.transaction() as tx:
        who = await account(tx, account_id=actor.account_id)
        known = await factors_of(tx, account_id=who.id)
    if known.totp:
        method = await _checked_code(database, who, secret, client, at)
    elif known.passkeys:
        raise NothingToProveWith
    else:
        method = await _checked_password(database, who, secret, client, at)
    async with database.transaction() as tx:
        return await _proven(tx, token, actor, {method}, client, at)


async def _checked_password(
    database: Database, who: Account, password: str, client: Client, at: datetime
) -> str:
    async with database.transaction() as tx:
        await attempts.refuse_locked(tx, login=who.login, account_id=who.id, client=client, at=at)
        secret = await tx.row(_Secret, store.CREDENTIAL_OF, who.id)
    if secret is not None and await passwords.matches(secret.password_hash, password):
        return "pwd"
    async with database.transaction() as tx:
        await attempts.count_failure(tx, login=who.login, account_id=who.id, client=client, at=at)
        await _audit_failure(tx, who.id, at)
    raise WrongLogin


async def prove_by_passkey(
    tx: Tx,
    *,
    token: str,
    actor: Actor,
    answer: Mapping[str, Any],
    site: Site,
    holder: str,
    at: datetime,
    client: Client | None = None,
) -> str:
    """Prove an open session again by a passkey of the same account; return its new token."""
    key = await passkeys.prove(tx, answer=answer, site=site, holder=holder, at=at)
    if key.account_id != actor.account_id:
        raise WrongLogin
    return await _proven(tx, token, actor, {"hwk", "mfa"}, client or Client(), at)


async def renew(
    tx: Tx,
    *,
    token: str,
    actor: Actor,
    methods: Sequence[str],
    client: Client,
    at: datetime,
) -> str:
    """Give a session a new token that says what it has been proven with, too; return it."""
    return await sessions.rotate(
        tx,
        token=token,
        account_id=actor.account_id,
        methods=sorted({*actor.methods, *methods}),
        device=client.device,
        at=at,
    )


async def change_password(
    database: Database,
    *,
    actor: Actor,
    current: str,
    password: str,
    client: Client,
    at: datetime,
) -> str:
    """Replace one's own password by the one that is known; return the token of a new session.

    Every session of the account ends. Raises WrongLogin, TooManyAttempts, WeakPassword,
    LeakedPassword.
    """
    async with database.transaction() as tx:
        who = await account(tx, account_id=actor.account_id)
    await _checked_password(database, who, current, client, at)
    async with database.transaction() as tx:
        await set_password(tx, actor=actor, account_id=who.id, password=password, at=at)
        return await open_session(
            tx,
            account_id=who.id,
            kind="browser",
            at=at,
            methods=sorted({*actor.methods, "pwd"}),
            device=client.device,
        )


async def _proven(
    tx: Tx, token: str, actor: Actor, methods: set[str], client: Client, at: datetime
) -> str:
    await audit.record(tx, actor=actor, action="E", what="accounts.prove", at=at)
    return await renew(tx, token=token, actor=actor, methods=sorted(methods), client=client, at=at)


# -- citizens open their own account ------------------------------------------------------------


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

    Raises InvitationUnusable, AlreadyHasAccount, LoginTaken, WeakPassword or LeakedPassword;
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
