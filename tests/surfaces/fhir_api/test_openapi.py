"""The OpenAPI document says what is on, and the server keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.fhir.package import examples

from yba.fhir.json_schema import schemas

INCOMPLETE = {"ImplementationGuide-fhir.json", "ig-r4.json", "Questionnaire-qs1.json"}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():  # type: ignore[misc]
            if name == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for one in part:  # type: ignore[misc]
            yield from _references(one)


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """The document as served."""
    return (await client.get("/openapi.json")).json()


async def test_document_is_whole(document: dict[str, Any]):
    assert document["openapi"].startswith("3.1")
    for reference in set(_references(document)):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


async def test_calls_have_names_of_their_own(document: dict[str, Any]):
    names = [call["operationId"] for path in document["paths"].values() for call in path.values()]

    assert len(names) == len(set(names))


async def test_document_and_capability_statement_agree(
    client: httpx.AsyncClient, document: dict[str, Any]
):
    rest = (await client.get("/metadata")).json()["rest"][0]

    for resource in rest["resource"]:
        path = document["paths"][f"/{resource['type']}"]
        codes = {interaction["code"] for interaction in resource["interaction"]}
        assert ("post" in path) == ("create" in codes)
        stated = {p["name"] for p in path["get"]["parameters"] if "name" in p}
        assert {p["name"] for p in resource["searchParam"]} <= stated
        for operation in resource.get("operation", ()):
            assert any(place.endswith(f"/${operation['name']}") for place in document["paths"])


async def test_document_is_served_to_anyone_and_once(client: httpx.AsyncClient):
    head = {"authorization": "", "accept-encoding": "gzip"}
    answer = await client.get("/openapi.json", headers=head)
    again = await client.get(
        "/openapi.json", headers=head | {"if-none-match": answer.headers["etag"]}
    )
    plain = await client.get("/openapi.json", headers={"accept-encoding": "identity"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-encoding"] == "gzip"
    assert again.status_code == 304
    assert plain.json() == answer.json()


def test_schemas_take_every_official_example_that_is_complete():
    validators = pytest.importorskip("jsonschema_rs")
    made: dict[str, Any] = {}
    refused: set[str] = set()
    for name, body in examples().items():
        resource = json.loads(body)
        type_ = resource["resourceType"]
        if type_ not in made:
            made[type_] = validators.Draft202012Validator(
                {"$ref": f"#/components/schemas/{type_}", "components": {"schemas": schemas()}}
            )
        if not made[type_].is_valid(resource):
            refused.add(name)

    assert refused == INCOMPLETE
