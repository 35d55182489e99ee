"""$validate answers an outcome with places, whatever was sent."""

import json
from typing import Any

import httpx
import pytest
from tests.fhir.package import package

from yba.fhir.profiles import read_package
from yba.fhir.validation import examine
from yba.kernel.ids import new_id

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">120</div>'},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
    "subject": {"reference": "Patient/1"},
    "performer": [{"reference": "Practitioner/1"}],
    "effectiveDateTime": "2026-03-01",
    "valueQuantity": {"value": 120, "unit": "mmHg"},
}
PROFILE: dict[str, Any] = {
    "resourceType": "StructureDefinition",
    "status": "active",
    "fhirVersion": "4.0.1",
    "kind": "resource",
    "abstract": False,
    "type": "Observation",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation",
    "derivation": "constraint",
}


async def issues(
    client: httpx.AsyncClient, path: str, body: Any = None, **headers: str
) -> list[dict[str, Any]]:
    """Return the issues of a call that must be answered with 200."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post(path, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert [i for i in examine(answer.content) if i.is_error] == []
    return answer.json()["issue"]


def errors(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return (code, expression) of the errors."""
    return [
        (i["code"], i.get("expression", [""])[0])
        for i in found
        if i["severity"] in ("error", "fatal")
    ]


async def stored_profile(
    client: httpx.AsyncClient, element: list[dict[str, Any]], **more: Any
) -> str:
    """Store a profile of Observation and return its address."""
    url = f"http://example.org/profiles/{new_id()}"
    profile = {
        **PROFILE,
        "url": url,
        "name": "Strict",
        "differential": {"element": element},
        **more,
    }
    answer = await client.post("/StructureDefinition", content=json.dumps(profile))
    assert answer.status_code == 201, answer.text
    return url


async def test_all_right_is_one_information(client: httpx.AsyncClient):
    found = await issues(client, "/Observation/$validate", OBSERVATION)

    assert [i["severity"] for i in found] == ["information"]
    assert found[0]["details"]["text"] == "No issue was found."


async def test_sentences_are_in_the_language_of_the_reader(client: httpx.AsyncClient):
    found = await issues(
        client, "/Observation/$validate", OBSERVATION, **{"accept-language": "vi-VN,vi;q=0.9"}
    )

    assert found[0]["details"]["text"] == "Không có vấn đề nào."


async def test_resource_comes_bare_or_as_parameter(client: httpx.AsyncClient):
    wrong = {**OBSERVATION, "status": "done"}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": wrong}],
    }

    for path in ("/Observation/$validate", "/$validate"):
        for body in (wrong, parameters):
            assert errors(await issues(client, path, body)) == [
                ("code-invalid", "Observation.status")
            ]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "structure"), (b"[]", "structure"), (b'{"resourceType":"Nothing"}', "structure")],
)
async def test_what_is_no_resource_is_answered_by_an_outcome(
    client: httpx.AsyncClient, body: bytes, code: str
):
    assert [c for c, _ in errors(await issues(client, "/Patient/$validate", body))][:1] == [code]


async def test_broken_json_inside_parameters_is_answered_by_an_outcome(client: httpx.AsyncClient):
    body = b'{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"a":}}]}'

    assert errors(await issues(client, "/Patient/$validate", body)) == [("structure", "")]


async def test_every_issue_is_told_at_once(client: httpx.AsyncClient):
    wrong = {
        **OBSERVATION, "status": "done", "colour": "red", "issued": "today",
        "valueQuantity": {"value": 1, "code": "mm[Hg]"},
    }  # fmt: skip

    found = errors(await issues(client, "/Observation/$validate", wrong))

    assert set(found) == {
        ("code-invalid", "Observation.status"),
        ("structure", "Observation.colour"),
        ("value", "Observation.issued"),
        ("invariant", "Observation.value.ofType(Quantity)"),
    }


