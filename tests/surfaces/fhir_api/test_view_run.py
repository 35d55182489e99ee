"""Tables made of the record by `$viewdefinition-run`."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

VIEW: dict[str, Any] = {
    "resourceType": "ViewDefinition",
    "resource": "Patient",
    "status": "active",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "born", "path": "birthDate"},
            ]
        },
        {
            "forEachOrNull": "name",
            "column": [
                {"name": "family", "path": "family"},
                {"name": "given", "path": "given", "collection": True},
            ],
        },
    ],
    "where": [{"path": "identifier.where(system = 'urn:test:views').exists()"}],
}
PLACES = ["$viewdefinition-run", "ViewDefinition/$viewdefinition-run", "ViewDefinition/$run"]


def asked(view: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """Return the Parameters for a view; a keyword is the name and `value` of a parameter."""
    given: list[dict[str, Any]] = [{"name": "viewResource", "resource": view}]
    for name, value in parameters.items():
        given += [{"name": name, **one} for one in (value if isinstance(value, list) else [value])]
    return {"resourceType": "Parameters", "parameter": given}


@pytest.fixture
async def patients(client: httpx.AsyncClient):
    """Three patients, one of them without a name; one has a weight of 61.50 kg."""
    for n, name in enumerate(
        [{"family": "Trần", "given": ["Thị", "An"]}, {"family": 'Lê, "Bé"'}, None]
    ):
        patient = {
            "resourceType": "Patient", "id": f"view-{n}", "birthDate": f"198{n}-02-03",
            "identifier": [{"system": "urn:test:views", "value": str(n)}], **({"name": [name]} if name else {}),
        }  # fmt: skip
        answer = await client.put(f"/Patient/view-{n}", json=patient)
        assert answer.status_code in (200, 201)
    weight = (
        b'{"resourceType":"Observation","id":"view-w","status":"final","code":{"text":"weight"},'
        b'"subject":{"reference":"Patient/view-0"},"valueQuantity":{"value":61.50,"unit":"kg"}}'
    )
    assert (await client.put("/Observation/view-w", content=weight)).status_code in (200, 201)


@pytest.mark.parametrize("place", PLACES)
async def test_a_view_is_a_row_for_each_value(
    client: httpx.AsyncClient, patients: None, place: str
):
    answer = await client.post(f"/{place}?_format=json", json=asked(VIEW))

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert sorted(answer.json(), key=lambda row: row["id"]) == [
        {"id": "view-0", "born": "1980-02-03", "family": "Trần", "given": ["Thị", "An"]},
        {"id": "view-1", "born": "1981-02-03", "family": 'Lê, "Bé"', "given": []},
        {"id": "view-2", "born": "1982-02-03", "family": None, "given": []},
    ]


async def test_rows_come_as_lines_unless_asked_otherwise(client: httpx.AsyncClient, patients: None):
    answer = await client.post("/$viewdefinition-run", json=asked(VIEW, _limit={"valueInteger": 2}))

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert len([json.loads(line) for line in answer.text.splitlines()]) == 2


async def test_csv_quotes_what_needs_it_and_has_a_header_or_not(
    client: httpx.AsyncClient, patients: None
):
    whole = await client.post(
        "/$viewdefinition-run", json=asked(VIEW), headers={"accept": "text/csv"}
    )
    bare = await client.post("/$viewdefinition-run?_format=csv&header=false", json=asked(VIEW))

    lines = whole.text.split("\r\n")
    assert whole.headers["content-type"].startswith("text/csv")
    assert lines[0] == "id,born,family,given"
    assert 'view-1,1981-02-03,"Lê, ""Bé""",[]' in lines
    assert bare.text == whole.text.split("\r\n", 1)[1]


async def test_decimals_keep_their_digits(client: httpx.AsyncClient, patients: None):
    view = {
        "resource": "Observation",
        "select": [{"column": [{"name": "kg", "path": "value.ofType(Quantity).value"}]}],
        "where": [{"path": "id = 'view-w'"}],
    }
    answer = await client.post("/$viewdefinition-run?_format=ndjson", json=asked(view))

    assert answer.text == '{"kg":61.50}\n'


