"""The chart of a patient with about a thousand resources: $everything, and twelve searches in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import orjson

from bench import client
from bench.client import Result
from bench.node import Node
from yba.foundation.record.keys import id_of
from yba.foundation.record.plans import TYPE_NUMBERS

_WANTED = 1000
_TYPES = (
    "Observation", "Condition", "Encounter", "Procedure", "MedicationRequest", "Immunization",
    "AllergyIntolerance", "CarePlan", "DiagnosticReport", "ImagingStudy", "CareTeam", "Claim",
)  # fmt: skip
_NEAREST = """
    SELECT patient, count(*) FROM record.resource
     WHERE patient IS NOT NULL AND flags & 1 = 0
     GROUP BY patient ORDER BY abs(count(*) - $1) LIMIT 1
"""


async def patient(dsn: str) -> tuple[str, int]:
    """Return the patient whose number of resources is nearest to a thousand, and that number."""
    connection = await asyncpg.connect(dsn)
    row = await connection.fetchrow(_NEAREST, _WANTED)
    fid = await connection.fetchval(
        "SELECT fid FROM record.resource WHERE type = $1 AND rid = $2",
        TYPE_NUMBERS["Patient"], row["patient"],
    )  # fmt: skip
    await connection.close()
    return id_of(row["patient"], fid), row["count"]


def everything(node: Node, patient_id: str, seconds: float) -> Result:
    """Ask for all of it, one request at a time."""
    raw = client.request("GET", f"/fhir/Patient/{patient_id}/$everything?_count=1200")
    return _alone(node, "everything", raw, seconds)


def batch(node: Node, patient_id: str, seconds: float) -> Result:
    """Ask for twelve lists in one batch, one request at a time."""
    entries = [
        {"request": {"method": "GET", "url": f"{type_}?patient={patient_id}&_count=100"}}
        for type_ in _TYPES
    ]
    body = orjson.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})
    return _alone(node, "batch", client.request("POST", "/fhir", body), seconds)


def _alone(node: Node, kind: str, raw: bytes, seconds: float) -> Result:
    def requests(_: int) -> Iterator[tuple[str, bytes]]:
        while True:
            yield kind, raw

    asyncio.run(client.load(node.port, 1, 1.0, requests))
    return asyncio.run(client.load(node.port, 1, seconds, requests))
