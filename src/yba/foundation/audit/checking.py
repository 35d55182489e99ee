"""Checking the whole log: every row, salt, entry, tile, checkpoint, co-signature and stamp.

Everything is computed again from the rows and compared with what was kept. Whatever does not agree
becomes a `Finding` that says where and what, in plain words. One consistent view of the database is
read from its beginning to its end, so events may flow meanwhile.
"""

from __future__ import annotations

import hashlib
from typing import Any

from yba.foundation.audit import leaves, log_store, notes, stamps, tiles, tree
from yba.foundation.audit.findings import (
    Finding,
    Outside,
    Report,
    Told,
    Where,
    at,
    at_checkpoint,
    at_entry,
    at_tile,
    because,
)
from yba.foundation.audit.growing import GrowingTree
from yba.foundation.audit.model import StoredEvent
from yba.foundation.audit.notes import BadNote, Checkpoint, VerifierKey
from yba.foundation.audit.sequencing import event_of, state_of
from yba.foundation.audit.tiles import WIDTH, TileName
from yba.foundation.audit.tree import HASH_BYTES
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

__all__ = ["Finding", "Outside", "Report", "check"]

_FIELDS_IN_WORDS = {
    "time": N_("its time"),
    "action": N_("its kind"),
    "act": N_("what was done, or its identity or exact time"),
    "who": N_("who did it"),
    "purpose": N_("the purpose"),
    "patient": N_("the patient"),
    "resources": N_("the resources"),
}


