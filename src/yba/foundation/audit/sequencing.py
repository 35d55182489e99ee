"""The one sequencer: committed rows become entries, tiles and a signed checkpoint, a group at a time.

Main rules: only what lies below the oldest running transaction is read, in the order of
transactions, so nothing that commits late is skipped or comes twice; positions, entries, tiles and
the checkpoint of a round are one transaction; what was published never changes, it only grows.

Source: PostgreSQL, "Transaction ID and Snapshot Information Functions"; C2SP tlog-tiles.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from yba.foundation.audit import leaves, log_store, store, tiles, tree
from yba.foundation.audit.growing import GrowingTree, edge_of
from yba.foundation.audit.model import Act, LogState, StoredEvent
from yba.foundation.audit.notes import Checkpoint, SignerKey
from yba.foundation.audit.rows import rows_of
from yba.foundation.audit.tiles import WIDTH
from yba.kernel.actor import Actor
from yba.plumbing.database import Database, Tx

MOST_A_ROUND = 10_000
CHECKPOINT_FILE = "checkpoint"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of the sequencer did."""

    added: int
    size: int
    is_full: bool
    """Whether more may be waiting already."""
    problem: str = ""
    """Why the checkpoint could not be published as a file; the round itself is kept."""


async def state_of(tx: Tx) -> LogState | None:
    """Return the log of this node, or None before the sequencer first ran."""
    return await tx.row(LogState, log_store.LOG)


async def begin_log(tx: Tx, *, origin: str, at: datetime) -> LogState:
    """Return the log, beginning it under `origin` if there is none yet. An origin never changes."""
    await tx.execute(log_store.BEGIN_LOG, origin)
    state = await state_of(tx)
    assert state is not None
    if state.beat_at is None:
        await beat(tx, at=at)
    return state


async def admit_signer(tx: Tx, *, signer: SignerKey, at: datetime) -> None:
    """Keep the public key of who signs from now on; a new one is told in the log itself."""
    key = str(signer.verifier)
    if await tx.execute(log_store.ADD_SIGNER, key, at):
        act = Act(Actor.system("audit"), "C", "audit.signer", at, None, [f"signer/{key}"])
        [row] = rows_of(act)
        await tx.execute(store.INSERT, *row)


async def beat(tx: Tx, *, at: datetime) -> None:
    """Say that the sequencer has just finished a round."""
    await tx.execute(log_store.BEAT, at)


async def begin_anew(tx: Tx) -> None:
    """Go on after a restore, where this server counts its transactions otherwise.

    The next rounds read the rows without a place first, whatever transaction wrote them. Safe where
    there is no log yet, and while others write.
    """
    await tx.execute(log_store.RENEW)


