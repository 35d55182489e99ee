"""Synthetic patients of another project: every resource is read, valid, and searchable."""

import bz2
import os

import msgspec
import pytest
from tests.outside import conformance

from yba.fhir import r4
from yba.fhir.index import extract
from yba.fhir.validation import check

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

# All 122 bundles take a minute; YBA_ALL_SYNTHEA=1 reads them.
_SAMPLE = 10


def test_synthetic_bundles_are_read_valid_and_searchable():
    files = sorted(conformance("synthea").glob("*.json.bz2"))
    chosen = files if os.environ.get("YBA_ALL_SYNTHEA") else files[:: len(files) // _SAMPLE + 1]
    resources = 0
    for file in chosen:
        body = bz2.decompress(file.read_bytes())
        for entry in r4.decode_bundle(body).entries:
            assert entry.body is not None
            assert entry.resource is not None
            assert check(entry.body, entry.resource) == []
            assert extract(entry.resource).tokens
            assert msgspec.json.decode(r4.encode(entry.resource)) == msgspec.json.decode(entry.body)
            resources += 1

    assert resources > 2_000