async def test_type_of_the_address_is_the_type_of_the_resource(client: httpx.AsyncClient):
    assert errors(await issues(client, "/Patient/$validate", OBSERVATION)) == [
        ("invalid", "Observation")
    ]


async def test_stored_resource_is_validated_by_its_address(client: httpx.AsyncClient):
    created = await client.post("/Observation", content=json.dumps(OBSERVATION))
    path = f"/Observation/{created.json()['id']}/$validate"

    answer = await client.get(path)

    assert answer.status_code == 200
    assert errors(answer.json()["issue"]) == []
    assert (await client.get("/Observation/nobody/$validate")).status_code == 404


async def test_stored_profile_is_used_by_parameter_and_by_meta(client: httpx.AsyncClient):
    url = await stored_profile(client, [{"path": "Observation.note", "min": 1}])
    expected = [("required", "Observation.note")]
    declared = {**OBSERVATION, "meta": {"profile": [url]}}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": OBSERVATION},
            {"name": "profile", "valueCanonical": url},
            {"name": "mode", "valueCode": "profile"},
        ],
    }

    assert errors(await issues(client, "/Observation/$validate", declared)) == expected
    assert errors(await issues(client, "/Observation/$validate", parameters)) == expected
    assert (
        errors(await issues(client, f"/Observation/$validate?profile={url}", OBSERVATION))
        == expected
    )


async def test_profile_built_on_a_stored_profile_keeps_both_rules(client: httpx.AsyncClient):
    first = await stored_profile(client, [{"path": "Observation.note", "min": 1}])
    second = await stored_profile(
        client, [{"path": "Observation.method", "min": 1}], baseDefinition=first
    )

    found = errors(await issues(client, f"/Observation/$validate?profile={second}", OBSERVATION))

    assert set(found) == {("required", "Observation.note"), ("required", "Observation.method")}


async def test_changed_profile_counts_at_once(client: httpx.AsyncClient):
    url = await stored_profile(client, [{"path": "Observation.note", "min": 1}])
    await issues(client, f"/Observation/$validate?profile={url}", OBSERVATION)
    page = (await client.get("/StructureDefinition", params={"url": url})).json()
    stored = page["entry"][0]["resource"]
    stored["differential"]["element"] = [{"path": "Observation.method", "min": 1}]
    await client.put(f"/StructureDefinition/{stored['id']}", content=json.dumps(stored))

    found = await issues(client, f"/Observation/$validate?profile={url}", OBSERVATION)

    assert errors(found) == [("required", "Observation.method")]


async def test_unknown_profile_is_a_warning(client: httpx.AsyncClient):
    body = {**OBSERVATION, "meta": {"profile": ["http://example.org/nobody-knows"]}}

    found = await issues(client, "/Observation/$validate", body)

    assert [(i["severity"], i["code"], i["expression"]) for i in found] == [
        ("warning", "not-found", ["Observation.meta.profile[0]"])
    ]


async def test_modes_ask_for_what_they_need(client: httpx.AsyncClient):
    created = (await client.post("/Observation", content=json.dumps(OBSERVATION))).json()
    path = f"/Observation/{created['id']}/$validate"

    assert errors(await issues(client, f"{path}?mode=update", created)) == []
    assert errors(await issues(client, f"{path}?mode=update", OBSERVATION)) == [
        ("required", "Observation.id")
    ]
    assert errors(await issues(client, f"{path}?mode=update", {**created, "id": "other"})) == [
        ("invalid", "Observation.id")
    ]
    assert errors(await issues(client, f"{path}?mode=delete", b"")) == []
    assert errors(await issues(client, "/Observation/nobody/$validate?mode=delete", b"")) == [
        ("not-found", "")
    ]
    assert (await client.post(f"{path}?mode=dance", content=b"")).status_code == 400


async def test_entries_of_a_bundle_are_validated_too(client: httpx.AsyncClient):
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{n:012}", "resource": resource}
            for n, resource in enumerate([OBSERVATION, {**OBSERVATION, "status": "done"}])
        ],
    }

    assert errors(await issues(client, "/Bundle/$validate", bundle)) == [
        ("code-invalid", "Bundle.entry[1].resource.status")
    ]


