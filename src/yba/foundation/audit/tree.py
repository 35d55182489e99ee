"""The Merkle tree of a transparency log: hashes, proofs, and their checks. Pure.

A tree over entries D[0:n] has the root MTH(D[n]); it is kept as the hashes of its complete
subtrees, `node(level, index)` covering the entries [index·2^level, (index+1)·2^level). Whoever can
answer that question can prove. Checks never raise: what is not proven is False.

Standards: RFC 6962 §2.1 (hashes, proofs), RFC 9162 §2.1.3.2 and §2.1.4.2 (checks);
draft-ietf-plants-merkle-tree-certs §4 (subtrees [start, end) and their proofs).
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without entries (RFC 6962 §2.1)."""

Node = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree at (level, index)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash above two others: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def is_subtree(start: int, end: int) -> bool:
    """Return whether [start, end) names a subtree that a tree can have.

    `start` must be a multiple of the smallest power of two that is not below its size.
    """
    if not 0 <= start < end:
        return False
    ceiling = 1 << (end - start - 1).bit_length()
    return start % ceiling == 0


def _split(size: int) -> int:
    """Return the largest power of two below `size` (which is at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def range_hash(start: int, end: int, node: Node) -> bytes:
    """Return MTH(D[start:end]); `start` must begin a subtree of that size."""
    size = end - start
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(range_hash(start, middle, node), range_hash(middle, end, node))


def root_hash(size: int, node: Node) -> bytes:
    """Return the root of the tree over the first `size` entries."""
    return range_hash(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the path from entry `index` to the root of the tree of `size`.

    Raises ValueError unless 0 <= index < size. Source: RFC 6962 §2.1.1.
    """
    return subtree_inclusion_proof(index, 0, size, node)


def subtree_inclusion_proof(index: int, start: int, end: int, node: Node) -> list[bytes]:
    """Return the path from entry `index` to the hash of the subtree [start, end)."""
    if not (start <= index < end and is_subtree(start, end)):
        raise ValueError("no such entry in that subtree")
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    path.reverse()
    return path


def consistency_proof(old: int, size: int, node: Node) -> list[bytes]:
    """Return what shows that the tree of `old` entries begins the tree of `size`.

    Raises ValueError unless 0 < old <= size. Source: RFC 6962 §2.1.2.
    """
    return subtree_consistency_proof(0, old, size, node)


def subtree_consistency_proof(start: int, end: int, size: int, node: Node) -> list[bytes]:
    """Return what shows that [start, end) is a subtree of the tree of `size`."""
    if not (end <= size and is_subtree(start, end)):
        raise ValueError("no such subtree")
    proof: list[bytes] = []
    low, high, is_known = 0, size, True
    while (start, end) != (low, high):
        middle = low + _split(high - low)
        if end <= middle:
            proof.append(range_hash(middle, high, node))
            high = middle
        else:
            proof.append(range_hash(low, middle, node))
            if start < middle:
                start, is_known = middle, False
            low = middle
    if not is_known:
        proof.append(range_hash(low, high, node))
    proof.reverse()
    return proof


def is_included(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether `proof` shows the leaf hash at `index` under the root of the tree of `size`.

    Source: RFC 9162 §2.1.3.2.
    """
    return is_included_in_subtree(leaf, index=index, start=0, end=size, proof=proof, root=root)


def is_included_in_subtree(
    leaf: bytes, *, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether `proof` shows the leaf hash at `index` in the subtree [start, end)."""
    if not (is_subtree(start, end) and start <= index < end):
        return False
    if any(len(digest) != HASH_BYTES for digest in (leaf, root, *proof)):
        return False
    first, last, result = index - start, end - start - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            result = node_hash(step, result)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            result = node_hash(result, step)
        first, last = first >> 1, last >> 1
    return last == 0 and result == root


def is_consistent(
    *, old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether `proof` shows that the tree of `old` entries begins the tree of `size`.

    Nothing is shown about an empty older tree. Source: RFC 9162 §2.1.4.2.
    """
    if old <= 0:
        return False
    return is_consistent_subtree(
        start=0, end=old, size=size, subtree_root=old_root, root=root, proof=proof
    )


def is_consistent_subtree(
    *, start: int, end: int, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether `proof` shows that [start, end), so hashed, is a subtree of the tree.

    An empty subtree is part of every tree that reaches to it, if its hash is that of nothing.
    """
    if start == end and 0 <= start <= size:
        return not proof and subtree_root == EMPTY_ROOT
    if not (is_subtree(start, end) and end <= size):
        return False
    if any(len(digest) != HASH_BYTES for digest in proof):
        return False
    first, last, top = start, end - 1, size - 1
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    steps = list(proof)
    if first == last:
        below = above = subtree_root
    elif steps:
        below = above = steps.pop(0)
    else:
        return False
    for step in steps:
        if top == 0:
            return False
        if last & 1 or last == top:
            if first < last:
                below = node_hash(step, below)
            above = node_hash(step, above)
            while not last & 1 and last:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            above = node_hash(above, step)
        first, last, top = first >> 1, last >> 1, top >> 1
    return top == 0 and below == subtree_root and above == root
