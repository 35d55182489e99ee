"""Appending entries to the tiles of a tree: only its right edge is touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from yba.foundation.audit import tiles, tree
from yba.foundation.audit.tiles import WIDTH
from yba.foundation.audit.tree import HASH_BYTES

_FULL = WIDTH * HASH_BYTES


def edge_of(size: int) -> list[tuple[int, int]]:
    """Return (level, number) of every partial tile at the right edge of a tree of `size`."""
    found: list[tuple[int, int]] = []
    level, width = 0, size
    while width:
        if width % WIDTH:
            found.append((level, width // WIDTH))
        level, width = level + 1, width // WIDTH
    return found


@dataclass
class GrowingTree:
    """The right edge of a tree, and what was written since it was opened.

    `edge` holds the partial tile of each level. After `append`, `written` holds every tile that
    became longer, by (level, number).
    """

    size: int
    edge: dict[int, bytearray]
    written: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])

    def append(self, hashes: Iterable[bytes]) -> None:
        """Add leaf hashes at the end."""
        lowest = self.edge.setdefault(0, bytearray())
        for digest in hashes:
            lowest += digest
            self.size += 1
            if len(lowest) == _FULL:
                self._close(0)
                lowest = self.edge[0]

    def _close(self, level: int) -> None:
        """Write a full tile and carry its hash one level up."""
        full = bytes(self.edge[level])
        number = (self.size >> tiles.HEIGHT * (level + 1)) - 1
        self.written[level, number] = full
        self.edge[level] = bytearray()
        above = self.edge.setdefault(level + 1, bytearray())
        above += tiles.folded(full)
        if len(above) == _FULL:
            self._close(level + 1)

    def tiles_written(self) -> dict[tuple[int, int], bytes]:
        """Return every tile that has become longer, the partial ones included."""
        partial = {
            (level, self.size >> tiles.HEIGHT * (level + 1)): bytes(hashes)
            for level, hashes in self.edge.items()
            if hashes
        }
        return self.written | partial

    def root(self) -> bytes:
        """Return the root of the whole tree; everything it needs is in the edge."""
        return tree.root_hash(self.size, tiles.TiledTree(self._edge_tile).node)

    def _edge_tile(self, level: int, _number: int) -> bytes:
        return bytes(self.edge.get(level, b""))
