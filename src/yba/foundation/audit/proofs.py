"""Checking a proof file without the node that gave it: what a citizen or a court can do by herself.

A proof file holds entries with their values and salts, the path of each to the root, a signed
checkpoint and the co-signatures of witnesses (`audit.proving`). Nothing in it is believed before it
is computed; whose log it is says only a key that the checker has from elsewhere.

Standards: RFC 6962 §2.1.1, C2SP tlog-checkpoint, tlog-cosignature.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cbor2

from yba.foundation.audit import leaves, notes, tree
from yba.foundation.audit.findings import Report, at, at_entry, at_tile, because
from yba.foundation.audit.notes import COSIGNATURE_V1, BadNote, Note, VerifierKey
from yba.foundation.audit.proving import FORMAT
from yba.plumbing.i18n import N_

MOST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Proof:
    origin: str
    keys: list[VerifierKey]
    witnesses: list[VerifierKey]
    checkpoint: str
    entries: list[dict[str, Any]]
    waiting: int


class BadProof(ValueError):
    """The file is not a proof file."""


def is_proof_file(content: bytes) -> bool:
    """Return whether a file looks like a proof rather than a backup."""
    return content[:1] == b"{"


def check_file(
    content: bytes, *, keys: Sequence[VerifierKey] = (), witnesses: Sequence[VerifierKey] = ()
) -> Report:
    """Check a proof file: form, signature, co-signatures, and the path of every entry.

    Without `keys` of the log that the checker trusts the report says so as a finding: then nothing
    tells whose log this is. No content raises anything.
    """
    report = Report()
    try:
        proof = _read(content)
        note = notes.read_note(proof.checkpoint)
        checkpoint = notes.open_checkpoint(proof.checkpoint, keys or proof.keys)
    except (BadProof, BadNote) as problem:
        sentence = N_("it cannot be believed: %(why)s")
        report.add("checkpoint", at(N_("the proof file")), sentence, why=because(problem))
        return report
    report.origin, report.size, report.checkpoints = checkpoint.origin, checkpoint.size, 1
    report.root, report.waiting = checkpoint.root, proof.waiting
    if not keys:
        sentence = N_("whose key signed it was not checked: give the key you trust with --key")
        report.add("log", at_tile("checkpoint"), sentence)
    if proof.origin != checkpoint.origin:
        sentence = N_("it is of another log, %(origin)s")
        report.add("checkpoint", at(N_("the proof file")), sentence, origin=checkpoint.origin)
    _check_witnesses(note, proof, witnesses, report)
    seen: set[int] = set()
    for number, entry in enumerate(proof.entries):
        _check_entry(entry, number, checkpoint, seen, report)
    report.proven = len(seen)
    return report


def _read(content: bytes) -> _Proof:
    try:
        read = json.loads(content)
        if not isinstance(read, dict):
            raise BadProof("this is not a proof file")
        data = cast("dict[str, Any]", read)
        if data.get("format") != FORMAT:
            raise BadProof("this is not a proof file")
        return _Proof(
            str(data["origin"]),
            [notes.verifier_key(str(text)) for text in data["keys"]],
            [notes.verifier_key(str(text)) for text in data["witnesses"]],
            str(data["checkpoint"]),
            [cast("dict[str, Any]", dict(entry)) for entry in data["entries"]],
            int(data["waiting"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as problem:
        if isinstance(problem, BadProof | BadNote):
            raise
        raise BadProof("this is not a proof file") from None


def _check_witnesses(
    note: Note, proof: _Proof, trusted: Sequence[VerifierKey], report: Report
) -> None:
    size = report.size
    for key in dict.fromkeys((*trusted, *proof.witnesses)):
        place = at(N_("co-signature of %(name)s at size %(size)s"), name=key.name, size=size)
        try:
            is_signed = key.algorithm == COSIGNATURE_V1 and note.signed_by(key) is not None
        except BadNote as problem:
            sentence = N_("it was changed: %(why)s")
            report.add("cosignature", place, sentence, why=because(problem))
            continue
        if is_signed:
            report.cosignatures += 1
            if key in trusted or not trusted:
                report.witnessed_size = size
    if trusted and not report.witnessed_size:
        sentence = N_("none of the witnesses you trust has confirmed this log")
        report.add("cosignature", at(N_("the proof file")), sentence)


def _check_entry(
    entry: dict[str, Any],
    number: int,
    checkpoint: notes.Checkpoint,
    seen: set[int],
    report: Report,
) -> None:
    """Put one entry together from what it shows, and follow its path to the root."""
    try:
        index, seconds = entry["index"], entry["seconds"]
        if type(index) is not int or type(seconds) is not int:
            raise TypeError
        commitments = [_commitment(entry["fields"], name) for name in leaves.FIELDS]
        path = [b64decode(step, validate=True) for step in entry["proof"]]
        stated = entry["fields"]["act"]["value"][1]
        content = cbor2.dumps(
            [leaves.VERSION, seconds, str(entry["action"]), commitments], canonical=True
        )
        fits = stated // 1_000_000 == seconds and tree.is_included(
            tree.leaf_hash(content),
            index=index,
            size=checkpoint.size,
            proof=path,
            root=checkpoint.root,
        )
    except Exception:  # whatever stands there is not what this program wrote
        sentence = N_("it cannot be read: %(why)s")
        place = at(N_("entry number %(number)s of the file"), number=number + 1)
        report.add("entry", place, sentence, why=because(ValueError("an entry cannot be read")))
        return
    if not fits:
        sentence = N_("it is not in the signed log: a value, its place or the file was changed")
        report.add("entry", at_entry(index), sentence)
    elif index in seen:
        report.add("position", at_entry(index), N_("it stands in the file twice"))
    else:
        seen.add(index)


def _commitment(fields: dict[str, Any], name: str) -> bytes:
    shown = fields[name]
    salt = bytes.fromhex(shown["salt"])
    if len(salt) != 32 or salt.hex() != shown["salt"]:
        raise ValueError("salt")
    return leaves.commitment(salt, shown["value"])
