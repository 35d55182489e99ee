"""Proofs that we make are accepted, for every size; nothing else is."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.audit import tree

LEAVES = [tree.leaf_hash(str(number).encode()) for number in range(300)]


def _node(level: int, index: int) -> bytes:
    if level == 0:
        return LEAVES[index]
    return tree.node_hash(_node(level - 1, 2 * index), _node(level - 1, 2 * index + 1))


def _plain_root(leaves: list[bytes]) -> bytes:
    """Return MTH as RFC 6962 §2.1 writes it down."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return tree.node_hash(_plain_root(leaves[:middle]), _plain_root(leaves[middle:]))


def test_roots_are_those_of_the_definition():
    assert all(
        tree.root_hash(size, _node) == _plain_root(LEAVES[:size]) for size in range(len(LEAVES))
    )


@given(st.data())
def test_every_entry_is_proven_at_its_place_alone(data: st.DataObject):
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size, _node)
    root = tree.root_hash(size, _node)

    def accepted(place: int) -> bool:
        return tree.is_included(LEAVES[index], index=place, size=size, proof=proof, root=root)

    assert accepted(index)
    assert accepted(other) == (other == index)


@given(st.data())
def test_an_older_tree_is_proven_to_begin_the_newer(data: st.DataObject):
    size = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(1, size))
    proof = tree.consistency_proof(old, size, _node)
    roots = {"old_root": tree.root_hash(old, _node), "root": tree.root_hash(size, _node)}

    assert tree.is_consistent(old=old, size=size, proof=proof, **roots)
    forked = roots | {"old_root": sha256(roots["old_root"]).digest()}
    assert not tree.is_consistent(old=old, size=size, proof=proof, **forked)


@given(st.data())
def test_subtrees_are_proven(data: st.DataObject):
    size = data.draw(st.integers(1, 300))
    level = data.draw(st.integers(0, size.bit_length() - 1))
    start = data.draw(st.integers(0, (size - 1) >> level)) << level
    low = start + (1 << level >> 1) + (1 if level else 0)
    end = data.draw(st.integers(min(low, size), min(start + (1 << level), size)))
    if not tree.is_subtree(start, end):
        return
    part = tree.range_hash(start, end, _node)
    root = tree.root_hash(size, _node)
    consistency = tree.subtree_consistency_proof(start, end, size, _node)
    index = data.draw(st.integers(start, end - 1))
    inclusion = tree.subtree_inclusion_proof(index, start, end, _node)

    assert tree.is_consistent_subtree(
        start=start, end=end, size=size, subtree_root=part, root=root, proof=consistency
    )
    assert tree.is_included_in_subtree(
        LEAVES[index], index=index, start=start, end=end, proof=inclusion, root=part
    )


def test_what_is_not_there_cannot_be_proven():
    with pytest.raises(ValueError, match="no such entry"):
        tree.inclusion_proof(5, 5, _node)
    with pytest.raises(ValueError, match="no such subtree"):
        tree.consistency_proof(6, 5, _node)
