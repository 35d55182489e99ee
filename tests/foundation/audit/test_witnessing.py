"""A witness confirms a log that only grew, and answers as C2SP tlog-witness says."""

from __future__ import annotations

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.foundation.audit.conftest import Log

from yba.foundation.audit import notes, proving, witnessing
from yba.foundation.audit.errors import WitnessRefuses
from yba.foundation.audit.notes import COSIGNATURE_V1, ED25519, SignerKey
from yba.foundation.audit.witnessing import Submission

WITNESS = SignerKey("w.example", COSIGNATURE_V1, Ed25519PrivateKey.from_private_bytes(b"w" * 32))


@pytest.fixture
async def watched(log: Log) -> Log:
    """Return a log with entries; the same database plays the witness."""
    await log.record(*["p"] * 5)
    await log.round()
    async with log.database.transaction() as tx:
        await witnessing.watch(tx, key=log.signer.verifier)
    return log


async def submission(log: Log, old: int) -> Submission:
    async with log.database.reading() as tx:
        note = await proving.newest_checkpoint(tx)
        size = notes.read_checkpoint(notes.read_note(note).text).size
        proof = await proving.consistency(tx, old=old, size=size)
    return Submission(old, tuple(proof), note)


async def confirmed(log: Log, asked: Submission | bytes) -> str:
    body = asked if isinstance(asked, bytes) else asked.encode()
    async with log.database.transaction() as tx:
        return await witnessing.confirm(tx, body=body, signer=WITNESS, at=log.at)


async def refused(log: Log, asked: Submission | bytes) -> WitnessRefuses:
    with pytest.raises(WitnessRefuses) as caught:
        await confirmed(log, asked)
    return caught.value


def signed(log: Log, size: int, root: bytes, signer: SignerKey | None = None) -> str:
    text = notes.Checkpoint(log.signer.name, size, root).text
    return f"{text}\n{(signer or log.signer).line_for(text.encode())}"


async def test_a_growing_log_is_confirmed_with_the_time(watched: Log):
    first = await submission(watched, 0)
    await confirmed(watched, first)
    await watched.record(*["p"] * 3)
    await watched.round()
    asked = await submission(watched, 6)

    line = await confirmed(watched, asked)
    signature = notes.read_note(asked.note + line).signed_by(WITNESS.verifier)
    assert signature is not None
    assert signature.seconds == int(watched.at.timestamp())


async def test_the_same_size_is_confirmed_again(watched: Log):
    await confirmed(watched, await submission(watched, 0))

    assert await confirmed(watched, await submission(watched, 6))


async def test_refusals_carry_the_status_of_the_standard(watched: Log):
    good = await submission(watched, 0)
    stranger = SignerKey(
        watched.signer.name, ED25519, Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    )
    await confirmed(watched, good)
    other = notes.Checkpoint("elsewhere", 1, b"r" * 32).text
    cases: dict[int, list[Submission | bytes]] = {
        400: [
            b"",
            b"old x\n\n" + good.note.encode(),
            b"old -1\n\n" + good.note.encode(),
            b"old 0\nnot base64\n\n" + good.note.encode(),
            b"old 0\n" + b"AAAA\n" * 64 + b"\n" + good.note.encode(),
            b"old 0\n\nno checkpoint",
            b"\xff",
            Submission(9, (), good.note),
        ],
        403: [Submission(6, (), signed(watched, 6, b"r" * 32, stranger))],
        404: [Submission(0, (), f"{other}\n— elsewhere AAAAAAAA\n")],
        409: [Submission(0, (), good.note), Submission(6, (), signed(watched, 6, b"r" * 32))],
        422: [Submission(6, (b"p" * 32,), signed(watched, 9, b"r" * 32))],
    }

    for status, requests in cases.items():
        for asked in requests:
            assert (await refused(watched, asked)).status == status, (status, asked)


async def test_a_conflict_says_which_size_was_confirmed(watched: Log):
    await confirmed(watched, await submission(watched, 0))

    assert (await refused(watched, await submission(watched, 0))).size == 6


async def test_a_node_has_its_newest_checkpoint_confirmed(watched: Log):
    async def answer(request: httpx.Request) -> httpx.Response:
        try:
            return httpx.Response(200, text=await confirmed(watched, request.content))
        except WitnessRefuses as no:
            return httpx.Response(no.status, text=f"{no.size}\n")

    async with watched.database.transaction() as tx:
        await witnessing.add_witness(
            tx, key=WITNESS.verifier, url="https://w.example/", at=watched.at
        )
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        (first,) = await witnessing.ask_all(watched.database, client=client)
        # The answer of a later round is lost: the node then learns the size from a conflict.
        async with watched.database.transaction() as tx:
            await tx.execute("UPDATE audit.witness SET confirmed_size = 0")
        await watched.record("p")
        await watched.round()
        (second,) = await witnessing.ask_all(watched.database, client=client)

    assert (first.confirmed_size, second.confirmed_size, second.problem) == (6, 7, None)
    report = await watched.check()
    assert (report.findings, report.witnessed_size) == ([], 7)
    async with watched.database.reading() as tx:
        published = notes.read_note(await proving.newest_checkpoint(tx))
    assert published.signed_by(WITNESS.verifier) is not None
    assert published.signed_by(watched.signer.verifier) is not None


async def test_a_witness_that_cannot_be_reached_is_named(watched: Log):
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    async with watched.database.transaction() as tx:
        await witnessing.add_witness(tx, key=WITNESS.verifier, url="http://w.x", at=watched.at)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        (witness,) = await witnessing.ask_all(watched.database, client=client)

    assert (witness.confirmed_size, witness.problem) == (0, "ConnectError")
