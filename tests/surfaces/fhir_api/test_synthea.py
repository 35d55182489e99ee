"""Conformance: 92,114 resources of synthetic patients load, and published searches are exact."""

import bz2
import csv

import httpx
import pytest
from tests.outside import conformance

pytestmark = [pytest.mark.conformance, pytest.mark.slow]


@pytest.fixture(scope="session")
async def synthea(fhir):
    """Load every bundle over HTTP, once; the two `0-…` files first."""
    folder = conformance("synthea")
    from tests.surfaces.fhir_api.conftest import BASE, TOKEN

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fhir), base_url=BASE, timeout=120,
        headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"},
    ) as client:  # fmt: skip
        stored = 0
        for file in sorted(folder.glob("*.json.bz2")):
            answer = await client.post("", content=bz2.decompress(file.read_bytes()))
            assert answer.status_code == 200, answer.text[:500]
            statuses = {e["response"]["status"][:3] for e in answer.json()["entry"]}
            assert statuses <= {"200", "201"}, file.name
            stored += len(answer.json()["entry"])
        yield stored


async def test_every_bundle_loads(synthea):
    assert synthea == 92_114


async def test_published_counts_are_exact(synthea, client):
    lines = [
        line for line in conformance("search-counts.tsv").read_text().splitlines()
        if not line.startswith("#")
    ]  # fmt: skip
    wrong = []
    for row in csv.DictReader(lines, delimiter="\t"):
        query = row["query"] + (f"&_sort={row['sort']}" if row["sort"] else "")
        counted = await client.get(f"/{row['type']}?{query}&_summary=count")
        paged = await client.get(f"/{row['type']}?{query}&_count=5")
        totals = (counted.json().get("total"), paged.json().get("total"))
        if totals != (int(row["total"]), int(row["total"])):
            wrong.append((row["type"], query, row["total"], totals))

    assert wrong == []