async def test_only_the_resources_of_named_patients(client: httpx.AsyncClient, patients: None):
    view = {"resource": "Observation", "select": [{"column": [{"name": "id", "path": "id"}]}]}
    group = {
        "resourceType": "Group", "id": "view-g", "type": "person", "actual": True,
        "member": [{"entity": {"reference": "Patient/view-0"}}, {"entity": {"reference": "Patient/view-1"}}],
    }  # fmt: skip
    await client.put("/Group/view-g", json=group)
    of_one = asked(view, patient={"valueReference": {"reference": "Patient/view-0"}})
    of_other = asked(view, patient={"valueString": "view-1"})
    of_group = asked(view, group={"valueReference": {"reference": "Group/view-g"}})

    assert (await client.post("/$viewdefinition-run", json=of_one)).text == '{"id":"view-w"}\n'
    assert (await client.post("/$viewdefinition-run", json=of_other)).text == ""
    assert (await client.post("/$viewdefinition-run", json=of_group)).text == '{"id":"view-w"}\n'


async def test_only_what_changed_since(client: httpx.AsyncClient, patients: None):
    late = await client.post("/$viewdefinition-run?_since=2990-01-01T00:00:00Z", json=asked(VIEW))
    early = await client.post(
        "/$viewdefinition-run?_since=2000-01-01T00:00:00%2B07:00", json=asked(VIEW)
    )

    assert late.text == ""
    assert len(early.text.splitlines()) == 3


async def test_resources_given_are_used_instead_of_the_record(
    client: httpx.AsyncClient, patients: None
):
    given = {"resourceType": "Patient", "id": "x", "identifier": [{"system": "urn:test:views"}]}
    body = asked(
        VIEW, resource=[{"resource": given}, {"valueString": json.dumps(given | {"id": "y"})}]
    )

    answer = await client.post("/$viewdefinition-run", json=body)

    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == ["x", "y"]


async def test_a_stored_view_is_the_json_in_a_binary(client: httpx.AsyncClient, patients: None):
    data = base64.b64encode(json.dumps(VIEW).encode()).decode()
    binary = {
        "resourceType": "Binary",
        "id": "view-d",
        "contentType": "application/fhir+json",
        "data": data,
    }
    await client.put("/Binary/view-d", json=binary)

    named = await client.get("/ViewDefinition/view-d/$viewdefinition-run?_format=json&_limit=1")
    referred = await client.get("/$viewdefinition-run?viewReference=ViewDefinition/view-d&_limit=1")

    assert len(named.json()) == 1
    assert len(referred.text.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"resource": "Nothing"}, 422),
        ({"select": []}, 422),
        ({"select": [{"column": [{"name": "1st", "path": "id"}]}]}, 422),
        ({"select": [{"column": [{"name": "a", "path": "nonsense"}]}]}, 422),
        ({"select": [{"column": [{"name": "a", "path": "name.given"}]}]}, 422),
        ({"select": [{"column": [{"name": "a", "path": "%none"}]}]}, 422),
    ],
)
async def test_a_view_without_meaning_is_refused(
    client: httpx.AsyncClient, patients: None, change: dict[str, Any], status: int
):
    answer = await client.post("/$viewdefinition-run", json=asked(VIEW | change))

    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("_format=parquet", 406), ("_limit=0", 400), ("_limit=x", 400), ("header=maybe", 400), ("_since=x", 400),
        ("source=other", 400), ("unknown=1", 400), ("patient=Group/x", 400), ("group=none", 404),
        ("viewReference=ViewDefinition/x", 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, query: str, status: int
):
    answer = await client.post(f"/$viewdefinition-run?{query}", json=asked(VIEW))

    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_view_is_needed(client: httpx.AsyncClient):
    assert (await client.get("/$viewdefinition-run")).status_code == 400
    assert (await client.get("/ViewDefinition/none/$run")).status_code == 404
