"""Create, update and delete by condition, and requests that may be sent twice."""

import asyncio
import json

import pytest
from tests.surfaces.fhir_api.test_rest import create, patient, refusal

from yba.kernel.ids import new_id


def numbered(number: str, **values: object) -> dict[str, object]:
    return patient(identifier=[{"system": "urn:t", "value": number}], **values)


async def test_a_conditional_create_makes_one_finds_one_or_refuses(client):
    number = new_id()
    headers = {"if-none-exist": f"identifier=urn:t|{number}"}
    body = json.dumps(numbered(number))

    first = await client.post("/Patient", content=body, headers=headers)
    second = await client.post("/Patient", content=body, headers=headers)
    await create(client, numbered(number))
    third = await client.post("/Patient", content=body, headers=headers)

    assert [a.status_code for a in (first, second, third)] == [201, 200, 412]
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["last-modified"]


async def test_a_condition_in_the_address_of_a_create_is_honoured_too(client):
    number = new_id()
    where, body = f"/Patient?identifier=urn:t|{number}", json.dumps(numbered(number))

    answers = [await client.post(where, content=body) for _ in range(2)]

    assert [a.status_code for a in answers] == [201, 200]
    assert (await client.post("/Patient?colour=red", content=body)).status_code == 400


async def test_a_conditional_update_creates_updates_or_refuses(client):
    number = new_id()
    where = f"/Patient?identifier=urn:t|{number}"

    made = await client.put(where, content=json.dumps(numbered(number)))
    changed = await client.put(where, content=json.dumps(numbered(number, gender="male")))
    wrong = await client.put(where, content=json.dumps(numbered(number, id="another")))
    await create(client, numbered(number))
    many = await client.put(where, content=json.dumps(numbered(number)))

    assert [a.status_code for a in (made, changed, wrong, many)] == [201, 200, 400, 412]
    assert changed.json()["id"] == made.json()["id"]


async def test_a_conditional_update_without_match_creates_under_the_id_it_gives(client):
    number, id_ = new_id(), f"mine-{new_id()}"
    where = f"/Patient?identifier=urn:t|{number}"

    made = await client.put(where, content=json.dumps(numbered(number, id=id_)))

    assert (made.status_code, made.json()["id"]) == (201, id_)


async def test_a_conditional_update_without_match_does_not_overwrite_what_has_its_id(client):
    id_ = await create(client, patient())
    where = f"/Patient?identifier=urn:t|{new_id()}"

    answer = await client.put(where, content=json.dumps(patient(id=id_, gender="male")))

    assert answer.status_code == 409
    assert (await client.get(f"/Patient/{id_}")).json()["meta"]["versionId"] == "1"


async def test_a_conditional_delete_deletes_one_and_several_only_when_told_how_many(client):
    number = new_id()
    where = f"/Patient?identifier=urn:t|{number}"
    ids = [await create(client, numbered(number)) for _ in range(3)]

    assert (await client.delete(where)).status_code == 412
    assert (await client.delete(f"{where}&_count=2")).status_code == 412
    assert (await client.get(f"/Patient/{ids[0]}")).status_code == 200
    assert (await client.delete(f"{where}&_count=3")).status_code == 204
    assert {(await client.get(f"/Patient/{id_}")).status_code for id_ in ids} == {410}
    assert (await client.delete(where)).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("query", ["", "colour=red", "_sort=name", "name="])
async def test_conditions_that_mean_nothing_are_refused_even_when_lenient(client, method, query):
    answer = await client.request(
        method, f"/Patient?{query}", content=json.dumps(patient() if method == "PUT" else []),
        headers={
            "prefer": "handling=lenient",
            "content-type": "application/json-patch+json" if method == "PATCH" else "application/json",
        },
    )  # fmt: skip

    assert answer.status_code == 400, answer.text


async def test_if_match_holds_for_updates_and_deletions(client):
    id_ = await create(client, patient())
    body = json.dumps(patient(id=id_, gender="male"))

    assert (
        refusal(await client.put(f"/Patient/{id_}", content=body, headers={"if-match": 'W/"9"'}))[0]
        == 412
    )
    assert refusal(await client.delete(f"/Patient/{id_}", headers={"if-match": 'W/"9"'}))[0] == 412
    assert refusal(await client.delete(f"/Patient/{id_}", headers={"if-match": "x"}))[0] == 400
    assert (
        await client.put(f"/Patient/{id_}", content=body, headers={"if-match": "*"})
    ).status_code == 200
    missing = f"not-here-{new_id()}"
    any_version = await client.put(
        f"/Patient/{missing}", content=json.dumps(patient(id=missing)), headers={"if-match": "*"}
    )
    assert any_version.status_code == 412


async def test_creates_updates_and_deletions_of_one_condition_at_once_make_no_twins(client):
    number = new_id()
    where = f"identifier=urn:t|{number}"
    body = json.dumps(numbered(number))

    answers = await asyncio.gather(
        *(
            client.put(f"/Patient?{where}", content=body)
            if n % 2
            else client.post("/Patient", content=body, headers={"if-none-exist": where})
            for n in range(20)
        )
    )

    assert sorted({a.status_code for a in answers}) == [200, 201]
    assert (await client.get(f"/Patient?{where}")).json()["total"] == 1


async def test_two_conditions_that_find_the_same_resource_at_once_both_count(client):
    number = new_id()
    id_ = await create(client, numbered(number))
    one, two = (json.dumps(numbered(number, birthDate=day)) for day in ("1990-01-01", "1990-01-02"))

    answers = await asyncio.gather(
        client.put(f"/Patient?identifier=urn:t|{number}", content=one),
        client.put(f"/Patient?_id={id_}", content=two),
    )

    assert sorted(a.headers["etag"] for a in answers) == ['W/"2"', 'W/"3"']


# -- sent twice ------------------------------------------------------------------------------------


async def test_a_create_with_a_key_happens_once(client):
    headers = {"idempotency-key": new_id()}
    body = json.dumps(patient())

    answers = await asyncio.gather(
        *(client.post("/Patient", content=body, headers=headers) for _ in range(8))
    )

    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    other = await client.post(
        "/Patient", content=json.dumps(patient(gender="male")), headers=headers
    )
    assert refusal(other) == (422, "record.key-used-before")


async def test_a_refused_create_leaves_its_key_free(client):
    headers = {"idempotency-key": new_id(), "if-none-exist": "colour=red"}

    refused = await client.post("/Patient", content=json.dumps(patient()), headers=headers)
    headers.pop("if-none-exist")
    made = await client.post("/Patient", content=json.dumps(patient()), headers=headers)

    assert (refused.status_code, made.status_code) == (400, 201)


async def test_a_transaction_with_a_key_happens_once_and_its_reads_are_read_again(client):
    number = new_id()
    bundle = {
        "resourceType": "Bundle", "type": "transaction",
        "entry": [
            {"resource": numbered(number), "request": {"method": "POST", "url": "Patient"}},
            {"request": {"method": "GET", "url": f"Patient?identifier=urn:t|{number}"}},
        ],
    }  # fmt: skip
    headers = {"idempotency-key": new_id()}

    first = await client.post("", content=json.dumps(bundle), headers=headers)
    second = await client.post("", content=json.dumps(bundle), headers=headers)

    assert first.json()["entry"][0] == second.json()["entry"][0]
    assert second.json()["entry"][1]["resource"]["total"] == 1
