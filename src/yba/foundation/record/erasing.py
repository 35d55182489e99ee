"""Destruction: what the law orders to be gone, is gone, with every version and every index entry.

Nothing else may remove from the record: the database refuses it (migration 0171) unless the
transaction has said that it carries out a destruction.
"""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString

import orjson

from yba.foundation.audit import service as audit
from yba.foundation.record.body import unpack
from yba.foundation.record.keys import id_of, row_id
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

# What belongs to the person's life-long record and not to the visit that first wrote it.
LASTING = frozenset({"Patient", "AllergyIntolerance", "Immunization", "Coverage", "Consent"})

_OF_PATIENT: LiteralString = """
    SELECT r.type, r.rid, r.fid,
           CASE WHEN r.flags & 1 = 0 THEN r.body ELSE coalesce(
               (SELECT h.body FROM record.history h
                 WHERE h.type = r.type AND h.rid = r.rid AND h.flags & 1 = 0
                 ORDER BY h.version DESC LIMIT 1), r.body) END AS body
      FROM record.resource r
     WHERE r.patient = $1 OR (r.type = $2 AND r.rid = $3) ORDER BY r.type, r.rid
"""
_ALLOW: LiteralString = "SELECT set_config('archive.destroying', 'on', true)"
_FORBID: LiteralString = "SELECT set_config('archive.destroying', 'off', true)"
_ERASE: LiteralString = """
    WITH wanted AS (SELECT unnest($1::smallint[]) AS type, unnest($2::bigint[]) AS rid),
    ranges AS (DELETE FROM record.range x USING wanted w WHERE x.rid = w.rid AND x.type = w.type),
    strings AS (DELETE FROM record.string x USING wanted w WHERE x.rid = w.rid AND x.type = w.type),
    codes AS (DELETE FROM record.coded x USING wanted w WHERE x.rid = w.rid AND x.type = w.type),
    words AS (DELETE FROM record.words x USING wanted w WHERE x.rid = w.rid AND x.type = w.type),
    old AS (DELETE FROM record.history x USING wanted w WHERE x.rid = w.rid AND x.type = w.type)
    DELETE FROM record.resource x USING wanted w WHERE x.rid = w.rid AND x.type = w.type
"""


async def erase_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, patient_id: str, at: datetime
) -> list[str]:
    """Remove an Encounter and all that belongs to it, with every version; return the references.

    What names the visit goes, and what names only that (provenance of its papers). The person, her
    allergies, immunizations, cover and consents stay: they belong to her life-long record.
    """
    rows = await tx.connection.fetch(
        _OF_PATIENT,
        row_id("Patient", patient_id),
        TYPE_NUMBERS["Encounter"],
        row_id("Encounter", encounter_id),
    )
    places = {f"{TYPE_NAMES[row['type'] - 1]}/{id_of(row['rid'], row['fid'])}": row for row in rows}
    targets = {reference: _targets(row["body"]) for reference, row in places.items()}
    gone = {f"Encounter/{encounter_id}"} & places.keys()
    while more := {
        reference
        for reference, named in targets.items()
        if reference not in gone
        and reference.partition("/")[0] not in LASTING
        and _belongs(reference, named, gone)
    }:
        gone |= more
    order = sorted(gone)
    await tx.execute(_ALLOW)
    await tx.execute(
        _ERASE, [places[one]["type"] for one in order], [places[one]["rid"] for one in order]
    )
    await tx.execute(_FORBID)
    await audit.record(
        tx, actor=actor, action="D", what="record.erase_visit", at=at,
        references=[f"Encounter/{encounter_id}"],
    )  # fmt: skip
    return order


def _belongs(reference: str, named: Collection[str], gone: Collection[str]) -> bool:
    """Return whether a resource goes with those that are gone already."""
    if any(one.startswith("Encounter/") and one in gone for one in named):
        return True
    return reference.startswith("Provenance/") and any(one in gone for one in named)


def _targets(body: bytes) -> frozenset[str]:
    """Return every reference that a stored resource contains."""
    found: set[str] = set()
    waiting: list[object] = [orjson.loads(unpack(body))]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            reference = item.get("reference")  # pyright: ignore
            if isinstance(reference, str):
                found.add(reference.split("/_history/")[0])
            waiting.extend(item.values())  # pyright: ignore
        elif isinstance(item, list):
            waiting.extend(item)  # pyright: ignore
    return frozenset(found)