async def check(tx: Tx, outside: Outside | None = None) -> Report:
    """Check the log in the view of `tx`, which must be of one consistent moment."""
    report = Report()
    state = await state_of(tx)
    if state is None:
        report.add("log", at(N_("the log")), N_("there is no log in this database"))
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
        self._wanted: dict[int, list[tuple[Where, Checkpoint]]] = {}
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
                place = at(N_("signer %(key)s"), key=text[:60])
                self._report.add(
                    "log", place, N_("it cannot be read: %(why)s"), why=because(problem)
                )
                continue
            if self._outside.keys and key not in self._outside.keys:
                place = at(N_("signer %(key)s"), key=f"{key.name}+{key.id.hex()}")
                self._report.add("log", place, N_("this key is not one you trust"))
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
            place = at_checkpoint(row["size"], row["at"])
            if row["previous"] != before:
                sentence = N_("a checkpoint after size %(size)s was removed or moved")
                self._report.add("checkpoint", place, sentence, size=before or 0)
            before = row["size"]
            self._want(place, row["note"], row["size"])
        if self._report.size and before != self._report.size:
            self._report.add(
                "checkpoint",
                at(N_("size %(size)s"), size=self._report.size),
                N_(
                    "the log says this size, but the last checkpoint is of %(last)s: "
                    "the newest checkpoint was removed, or the log was cut"
                ),
                last=before or 0,
            )
        self._report.checkpoints = len(self._checkpoints)

    def _want(self, place: Where, content: str, size: int | None) -> Checkpoint | None:
        """Ask for the root of a checkpoint to be compared; say what is wrong with it already."""
        try:
            checkpoint = notes.open_checkpoint(content, self._keys)
        except BadNote as problem:
            sentence = N_("it was changed: %(why)s")
            self._report.add("checkpoint", place, sentence, why=because(problem))
            return None
        if checkpoint.origin != self._report.origin:
            sentence = N_("it is of another log, %(origin)s")
            self._report.add("checkpoint", place, sentence, origin=checkpoint.origin)
        elif size is not None and checkpoint.size != size:
            sentence = N_("it says size %(size)s: exchanged")
            self._report.add("checkpoint", place, sentence, size=checkpoint.size)
        elif checkpoint.size > self._report.size:
            self._report.add(
                "checkpoint",
                place,
                N_(
                    "it proves %(proven)s entries, the log has %(size)s: "
                    "the log was cut or rolled back"
                ),
                proven=checkpoint.size,
                size=self._report.size,
            )
        else:
            self._wanted.setdefault(checkpoint.size, []).append((place, checkpoint))
        return checkpoint

    def _read_outside(self) -> None:
        for number, content in enumerate(self._outside.checkpoints, 1):
            place = at(N_("the checkpoint you gave (number %(number)s)"), number=number)
            checkpoint = self._want(place, content, None)
            if checkpoint is None:
                continue
            for witness in self._outside.witnesses:
                self._credit(witness, content, checkpoint, place)

    def _credit(self, key: VerifierKey, content: str, seen: Checkpoint, place: Where) -> None:
        try:
            if notes.read_note(content).signed_by(key) is not None:
                self._report.witnessed_size = max(self._report.witnessed_size, seen.size)
        except BadNote as problem:
            sentence = N_("it cannot be believed: %(why)s")
            self._report.add("cosignature", place, sentence, why=because(problem))

    def _compare_checkpoints(self, low: int, high: int) -> None:
        """Compare the checkpoints within the bundle that was just read (its edge is open)."""
        for size in sorted(size for size in self._wanted if low < size <= high):
            root = self._root_at(size, low)
            for place, checkpoint in self._wanted[size]:
                if checkpoint.root != root:
                    self._report.add(
                        "checkpoint",
                        place,
                        N_(
                            "the rows do not give the root that was signed: an entry at or below "
                            "%(last)s was changed, or the log was forked"
                        ),
                        last=size - 1,
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
            self._report.add("tile", at_tile(path), N_("the tile is missing"))
        elif len(hashes) != (end - first) * HASH_BYTES:
            path = TileName(0, number, end - first).path
            sentence = N_("it should hold %(count)s hashes: it was cut short or drawn out")
            self._report.add("tile", at_tile(path), sentence, count=end - first)
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
            self._report.add("entry", at_tile(name.path), N_("the bundle of entries is missing"))
            return []
        try:
            found = tiles.unbundled(content)
        except ValueError as problem:
            sentence = N_("it cannot be read: %(why)s")
            self._report.add("entry", at_tile(name.path), sentence, why=because(problem))
            return []
        if len(found) != name.width:
            self._report.add(
                "entry",
                at_tile(name.path),
                N_("it holds %(count)s entries instead of %(width)s"),
                count=len(found),
                width=name.width,
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
        where = at_entry(place)
        if entry is not None and tree.leaf_hash(entry) != believed:
            bundle = TileName(None, place // WIDTH).path
            sentence = N_("its bytes in %(path)s were changed")
            self._report.add("entry", Where(where.told, place, bundle), sentence, path=bundle)
        if len(stored) == HASH_BYTES and stored != believed:
            tile = TileName(0, place // WIDTH).path
            sentence = N_("its hash in %(path)s was changed")
            self._report.add("tile", Where(where.told, place, tile), sentence, path=tile)
        if row is None:
            self._report.add("position", where, N_("the link to its row is missing: dropped"))
        elif event is None:
            sentence = N_("its row (event %(event)s) was removed")
            self._report.add("row", where, sentence, event=row["event_id"])
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
            sentence = N_("event %(event)s has lost its salt and no erasure says so")
            self._report.add("salt", at_entry(place), sentence, event=event.id)
        else:
            self._erased.setdefault(event.erased_by, []).append((place, event.id))
        if entry is None or tree.leaf_hash(entry) != believed:
            return
        wrong = leaves.differing_fields(event, leaves.read_entry(entry))
        if event.what or event.resources or event.patient_id or event.account_id or event.purpose:
            wrong.append("who")
        if wrong:
            words = tuple(_FIELDS_IN_WORDS[name] for name in wrong)
            sentence = N_("the erased event %(event)s was changed: %(fields)s")
            self._report.add("row", at_entry(place), sentence, event=event.id, fields=words)

    def _blame_row(
        self, place: int, event: StoredEvent, made: bytes, entry: bytes | None, believed: bytes
    ) -> None:
        where = at_entry(place, event=event.id, moment=event.at)
        try:
            wrong = leaves.differing_fields(event, leaves.read_entry(entry or b""))
        except leaves.BadEntry:
            self._report.add("row", where, N_("neither its row nor its entry fits the tree"))
            return
        if set(leaves.FIELDS) <= set(wrong):
            # Everything differs: the salt, or another event altogether. That is seen at the end.
            self._homeless[tree.leaf_hash(made)] = place
            self._empty[believed] = (place, wrong)
            return
        words = tuple(_FIELDS_IN_WORDS[name] for name in wrong)
        self._report.add("row", where, N_("the row was changed: %(fields)s"), fields=words)

    def _match_moved(self) -> None:
        """Tell rows that stand at each other's places from rows whose salt was changed."""
        for digest, (place, wrong) in self._empty.items():
            other = self._homeless.get(digest)
            if other is not None:
                sentence = N_("its row stands at position %(other)s: the order was changed")
                self._report.add("position", at_entry(place), sentence, other=other)
            elif "time" in wrong or "action" in wrong:
                sentence = N_("it is linked to a row of another event, or the row was written anew")
                self._report.add("row", at_entry(place), sentence)
            else:
                sentence = N_("no part of the row fits any more: its salt was changed")
                self._report.add("salt", at_entry(place), sentence)

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
            self._report.add("tile", at_tile(name.path), N_("the tile is missing"))
        elif stored != expected:
            first = next(
                (i for i in range(len(expected)) if stored[i : i + 1] != expected[i : i + 1]),
                len(expected),
            )
            sentence = N_("hash %(number)s is not that of the tiles below: the tile was changed")
            self._report.add("tile", at_tile(name.path), sentence, number=first // HASH_BYTES)

    # What is left over -----------------------------------------------------------------------

    async def _check_erasures(self) -> None:
        found = await self._tx.connection.fetch(log_store.ERASURES, list(self._erased))
        covered = {row["id"]: set(row["resources"]) for row in found if row["is_filed"]}
        for erasure, emptied in self._erased.items():
            for place, event_id in emptied:
                if f"AuditEvent/{event_id}" not in covered.get(erasure, set[str]()):
                    sentence = N_("event %(event)s was emptied without an erasure")
                    self._report.add("row", at_entry(place), sentence, event=event_id)

    async def _beyond(self) -> None:
        report = self._report
        for row in await self._tx.connection.fetch(log_store.WITHOUT_PLACE):
            report.add(
                "position",
                Where(
                    Told(N_("event %(event)s (%(time)s)"), {"event": row["id"], "time": row["at"]}),
                    at=row["at"],
                ),
                N_(
                    "the log read past this row but has no entry for it: inserted later, or dropped"
                ),
            )
        if await self._tx.value(log_store.BEYOND, report.size):
            report.add(
                "log",
                at(N_("size %(size)s"), size=report.size),
                N_("there are positions, entries or tiles beyond the size of the log: it was cut"),
            )
        report.waiting = await self._tx.value(log_store.WAITING)

    async def _check_cosignatures(self) -> None:
        kept = {row["size"]: row["note"] for row in self._checkpoints}
        trusted = set(self._outside.witnesses)
        for row in await self._tx.connection.fetch(log_store.COSIGNATURES):
            place = at(
                N_("co-signature of %(name)s at size %(size)s"),
                name=row["verifier_key"].split("+")[0],
                size=row["size"],
            )
            note = kept.get(row["size"])
            if note is None:
                sentence = N_("the checkpoint it confirms is gone: the log was cut or rolled back")
                self._report.add("cosignature", place, sentence)
                continue
            try:
                key = notes.verifier_key(row["verifier_key"])
                full = notes.read_note(note + row["line"])
                is_signed = full.signed_by(key) is not None and len(row["line"]) > 0
                is_exact = full.signatures[-1].line == row["line"]
            except BadNote as problem:
                sentence = N_("it was changed: %(why)s")
                self._report.add("cosignature", place, sentence, why=because(problem))
                continue
            if not (is_signed and is_exact):
                self._report.add("cosignature", place, N_("it was changed: it names another key"))
            elif key in trusted or not trusted:
                self._report.witnessed_size = max(self._report.witnessed_size, row["size"])
                self._report.cosignatures += 1
        if trusted and not self._report.witnessed_size:
            sentence = N_("none of the witnesses you trust has confirmed this log")
            self._report.add("cosignature", at(N_("the log")), sentence)

    async def _check_stamps(self) -> None:
        kept = {row["size"]: row["note"] for row in self._checkpoints}
        for row in await self._tx.connection.fetch(log_store.STAMPS):
            place = at(
                N_("time stamp of %(day)s (size %(size)s)"),
                day=row["day"],
                size=row["size"],
            )
            if row["size"] not in kept:
                self._report.add("stamp", place, N_("the checkpoint it stamps is gone"))
                continue
            event = await self._tx.connection.fetchrow(log_store.EVENT, row["event_id"])
            digest = hashlib.sha256(row["token"]).hexdigest()
            expected = [f"stamp/{row['day']}/{row['size']}/{digest}"]
            if event is None or event["resources"] != expected:
                sentence = N_("the token is not the one the log names: changed")
                self._report.add("stamp", place, sentence)
            self._check_token(row, kept[row["size"]], place)
            self._report.stamps += 1

    def _check_token(self, row: Any, note: str, place: Where) -> None:
        digest = hashlib.sha256(note.encode()).digest()
        try:
            stamp = stamps.read_stamp(row["token"], digest=digest, roots=self._outside.roots)
        except stamps.BadStamp as problem:
            sentence = N_("it cannot be believed: %(why)s")
            self._report.add("stamp", place, sentence, why=because(problem))
            return
        if abs((stamp.at - row["at"]).total_seconds()) > 3600:
            self._report.add("stamp", place, N_("it says %(time)s: another time"), time=stamp.at)
        if self._outside.roots and not stamp.is_trusted:
            sentence = N_("%(authority)s is not an authority you trust")
            self._report.add("stamp", place, sentence, authority=stamp.authority)
