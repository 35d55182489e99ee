"""$graphql: FHIR's GraphQL over the record."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from yba.kernel.ids import new_id
from yba.surfaces.fhir_api.application import FhirApp

Json = dict[str, Any]


async def _put(client: httpx.AsyncClient, resource: Json) -> str:
    resource = {"id": new_id(), **resource}
    place = f"{resource['resourceType']}/{resource['id']}"
    answer = await client.put(f"/{place}", content=orjson.dumps(resource))
    assert answer.status_code in (200, 201), answer.text
    return place


async def _ward(client: httpx.AsyncClient) -> dict[str, str]:
    """Store a patient with a doctor and two observations; return places by nickname."""
    made: dict[str, str] = {}
    made["doctor"] = await _put(
        client, {"resourceType": "Practitioner", "name": [{"family": "Phạm"}], "active": True}
    )
    made["patient"] = await _put(
        client,
        {
            "resourceType": "Patient", "active": True, "birthDate": "1980-02-03",
            "name": [
                {"use": "official", "family": "Trần", "given": ["Thị", "Lan"]},
                {"use": "nickname", "given": ["Bé"]},
                {"use": "old", "family": "Lê"},
            ],
            "telecom": [{"system": "phone", "use": "home", "value": "1"},
                        {"system": "phone", "use": "work", "value": "2"}],
            "generalPractitioner": [{"reference": made["doctor"]}],
            "managingOrganization": {"reference": "Organization/nowhere"},
        },
    )  # fmt: skip
    for n, value in enumerate((b"1.10", b"2.0")):
        body = orjson.dumps({
            "resourceType": "Observation", "id": new_id(), "status": "final",
            "code": {"text": f"x{n}"}, "subject": {"reference": made["patient"]},
            "performer": [{"reference": made["doctor"]}],
            "effectiveDateTime": f"2024-01-0{n + 1}",
        })  # fmt: skip
        body = body[:-1] + b',"valueQuantity":{"value":' + value + b',"unit":"mg"}}'
        place = f"Observation/{orjson.loads(body)['id']}"
        assert (await client.put(f"/{place}", content=body)).status_code == 201
        made[f"observation{n}"] = place
    return made


async def _ask(client: httpx.AsyncClient, place: str, query: str, **variables: Any) -> Json:
    answer = await client.post(
        f"/{place}/$graphql" if place else "/$graphql",
        content=orjson.dumps({"query": query, "variables": variables}),
        headers={"content-type": "application/json"},
    )
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.status_code == (200 if "data" in answer.json() else 400)
    return answer.json()


async def test_fields_of_a_resource_are_answered_in_the_shape_of_the_query(
    client: httpx.AsyncClient,
):
    made = await _ward(client)

    query = "{ resourceType id born: birthDate active name { use given } gender }"
    answer = await _ask(client, made["patient"], query)

    assert answer["data"] == {
        "resourceType": "Patient",
        "id": made["patient"].partition("/")[2],
        "born": "1980-02-03",
        "active": True,
        "name": [
            {"use": "official", "given": ["Thị", "Lan"]},
            {"use": "nickname", "given": ["Bé"]},
            {"use": "old", "given": []},
        ],
        "gender": None,
    }


async def test_what_is_asked_for_in_two_places_is_one_property(client: httpx.AsyncClient):
    made = await _ward(client)
    query = """{ name { use } ...Given id name @include(if: true) { use } name(use: old) { use } }
      fragment Given on Patient { name @skip(if: false) { given } id }"""

    answer = await _ask(client, made["patient"], query)
    twice = await _ask(client, "", '{ PatientList(name: "A", name: "B") { id } }')

    assert answer["data"]["name"] == [
        {"use": "official", "given": ["Thị", "Lan"]},
        {"use": "nickname", "given": ["Bé"]},
        {"use": "old", "given": []},
        {"use": "old"},
    ]
    assert "data" not in twice


@pytest.mark.parametrize(
    ("arguments", "uses"),
    [
        ('(use: "official")', ["official"]),
        ("(use: old)", ["old"]),
        ('(fhirpath: "given.exists()")', ["official", "nickname"]),
        ("(_count: 1)", ["official"]),
        ("(_offset: 1)", ["nickname", "old"]),
        ("(_offset: 1, _count: 1)", ["nickname"]),
        ('(fhirpath: "family.exists()", use: old)', ["old"]),
    ],
)
async def test_arguments_choose_among_the_values_of_a_list(
    client: httpx.AsyncClient, arguments: str, uses: list[str]
):
    made = await _ward(client)

    answer = await _ask(client, made["patient"], f"{{ name{arguments} {{ use }} }}")

    assert [name["use"] for name in answer["data"]["name"]] == uses


async def test_references_are_followed_and_may_be_chosen_by_type(client: httpx.AsyncClient):
    made = await _ward(client)
    query = """{
      subject { reference resource(type: Patient) { birthDate } }
      performer { resource { ... on Practitioner { name { family } } ... on Organization { alias } } }
      other: subject { resource(type: Practitioner) { id } }
    }"""

    data = (await _ask(client, made["observation0"], query))["data"]

    assert data["subject"] == {
        "reference": made["patient"],
        "resource": {"birthDate": "1980-02-03"},
    }
    assert data["performer"] == [{"resource": {"name": [{"family": "Phạm"}]}}]
    assert data["other"] == {}


async def test_a_reference_to_nothing_is_an_error_unless_it_is_optional(
    client: httpx.AsyncClient,
):
    made = await _ward(client)

    strict = await _ask(client, made["patient"], "{ managingOrganization { resource { id } } }")
    optional = await _ask(
        client, made["patient"], "{ managingOrganization { resource(optional: true) { id } } }"
    )

    assert strict["data"] == {"managingOrganization": {"resource": None}}
    assert strict["errors"][0]["path"] == ["managingOrganization", "resource"]
    assert optional == {"data": {"managingOrganization": {}}}


async def test_fragments_variables_include_and_skip(client: httpx.AsyncClient):
    made = await _ward(client)
    query = """query one($use: code = "old", $short: Boolean!) {
      name(use: $use) { ...names } id @skip(if: $short) birthDate @include(if: $short)
    }
    fragment names on HumanName { family }"""

    data = (await _ask(client, made["patient"], query, short=True))["data"]
    missing = await _ask(client, made["patient"], query)

    assert data == {"name": [{"family": "Lê"}], "birthDate": "1980-02-03"}
    assert "$short" in missing["errors"][0]["message"]


async def test_lists_and_reverse_references_search(client: httpx.AsyncClient):
    made = await _ward(client)
    patient = made["patient"].partition("/")[2]
    query = """query q($id: id) { PatientList(_id: $id) {
        id ObservationList(_reference: patient, _sort: "date") { valueQuantity { value } }
    } Patient(id: $id) { birthDate } }"""

    data = (await _ask(client, "", query, id=patient))["data"]
    inside = await _ask(
        client,
        made["patient"],
        '{ ObservationList(_reference: subject, date: "2024-01-02") { id } }',
    )

    values = [one["valueQuantity"]["value"] for one in data["PatientList"][0]["ObservationList"]]
    assert values == [1.10, 2.0]
    assert data["Patient"] == {"birthDate": "1980-02-03"}
    assert inside["data"]["ObservationList"] == [{"id": made["observation1"].partition("/")[2]}]


async def test_numbers_keep_their_digits(client: httpx.AsyncClient):
    made = await _ward(client)

    answer = await client.get(
        f"/{made['observation0']}/$graphql", params={"query": "{valueQuantity{value}}"}
    )

    assert answer.content == b'{"data":{"valueQuantity":{"value":1.10}}}'


async def test_connections_page_by_cursors(client: httpx.AsyncClient):
    made = await _ward(client)
    query = """query q($p: string, $c: string) {
      ObservationConnection(patient: $p, _count: 1, _cursor: $c) {
        count pagesize next edges { mode resource { id } }
      } }"""

    first = (await _ask(client, "", query, p=made["patient"]))["data"]["ObservationConnection"]
    second = await _ask(client, "", query, p=made["patient"], c=first["next"])
    page = second["data"]["ObservationConnection"]

    assert (first["count"], first["pagesize"], page["next"]) == (2, 1, None)
    assert first["edges"][0]["mode"] == "match"
    ids = {each["edges"][0]["resource"]["id"] for each in (first, page)}
    assert ids == {made[f"observation{n}"].partition("/")[2] for n in (0, 1)}


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("{ name @flatten { family } }", {"family": ["Trần", "Lê"]}),
        ("{ name @flatten { given } }", {"given": ["Thị", "Lan", "Bé"]}),
        ("{ name @first { use } }", {"name": {"use": "official"}}),
        ("{ name @first @flatten { use @singleton } }", {"use": "official"}),
        (
            '{ telecom @slice(path: "use") { value } }',
            {"telecom.home": {"value": "1"}, "telecom.work": {"value": "2"}},
        ),
        (
            '{ telecom @flatten @slice(path: "use") { value } }',
            {"value.home": ["1"], "value.work": ["2"]},
        ),
        (
            '{ name(_count: 2) @slice(path: "$index") { use } }',
            {"name.0": {"use": "official"}, "name.1": {"use": "nickname"}},
        ),
    ],
)
async def test_directives_of_fhir_shape_the_answer(
    client: httpx.AsyncClient, query: str, data: Json
):
    made = await _ward(client)

    assert (await _ask(client, made["patient"], query)) == {"data": data}


async def test_a_singleton_with_several_values_is_an_error(client: httpx.AsyncClient):
    made = await _ward(client)

    answer = await _ask(client, made["patient"], "{ name @flatten { use @singleton } }")

    assert "@singleton" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "", "{", "mutation { PatientDelete { id } }", "{ nothing }", "{ name }", "{ id { x } }",
        "{ name(colour: 1) { use } }", "{ birthDate(_count: 1) }", "{ name { ...none } }",
        "{ name @loud { use } }", "{ id(x: $y) }", "{ name(use: $y) { use } }",
        "query a { id } query b { id }", "{ ...f } fragment f on Patient { ...f }",
        "{ ... on Nothing { id } }", "{ Patient(id: 1) { id } }",
        "{" + " ".join(f"a{n}: id" for n in range(2100)) + "}",
        "{" + " ".join(f"a{n}: ObservationList(_reference: subject) {{id}}" for n in range(30)) + "}",
        "{ contact { name " + "{ extension " * 25 + "{ url }" + " }" * 26 + " }",
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_answered_is_refused_whole(
    client: httpx.AsyncClient, query: str
):
    made = await _ward(client)

    answer = await client.post(
        f"/{made['patient']}/$graphql", content=query.encode(),
        headers={"content-type": "application/graphql"},
    )  # fmt: skip

    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"errors"}


@pytest.mark.parametrize(
    "query",
    [
        '{ ObservationList(nothing: "1") { id } }',
        "{ ObservationList { id } PatientList(name: {a: 1}) { id } }",
        '{ Patient(id: "nobody") { id } }',
    ],
)
async def test_a_field_that_fails_is_null_and_named(client: httpx.AsyncClient, query: str):
    answer = await _ask(client, "", query)

    assert answer["errors"][0]["path"]
    assert None in answer["data"].values()


async def test_unknown_and_deleted_resources_are_told_apart(client: httpx.AsyncClient):
    made = await _ward(client)
    await client.delete(f"/{made['doctor']}")
    query = {"query": "{ id }"}

    gone = await client.get(f"/{made['doctor']}/$graphql", params=query)
    never = await client.get("/Patient/nobody/$graphql", params=query)

    assert (gone.status_code, never.status_code) == (410, 404)


async def test_the_schema_describes_itself(client: httpx.AsyncClient):
    query = '{ __type(name: "Patient") { name fields { name } } __schema { queryType { name } } }'

    data = (await _ask(client, "", query))["data"]
    named = await _ask(client, "", "{ __typename }")

    names = {field["name"] for field in data["__type"]["fields"]}
    assert {"birthDate", "name", "managingOrganization", "ObservationList"} <= names
    assert data["__schema"]["queryType"]["name"] == "Query"
    assert named["data"] == {"__typename": "Query"}


async def test_a_usual_clients_introspection_query_is_answered(client: httpx.AsyncClient):
    from graphql import build_client_schema, get_introspection_query

    data = (await _ask(client, "", get_introspection_query()))["data"]

    assert build_client_schema(data).query_type is not None


async def test_what_was_shown_is_audited(client: httpx.AsyncClient, fhir: FhirApp):
    made = await _ward(client)
    await fhir.trail.flush()

    await _ask(client, made["observation0"], "{ subject { resource { id } } }")

    await fhir.trail.flush()
    async with fhir.trail._database.borrow() as connection:
        seen = await connection.fetchval(
            "SELECT resources FROM audit.event WHERE patient_id = $1 AND what = $2",
            made["patient"].partition("/")[2],
            "fhir_api.graphql",
        )
    assert set(seen) == {made["observation0"], made["patient"]}


async def test_references_of_one_level_are_read_together(
    client: httpx.AsyncClient, fhir: FhirApp, monkeypatch: pytest.MonkeyPatch
):
    made = await _ward(client)
    patients = [await _put(client, {"resourceType": "Patient", "active": True}) for _ in range(30)]
    group = await _put(
        client,
        {
            "resourceType": "Group", "type": "person", "actual": True,
            "member": [{"entity": {"reference": place}} for place in [*patients, made["patient"]]],
        },
    )  # fmt: skip
    statements: list[int] = []
    from yba.surfaces.fhir_api import reads

    read_many = reads.reading.read_many

    async def counted(connection: Any, references: Any, *rest: Any, **more: Any) -> Any:
        statements.append(len(references))
        return await read_many(connection, references, *rest, **more)

    monkeypatch.setattr(reads.reading, "read_many", counted)

    data = (await _ask(client, group, "{ member { entity { resource { id } } } }"))["data"]

    assert len(data["member"]) == 31
    assert len(statements) <= 3
