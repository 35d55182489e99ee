"""Sessions: opened, recognised, proven again, listed, ended.

Main rule: a token is known to its browser alone; we keep its SHA-256. Every sign-in and every fresh
proof gives a new token and ends the old one, and an ended session is unknown to every process at once.
Standards: OWASP ASVS 5.0 V7; RFC 6750; RFC 8176 for the names of methods.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from yba.foundation.accounts import store
from yba.foundation.accounts.errors import FreshProofNeeded
from yba.foundation.accounts.model import (
    BEARER_LIFE,
    FRESH,
    PENDING_LIFE,
    SESSION_LIFE,
    Account,
    Policy,
    Proof,
    Session,
    actor_for,
)
from yba.foundation.accounts.passwords import LeakedList
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Tx

SessionKind = Literal["browser", "bearer", "pending"]
_LIFE = {"browser": SESSION_LIFE, "bearer": BEARER_LIFE, "pending": PENDING_LIFE}
_MIN_TOKEN, _MAX_TOKEN = 20, 200
_SEEN_EVERY = timedelta(minutes=1)
_LONGEST_DEVICE = 120


class Installation:
    """What the installation asks of accounts; set once at start."""

    policy = Policy()
    key = b""
    leaked = LeakedList(None)


def configure(*, policy: Policy, key: bytes, leaked: LeakedList) -> None:
    """Say what this installation asks: which roles need a second factor, the key for seeds."""
    Installation.policy, Installation.key, Installation.leaked = policy, key, leaked


@dataclass(frozen=True, slots=True)
class _Held:
    """An account together with the session that holds it."""

    id: str
    login: str
    name: str
    roles: list[str]
    practitioner_id: str | None
    patient_id: str | None
    licence: str
    disabled_at: datetime | None
    session_id: str
    methods: list[str]
    proven_at: datetime | None
    last_seen_at: datetime | None
    departments: list[str] = field(default_factory=list[str])

    def account(self) -> Account:
        return Account(
            self.id, self.login, self.name, self.roles, self.practitioner_id, self.patient_id,
            self.licence, self.disabled_at, self.departments,
        )  # fmt: skip


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def open_session(
    tx: Tx,
    *,
    account_id: str,
    kind: SessionKind,
    at: datetime,
    methods: Sequence[str] = ("pwd",),
    device: str = "",
) -> str:
    """Open a session and return its token, which is stored nowhere."""
    token = ("yba_" if kind == "bearer" else "") + secrets.token_urlsafe(32)
    proven_at = None if kind == "bearer" else at
    await tx.execute(
        store.OPEN_SESSION, digest(token), account_id, kind, at, at + _LIFE[kind], new_id(),
        sorted(set(methods)), proven_at, device[:_LONGEST_DEVICE],
    )  # fmt: skip
    return token


async def recognise(tx: Tx, *, token: str, kind: SessionKind, at: datetime) -> Actor | None:
    """Return who holds `token`, or None if nobody does any more.

    Notes, once a minute, that the session is in use.
    """
    held = await _held(tx, token, kind, at)
    if held is None:
        return None
    if kind == "browser" and (held.last_seen_at is None or at - held.last_seen_at > _SEEN_EVERY):
        await tx.execute(store.SEEN, digest(token), at)
        await tx.execute(store.SEEN_ACCOUNT, held.id, at)
    proof = Proof(held.session_id, held.methods, held.proven_at)
    # A program's token was given by an administrator who had proven herself.
    policy = None if kind == "bearer" else Installation.policy
    return actor_for(held.account(), proof, policy=policy)


async def _held(tx: Tx, token: str, kind: SessionKind, at: datetime) -> _Held | None:
    if not _MIN_TOKEN <= len(token) <= _MAX_TOKEN:
        return None
    idle_since = at - Installation.policy.idle
    return await tx.row(_Held, store.WHO_HOLDS, digest(token), kind, at, idle_since)


async def pending_account(tx: Tx, *, token: str, at: datetime) -> Account | None:
    """Return whose password was right and who still owes the second factor."""
    held = await _held(tx, token, "pending", at)
    return held.account() if held else None


async def rotate(tx: Tx, *, token: str, methods: Sequence[str], at: datetime) -> str:
    """Give an open session another token, freshly proven; return it.

    Its id and its end stay. Raises NotFound if it has ended meanwhile.
    """
    fresh = secrets.token_urlsafe(32)
    known = digest(token), digest(fresh), sorted(set(methods)), at
    if not await tx.execute(store.ROTATE, *known):
        raise NotFound
    return fresh


def require_fresh(actor: Actor, *, at: datetime, within: timedelta = FRESH) -> None:
    """Raise FreshProofNeeded unless the person has proven herself lately.

    Law: Circular 13/2025/TT-BYT art. 3 (who signs must be who is signed in). ASVS 5.0 V7.5.3.
    """
    if actor.proven_at is None or at - actor.proven_at > within:
        raise FreshProofNeeded


async def end_session(tx: Tx, *, token: str, at: datetime) -> None:
    """End the session of `token`; ending it twice changes nothing."""
    account_id = await tx.value(store.END_SESSION, digest(token), at)
    if account_id is not None:
        await tx.execute(store.TELL_CALLERS, account_id)


async def sessions_of(tx: Tx, *, account_id: str, at: datetime) -> list[Session]:
    """Return the open sessions of an account, the last used first."""
    return await tx.rows(Session, store.SESSIONS_OF, account_id, at)


async def session_is_open(tx: Tx, *, session_id: str, at: datetime) -> bool:
    """Return whether a session has neither ended nor grown too old, nor its account been closed."""
    return bool(await tx.value(store.IS_OPEN, session_id, at))


async def end_one(tx: Tx, *, actor: Actor, session_id: str, at: datetime) -> None:
    """End one of the actor's own sessions. Raises NotFound."""
    if not await tx.execute(store.END_ONE, session_id, actor.account_id, at):
        raise NotFound
    await tx.execute(store.TELL_CALLERS, actor.account_id)
    await audit.record(tx, actor=actor, action="E", what="accounts.end_session", at=at)


async def end_others(tx: Tx, *, actor: Actor, at: datetime) -> int:
    """End every session of the actor but this one; return how many."""
    ended = await tx.execute(store.END_OTHERS, actor.account_id, actor.session_id or "", at)
    await tx.execute(store.TELL_CALLERS, actor.account_id)
    await audit.record(tx, actor=actor, action="E", what="accounts.end_sessions", at=at)
    return ended


async def end_all(tx: Tx, *, account_id: str, at: datetime) -> None:
    """End every session and bearer token of an account, in every process."""
    await tx.execute(store.END_SESSIONS, account_id, at)
    await tx.execute(store.TELL_CALLERS, account_id)
