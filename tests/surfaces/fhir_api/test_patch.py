"""PATCH: JSON Patch and FHIRPath Patch, by id and by condition."""

import base64
import json

import pytest
from tests.surfaces.fhir_api.test_rest import create, patient, refusal

from yba.kernel.ids import new_id

JSON_PATCH = {"content-type": "application/json-patch+json"}


def steps(*operations: dict[str, object]) -> str:
    return json.dumps(list(operations))


def fhirpath(**parts: object) -> dict[str, object]:
    names = {"type": "valueCode", "path": "valueString", "name": "valueString"}
    given = []
    for name, value in parts.items():
        if name == "value":
            given.append({"name": "value", **value})
        else:
            given.append({"name": name, names.get(name, "valueInteger"): value})
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": given}],
    }


async def test_json_patch_makes_the_next_version(client):
    id_ = await create(client, patient())

    answer = await client.patch(
        f"/Patient/{id_}",
        content=steps(
            {"op": "test", "path": "/name/0/family", "value": "Trần"},
            {"op": "add", "path": "/gender", "value": "male"},
            {"op": "replace", "path": "/name/0/given/0", "value": "An"},
        ),
        headers=JSON_PATCH,
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.json()["name"] == [{"family": "Trần", "given": ["An"]}]
    found = (await client.get(f"/Patient?_id={id_}&gender=male")).json()
    assert found["total"] == 1


async def test_fhirpath_patch_makes_the_next_version(client):
    id_ = await create(client, patient())

    answer = await client.patch(
        f"/Patient/{id_}",
        content=json.dumps(
            fhirpath(
                type="add", path="Patient", name="birthDate", value={"valueDate": "1990-01-02"}
            )
        ),
    )

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.json()["birthDate"] == "1990-01-02"


async def test_a_patch_that_changes_nothing_keeps_the_version(client):
    id_ = await create(client, patient(gender="male"))

    answer = await client.patch(
        f"/Patient/{id_}",
        content=steps({"op": "replace", "path": "/gender", "value": "male"}),
        headers=JSON_PATCH,
    )

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"1"')


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ("{}", 400),
        ("[", 400),
        ('[{"op":"grow","path":"/gender"}]', 400),
        ('[{"op":"add","path":"gender","value":1}]', 400),
        ('[{"op":"add","path":"/gender"}]', 400),
        ('[{"op":"remove","path":"/gender"}]', 422),
        ('[{"op":"test","path":"/name/0/family","value":"X"}]', 422),
        ('[{"op":"add","path":"/gender","value":"nothing"}]', 422),
        ('[{"op":"add","path":"/colour","value":"red"}]', 422),
        ('[{"op":"replace","path":"/id","value":"other"}]', 422),
        ('[{"op":"replace","path":"/resourceType","value":"Person"}]', 422),
        ('[{"op":"replace","path":"","value":[]}]', 422),
        ('[{"op":"move","from":"/name","path":"/name/0"}]', 422),
    ],
)
async def test_a_patch_that_cannot_be_done_is_refused_and_changes_nothing(client, document, status):
    id_ = await create(client, patient())

    answer = await client.patch(f"/Patient/{id_}", content=document, headers=JSON_PATCH)

    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert (await client.get(f"/Patient/{id_}")).json()["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({"resourceType": "Patient"}, 400),
        (fhirpath(type="grow", path="Patient"), 400),
        (fhirpath(type="delete"), 400),
        (fhirpath(type="delete", path="Patient.name["), 422),
        (fhirpath(type="delete", path="Patient"), 422),
        (fhirpath(type="delete", path="Patient.colour"), 422),
        (fhirpath(type="replace", path="Patient.gender", value={"valueCode": "male"}), 422),
        (fhirpath(type="add", path="Patient", name="name", value={"valueDate": "2020"}), 422),
        (fhirpath(type="add", path="Patient", name="active", value={"valueString": "x"}), 422),
        (fhirpath(type="move", path="Patient.name", source=0, destination=4), 422),
        (fhirpath(type="insert", path="Patient.name", index=9, value={"valueHumanName": {}}), 400),
    ],
)
async def test_a_fhirpath_patch_that_cannot_be_done_is_refused(client, patch, status):
    id_ = await create(client, patient())

    answer = await client.patch(f"/Patient/{id_}", content=json.dumps(patch))

    assert answer.status_code in (status, 422), answer.text
    assert (await client.get(f"/Patient/{id_}")).json()["meta"]["versionId"] == "1"


