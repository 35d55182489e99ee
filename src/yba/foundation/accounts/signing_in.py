"""Coming in: password, second factor, passkey, another's word; and proving oneself again.

Main rule: an attempt is counted before it is looked at, hence transactions of their own.
"""

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
from yba.foundation.accounts.errors import NothingToProveWith, NotLinked, WrongLogin
from yba.foundation.accounts.factors import factors_of
from yba.foundation.accounts.keeping import account, set_password
from yba.foundation.accounts.model import Account, Client, SignedIn, actor_for
from yba.foundation.accounts.passkeys import Passkey, Site
from yba.foundation.accounts.sessions import (
    Installation,
    end_session,
    open_session,
    pending_account,
)
from yba.foundation.audit import service as audit
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.database import Database, Tx
from yba.plumbing.i18n import N_

NEW_DEVICE = N_(
    "Your account was signed in to on a new device: %(device)s. Was it not you? Sign it out."
)


@dataclass(frozen=True, slots=True)
class _Secret:
    id: str
    password_hash: str


async def sign_in(
    database: Database, *, login: str, password: str, at: datetime, client: Client | None = None
) -> SignedIn:
    """Check a password; the session is pending where a second factor is set up.

    The attempt is counted before the password is looked at, hence the transactions of its own.
    Raises WrongLogin or TooManyAttempts, alike for names that nobody has.
    """
    client = client or Client()
    login = login.strip().lower()
    async with database.transaction() as tx:
        secret = await tx.row(_Secret, store.CREDENTIAL, login)
        account_id = secret.id if secret else ""
        paid = await attempts.pay(tx, login=login, account_id=account_id, client=client, at=at)
    kept = secret.password_hash if secret else passwords.nobodys()
    is_right = await passwords.matches(kept, password) and secret is not None
    async with database.transaction() as tx:
        if is_right:
            if passwords.is_outdated(kept):
                await tx.execute(store.SET_PASSWORD, account_id, await passwords.hashed(password))
            return await _after_password(tx, account_id, paid, client, at)
        await _audit_failure(tx, account_id, at)
    raise WrongLogin


async def _audit_failure(tx: Tx, account_id: str, at: datetime) -> None:
    """Leave a trace of a failed attempt; a name that nobody has is not written down."""
    who = Actor(account_id or "nobody", "", purpose="SYSADMIN")
    await audit.record(tx, actor=who, action="E", what="accounts.sign_in_refused", at=at)


async def _after_password(
    tx: Tx, account_id: str, paid: attempts.Attempt, client: Client, at: datetime
) -> SignedIn:
    if (await factors_of(tx, account_id=account_id)).any:
        await attempts.give_back(tx, paid)
        token = await open_session(
            tx, account_id=account_id, kind="pending", at=at, device=client.device
        )
        return SignedIn(token, account_id, is_pending=True)
    await attempts.forget(tx, paid)
    return await _opened(tx, account_id, ("pwd",), client, at)


async def _opened(
    tx: Tx, account_id: str, methods: Sequence[str], client: Client, at: datetime
) -> SignedIn:
    who = await account(tx, account_id=account_id)
    if who.disabled_at:
        raise WrongLogin
    if client.session_token:
        await end_session(tx, token=client.session_token, at=at)
    token = await open_session(
        tx, account_id=account_id, kind="browser", at=at, methods=methods, device=client.device
    )
    await audit.record(tx, actor=actor_for(who), action="E", what="accounts.sign_in", at=at)
    if client.device and client.known_account != account_id:
        await notices.notify(
            tx,
            kind="accounts.new-device",
            sentence=NEW_DEVICE,
            values={"device": client.device},
            to_account=account_id,
            link="/account/security",
            at=at,
        )
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
        paid = await attempts.pay(
            tx, login=who.login, account_id=who.id, client=client, at=at, is_code=True
        )
    try:
        async with database.transaction() as tx:
            if "".join(code.split()).isdigit():
                await factors.check_totp(
                    tx, account_id=who.id, key=Installation.key, code=code, at=at
                )
            else:
                await factors.use_recovery_code(tx, account_id=who.id, code=code, at=at)
            await attempts.forget(tx, paid)
    except Refusal:
        async with database.transaction() as tx:
            await _audit_failure(tx, who.id, at)
        raise
    return "otp"


async def sign_in_by_passkey(
    database: Database,
    *,
    answer: Mapping[str, Any],
    site: Site,
    holder: str,
    at: datetime,
    client: Client | None = None,
) -> SignedIn:
    """Open a session for whose device signed the challenge.

    Raises PasskeyRefused, WrongLogin, TooManyAttempts. The challenge is gone either way.
    """
    client = client or Client()
    key = await _passkey(database, answer, site, holder, client, at)
    async with database.transaction() as tx:
        return await _opened(tx, key.account_id, ("hwk", "user", "mfa"), client, at)


async def _passkey(
    database: Database,
    answer: Mapping[str, Any],
    site: Site,
    holder: str,
    client: Client,
    at: datetime,
) -> Passkey:
    """Return the key that signed; what is refused is counted by its network and leaves a trace."""
    async with database.transaction() as tx:
        paid = await attempts.pay(tx, login="", account_id="", client=client, at=at)
    try:
        async with database.transaction() as tx:
            asked = await passkeys.take_challenge(tx, holder=holder, purpose="sign-in", at=at)
        async with database.transaction() as tx:
            key = await passkeys.prove(tx, answer=answer, asked=asked, site=site, at=at)
            await attempts.give_back(tx, paid)
            return key
    except Refusal:
        async with database.transaction() as tx:
            known = passkeys.named_in(answer)
            whose = await passkeys.owner_of(tx, credential_id=known) if known else None
            await _audit_failure(tx, whose or "", at)
        raise


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
        return await _proven(tx, token, actor, {method}, at)


async def _checked_password(
    database: Database, who: Account, password: str, client: Client, at: datetime
) -> str:
    async with database.transaction() as tx:
        paid = await attempts.pay(tx, login=who.login, account_id=who.id, client=client, at=at)
        secret = await tx.row(_Secret, store.CREDENTIAL_OF, who.id)
    is_right = secret is not None and await passwords.matches(secret.password_hash, password)
    async with database.transaction() as tx:
        if is_right:
            await attempts.give_back(tx, paid)
            return "pwd"
        await _audit_failure(tx, who.id, at)
    raise WrongLogin


async def prove_by_passkey(
    database: Database,
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
    key = await _passkey(database, answer, site, holder, client or Client(), at)
    if key.account_id != actor.account_id:
        raise WrongLogin
    async with database.transaction() as tx:
        return await _proven(tx, token, actor, {"hwk", "mfa"}, at)


async def _proven(tx: Tx, token: str, actor: Actor, methods: set[str], at: datetime) -> str:
    await audit.record(tx, actor=actor, action="E", what="accounts.prove", at=at)
    return await renew(tx, token=token, actor=actor, methods=sorted(methods), at=at)


async def renew(tx: Tx, *, token: str, actor: Actor, methods: Sequence[str], at: datetime) -> str:
    """Give a session a new token that says what it has been proven with, too; return it."""
    return await sessions.rotate(tx, token=token, methods=sorted({*actor.methods, *methods}), at=at)


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
