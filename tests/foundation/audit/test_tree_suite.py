"""The published vectors of Merkle proofs: every good one is accepted, every bad one refused."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from tests.conformance_report import Score
from tests.outside import conformance

from yba.foundation.audit import tree


def _bytes(text: str | None) -> bytes:
    return b64decode(text or "")


def _inclusion(case: dict[str, Any], proof: list[bytes]) -> bool:
    return tree.is_included(
        _bytes(case["leafHash"]),
        index=case["leafIdx"],
        size=case["treeSize"],
        proof=proof,
        root=_bytes(case["root"]),
    )


def _subtree_inclusion(case: dict[str, Any], proof: list[bytes]) -> bool:
    return tree.is_included_in_subtree(
        _bytes(case["leafHash"]),
        index=case["leafIdx"],
        start=case["start"],
        end=case["end"],
        proof=proof,
        root=_bytes(case["root"]),
    )


def _consistency(case: dict[str, Any], proof: list[bytes]) -> bool:
    return tree.is_consistent(
        old=case["size1"],
        size=case["size2"],
        old_root=_bytes(case["root1"]),
        root=_bytes(case["root2"]),
        proof=proof,
    )


def _subtree_consistency(case: dict[str, Any], proof: list[bytes]) -> bool:
    return tree.is_consistent_subtree(
        start=case["start"],
        end=case["end"],
        size=case["size"],
        subtree_root=_bytes(case["root1"]),
        root=_bytes(case["root2"]),
        proof=proof,
    )


def _judged(kind: str, judge: Callable[[dict[str, Any], list[bytes]], bool]) -> tuple[int, int]:
    wrong: list[str] = []
    files = sorted(conformance(f"merkle/{kind}").rglob("*.json"))
    for file in files:
        case = json.loads(file.read_text())
        proof = [_bytes(step) for step in case["proof"] or []]
        if judge(case, proof) == case["wantErr"]:
            wrong.append(f"{file.parent.name}/{file.name}: {case['desc']}")
    assert wrong == []
    return len(files) - len(wrong), len(files)


def test_inclusion_proofs_are_judged_as_published(score: Score):
    score("merkle-inclusion", *_judged("inclusion", _inclusion))


def test_consistency_proofs_are_judged_as_published(score: Score):
    score("merkle-consistency", *_judged("consistency", _consistency))


def test_subtree_inclusion_proofs_are_judged_as_published(score: Score):
    score("merkle-subtreeinclusion", *_judged("subtreeinclusion", _subtree_inclusion))


def test_subtree_consistency_proofs_are_judged_as_published(score: Score):
    score("merkle-subtreeconsistency", *_judged("subtreeconsistency", _subtree_consistency))
