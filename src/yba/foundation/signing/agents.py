"""Programs at a clinician's PC that sign with the token plugged in there.

The program calls out to this server, so no port is opened at the PC. It is
paired to an account by a code of eight letters; after that it holds a token
of its own, of which the server keeps a hash. A task carries digests and what
the signer should read; the PIN is asked at the PC and never comes here.

Key labels are `AGENT|URI`: the program, and the key on its token (RFC 7512).
"""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from yba.foundation.audit import service as audit
from yba.foundation.signing import store
from yba.foundation.signing.errors import (
    AgentNotPaired,
    AgentSilent,
    KeyNotHere,
    PairingCodeWrong,
    PinLocked,
    PinMissing,
    PinWrong,
    SignerDeclined,
    TokenRemoved,
)
from yba.foundation.signing.model import Consent, KeyRef
from yba.kernel.actor import Actor
from yba.kernel.ids import decode_id, encode_id, new_snowflake
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database, Tx

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LIFE = timedelta(minutes=10)
_TASK_LIFE = timedelta(minutes=3)
_PAUSE = 0.3
_SEEN_LATELY = timedelta(seconds=45)
_REFUSALS: dict[str, type[Refusal]] = {
    one.code: one for one in (PinWrong, PinLocked, PinMissing, TokenRemoved, SignerDeclined)
}


@dataclass(frozen=True, slots=True)
class Agent:
    """A program that somebody paired, or is about to pair."""

    agent_id: int
    account_id: str
    name: str
    paired_at: datetime | None
    seen_at: datetime | None
    found: list[dict[str, str]]

    def is_there(self, at: datetime) -> bool:
        """Return whether the program has called in the last moments."""
        return self.seen_at is not None and at - self.seen_at <= _SEEN_LATELY

    def label(self, uri: str) -> str:
        """Return how a key on its token is called in a KeyRef."""
        return f"{encode_id(self.agent_id)}|{uri}"


@dataclass(frozen=True, slots=True)
class AgentTask:
    """What a program is asked to sign, and what it shows before it asks for the PIN."""

    task_id: int
    key_label: str
    summary: str
    lines: list[str]
    digests: list[bytes]

    def as_json(self) -> dict[str, Any]:
        """Return the task as it travels."""
        return {
            "task": encode_id(self.task_id),
            "key": self.key_label.partition("|")[2],
            "summary": self.summary,
            "lines": self.lines,
            "digests": [base64.b64encode(digest).decode() for digest in self.digests],
        }


@dataclass(frozen=True, slots=True)
class _Outcome:
    signatures: list[bytes] | None
    refused: str
    done_at: datetime | None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def begin_pairing(tx: Tx, *, actor: Actor, name: str, at: datetime) -> str:
    """Return a code that pairs one program to the actor's account within ten minutes."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    await tx.execute(
        store.INSERT_AGENT,
        new_snowflake(),
        actor.account_id,
        name.strip()[:80],
        _hash(code),
        at + _CODE_LIFE,
    )
    return f"{code[:4]}-{code[4:]}"


async def pair(tx: Tx, *, code: str, at: datetime) -> str:
    """Return the token of the program that brings the code; a code serves once.

    Raises PairingCodeWrong.
    """
    plain = "".join(letter for letter in code.upper() if letter in _ALPHABET)
    token = secrets.token_urlsafe(32)
    account_id: str | None = await tx.value(store.PAIR_AGENT, _hash(plain), at, _hash(token))
    if account_id is None:
        raise PairingCodeWrong
    await audit.record(
        tx, actor=Actor.system("signing"), action="C", what="signing.pair_agent", at=at
    )
    return token


async def agent_of(tx: Tx, *, token: str, at: datetime) -> Agent:
    """Return the program that calls, and note that it did. Raises AgentNotPaired."""
    found = await tx.row(Agent, store.AGENT_CALLS, _hash(token), at)
    if found is None:
        raise AgentNotPaired
    return found


async def agents_of(tx: Tx, *, account_id: str) -> list[Agent]:
    """Return the paired programs of an account, newest first."""
    return await tx.rows(Agent, store.AGENTS_OF, account_id)


async def end_agent(tx: Tx, *, actor: Actor, agent_id: int, at: datetime) -> None:
    """Cut a program of the actor off. Raises AgentNotPaired."""
    if not await tx.execute(store.END_AGENT, agent_id, actor.account_id, at):
        raise AgentNotPaired
    await audit.record(tx, actor=actor, action="D", what="signing.end_agent", at=at)


async def keep_found(tx: Tx, *, agent: Agent, found: Sequence[dict[str, str]]) -> None:
    """Remember the certificates that a program found on its tokens."""
    await tx.execute(store.AGENT_FOUND, agent.agent_id, list(found)[:20])


async def next_task(tx: Tx, *, agent: Agent, at: datetime) -> AgentTask | None:
    """Hand out the oldest task of a program, once."""
    return await tx.row(AgentTask, store.TAKE_TASK, agent.agent_id, at)


async def finish_task(
    tx: Tx, *, agent: Agent, task: str, signatures: Sequence[bytes], refused: str, at: datetime
) -> bool:
    """Take a program's answer; return False if nobody waits for it any more."""
    answer = None if refused else list(signatures)
    return bool(
        await tx.execute(
            store.FINISH_TASK, decode_id(task), agent.agent_id, answer, refused[:80], at
        )
    )


class AgentKeys:
    """The key place "agent": a token at somebody's PC, reached through a paired program."""

    name = "agent"

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def sign(
        self, key: KeyRef, digests: Sequence[bytes], consent: Consent
    ) -> Sequence[bytes]:
        """Return one signature for each digest; waits for the person at the PC.

        Raises AgentSilent, SignerDeclined, PinWrong, PinLocked, TokenRemoved.
        """
        name, _, uri = key.label.partition("|")
        if not uri:
            raise KeyNotHere(certificate=key.label[:20])
        task_id = new_snowflake()
        lines = list(consent.lines) or [consent.summary] * len(digests)
        asked_at = self._clock()
        async with self._database.transaction() as tx:
            await tx.execute(
                store.INSERT_TASK,
                task_id,
                decode_id(name),
                key.label,
                consent.summary,
                lines,
                list(digests),
                asked_at,
                asked_at + _TASK_LIFE,
            )
        return await self._answer(task_id, asked_at + _TASK_LIFE)

    async def _answer(self, task_id: int, until: datetime) -> Sequence[bytes]:
        while self._clock() < until:
            async with self._database.reading() as tx:
                outcome = await tx.row(_Outcome, store.TASK_OUTCOME, task_id)
            if outcome is not None and outcome.done_at is not None:
                if outcome.refused or outcome.signatures is None:
                    raise _REFUSALS.get(outcome.refused, SignerDeclined)()
                return outcome.signatures
            await asyncio.sleep(_PAUSE)
        async with self._database.transaction() as tx:
            await tx.execute(store.GIVE_UP_TASK, task_id, self._clock())
        raise AgentSilent


def named_certificates(agent: Agent) -> list[tuple[str, str]]:
    """Return (key, whose certificate) for everything that a program found on its tokens."""
    named: list[tuple[str, str]] = []
    for one in agent.found:
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(one["certificate"]))
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        # A program may send anything.
        except (KeyError, ValueError):
            continue
        named.append((one["key"], str(names[0].value) if names else "?"))
    return named
