"""Writes that may be sent twice: the answer is kept with the write, in the same transaction.

Main rule: who repeats a request with the same key gets the first answer; who sends something else
with that key is refused. Answers are kept for two days.
Standard: the Idempotency-Key header (draft of the IETF HTTPAPI working group); FHIR has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from xxhash import xxh3_64_intdigest

from yba.foundation.record import store
from yba.foundation.record.body import pack, unpack
from yba.foundation.record.errors import KeyUsedBefore, UnreadableBody
from yba.foundation.record.keys import signed
from yba.plumbing.database import Tx

_KEPT = timedelta(days=2)
_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Promise:
    """One key of one account, and the digest of what was asked with it."""

    account: str
    key: str
    digest: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What was answered: status, body, headers; `parts` where the body is put together later."""

    status: int
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = []
    parts: list[bytes | None] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Answer).decode


def promise(*, account: str, key: str, digest: bytes) -> Promise:
    """Return the promise of a request. Raises UnreadableBody for a key that is none."""
    name = key.strip().strip('"')
    if not name or len(name) > _LONGEST_KEY or not name.isprintable():
        raise UnreadableBody(reason="the Idempotency-Key must have 1 to 255 printable characters")
    return Promise(account, name, digest)


async def answer_of(tx: Tx, promise: Promise) -> Answer | None:
    """Return the earlier answer, or None; who sends the same at the same time waits here.

    Raises KeyUsedBefore if the key stood for something else.
    """
    number = signed(xxh3_64_intdigest(f"{promise.account}\n{promise.key}".encode()))
    await tx.execute(store.LOCK_CONDITIONS, [number])
    found = await tx.connection.fetchrow(store.REPEATED, promise.account, promise.key)
    if found is None:
        return None
    if found["digest"] != promise.digest:
        raise KeyUsedBefore
    return _decode(unpack(found["answer"]))


async def keep(tx: Tx, promise: Promise, answer: Answer, *, at: datetime) -> None:
    """Keep the answer for two days, and forget some that are older."""
    packed = pack(_encode(answer))
    await tx.execute(store.KEEP_REPEATED, promise.account, promise.key, promise.digest, packed, at)
    await tx.execute(store.FORGET_REPEATED, at - _KEPT)
