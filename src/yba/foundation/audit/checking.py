"""Checking the whole log: every row, salt, entry, tile, checkpoint, co-signature and stamp.

Everything is computed again from the rows and compared with what was kept. Whatever does not agree
becomes a `Finding` that says where and what, in plain words. One consistent view of the database is
read from its beginning to its end, so events may flow meanwhile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from yba.foundation.audit import leaves, log_store, notes, stamps, tiles, tree
from yba.foundation.audit.growing import GrowingTree
from yba.foundation.audit.model import StoredEvent
from yba.foundation.audit.notes import BadNote, Checkpoint, VerifierKey
from yba.foundation.audit.sequencing import event_of, state_of
from yba.foundation.audit.tiles import WIDTH, TileName
from yba.foundation.audit.tree import HASH_BYTES
from yba.plumbing.database import Tx

_MOST_FINDINGS = 1000
_FIELDS_IN_WORDS = {
    "time": "its time",
    "action": "its kind",
    "act": "what was done, or its identity or exact time",
    "who": "who did it",
    "purpose": "the purpose",
    "patient": "the patient",
    "resources": "the resources",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was."""

    kind: str
    """row, salt, entry, tile, position, checkpoint, cosignature, stamp, log"""
    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Outside:
    """What a check is given from outside the database: it shows rollbacks and forks."""

    checkpoints: tuple[str, ...] = ()
    keys: tuple[VerifierKey, ...] = ()
    """Keys of the log that are trusted; without any, those that the log itself names."""
    witnesses: tuple[VerifierKey, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()
    """Of time-stamp authorities."""


@dataclass(slots=True)
class Report:
    """What a check found."""

    origin: str = ""
    size: int = 0
    erased: int = 0
    waiting: int = 0
    checkpoints: int = 0
    stamps: int = 0
    cosignatures: int = 0
    witnessed_size: int = 0
    root: bytes = b""
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings

    def add(self, kind: str, place: str, sentence: str) -> None:
        """Write down a finding; beyond a thousand only the first are kept."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(kind, place, sentence))


async def check(tx: Tx, outside: Outside | None = None) -> Report:
    """Check the log in the view of `tx`, which must be of one consistent moment."""
    report = Report()
    state = await state_of(tx)
    if state is None:
        report.add("log", "the log", "there is no log in this database")
        return report
    report.origin, report.size = state.origin, state.size
    checker = _Checker(tx, report, outside or Outside())
    await checker.run()
    return report


class _Checker:
    def __init__(self, tx: Tx, report: Report, outside: Outside) -> None:
        self._tx = tx
        self._report = report
        self._outside = outside
        self._growing = GrowingTree(0, {})
        self._keys: list[VerifierKey] = []
        self._checkpoints: list[Any] = []
        self._wanted: dict[int, list[tuple[str, Checkpoint]]] = {}
        # Entries that rows would make, and those that positions hold, where the two differ.
        self._homeless: dict[bytes, int] = {}
        self._empty: dict[bytes, tuple[int, list[str]]] = {}
        self._erased: dict[int, list[tuple[int, int]]] = {}

    async def run(self) -> None:
        report = self._report
        await self._read_keys()
        await self._read_checkpoints()
        self._read_outside()
        for first in range(0, report.size, WIDTH):
            await self._bundle(first, min(first + WIDTH, report.size))
            self._compare_checkpoints(first, min(first + WIDTH, report.size))
            await self._full_tiles()
        report.root = self._growing.root()
        await self._edge()
        self._match_moved()
        await self._check_erasures()
        await self._beyond()
        await self._check_cosignatures()
        await self._check_stamps()

    # Keys and checkpoints ------------------------------------------------------------------

    async def _read_keys(self) -> None:
        for text in await self._tx.values(log_store.SIGNERS):
            try:
                key = notes.verifier_key(text)
            except BadNote as problem:
                self._report.add("log", f"signer {text[:60]}", str(problem))
                continue
            if self._outside.keys and key not in self._outside.keys:
                self._report.add(
                    "log", f"signer {key.name}+{key.id.hex()}", "this key is not one you trust"
                )
            self._keys.append(key)
        if self._outside.keys:
            self._keys = list(self._outside.keys)

    async def _read_checkpoints(self) -> None:
        last = 0
        while rows := await self._tx.connection.fetch(log_store.CHECKPOINTS, last):
            self._checkpoints += rows
            last = rows[-1]["size"]
        before = None
        for row in self._checkpoints:
            place = f"checkpoint at size {row['size']} ({row['at']:%Y-%m-%d %H:%M:%S})"
            if row["previous"] != before:
                gap = f"after size {before}" if before else "at the beginning"
                self._report.add("checkpoint", place, f"a checkpoint {gap} was removed or moved")
            before = row["size"]
            self._want(place, row["note"], row["size"])
        if self._report.size and before != self._report.size:
            self._report.add(
                "checkpoint",
                f"size {self._report.size}",
                f"the log says this size, but the last checkpoint is of {before or 'none'}: "
                "the newest checkpoint was removed, or the log was cut",
            )
        self._report.checkpoints = len(self._checkpoints)

    def _want(self, place: str, content: str, size: int | None) -> Checkpoint | None:
        """Ask for the root of a checkpoint to be compared; say what is wrong with it already."""
        try:
            checkpoint = notes.open_checkpoint(content, self._keys)
        except BadNote as problem:
            self._report.add("checkpoint", place, f"it was changed: {problem}")
            return None
        if checkpoint.origin != self._report.origin:
            self._report.add("checkpoint", place, f"it is of another log, {checkpoint.origin}")
        elif size is not None and checkpoint.size != size:
            self._report.add("checkpoint", place, f"it says size {checkpoint.size}: exchanged")
        elif checkpoint.size > self._report.size:
            self._report.add(
                "checkpoint",
                place,
                f"it proves {checkpoint.size} entries, the log has {self._report.size}: "
                "the log was cut or rolled back",
            )
        else:
            self._wanted.setdefault(checkpoint.size, []).append((place, checkpoint))
        return checkpoint

    def _read_outside(self) -> None:
        for number, content in enumerate(self._outside.checkpoints, 1):
            place = f"the checkpoint you gave (number {number})"
            checkpoint = self._want(place, content, None)
            if checkpoint is None:
                continue
            for witness in self._outside.witnesses:
                self._credit(witness, content, checkpoint, place)

    def _credit(self, key: VerifierKey, content: str, seen: Checkpoint, place: str) -> None:
        try:
            if notes.read_note(content).signed_by(key) is not None:
                self._report.witnessed_size = max(self._report.witnessed_size, seen.size)
        except BadNote as problem:
            self._report.add("cosignature", place, str(problem))

    def _compare_checkpoints(self, low: int, high: int) -> None:
        """Compare the checkpoints within the bundle that was just read (its edge is open)."""
        for size in sorted(size for size in self._wanted if low < size <= high):
            root = self._root_at(size, low)
            for place, checkpoint in self._wanted[size]:
                if checkpoint.root != root:
                    self._report.add(
                        "checkpoint",
                        place,
                        "the rows do not give the root that was signed: an entry at or below "
                        f"{size - 1} was changed, or the log was forked",
                    )

    def _root_at(self, size: int, low: int) -> bytes:
        part = GrowingTree(low, {level: bytearray(b) for level, b in self._before.items()})
        part.append(self._row[: size - low])
        return part.root()

    # Entries and tiles ---------------------------------------------------------------------

    async def _bundle(self, first: int, end: int) -> None:
        number = first // WIDTH
        name = TileName(None, number, end - first)
        kept = await self._entries(name)
        hashes = await self._tx.value(log_store.TILE, 0, number)
        rows = await self._tx.connection.fetch(log_store.EVENTS_BETWEEN, first, end)
        by_place = {row["place"]: row for row in rows}
        is_sound = await self._is_sound(number, hashes or b"", end)
        digests: list[bytes] = []
        for place in range(first, end):
            at = place - first
            entry = kept[at] if at < len(kept) else None
            stored = (hashes or b"")[at * HASH_BYTES : (at + 1) * HASH_BYTES]
            digests.append(self._entry(place, entry, stored, by_place.get(place), is_sound))
        if hashes is None:
            path = TileName(0, number, end - first).path
            self._report.add("tile", path, "the tile is missing")
        elif len(hashes) != (end - first) * HASH_BYTES:
            path = TileName(0, number, end - first).path
            sentence = f"it should hold {end - first} hashes: it was cut short or drawn out"
            self._report.add("tile", path, sentence)
        self._before = self._edge_now()
        self._row = digests
        self._growing.append(digests)

    async def _is_sound(self, number: int, hashes: bytes, end: int) -> bool:
        """Return whether what lies above a tile of leaf hashes vouches for it."""
        if len(hashes) == WIDTH * HASH_BYTES:
            above = await self._tx.value(log_store.TILE, 1, number // WIDTH) or b""
            at = number % WIDTH * HASH_BYTES
            return above[at : at + HASH_BYTES] == tiles.folded(hashes)
        part = GrowingTree(number * WIDTH, self._edge_now())
        part.append(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))
        return any(one.root == part.root() for _, one in self._wanted.get(end, ()))

    def _edge_now(self) -> dict[int, bytearray]:
        return {level: bytearray(part) for level, part in self._growing.edge.items()}

    async def _entries(self, name: TileName) -> list[bytes]:
        content = await self._tx.value(log_store.BUNDLE, name.number)
        if content is None:
            self._report.add("entry", name.path, "the bundle of entries is missing")
            return []
        try:
            found = tiles.unbundled(content)
        except ValueError as problem:
            self._report.add("entry", name.path, str(problem))
            return []
        if len(found) != name.width:
            self._report.add(
                "entry", name.path, f"it holds {len(found)} entries instead of {name.width}"
            )
        return found

    def _entry(
        self, place: int, entry: bytes | None, stored: bytes, row: Any, is_sound: bool
    ) -> bytes:
        """Compare row, entry and hash of one position; return the hash that is believed.

        Two that agree are believed; so is a hash that the tree above vouches for.
        """
        event = event_of(row) if row is not None and row["id"] is not None else None
        made = leaves.entry_of(event) if event is not None and event.salt is not None else None
        candidates = [tree.leaf_hash(one) for one in (made, entry) if one is not None]
        believed = stored if stored in candidates or not candidates else candidates[-1]
        if is_sound:
            believed = stored
        elif len(set(candidates)) == 1:
            believed = candidates[0]
        where = f"entry {place}"
        if entry is not None and tree.leaf_hash(entry) != believed:
            bundle = TileName(None, place // WIDTH).path
            self._report.add("entry", where, f"its bytes in {bundle} were changed")
        if len(stored) == HASH_BYTES and stored != believed:
            tile = TileName(0, place // WIDTH).path
            self._report.add("tile", where, f"its hash in {tile} was changed")
        if row is None:
            self._report.add("position", where, "the link to its row is missing: dropped")
        elif event is None:
            self._report.add("row", where, f"its row (event {row['event_id']}) was removed")
        elif event.salt is None:
            self._note_erased(place, event, entry, believed)
        elif made is not None and tree.leaf_hash(made) != believed:
            self._blame_row(place, event, made, entry, believed)
        return believed

    def _note_erased(
        self, place: int, event: StoredEvent, entry: bytes | None, believed: bytes
    ) -> None:
        self._report.erased += 1
        if event.erased_by is None:
            sentence = f"event {event.id} has lost its salt and no erasure says so"
            self._report.add("salt", f"entry {place}", sentence)
        else:
            self._erased.setdefault(event.erased_by, []).append((place, event.id))
        if entry is None or tree.leaf_hash(entry) != believed:
            return
        wrong = leaves.differing_fields(event, leaves.read_entry(entry))
        if event.what or event.resources or event.patient_id or event.account_id or event.purpose:
            wrong.append("who")
        if wrong:
            words = ", ".join(_FIELDS_IN_WORDS[name] for name in wrong)
            self._report.add("row", f"entry {place}", f"the erased event {event.id}: {words}")

    def _blame_row(
        self, place: int, event: StoredEvent, made: bytes, entry: bytes | None, believed: bytes
    ) -> None:
        where = f"entry {place} (event {event.id}, {event.at:%Y-%m-%d %H:%M:%S})"
        try:
            wrong = leaves.differing_fields(event, leaves.read_entry(entry or b""))
        except leaves.BadEntry:
            self._report.add("row", where, "neither its row nor its entry fits the tree")
            return
        if set(leaves.FIELDS) <= set(wrong):
            # Everything differs: the salt, or another event altogether. That is seen at the end.
            self._homeless[tree.leaf_hash(made)] = place
            self._empty[believed] = (place, wrong)
            return
        words = ", ".join(_FIELDS_IN_WORDS[name] for name in wrong)
        self._report.add("row", where, f"the row was changed: {words}")

    def _match_moved(self) -> None:
        """Tell rows that stand at each other's places from rows whose salt was changed."""
        for digest, (place, wrong) in self._empty.items():
            other = self._homeless.get(digest)
            if other is not None:
                sentence = f"its row stands at position {other}: the order was changed"
                self._report.add("position", f"entry {place}", sentence)
            elif "time" in wrong or "action" in wrong:
                sentence = "it is linked to a row of another event, or the row was written anew"
                self._report.add("row", f"entry {place}", sentence)
            else:
                sentence = "no part of the row fits any more: its salt was changed"
                self._report.add("salt", f"entry {place}", sentence)

    async def _full_tiles(self) -> None:
        """Compare the tiles above level 0 that became full with this bundle."""
        written, self._growing.written = self._growing.written, {}
        for (level, number), hashes in written.items():
            if level:
                await self._tile(TileName(level, number), hashes)

    async def _edge(self) -> None:
        for (level, number), hashes in self._growing.tiles_written().items():
            if level:
                await self._tile(TileName(level, number, len(hashes) // HASH_BYTES), hashes)

    async def _tile(self, name: TileName, expected: bytes) -> None:
        stored = await self._tx.value(log_store.TILE, name.level, name.number)
        if stored is None:
            self._report.add("tile", name.path, "the tile is missing")
        elif stored != expected:
            at = next(
                (i for i in range(len(expected)) if stored[i : i + 1] != expected[i : i + 1]),
                len(expected),
            )
            sentence = (
                f"hash {at // HASH_BYTES} is not that of the tiles below: the tile was changed"
            )
            self._report.add("tile", name.path, sentence)

    # What is left over -----------------------------------------------------------------------

    async def _check_erasures(self) -> None:
        found = await self._tx.connection.fetch(log_store.ERASURES, list(self._erased))
        covered = {row["id"]: set(row["resources"]) for row in found if row["is_filed"]}
        for erasure, emptied in self._erased.items():
            for place, event_id in emptied:
                if f"AuditEvent/{event_id}" not in covered.get(erasure, set[str]()):
                    self._report.add(
                        "row", f"entry {place}", f"event {event_id} was emptied without an erasure"
                    )

    async def _beyond(self) -> None:
        report = self._report
        for row in await self._tx.connection.fetch(log_store.WITHOUT_PLACE):
            report.add(
                "position",
                f"event {row['id']} ({row['at']:%Y-%m-%d %H:%M:%S})",
                "the log read past this row but has no entry for it: inserted later, or dropped",
            )
        if await self._tx.value(log_store.BEYOND, report.size):
            report.add(
                "log",
                f"size {report.size}",
                "there are positions, entries or tiles beyond the size of the log: it was cut",
            )
        report.waiting = await self._tx.value(log_store.WAITING)

    async def _check_cosignatures(self) -> None:
        kept = {row["size"]: row["note"] for row in self._checkpoints}
        trusted = set(self._outside.witnesses)
        for row in await self._tx.connection.fetch(log_store.COSIGNATURES):
            place = f"co-signature of {row['verifier_key'].split('+')[0]} at size {row['size']}"
            note = kept.get(row["size"])
            if note is None:
                sentence = "the checkpoint it confirms is gone: the log was cut or rolled back"
                self._report.add("cosignature", place, sentence)
                continue
            try:
                key = notes.verifier_key(row["verifier_key"])
                full = notes.read_note(note + row["line"])
                is_signed = full.signed_by(key) is not None and len(row["line"]) > 0
                is_exact = full.signatures[-1].line == row["line"]
            except BadNote as problem:
                self._report.add("cosignature", place, f"it was changed: {problem}")
                continue
            if not (is_signed and is_exact):
                self._report.add("cosignature", place, "it was changed: it names another key")
            elif key in trusted or not trusted:
                self._report.witnessed_size = max(self._report.witnessed_size, row["size"])
                self._report.cosignatures += 1
        if trusted and not self._report.witnessed_size:
            sentence = "none of the witnesses you trust has confirmed this log"
            self._report.add("cosignature", "the log", sentence)

    async def _check_stamps(self) -> None:
        kept = {row["size"]: row["note"] for row in self._checkpoints}
        for row in await self._tx.connection.fetch(log_store.STAMPS):
            place = f"time stamp of {row['day']} (size {row['size']})"
            if row["size"] not in kept:
                self._report.add("stamp", place, "the checkpoint it stamps is gone")
                continue
            event = await self._tx.connection.fetchrow(log_store.EVENT, row["event_id"])
            digest = hashlib.sha256(row["token"]).hexdigest()
            expected = [f"stamp/{row['day']}/{row['size']}/{digest}"]
            if event is None or event["resources"] != expected:
                self._report.add("stamp", place, "the token is not the one the log names: changed")
            self._check_token(row, kept[row["size"]], place)
            self._report.stamps += 1

    def _check_token(self, row: Any, note: str, place: str) -> None:
        digest = hashlib.sha256(note.encode()).digest()
        try:
            stamp = stamps.read_stamp(row["token"], digest=digest, roots=self._outside.roots)
        except stamps.BadStamp as problem:
            self._report.add("stamp", place, str(problem))
            return
        if abs((stamp.at - row["at"]).total_seconds()) > 3600:
            self._report.add("stamp", place, f"it says {stamp.at:%Y-%m-%d %H:%M}: another time")
        if self._outside.roots and not stamp.is_trusted:
            self._report.add("stamp", place, f"{stamp.authority} is not an authority you trust")
