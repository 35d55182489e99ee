"""Proofs for those who hold an entry: inclusion under a signed size, with what only they may see."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

from yba.foundation.audit import leaves, log_store, tiles, tree
from yba.foundation.audit.errors import NotInLog
from yba.foundation.audit.model import StoredEvent
from yba.foundation.audit.sequencing import event_of, state_of
from yba.foundation.audit.tiles import WIDTH, TiledTree
from yba.plumbing.database import Tx

FORMAT = "yba-audit-proof-1"
MOST_EVENTS = 5_000


async def prove(tx: Tx, plan: Callable[[tree.Node], Any]) -> Any:
    """Return what `plan` returns, given a node function over the stored tiles.

    The tiles it needs are learnt by a rehearsal, then read in one statement.
    """
    wanted: dict[tuple[int, int], None] = {}

    def rehearse(level: int, index: int) -> bytes:
        high, low = divmod(level, tiles.HEIGHT)
        wanted[high, (index << low) // WIDTH] = None
        return tree.EMPTY_ROOT

    plan(rehearse)
    found = await tx.connection.fetch(
        log_store.EDGES, [level for level, _ in wanted], [number for _, number in wanted]
    )
    read = {(row["level"], row["number"]): row["hashes"] for row in found}
    return plan(TiledTree(lambda level, number: read[level, number]).node)


async def newest_checkpoint(tx: Tx) -> str:
    """Return the newest signed checkpoint with its co-signatures, or "" if there is none."""
    row = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
    return "" if row is None else row["note"] + row["cosignatures"]


async def _checkpoint_over(tx: Tx, last: int) -> tuple[str, int]:
    """Return the newest witnessed checkpoint if it covers position `last`, else the newest."""
    witnessed = await tx.connection.fetchrow(log_store.NEWEST_WITNESSED)
    if witnessed is not None and witnessed["size"] > last:
        return witnessed["note"] + witnessed["cosignatures"], witnessed["size"]
    newest = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
    if newest is None:
        raise NotInLog
    return newest["note"] + newest["cosignatures"], newest["size"]


async def proof_of_event(tx: Tx, *, event_id: int) -> dict[str, Any]:
    """Return the proof file of one event. Raises NotInLog if it is unknown or too new."""
    row = await tx.connection.fetchrow(log_store.EVENT, event_id)
    if row is None or row["place"] is None:
        raise NotInLog
    return await _file_of(tx, [row])


async def proof_of_patient(tx: Tx, *, patient_id: str, most: int = MOST_EVENTS) -> dict[str, Any]:
    """Return the proof file of everything the log holds on one patient, newest first.

    At most `most` entries; `left_out` says whether there are more, `waiting` how many of these acts
    are younger than the newest checkpoint. Raises NotInLog before the first checkpoint.
    """
    rows = await tx.connection.fetch(log_store.EVENTS_OF_PATIENT, patient_id, most + 1)
    made = await _file_of(tx, rows[:most])
    return made | {"left_out": len(rows) > most}


async def _file_of(tx: Tx, rows: Sequence[Any]) -> dict[str, Any]:
    state = await state_of(tx)
    if state is None:
        raise NotInLog
    filed = [row for row in rows if row["place"] is not None]
    note, size = await _checkpoint_over(tx, max((row["place"] for row in filed), default=0))
    covered = [row for row in filed if row["place"] < size]

    def plan(node: tree.Node) -> list[list[bytes]]:
        return [tree.inclusion_proof(row["place"], size, node) for row in covered]

    proofs = await prove(tx, plan)
    witnesses = await tx.connection.fetch(log_store.WITNESSES)
    return {
        "format": FORMAT,
        "origin": state.origin,
        "keys": await tx.values(log_store.SIGNERS),
        "witnesses": [row["verifier_key"] for row in witnesses],
        "checkpoint": note,
        "entries": [
            _shown(event_of(row), row["place"], proof)
            for row, proof in zip(covered, proofs, strict=True)
        ],
        "waiting": len(rows) - len(covered),
    }


def _shown(event: StoredEvent, place: int, proof: Sequence[bytes]) -> dict[str, Any]:
    """Return one entry with its values and the salts that open their commitments."""
    values = leaves.values_of(event)
    salt = event.salt or b""
    return {
        "index": place,
        "seconds": leaves.microseconds(event.at) // 1_000_000,
        "action": event.action,
        "fields": {
            field: {"value": values[field], "salt": leaves.salt_of(field, salt).hex()}
            for field in leaves.FIELDS
        },
        "proof": [b64encode(step).decode() for step in proof],
    }


async def consistency(tx: Tx, *, old: int, size: int) -> list[bytes]:
    """Return what shows that the tree of `old` begins the tree of `size`; nothing from 0."""
    if old == 0:
        return []
    return await prove(tx, lambda node: tree.consistency_proof(old, size, node))


async def tile_named(tx: Tx, name: tiles.TileName) -> bytes | None:
    """Return a published tile or bundle, or None if the newest checkpoint does not reach it."""
    newest = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
    size = 0 if newest is None else newest["size"]
    hashes_there = size >> tiles.HEIGHT * (name.level or 0)
    if name.number * WIDTH + name.width > hashes_there:
        return None
    if name.level is None:
        content: bytes | None = await tx.value(log_store.BUNDLE, name.number)
        return None if content is None else tiles.bundle_of_width(content, name.width)
    content = await tx.value(log_store.TILE, name.level, name.number)
    return None if content is None else content[: name.width * tree.HASH_BYTES]
