"""Failed attempts: who guesses waits, and only he.

Main rule: failures of a name are counted by the network they come from, or by the device where that
was signed in to the account before. So whoever guesses a doctor's password from elsewhere locks out
himself and not her. All failures of a network together are counted as well: many names, one guess each.
Standard: OWASP, "Blocking Brute Force Attacks", device cookies; ASVS 5.0 6.1.1, 6.3.1.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yba.foundation.accounts import factor_store as store
from yba.foundation.accounts.errors import TooManyAttempts
from yba.foundation.accounts.model import (
    ATTEMPTS_FORGOTTEN_AFTER,
    ATTEMPTS_OF_A_NETWORK,
    LONGEST_LOCK,
    Client,
    lock_after,
)
from yba.plumbing.database import Tx


@dataclass(frozen=True, slots=True)
class _Attempts:
    bucket: bytes
    failed: int
    since: datetime
    locked_until: datetime | None


def _bucket(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _buckets(login: str, account_id: str, client: Client) -> tuple[bytes | None, bytes | None]:
    """Return the bucket of the name, and that of the network unless the device is known.

    Without a name (a passkey that nobody has) there is the network alone.
    """
    if account_id and client.known_account == account_id:
        return _bucket("device", account_id), None
    network = client.network or "?"
    return _bucket("name", login, network) if login else None, _bucket("network", network)


async def refuse_locked(
    tx: Tx, *, login: str, account_id: str, client: Client, at: datetime
) -> None:
    """Raise TooManyAttempts while whoever asks has to wait; the same for names that nobody has."""
    own, network = _buckets(login, account_id, client)
    asked = [bucket for bucket in (own, network) if bucket is not None]
    for found in await tx.rows(_Attempts, store.ATTEMPTS, asked):
        if found.locked_until is not None and found.locked_until > at:
            minutes = int((found.locked_until - at).total_seconds() // 60) + 1
            raise TooManyAttempts(minutes=minutes)


async def count_failure(
    tx: Tx, *, login: str, account_id: str, client: Client, at: datetime
) -> None:
    """Count one failure, and lock what has failed too often."""
    own, network = _buckets(login, account_id, client)
    forgotten = at - ATTEMPTS_FORGOTTEN_AFTER
    if own is not None:
        rest = lock_after(await tx.value(store.FAILED_IN, own, at, forgotten))
        if rest is not None:
            await tx.execute(store.LOCK_BUCKET, own, at + rest)
    if network is not None:
        failed: int = await tx.value(store.FAILED_IN, network, at, forgotten)
        if failed >= ATTEMPTS_OF_A_NETWORK:
            await tx.execute(store.LOCK_BUCKET, network, at + LONGEST_LOCK)


async def forget(tx: Tx, *, login: str, account_id: str, client: Client) -> None:
    """Forget the failures of a name after it was proven; those of its network stay."""
    for bucket in _own_buckets(login, account_id, client):
        await tx.execute(store.FORGET_ATTEMPTS, bucket)


def _own_buckets(login: str, account_id: str, client: Client) -> Sequence[bytes]:
    return (
        _bucket("name", login, client.network or "?"),
        _bucket("device", account_id),
    )
