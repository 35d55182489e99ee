"""The code systems, value sets and maps that FHIR R4 itself defines, known without loading.

`data/r4.jsonl.zst` holds one resource a line, written by tools/fhir_generator/terminology.py from the
official package. Licence of the definitions: CC0-1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import orjson
import zstandard

from yba.foundation.terminology import map_store, set_store, store, system_store
from yba.foundation.terminology.definitions import map_row, system_row, value_set_definition
from yba.foundation.terminology.taking_up import (
    FHIR_ITSELF,
    choose_map,
    choose_system,
    choose_value_set,
    rows_of,
    take_value_set,
)
from yba.plumbing.database import Tx

_NAME = "hl7.fhir.r4"
# Raised when rows are made in another way from the same data.
_EDITION = 1


def _packed() -> bytes:
    return files("yba.foundation.terminology").joinpath("data", "r4.jsonl.zst").read_bytes()


def resources() -> list[dict[str, Any]]:
    """Return the definitions of FHIR R4 as JSON."""
    text = zstandard.ZstdDecompressor().decompress(_packed())
    return [orjson.loads(line) for line in text.splitlines()]


async def load(tx: Tx) -> bool:
    """Load the definitions if they are new or changed; return whether they were."""
    fingerprint = hashlib.sha256(_packed() + bytes([_EDITION])).hexdigest()
    known = await store.shipped_fingerprints(tx)
    if known.get(_NAME) == fingerprint:
        return False
    await system_store.lock(tx)
    found = resources()
    await _forget(tx)
    await _systems(tx, [r for r in found if r["resourceType"] == "CodeSystem"])
    await _value_sets(tx, [r for r in found if r["resourceType"] == "ValueSet"])
    for one in found:
        if one["resourceType"] == "ConceptMap":
            await map_store.add(tx, map_row(one), origin=FHIR_ITSELF)
    for url in await map_store.choose_only_ones(tx):
        await choose_map(tx, url)
    await store.add_edition(
        tx,
        system=_NAME,
        source="HL7 FHIR R4 (4.0.1) definitions, CC0-1.0",
        fingerprint=fingerprint,
        is_shipped=True,
        is_complete=True,
        valid_from=None,
        row_count=len(found),
    )
    await system_store.analyze(tx)
    return True


async def _forget(tx: Tx) -> None:
    await system_store.drop(tx, systems=await system_store.of_origin(tx, origin=FHIR_ITSELF))
    await set_store.drop(tx, numbers=await set_store.of_origin(tx, origin=FHIR_ITSELF))
    await map_store.drop(tx, numbers=await map_store.of_origin(tx, origin=FHIR_ITSELF))


async def _systems(tx: Tx, found: Sequence[dict[str, Any]]) -> None:
    concepts: list[tuple[str, int, Any]] = []
    pairs: list[tuple[str, str, str, bool]] = []
    keys = await system_store.add_many(tx, [system_row(one) for one in found], origin=FHIR_ITSELF)
    for key, one in zip(keys, found, strict=True):
        rows, above = rows_of(one)
        concepts += [(key, place, row) for place, row in enumerate(rows)]
        pairs += [(key, *pair) for pair in above]
    await system_store.put_concepts(tx, concepts)
    await system_store.put_closure(tx, pairs)
    for url in await system_store.choose_only_ones(tx):
        await choose_system(tx, url)
    await set_store.forget(tx, parts=[str(one["url"]) for one in found])


async def _value_sets(tx: Tx, found: Sequence[dict[str, Any]]) -> None:
    plain = [one for one in found if not one.get("contained")]
    await set_store.add_many(
        tx, [(one, value_set_definition(one)) for one in plain], origin=FHIR_ITSELF
    )
    for one in found:
        if one.get("contained"):
            await take_value_set(tx, one, "", FHIR_ITSELF)
    for url in await set_store.choose_only_ones(tx):
        await choose_value_set(tx, url)
    await set_store.forget(tx, parts=[str(one["url"]) for one in found])
