"""Attempts: who guesses waits, and only he.

Main rule: an attempt is paid for before it is made and given back when it was right, so a hundred
guesses at once are no more than a hundred in a row. Attempts on a name are counted by the network they
come from, or by the device where that was signed in to the account before. So whoever guesses a
doctor's password from elsewhere locks out himself and not her. All attempts of a network together are
counted as well: many names, one guess each. One-time codes, which are short, are counted for the
account besides, from wherever they come: whoever may guess them knows the password already.
Standard: OWASP, "Blocking Brute Force Attacks", device cookies; ASVS 5.0 6.1.1, 6.3.1, 6.5.4.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from yba.foundation.accounts import factor_store as store
from yba.foundation.accounts.errors import TooManyAttempts
from yba.foundation.accounts.model import (
    ATTEMPTS_BEFORE_LOCK,
    ATTEMPTS_FORGOTTEN_AFTER,
    ATTEMPTS_OF_A_NETWORK,
    ATTEMPTS_OF_CODES,
    LONGEST_LOCK,
    Client,
    lock_after,
)
from yba.plumbing.database import Tx


@dataclass(frozen=True, slots=True)
class _Bucket:
    """What attempts are counted in, and how many of them it holds before it locks."""

    key: bytes
    limit: int
    grows: bool = False

    def rest(self, made: int) -> timedelta | None:
        if self.grows:
            return lock_after(made)
        return LONGEST_LOCK if made >= self.limit else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that was paid for: where, and the how manieth it was there."""

    paid: tuple[tuple[_Bucket, int], ...]
    login: str
    account_id: str
    client: Client


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _buckets(login: str, account_id: str, client: Client, *, is_code: bool) -> list[_Bucket]:
    """Return where an attempt counts, always in the same order, so that no two wait for each other.

    Without a name (a passkey that nobody has) there is the network alone.
    """
    if account_id and client.known_account == account_id:
        return [_Bucket(_key("device", account_id), ATTEMPTS_BEFORE_LOCK, grows=True)]
    network = client.network or "?"
    found = [_Bucket(_key("name", login, network), ATTEMPTS_BEFORE_LOCK, grows=True)]
    if not login:
        found.clear()
    if is_code:
        found.append(_Bucket(_key("code", account_id), ATTEMPTS_OF_CODES))
    return [*found, _Bucket(_key("network", network), ATTEMPTS_OF_A_NETWORK)]


async def pay(
    tx: Tx,
    *,
    login: str,
    account_id: str,
    client: Client,
    at: datetime,
    is_code: bool = False,
) -> Attempt:
    """Count an attempt before it is made; commit this before looking whether it is right.

    Raises TooManyAttempts while whoever asks has to wait; the same for names that nobody has.
    """
    paid: list[tuple[_Bucket, int]] = []
    for bucket in _buckets(login, account_id, client, is_code=is_code):
        made: int | None = await tx.value(store.PAY, bucket.key, at, at - ATTEMPTS_FORGOTTEN_AFTER)
        if made is None:
            locked_until: datetime = await tx.value(store.LOCKED_UNTIL, bucket.key) or at
            raise TooManyAttempts(minutes=int((locked_until - at).total_seconds() // 60) + 1)
        rest = bucket.rest(made)
        if rest is not None:
            await tx.execute(store.LOCK_BUCKET, bucket.key, at + rest)
        paid.append((bucket, made))
    return Attempt(tuple(paid), login, account_id, client)


async def give_back(tx: Tx, attempt: Attempt) -> None:
    """Undo a payment: the attempt was right, and the failures before it stay."""
    for bucket, made in attempt.paid:
        await tx.execute(store.GIVE_BACK, bucket.key, made, bucket.limit)


async def forget(tx: Tx, attempt: Attempt) -> None:
    """Forget the failures of a name after it was wholly proven; those of its network stay."""
    await give_back(tx, attempt)
    network = attempt.client.network or "?"
    for key in (
        _key("name", attempt.login, network),
        _key("code", attempt.account_id),
        _key("device", attempt.account_id),
    ):
        await tx.execute(store.FORGET_ATTEMPTS, key)
