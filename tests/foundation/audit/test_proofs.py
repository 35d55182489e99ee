"""A proof file is checked without the node: whatever in it was changed no longer fits."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.foundation.audit.conftest import Log

from yba.foundation.audit import log_store, notes, proofs, proving
from yba.foundation.audit.notes import COSIGNATURE_V1, ED25519, SignerKey
from yba.plumbing import i18n

WITNESS = SignerKey("w.example", COSIGNATURE_V1, Ed25519PrivateKey.from_private_bytes(b"w" * 32))
STRANGER = SignerKey("x.example", ED25519, Ed25519PrivateKey.from_private_bytes(b"x" * 32))
Change = Callable[[dict[str, Any]], Any]


async def proof_of(log: Log, patient: str) -> dict[str, Any]:
    """Return the file of one of two patients, its checkpoint co-signed."""
    await log.record(*["p", "q"] * 9)
    size = await log.round()
    async with log.database.transaction() as tx:
        note = await proving.newest_checkpoint(tx)
        line = WITNESS.line_for(notes.read_note(note).text.encode(), seconds=1)
        await tx.execute(log_store.ADD_WITNESS, str(WITNESS.verifier), "https://w", log.at)
        await tx.execute(log_store.PUT_COSIGNATURE, size, str(WITNESS.verifier), line)
        return await proving.proof_of_patient(tx, patient_id=patient)


def changed(proof: dict[str, Any], change: Change) -> bytes:
    other = copy.deepcopy(proof)
    change(other)
    return json.dumps(other).encode()


def first(proof: dict[str, Any]) -> dict[str, Any]:
    return proof["entries"][0]


CHANGES: dict[str, tuple[Change, str]] = {
    "a value": (lambda p: first(p)["fields"]["who"]["value"].__setitem__(1, "Ai Đó"), "entry"),
    "a purpose": (lambda p: first(p)["fields"]["purpose"].update(value="HRESCH"), "entry"),
    "a salt": (lambda p: first(p)["fields"]["act"].update(salt="00" * 32), "entry"),
    "a second": (lambda p: first(p).update(seconds=first(p)["seconds"] + 1), "entry"),
    "an action": (lambda p: first(p).update(action="C"), "entry"),
    "a position": (lambda p: first(p).update(index=first(p)["index"] - 1), "entry"),
    "a path": (lambda p: first(p)["proof"].pop(), "entry"),
    "a position that is none": (lambda p: first(p).update(index=True), "entry"),
    "an entry that is none": (lambda p: first(p).clear(), "entry"),
    "an entry twice": (lambda p: p["entries"].append(first(p)), "position"),
    "the origin": (lambda p: p.update(origin="elsewhere"), "checkpoint"),
    "the root": (lambda p: p.update(checkpoint=p["checkpoint"].replace("\n19\n", "\n18\n")), "checkpoint"),
    "no entries": (lambda p: p.pop("entries"), "checkpoint"),
    "another format": (lambda p: p.update(format="yba-audit-proof-0"), "checkpoint"),
    "a co-signature": (lambda p: p.update(checkpoint=p["checkpoint"].replace("w.example ", "w.example A")), "checkpoint"),
}  # fmt: skip


async def test_a_proof_file_fits_and_nothing_in_it_can_be_changed(log: Log):
    proof = await proof_of(log, "p")
    key, witness = log.signer.verifier, WITNESS.verifier
    content = json.dumps(proof).encode()

    report = proofs.check_file(content, keys=[key], witnesses=[witness])

    assert report.findings == []
    assert (report.proven, report.size, report.witnessed_size) == (9, 19, 19)
    vietnamese = i18n.load().translator("vi")
    for name, (change, kind) in CHANGES.items():
        (finding,) = proofs.check_file(changed(proof, change), keys=[key]).findings
        assert finding.kind == kind, name
        assert finding.text(vietnamese) != str(finding), name


async def test_whose_log_it_is_says_only_a_key_from_elsewhere(log: Log):
    content = json.dumps(await proof_of(log, "p")).encode()

    (unknown,) = proofs.check_file(content).findings
    (foreign,) = proofs.check_file(content, keys=[STRANGER.verifier]).findings
    other = SignerKey("w.example", COSIGNATURE_V1, STRANGER.private).verifier
    (unwitnessed,) = proofs.check_file(
        content, keys=[log.signer.verifier], witnesses=[other]
    ).findings

    assert "--key" in unknown.sentence
    assert "nobody who is trusted" in foreign.sentence
    assert "witnesses you trust" in unwitnessed.sentence


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"format":"yba-audit-proof-1"}', b"1" * 5000],
    ids=["empty", "open", "list", "object", "bytes", "deep", "bare", "number"],
)  # fmt: skip
def test_what_is_no_proof_file_is_said_to_be_none(content: bytes):
    (finding,) = proofs.check_file(content).findings

    assert finding.sentence == "it cannot be believed: this is not a proof file"
