"""Witnesses: other nodes co-sign a checkpoint after seeing that the log only grew.

This node asks its witnesses (`ask`), and is one for the logs it was told to watch (`confirm`). A
witness keeps the newest state it has confirmed of each log and never confirms an older or another.

Standards: C2SP tlog-witness (add-checkpoint), tlog-cosignature (cosignature/v1).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

import httpx

from yba.foundation.audit import log_store, notes, proving, tree
from yba.foundation.audit.errors import WitnessRefuses
from yba.foundation.audit.notes import BadNote, Checkpoint, SignerKey, VerifierKey
from yba.plumbing.database import Database, Tx

MOST_REQUEST_BYTES = 64 * 1024
_MOST_PROOF_LINES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log asks a witness to confirm."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def encode(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old}", *(b64encode(step).decode() for step in self.proof)]
        return ("\n".join(lines) + "\n\n" + self.note).encode()


@dataclass(frozen=True, slots=True)
class Watched:
    """A log that this node watches."""

    origin: str
    verifier_key: str
    size: int
    root: bytes | None


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who watches this log."""

    verifier_key: str
    url: str
    confirmed_size: int
    problem: str | None


def read_submission(body: bytes) -> Submission:
    """Take a request apart. Raises WitnessRefuses (400)."""
    try:
        head, gap, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise WitnessRefuses(400, "the request is not UTF-8") from None
    first, *rest = head.split("\n")
    match = _OLD.fullmatch(first)
    if not gap or match is None:
        raise WitnessRefuses(400, "the request begins with an old size")
    if len(rest) > _MOST_PROOF_LINES:
        raise WitnessRefuses(400, "a proof has at most 63 lines")
    try:
        proof = tuple(b64decode(line, validate=True) for line in rest)
    except (binascii.Error, ValueError):
        raise WitnessRefuses(400, "the proof is not base64") from None
    if any(len(step) != tree.HASH_BYTES for step in proof):
        raise WitnessRefuses(400, "a line of the proof is one hash")
    return Submission(int(match[1]), proof, note)


async def confirm(tx: Tx, *, body: bytes, signer: SignerKey, at: datetime) -> str:
    """Check a log's request and return our signature line.

    Raises WitnessRefuses: 404 for a log we do not watch, 403 without its signature, 409 (with the
    size we know) if it begins elsewhere or contradicts what we confirmed, 422 for a proof that
    does not hold, 400 for anything malformed.
    """
    asked = read_submission(body)
    try:
        note = notes.read_note(asked.note)
        checkpoint = notes.read_checkpoint(note.text)
    except BadNote as problem:
        raise WitnessRefuses(400, str(problem)) from None
    known = await tx.row(Watched, log_store.WATCHED, checkpoint.origin)
    if known is None:
        raise WitnessRefuses(404, "this log is not watched here")
    try:
        notes.open_checkpoint(asked.note, [notes.verifier_key(known.verifier_key)])
    except BadNote as problem:
        raise WitnessRefuses(403, str(problem)) from None
    if asked.old > checkpoint.size:
        raise WitnessRefuses(400, "the old size is above the new one")
    if asked.old != known.size:
        raise WitnessRefuses(409, "another size was confirmed last", known.size)
    _refuse_other_history(known, checkpoint, asked)
    await tx.execute(log_store.SAW, known.origin, checkpoint.size, checkpoint.root, asked.note, at)
    return signer.line_for(note.text.encode(), seconds=int(at.timestamp()))


def _refuse_other_history(known: Watched, checkpoint: Checkpoint, asked: Submission) -> None:
    if known.size == 0:
        if asked.proof:
            raise WitnessRefuses(422, "from nothing, nothing is proven")
        if checkpoint.size == 0 and checkpoint.root != tree.EMPTY_ROOT:
            raise WitnessRefuses(422, "an empty tree has another root")
        return
    assert known.root is not None
    if known.size == checkpoint.size and known.root != checkpoint.root:
        raise WitnessRefuses(409, "another root of this size was confirmed", known.size)
    if not tree.is_consistent(
        old=known.size,
        size=checkpoint.size,
        old_root=known.root,
        root=checkpoint.root,
        proof=asked.proof,
    ):
        raise WitnessRefuses(422, "the proof does not hold")


async def watch(tx: Tx, *, key: VerifierKey) -> None:
    """Watch a log from now on, under its key."""
    await tx.execute(log_store.WATCH, key.name, str(key))


async def add_witness(tx: Tx, *, key: VerifierKey, url: str, at: datetime) -> None:
    """Ask this witness from now on; `url` is the prefix before `/add-checkpoint`."""
    await tx.execute(log_store.ADD_WITNESS, str(key), url.rstrip("/"), at)


async def ask_all(
    database: Database, *, client: httpx.AsyncClient | None = None, again: bool = False
) -> list[Witness]:
    """Have every witness confirm the newest checkpoint; return how each stands now.

    A witness that cannot be reached or refuses keeps its last confirmed size and shows a problem.
    With `again` also those are asked that have confirmed this size.
    """
    async with database.reading() as tx:
        witnesses = await tx.rows(Witness, log_store.WITNESSES)
        newest = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
    if newest is None or not witnesses:
        return witnesses
    own = client or httpx.AsyncClient(timeout=_SECONDS)
    try:
        for witness in witnesses:
            if again or witness.problem or witness.confirmed_size != newest["size"]:
                await _ask(database, own, witness, newest["size"], newest["note"])
    finally:
        if client is None:
            await own.aclose()
    async with database.reading() as tx:
        return await tx.rows(Witness, log_store.WITNESSES)


async def _ask(
    database: Database, client: httpx.AsyncClient, witness: Witness, size: int, note: str
) -> None:
    old, line, problem = min(witness.confirmed_size, size), "", None
    key = notes.verifier_key(witness.verifier_key)
    try:
        answer = await _send(database, client, witness.url, old, size, note)
        if answer.status_code == 409 and answer.text.strip().isdigit():
            # It has confirmed another size than we remember (we were restored, or an answer was lost).
            old = int(answer.text)
            if old > size:
                problem = f"rolled back: it has confirmed {old} entries"
            else:
                answer = await _send(database, client, witness.url, old, size, note)
        if answer.status_code == 200:
            line = _line_of(key, note, answer.text)
        elif problem is None:
            is_other = answer.status_code in (409, 422)
            told = "forked: it has confirmed another history" if is_other else ""
            problem = told or f"answered {answer.status_code}"
    except (httpx.HTTPError, BadNote) as error:
        problem = type(error).__name__
    except LookupError:
        problem = "damaged: our own tiles do not reach this checkpoint"
    async with database.transaction() as tx:
        if line:
            await tx.execute(log_store.PUT_COSIGNATURE, size, witness.verifier_key, line)
        confirmed = size if line else witness.confirmed_size
        await tx.execute(log_store.CONFIRMED, witness.verifier_key, confirmed, problem)


async def _send(
    database: Database, client: httpx.AsyncClient, url: str, old: int, size: int, note: str
) -> httpx.Response:
    async with database.reading() as tx:
        proof = await proving.consistency(tx, old=old, size=size)
    body = Submission(old, tuple(proof), note).encode()
    return await client.post(url + "/add-checkpoint", content=body)


def _line_of(key: VerifierKey, note: str, answer: str) -> str:
    """Return the line of `key` in an answer. Raises BadNote unless it verifies."""
    text = notes.read_note(note).text
    signature = notes.read_note(text + "\n" + answer).signed_by(key)
    if signature is None:
        raise BadNote("the witness answered with another key")
    return signature.line