class Sequencer:
    """Runs the rounds of one node. Several may exist; one at a time works."""

    def __init__(self, database: Database, signer: SignerKey, folder: Path | None = None) -> None:
        self._database = database
        self._signer = signer
        self._folder = folder
        self._quiet_since: datetime | None = None
        # Signed and kept, but not in its file yet: the disk was full. The next round tries again.
        self._unpublished = ""

    async def run_round(self, *, at: datetime, most: int = MOST_A_ROUND) -> Round | None:
        """Add what is committed to the tree and sign the new size, in one transaction.

        Returns None if another sequencer is at work. Raises what the database raises: then nothing
        of this round exists.
        """
        note = ""
        async with self._database.transaction() as tx:
            if not await tx.value(log_store.TRY_LOCK, log_store.LOCK):
                return None
            if await tx.value(log_store.HAS_FALLEN_BACK):
                await begin_anew(tx)
            state = await state_of(tx)
            assert state is not None
            if state.is_renewing:
                records = await tx.connection.fetch(log_store.UNFILED, most)
            else:
                records = await tx.connection.fetch(
                    log_store.NEXT, str(state.last_xid), state.last_id, most
                )
            fresh = [record for record in records if record["position"] is None]
            grown = await _append(tx, state.size, fresh) if fresh else None
            size = state.size + len(fresh)
            newest = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
            if size and (newest is None or newest["size"] < size):
                root = (grown or await _opened(tx, size)).root()
                note = self._signed(Checkpoint(state.origin, size, root))
                await tx.execute(log_store.PUT_CHECKPOINT, size, at, note)
            if state.is_renewing:
                await tx.execute(log_store.RENEWED, size, at, len(records) == most)
            elif records:
                last = records[-1]
                await tx.execute(log_store.ADVANCE, size, str(last["xid"]), last["id"], at)
            elif note or self._is_quiet_for_long(at):
                await beat(tx, at=at)
        self._unpublished = note or self._unpublished
        problem = await self._published()
        return Round(len(fresh), size, len(records) == most or state.is_renewing, problem)

    async def _published(self) -> str:
        """Publish the newest checkpoint as a file; return the kind of failure, or ""."""
        if not self._unpublished or self._folder is None:
            return ""
        path = self._folder / CHECKPOINT_FILE
        try:
            await asyncio.to_thread(publish_file, path, self._unpublished.encode())
        except OSError as problem:
            return errno.errorcode.get(problem.errno or 0, type(problem).__name__)
        self._unpublished = ""
        return ""

    def _signed(self, checkpoint: Checkpoint) -> str:
        text = checkpoint.text
        return f"{text}\n{self._signer.line_for(text.encode())}"

    def _is_quiet_for_long(self, at: datetime) -> bool:
        """Return whether to write a sign of life; a quiet log writes one every few seconds."""
        if self._quiet_since is None or abs((at - self._quiet_since).total_seconds()) >= 5:
            self._quiet_since = at
            return True
        return False


async def _opened(tx: Tx, size: int) -> GrowingTree:
    """Return the right edge of the stored tree."""
    edge = edge_of(size)
    found = await tx.connection.fetch(
        log_store.EDGES, [level for level, _ in edge], [number for _, number in edge]
    )
    by_level = {row["level"]: bytearray(row["hashes"]) for row in found}
    return GrowingTree(size, by_level)


async def _append(tx: Tx, size: int, records: Sequence[Any]) -> GrowingTree:
    """Give `records` the next positions and write entries and tiles."""
    entries = await asyncio.to_thread(_entries, records)
    grown = await _opened(tx, size)
    grown.append(tree.leaf_hash(entry) for entry in entries)
    await tx.connection.copy_records_to_table(
        "leaf",
        schema_name="audit",
        columns=("position", "event_id"),
        records=[(size + place, record["id"]) for place, record in enumerate(records)],
    )
    await _put_entries(tx, size, entries)
    await tx.execute_many(
        log_store.PUT_TILE,
        [(level, number, hashes) for (level, number), hashes in grown.tiles_written().items()],
    )
    return grown


def _entries(records: Sequence[Any]) -> list[bytes]:
    return [leaves.entry_of(event_of(record)) for record in records]


def event_of(record: Any) -> StoredEvent:
    """Return the row of audit.event in a record of the driver."""
    return StoredEvent(
        record["id"],
        record["at"],
        record["recorded_at"],
        record["account_id"],
        record["actor_name"],
        record["actor_roles"],
        record["facility"],
        record["client_id"],
        record["purpose"],
        record["action"],
        record["what"],
        record["patient_id"],
        record["resources"],
        record["salt"],
        record["erased_by"],
    )


async def _put_entries(tx: Tx, size: int, entries: Sequence[bytes]) -> None:
    number, place = divmod(size, WIDTH)
    begun = b""
    if place:
        begun = await tx.value(log_store.BUNDLE, number) or b""
    bundles: list[tuple[object, ...]] = []
    taken = 0
    while taken < len(entries):
        part = entries[taken : taken + WIDTH - place]
        bundles.append((number, begun + tiles.bundled(part)))
        taken += len(part)
        number, place, begun = number + 1, 0, b""
    await tx.execute_many(log_store.PUT_BUNDLE, bundles)


def publish_file(path: Path, content: bytes) -> None:
    """Put a file in its place at once: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
