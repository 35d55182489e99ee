"""One-time codes and recovery codes.

Main rule: every code works once. A seed is kept encrypted, recovery codes only as digests of 120
random bits; both are shown once.
Standards: RFC 6238 (TOTP, SHA-1, 30 s, six digits), NIST SP 800-63B §5.1.2 and §5.1.5.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from pyotp.totp import TOTP

from yba.foundation.accounts import factor_store as store
from yba.foundation.accounts.errors import NothingToProveWith, WrongCode
from yba.foundation.accounts.sealing import seal, unseal
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.refusal import Conflict
from yba.plumbing.database import Tx

_STEP = 30
_DRIFT_STEPS = 1
_SEED_BYTES = 20
_CODES = 10
_CODE_BYTES = 15


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account can prove itself with, beside its password."""

    totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Return whether there is a second factor."""
        return self.totp or self.passkeys > 0


@dataclass(frozen=True, slots=True)
class _Seed:
    sealed: bytes
    last_step: int


async def factors_of(tx: Tx, *, account_id: str) -> Factors:
    """Return which factors an account has."""
    found = await tx.row(Factors, store.FACTORS_OF, account_id)
    assert found is not None
    return found


async def begin_totp(tx: Tx, *, actor: Actor, key: bytes, issuer: str, at: datetime) -> str:
    """Make a new seed and return its otpauth address; it counts once a code of it was entered.

    Raises Conflict where one is in use: it is taken away first, which leaves a trace.
    """
    seed = secrets.token_bytes(_SEED_BYTES)
    sealed = seal(key, actor.account_id, seed)
    if not await tx.execute(store.BEGIN_TOTP, actor.account_id, sealed, at):
        raise Conflict
    secret = base64.b32encode(seed).decode()
    return TOTP(secret).provisioning_uri(name=actor.name, issuer_name=issuer)


async def confirm_totp(tx: Tx, *, actor: Actor, key: bytes, code: str, at: datetime) -> None:
    """Take the new seed into use. Raises WrongCode, NothingToProveWith."""
    step = await _step_of(tx, store.WAITING_TOTP, actor.account_id, key, code, at)
    if not await tx.execute(store.CONFIRM_TOTP, actor.account_id, step, at):
        raise WrongCode
    await audit.record(tx, actor=actor, action="C", what="accounts.add_totp", at=at)


async def check_totp(tx: Tx, *, account_id: str, key: bytes, code: str, at: datetime) -> None:
    """Accept a one-time code, once. Raises WrongCode, NothingToProveWith."""
    step = await _step_of(tx, store.TOTP_OF, account_id, key, code, at)
    if not await tx.execute(store.USE_STEP, account_id, step):
        raise WrongCode


async def _step_of(
    tx: Tx, statement: store.Statement, account_id: str, key: bytes, code: str, at: datetime
) -> int:
    seed = await tx.row(_Seed, statement, account_id)
    if seed is None:
        raise NothingToProveWith
    totp = TOTP(base64.b32encode(unseal(key, account_id, seed.sealed)).decode())
    entered = "".join(code.split())
    now = int(at.timestamp()) // _STEP
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        if step > seed.last_step and secrets.compare_digest(
            totp.generate_otp(step).encode(), entered.encode()
        ):
            return step
    raise WrongCode


async def remove_totp(tx: Tx, *, actor: Actor, at: datetime) -> None:
    """Take one-time codes out of use."""
    if await tx.execute(store.REMOVE_TOTP, actor.account_id):
        await audit.record(tx, actor=actor, action="D", what="accounts.remove_totp", at=at)


async def new_recovery_codes(tx: Tx, *, actor: Actor, at: datetime) -> list[str]:
    """Return new codes, which replace all earlier ones and are shown only now."""
    codes = [
        base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower() for _ in range(_CODES)
    ]
    await tx.execute(store.FORGET_CODES, actor.account_id)
    await tx.execute(store.KEEP_CODES, [_digest(code) for code in codes], actor.account_id, at)
    await audit.record(tx, actor=actor, action="C", what="accounts.recovery_codes", at=at)
    return ["-".join(code[start : start + 6] for start in range(0, 24, 6)) for code in codes]


async def use_recovery_code(tx: Tx, *, account_id: str, code: str, at: datetime) -> None:
    """Accept a recovery code, once. Raises WrongCode."""
    if not await tx.execute(store.USE_CODE, _digest(code), account_id, at):
        raise WrongCode


def _digest(code: str) -> bytes:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(plain.encode()).digest()
