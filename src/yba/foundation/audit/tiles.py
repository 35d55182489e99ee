"""Where the tree lies: tiles of 256 hashes, bundles of 256 entries, and the names of both. Pure.

A tile at level L holds the hashes of complete subtrees of 256^L entries, side by side. A full tile
never changes; the last of each level grows. Because it only grows, every narrower "partial" tile
that was ever published is the beginning of it.

Standard: C2SP tlog-tiles (tile height 8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yba.foundation.audit.tree import HASH_BYTES, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?"
)
MOST_ENTRY_BYTES = 0xFFFF


@dataclass(frozen=True, slots=True)
class TileName:
    """One tile (or bundle of entries, with level None) of a given width."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Return `tile/<L>/<N>[.p/<W>]`."""
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*("x" + part for part in parts[:-1]), parts[-1]])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")


def read_path(path: str) -> TileName | None:
    """Return the tile that a path names, or None; each tile has one path only."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    number = int(match[2].replace("x", "").replace("/", ""))
    width = WIDTH if match[3] is None else int(match[3])
    name = TileName(None if match[1] == "entries" else int(match[1]), number, width)
    return name if 0 < width <= WIDTH and name.path == path else None


def tiles_of(size: int) -> list[TileName]:
    """Return the names of every tile of a tree of `size`, level by level, partial ones last."""
    names: list[TileName] = []
    level, width = 0, size
    while width:
        full, rest = divmod(width, WIDTH)
        names += [TileName(level, number) for number in range(full)]
        names += [TileName(level, full, rest)] if rest else []
        level, width = level + 1, full
    return names


def folded(hashes: bytes) -> bytes:
    """Return the hash of the complete subtree over a tile's hashes (a power of two of them)."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


ReadTile = Callable[[int, int], bytes]
"""Returns the hashes of the tile (level, number), as many as there are."""


class TiledTree:
    """Answers for the hash of any complete subtree from tiles, remembering those it has read."""

    def __init__(self, read: ReadTile) -> None:
        self._read = read
        self._seen: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash at (level, index). Raises KeyError if the tile has not so many."""
        high, low = divmod(level, HEIGHT)
        first = index << low
        number, place = divmod(first, WIDTH)
        tile = self._seen.get((high, number))
        if tile is None:
            tile = self._seen[high, number] = self._read(high, number)
        part = tile[place * HASH_BYTES : (place + (1 << low)) * HASH_BYTES]
        if len(part) != HASH_BYTES << low:
            raise KeyError((high, number))
        return folded(part)


def bundled(entries: Sequence[bytes]) -> bytes:
    """Return entries as a bundle holds them: each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def unbundled(content: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises ValueError if it is cut short."""
    entries: list[bytes] = []
    at = 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2])
        if at + 2 > len(content) or end > len(content):
            raise ValueError("the bundle is cut short")
        entries.append(content[at + 2 : end])
        at = end
    return entries


def bundle_of_width(content: bytes, width: int) -> bytes:
    """Return the first `width` entries of a bundle. Raises ValueError if it has fewer."""
    at = 0
    for _ in range(width):
        if at + 2 > len(content):
            raise ValueError("the bundle is cut short")
        at += 2 + int.from_bytes(content[at : at + 2])
    if at > len(content):
        raise ValueError("the bundle is cut short")
    return content[:at]
