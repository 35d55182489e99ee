"""The interactions on one resource, as clients see them."""

import asyncio
import gzip
import json

import pytest

from yba.kernel.ids import new_id


def patient(**values: object) -> dict[str, object]:
    return {"resourceType": "Patient", "name": [{"family": "Trần", "given": ["Bình"]}], **values}


async def create(client, body: dict[str, object]) -> str:
    answer = await client.post(f"/{body['resourceType']}", content=json.dumps(body))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def refusal(answer) -> tuple[int, str]:
    assert answer.json()["resourceType"] == "OperationOutcome"
    return answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]


async def test_a_created_resource_has_an_address_a_version_and_a_time(client):
    answer = await client.post("/Patient", content=json.dumps(patient()))

    id_ = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["location"].endswith(f"/fhir/Patient/{id_}/_history/1")
    assert answer.headers["last-modified"].endswith("GMT")
    read = await client.get(f"/Patient/{id_}")
    assert read.json() == answer.json()


async def test_numbers_come_back_digit_by_digit(client):
    body = (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        '"valueQuantity":{"value":5.4000}}'
    )
    answer = await client.post("/Observation", content=body)

    assert '"value":5.4000' in (await client.get(f"/Observation/{answer.json()['id']}")).text


async def test_head_answers_like_get_without_a_body(client):
    id_ = await create(client, patient())

    answer = await client.head(f"/Patient/{id_}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_an_unchanged_resource_is_not_sent_again(client):
    id_ = await create(client, patient())

    answer = await client.get(f"/Patient/{id_}", headers={"if-none-match": 'W/"1"'})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_update_makes_the_next_version_and_keeps_the_old_one(client):
    id_ = await create(client, patient())

    answer = await client.put(f"/Patient/{id_}", content=json.dumps(patient(id=id_, gender="male")))

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    old = await client.get(f"/Patient/{id_}/_history/1")
    assert "gender" not in old.json()
    history = (await client.get(f"/Patient/{id_}/_history")).json()
    assert [e["response"]["etag"] for e in history["entry"]] == ['W/"2"', 'W/"1"']


async def test_the_same_content_again_changes_nothing(client):
    id_ = await create(client, patient())

    answer = await client.put(f"/Patient/{id_}", content=json.dumps(patient(id=id_)))

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"1"')


async def test_update_of_an_id_unknown_here_creates_it(client):
    id_ = f"client-{new_id()}"

    answer = await client.put(f"/Patient/{id_}", content=json.dumps(patient(id=id_)))

    assert answer.status_code == 201
    assert (await client.get(f"/Patient/{id_}")).json()["id"] == id_


async def test_of_two_writers_who_read_the_same_version_one_is_refused(client):
    id_ = await create(client, patient())

    async def update(gender: str):
        return await client.put(
            f"/Patient/{id_}", content=json.dumps(patient(id=id_, gender=gender)),
            headers={"if-match": 'W/"1"'},
        )  # fmt: skip

    answers = await asyncio.gather(update("male"), update("female"))

    assert sorted(a.status_code for a in answers) == [200, 412]


async def test_many_writers_of_one_resource_each_make_one_version(client):
    id_ = await create(client, patient())

    answers = await asyncio.gather(
        *(
            client.put(
                f"/Patient/{id_}", content=json.dumps(patient(id=id_, birthDate=f"19{n:02}"))
            )
            for n in range(10, 40)
        )
    )

    assert sorted(int(a.headers["etag"][3:-1]) for a in answers) == list(range(2, 32))


async def test_a_deleted_resource_is_gone_and_may_come_back(client):
    id_ = await create(client, patient())

    assert (await client.delete(f"/Patient/{id_}")).status_code == 204
    assert refusal(await client.get(f"/Patient/{id_}")) == (410, "record.deleted")
    assert (await client.delete(f"/Patient/{id_}")).status_code == 204
    back = await client.put(f"/Patient/{id_}", content=json.dumps(patient(id=id_)))
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')
    history = (await client.get(f"/Patient/{id_}/_history")).json()
    assert [e["request"]["method"] for e in history["entry"]] == ["PUT", "DELETE", "POST"]


async def test_history_pages_show_every_state_once(client):
    id_ = await create(client, patient())
    for n in range(4):
        body = patient(id=id_, birthDate=f"198{n}")
        await client.put(f"/Patient/{id_}", content=json.dumps(body))

    seen, url = [], f"/Patient/{id_}/_history?_count=2"
    while url:
        page = (await client.get(url)).json()
        seen += [e["response"]["etag"] for e in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")

    assert seen == [f'W/"{n}"' for n in (5, 4, 3, 2, 1)]


async def test_64_identical_conditional_creates_make_one_resource(client):
    number = new_id()
    body = json.dumps(patient(identifier=[{"system": "urn:test:mrn", "value": number}]))

    answers = await asyncio.gather(
        *(
            client.post(
                "/Patient", content=body,
                headers={"if-none-exist": f"identifier=urn:test:mrn|{number}"},
            )
            for _ in range(64)
        )
    )  # fmt: skip

    assert sorted(a.status_code for a in answers) == [200] * 63 + [201]
    assert len({a.json()["id"] for a in answers}) == 1


async def test_conditional_update_and_delete_address_the_one_that_matches(client):
    number = new_id()
    body = patient(identifier=[{"system": "urn:test:mrn", "value": number}])
    where = f"/Patient?identifier=urn:test:mrn|{number}"

    created = await client.put(where, content=json.dumps(body))
    updated = await client.put(where, content=json.dumps({**body, "gender": "female"}))
    deleted = await client.delete(where)

    assert [created.status_code, updated.status_code, deleted.status_code] == [201, 200, 204]
    assert updated.json()["id"] == created.json()["id"]
    assert (await client.get(f"/Patient/{created.json()['id']}")).status_code == 410


async def test_prefer_minimal_answers_without_the_resource(client):
    answer = await client.post(
        "/Patient", content=json.dumps(patient()), headers={"prefer": "return=minimal"}
    )

    assert (answer.status_code, answer.content) == (201, b"")


async def test_bodies_may_be_packed_both_ways(client):
    body = json.dumps(patient(text={"status": "generated", "div": f"<div>{'x' * 3000}</div>"}))

    answer = await client.post(
        "/Patient", content=gzip.compress(body.encode()),
        headers={"content-encoding": "gzip", "accept-encoding": "gzip"},
    )  # fmt: skip

    assert answer.status_code == 201, answer.text
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["name"][0]["family"] == "Trần"


async def test_nobody_is_served_without_a_token(client):
    answer = await client.get("/Patient", headers={"authorization": ""})

    assert refusal(answer) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_reader_may_not_write(client):
    reader = {"authorization": "Bearer reader"}

    assert (await client.get("/Patient?_count=1", headers=reader)).status_code == 200
    answer = await client.post("/Patient", content=json.dumps(patient()), headers=reader)
    assert refusal(answer) == (403, "access-refused")


async def test_the_capability_statement_is_open_and_tells_what_is_on(client):
    answer = await client.get("/metadata", headers={"authorization": ""})

    statement = answer.json()
    assert (answer.status_code, statement["fhirVersion"]) == (200, "4.0.1")
    observation = next(r for r in statement["rest"][0]["resource"] if r["type"] == "Observation")
    definition = "http://hl7.org/fhir/SearchParameter/Observation-code-value-quantity"
    pair = {"name": "code-value-quantity", "definition": definition, "type": "composite"}
    assert pair in observation["searchParam"]


async def test_every_read_is_in_the_audit_trail_of_the_patient(client, fhir, database):
    id_ = await create(client, patient())
    await client.get(f"/Patient/{id_}")
    await fhir.trail.flush()

    async with database.borrow() as connection:
        rows = await connection.fetch(
            "SELECT action, what FROM audit.event WHERE patient_id = $1 ORDER BY id", id_
        )
    assert [tuple(row) for row in rows] == [("C", "fhir_api.create"), ("R", "fhir_api.read")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Patient/none", 404), ("/Nothing", 404), ("/Patient/x/y", 404), ("/Patient/a b", 404),
        ("/Patient/x/_history/abc", 404), ("/Patient/x/_history", 404),
        ("/Patient?colour=red", 400), ("/Patient?_count=many", 400), ("/Patient?birthdate=soon", 400),
        ("/Observation?value-quantity=much", 400), ("/Patient?_sort=colour", 400),
        ("/Patient?name:sounds=x", 400), ("/Patient?_cursor=AAAA", 400),
        ("/Patient?_include=Patient:colour", 400), ("/Patient?organization.colour=x", 400),
        ("/Patient?_has:Nothing:patient:code=x", 400), ("/Patient?name=%00", 400),
        ("/Patient?name=%ff", 400), ("/Patient?_format=turtle", 406), ("/Patient?_elements", 200),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_with_an_outcome(client, path, status):
    answer = await client.get(path)

    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["resourceType"] == "OperationOutcome"


async def test_a_lenient_search_leaves_unknown_parameters_out_and_says_so(client):
    answer = await client.get(
        "/Patient?colour=red&_count=1", headers={"prefer": "handling=lenient"}
    )

    assert answer.status_code == 200
    outcome = answer.json()["entry"][-1]
    assert outcome["search"]["mode"] == "outcome"
    assert "colour" in outcome["resource"]["issue"][0]["diagnostics"]
    assert "colour" not in answer.json()["link"][0]["url"]
