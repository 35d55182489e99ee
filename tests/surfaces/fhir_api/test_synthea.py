"""Conformance: 92,114 resources of synthetic patients load, and published searches are exact."""

import bz2
import csv
import re
from pathlib import Path

import httpx
import pytest
from tests import copies
from tests.conformance_report import Score
from tests.outside import conformance
from tests.surfaces.fhir_api.conftest import serving, speaking

from yba.foundation.record import parameters, terms

_STATUS = re.compile(rb'"status":"(\d{3}) ')

pytestmark = [pytest.mark.conformance, pytest.mark.slow]


@pytest.fixture(scope="module")
async def loaded(server: str, migrated: str, tmp_path_factory: pytest.TempPathFactory):
    """Yield (client, how many were stored) of a database that holds these bundles and no more."""
    folder = conformance("synthea")
    async with (
        copies.copied(server, migrated) as database,
        serving(database, tmp_path_factory.mktemp("synthea")) as app,
        speaking(app) as client,
    ):
        yield client, await load(client, folder)
    terms.forget()
    parameters.forget()


async def load(client: httpx.AsyncClient, folder: Path) -> int:
    """Post every bundle, the two `0-…` files first."""
    stored = 0
    for file in sorted(folder.glob("*.json.bz2")):
        answer = await client.post("", content=bz2.decompress(file.read_bytes()))
        assert answer.status_code == 200, answer.text[:500]
        statuses = _STATUS.findall(answer.content)
        assert set(statuses) <= {b"200", b"201"}, file.name
        stored += len(statuses)
    return stored


async def test_every_bundle_loads(loaded):
    assert loaded[1] == 92_114


async def test_published_counts_are_exact(loaded, score: Score):
    client, _ = loaded
    lines = [
        line for line in conformance("search-counts.tsv").read_text().splitlines()
        if not line.startswith("#")
    ]  # fmt: skip
    wrong = []
    rows = list(csv.DictReader(lines, delimiter="\t"))
    for row in rows:
        query = row["query"] + (f"&_sort={row['sort']}" if row["sort"] else "")
        counted = await client.get(f"/{row['type']}?{query}&_summary=count")
        paged = await client.get(f"/{row['type']}?{query}&_count=5")
        totals = (counted.json().get("total"), paged.json().get("total"))
        if totals != (int(row["total"]), int(row["total"])):
            wrong.append((row["type"], query, row["total"], totals))

    score("search-counts", len(rows) - len(wrong), len(rows))
    assert wrong == []
