"""The log as a folder of files that any web server can publish, and the check of such a folder.

The folder holds `checkpoint`, `tile/…` and `tile/entries/…` exactly as the node serves them; no
personal data. A monitor needs nothing else to see that the log only grew.

Standard: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yba.foundation.audit import leaves, notes, proving, tiles, tree
from yba.foundation.audit.findings import Report, Where, at_entry, at_tile, because
from yba.foundation.audit.growing import GrowingTree
from yba.foundation.audit.notes import BadNote, VerifierKey
from yba.foundation.audit.tiles import WIDTH, TileName
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_


async def export(tx: Tx, *, folder: Path) -> int:
    """Write the log below `folder` in the view of `tx`; return how many entries that are.

    Full tiles that are there already are left alone: an export goes on where the last one ended.
    """
    note = await proving.newest_checkpoint(tx)
    if not note:
        return 0
    size = notes.read_checkpoint(notes.read_note(note).text).size
    names = [*tiles.tiles_of(size), *_bundles_of(size)]
    for name in names:
        path = folder / name.path
        if path.exists():
            continue
        content = await proving.tile_named(tx, name)
        assert content is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        draft.write_bytes(content)
        draft.replace(path)
    (folder / "checkpoint").write_text(note, encoding="utf-8")
    return size


def _bundles_of(size: int) -> list[TileName]:
    return [
        TileName(None, name.number, name.width) for name in tiles.tiles_of(size) if not name.level
    ]


def check_folder(folder: Path, *, keys: Sequence[VerifierKey] = ()) -> Report:
    """Check an exported log: signature, entries, every tile. Whose key, without `keys`, is not said."""
    report = Report()
    try:
        content = (folder / "checkpoint").read_text(encoding="utf-8")
        checkpoint = notes.read_checkpoint(notes.read_note(content).text)
        if keys:
            checkpoint = notes.open_checkpoint(content, keys)
    except (BadNote, OSError, UnicodeDecodeError) as problem:
        sentence = N_("it cannot be believed: %(why)s")
        report.add("checkpoint", at_tile("checkpoint"), sentence, why=because(problem))
        return report
    report.origin, report.size, report.checkpoints = checkpoint.origin, checkpoint.size, 1
    grown = GrowingTree(0, {})
    for name in _bundles_of(checkpoint.size):
        grown.append(_hashes(folder, name, report))
    if grown.size == checkpoint.size:
        for (level, number), hashes in sorted(grown.tiles_written().items()):
            _compare(
                folder, TileName(level, number, len(hashes) // tree.HASH_BYTES), hashes, report
            )
        report.root = grown.root()
        if report.root != checkpoint.root:
            report.add(
                "checkpoint",
                at_tile("checkpoint"),
                N_(
                    "the entries do not give the root that was signed: an entry was changed, or "
                    "the log was forked"
                ),
            )
    return report


def _hashes(folder: Path, name: TileName, report: Report) -> list[bytes]:
    try:
        entries = tiles.unbundled((folder / name.path).read_bytes())
    except (OSError, ValueError):
        sentence = N_("the bundle of entries is missing or cut short")
        report.add("entry", at_tile(name.path), sentence)
        return []
    if len(entries) != name.width:
        sentence = N_("it holds %(count)s entries instead of %(width)s")
        report.add("entry", at_tile(name.path), sentence, count=len(entries), width=name.width)
    for place, entry in enumerate(entries):
        try:
            leaves.read_entry(entry)
        except leaves.BadEntry as problem:
            sentence = N_("it cannot be read: %(why)s")
            where = at_entry(name.number * WIDTH + place)
            report.add("entry", where, sentence, why=because(problem))
    return [tree.leaf_hash(entry) for entry in entries]


def _compare(folder: Path, name: TileName, expected: bytes, report: Report) -> None:
    path = folder / name.path
    stored = path.read_bytes() if path.is_file() else b""
    if stored == expected:
        return
    if not stored:
        report.add("tile", at_tile(name.path), N_("the tile is missing"))
        return
    first = next((i for i, byte in enumerate(expected) if stored[i : i + 1] != bytes([byte])), 0)
    place = first // tree.HASH_BYTES
    if name.level:
        sentence = N_("hash %(number)s is not that of the tiles below: the tile was changed")
        report.add("tile", at_tile(name.path), sentence, number=place)
    else:
        where = at_entry(name.number * WIDTH + place)
        sentence = N_("its hash in %(path)s was changed")
        report.add("tile", Where(where.told, where.entry, name.path), sentence, path=name.path)