async def test_deleting_what_is_not_there_is_no_mistake(client):
    id_ = await create(client, patient())

    answer = await client.patch(
        f"/Patient/{id_}", content=json.dumps(fhirpath(type="delete", path="Patient.birthDate"))
    )

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"1"')


async def test_a_patch_meant_for_another_version_is_refused(client):
    id_ = await create(client, patient())
    change = steps({"op": "add", "path": "/gender", "value": "male"})

    answer = await client.patch(
        f"/Patient/{id_}", content=change, headers={**JSON_PATCH, "if-match": 'W/"7"'}
    )

    assert refusal(answer) == (412, "record.version-conflict")


async def test_what_does_not_exist_or_was_deleted_cannot_be_patched(client):
    change = steps({"op": "add", "path": "/gender", "value": "male"})
    id_ = await create(client, patient())
    await client.delete(f"/Patient/{id_}")

    missing = await client.patch(f"/Patient/{new_id()}", content=change, headers=JSON_PATCH)
    deleted = await client.patch(f"/Patient/{id_}", content=change, headers=JSON_PATCH)

    assert (missing.status_code, deleted.status_code) == (404, 410)


async def test_a_patch_by_condition_needs_exactly_one_match(client):
    number = new_id()
    change = steps({"op": "add", "path": "/gender", "value": "female"})
    where = f"/Patient?identifier=urn:t|{number}"
    body = patient(identifier=[{"system": "urn:t", "value": number}])

    none = await client.patch(where, content=change, headers=JSON_PATCH)
    await create(client, body)
    one = await client.patch(where, content=change, headers=JSON_PATCH)
    await create(client, body)
    many = await client.patch(where, content=change, headers=JSON_PATCH)

    assert [a.status_code for a in (none, one, many)] == [404, 200, 412]
    assert one.json()["gender"] == "female"


async def test_other_media_types_are_refused(client):
    id_ = await create(client, patient())

    answer = await client.patch(
        f"/Patient/{id_}", content="[]", headers={"content-type": "text/plain"}
    )

    assert answer.status_code == 415


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_patches_inside_a_bundle(client, kind):
    first, second = await create(client, patient()), await create(client, patient())
    document = steps({"op": "add", "path": "/gender", "value": "male"})
    binary = {
        "resourceType": "Binary", "contentType": "application/json-patch+json",
        "data": base64.b64encode(document.encode()).decode(),
    }  # fmt: skip
    entries = [
        {"resource": binary, "request": {"method": "PATCH", "url": f"Patient/{first}"}},
        {
            "resource": fhirpath(
                type="add", path="Patient", name="gender", value={"valueCode": "female"}
            ),
            "request": {"method": "PATCH", "url": f"Patient?_id={second}", "ifMatch": 'W/"1"'},
        },
    ]

    answer = await client.post(
        "", content=json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})
    )

    assert answer.status_code == 200, answer.text
    assert [e["response"]["status"] for e in answer.json()["entry"]] == ["200 OK", "200 OK"]
    genders = [(await client.get(f"/Patient/{id_}")).json()["gender"] for id_ in (first, second)]
    assert genders == ["male", "female"]


async def test_copies_that_grow_without_end_are_refused(client):
    id_ = await create(client, patient())
    grow = [{"op": "copy", "from": "/name", "path": f"/name/0/x{n}"} for n in range(40)]

    answer = await client.patch(f"/Patient/{id_}", content=json.dumps(grow), headers=JSON_PATCH)

    assert answer.status_code == 422


@pytest.mark.parametrize("media", ["application/merge-patch+json", "application/json"])
async def test_a_merge_patch_says_what_shall_be_and_null_takes_away(client, media):
    id_ = await create(client, patient(gender="male", active=True))

    answer = await client.patch(
        f"/Patient/{id_}", content='{"active":null,"gender":"female"}',
        headers={"content-type": media},
    )  # fmt: skip

    assert answer.status_code == 200, answer.text
    assert "active" not in answer.json()
    assert answer.json()["gender"] == "female"


@pytest.mark.parametrize("document", [True, "x", [], {}, {"resourceType": "Binary"}])
async def test_an_entry_that_holds_no_patch_fails_alone(client, document):
    id_ = await create(client, patient())
    entry = {"resource": document, "request": {"method": "PATCH", "url": f"Patient/{id_}"}}

    answer = await client.post(
        "", content=json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["entry"][0]["response"]["status"].startswith("4")
