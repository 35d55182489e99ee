"""Codes from the desk or an administrator, with which people open their own accounts."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from yba.foundation.accounts import attempts, store
from yba.foundation.accounts.errors import AlreadyHasAccount, InvitationUnusable, LoginTaken
from yba.foundation.accounts.factors import factors_of
from yba.foundation.accounts.keeping import account, create, set_password
from yba.foundation.accounts.model import INVITATION_LIFE, Account, Client, SignedIn
from yba.foundation.accounts.sessions import end_session, open_session
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database, Tx

# No letters that look alike on a thermal printer; 8 of them are 40 bits, for a week, online only.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class _Invitation:
    patient_id: str | None
    account_id: str | None
    name: str


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


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
    """Let the holder of an invitation open the patient's account, or set the password of her own.

    Where the account exists already (staff), `login` is left aside.
    Raises InvitationUnusable, AlreadyHasAccount, LoginTaken, WeakPassword or LeakedPassword;
    a refused attempt leaves the code usable.
    """
    invitation = await tx.row(_Invitation, store.USE_INVITATION, _digest(code.strip().upper()), at)
    if invitation is None:
        raise InvitationUnusable
    if invitation.account_id is not None:
        return await _take_over(tx, invitation.account_id, password, at)
    assert invitation.patient_id is not None
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


async def enter_with_code(
    database: Database, *, code: str, login: str, password: str, at: datetime, client: Client
) -> SignedIn:
    """Open one's own account with a code, and a session for it; pending where a factor is owed.

    Codes are guessed like passwords: attempts are counted by network, names that are taken as well.
    Raises TooManyAttempts and what `open_own_account` raises.
    """
    async with database.transaction() as tx:
        paid = await attempts.pay(tx, login="", account_id="", client=client, at=at)
    try:
        async with database.transaction() as tx:
            who = await open_own_account(tx, code=code, login=login, password=password, at=at)
            owes = (await factors_of(tx, account_id=who.id)).any
            if client.session_token:
                await end_session(tx, token=client.session_token, at=at)
            token = await open_session(
                tx,
                account_id=who.id,
                kind="pending" if owes else "browser",
                at=at,
                device=client.device,
            )
            await attempts.give_back(tx, paid)
            return SignedIn(token, who.id, is_pending=owes)
    except (InvitationUnusable, LoginTaken):
        raise
    except Refusal:
        async with database.transaction() as tx:
            await attempts.give_back(tx, paid)
        raise


async def _take_over(tx: Tx, account_id: str, password: str, at: datetime) -> Account:
    """Set the password of an account that an administrator has prepared."""
    who = await account(tx, account_id=account_id)
    if who.disabled_at:
        raise InvitationUnusable
    await set_password(
        tx, actor=Actor(who.id, who.name), account_id=who.id, password=password, at=at
    )
    return who
