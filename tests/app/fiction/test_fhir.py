"""A fictitious visit is a set of valid resources that refer to each other."""

import json

import pytest

from yba.app.fiction import service as fiction
from yba.app.fiction.fhir import as_fhir
from yba.fhir import r4
from yba.fhir.validation import check
from yba.foundation.record import service as record
from yba.kernel.actor import Actor

SEED = 13


def references(document: object):
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(document, list):
        for item in document:
            yield from references(item)


def test_resources_are_valid():
    for visit in fiction.visits(SEED, 25):
        for resource in as_fhir(visit):
            issues = [i for i in check(resource) if i.severity in ("error", "fatal")]
            assert issues == [], (type(resource).__name__, issues)


def test_every_reference_leads_to_a_resource_that_came_before_or_is_a_diagnosis():
    for visit in fiction.visits(SEED, 25):
        resources = as_fhir(visit)
        places = {f"{type(r).__name__}/{r.id}" for r in resources}
        assert len(places) == len(resources)
        for resource in resources:
            for reference in references(json.loads(r4.encode(resource))):
                assert reference in places


def test_the_same_visit_gives_the_same_bytes():
    once = [r4.encode(resource) for resource in as_fhir(fiction.visit(SEED, 4))]

    assert once == [r4.encode(resource) for resource in as_fhir(fiction.visit(SEED, 4))]


@pytest.mark.slow
async def test_the_record_keeps_a_fictitious_visit(tx, at):
    resources = as_fhir(fiction.visit(SEED, 2))

    saved = await record.save(tx, actor=Actor.system("test"), resources=resources, at=at)

    assert len(saved) == len(resources)