async def test_codes_are_asked_of_the_terminology_where_the_shipped_sets_end(
    client: httpx.AsyncClient,
):
    system, value_set = f"http://example.org/{new_id()}", f"http://example.org/{new_id()}"
    code_system = {
        "resourceType": "CodeSystem", "url": system, "status": "active", "content": "complete",
        "concept": [{"code": "red"}, {"code": "blue"}],
    }  # fmt: skip
    members = {
        "resourceType": "ValueSet", "url": value_set, "status": "active",
        "compose": {"include": [{"system": system}]},
    }  # fmt: skip
    for resource in (code_system, members):
        answer = await client.post(f"/{resource['resourceType']}", content=json.dumps(resource))
        assert answer.status_code == 201, answer.text
    binding = {"strength": "required", "valueSet": value_set}
    url = await stored_profile(client, [{"path": "Observation.method", "binding": binding}])
    path = f"/Observation/$validate?profile={url}"

    def with_method(code: str) -> dict[str, Any]:
        return {**OBSERVATION, "method": {"coding": [{"system": system, "code": code}]}}

    assert errors(await issues(client, path, with_method("red"))) == []
    assert errors(await issues(client, path, with_method("green"))) == [
        ("code-invalid", "Observation.method")
    ]


async def test_validating_needs_a_known_caller(client: httpx.AsyncClient):
    answer = await client.post(
        "/Observation/$validate",
        content=json.dumps(OBSERVATION),
        headers={"authorization": "Bearer nobody"},
    )

    assert answer.status_code == 401


async def test_xml_is_validated_too(client: httpx.AsyncClient):
    xml = {"content-type": "application/fhir+xml"}
    wrong = (
        b'<Observation xmlns="http://hl7.org/fhir"><status value="done"/>'
        b'<code><text value="x"/></code></Observation>'
    )

    found = await issues(client, "/Observation/$validate", wrong, **xml)
    broken = await issues(client, "/Observation/$validate", b"<Observation", **xml)

    assert errors(found) == [("code-invalid", "Observation.status")]
    assert [code for code, _ in errors(broken)] == ["structure"]


async def test_validating_is_an_entry_of_a_batch(client: httpx.AsyncClient):
    request = {"method": "POST", "url": "Observation/$validate"}
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": OBSERVATION, "request": request}],
    }

    answer = await client.post("", content=json.dumps(batch))

    [entry] = answer.json()["entry"]
    assert entry["response"]["status"].startswith("200")
    assert entry["resource"]["resourceType"] == "OperationOutcome"


async def test_validate_is_named_in_the_capability_statement(client: httpx.AsyncClient):
    statement = (await client.get("/metadata")).json()

    operations = json.dumps(statement["rest"][0])
    assert "OperationDefinition/Resource-validate" in operations


@pytest.mark.slow
async def test_stored_package_of_profiles_validates_its_documents(client: httpx.AsyncClient):
    path = package("hl7.fhir.uv.ips-2.0.0")
    definitions = [
        resource
        for _, resource in read_package(path)
        if resource["resourceType"] in ("StructureDefinition", "ValueSet")
    ]
    for one in definitions:
        place = f"/{one['resourceType']}/{one['id']}"
        answer = await client.put(place, content=json.dumps(one, default=float))
        assert answer.status_code in (200, 201), answer.text
    example = dict(read_package(path, examples=True))["Bundle-bundle-minimal.json"]
    right = json.loads(json.dumps(example, default=float))
    wrong = json.loads(json.dumps(right))
    del wrong["entry"][0]["resource"]["section"][0]["text"]

    before = errors(await issues(client, "/Bundle/$validate", right))
    after = errors(await issues(client, "/Bundle/$validate", wrong))

    assert before == []
    assert ("required", "Bundle.entry[0].resource.section[0].text") in after
