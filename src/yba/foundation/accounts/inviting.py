"""Codes from the desk or an administrator, with which people open their own accounts."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from yba.foundation.accounts import store
from yba.foundation.accounts.errors import AlreadyHasAccount, InvitationUnusable
from yba.foundation.accounts.keeping import account, create, set_password
from yba.foundation.accounts.model import INVITATION_LIFE, Account
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

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


async def _take_over(tx: Tx, account_id: str, password: str, at: datetime) -> Account:
    """Set the password of an account that an administrator has prepared."""
    who = await account(tx, account_id=account_id)
    if who.disabled_at:
        raise InvitationUnusable
    await set_password(
        tx, actor=Actor(who.id, who.name), account_id=who.id, password=password, at=at
    )
    return who
