"""Transactions and batches."""

import asyncio
import json

import pytest

from yba.kernel.ids import new_id


def entry(resource: dict[str, object], **request: object) -> dict[str, object]:
    full_url = request.pop("fullUrl", None)
    request.setdefault("method", "POST")
    request.setdefault("url", resource["resourceType"])
    found: dict[str, object] = {"resource": resource, "request": request}
    if full_url:
        found["fullUrl"] = full_url
    return found


def bundle(type_: str, *entries: dict[str, object]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": type_, "entry": list(entries)})


def observation(subject: str, **values: object) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": {"reference": subject}, **values,
    }  # fmt: skip


PERSON = "urn:uuid:6f1de1b4-31a5-4d5f-9f65-1f6a0e1a0001"


async def statuses(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [e["response"]["status"].split()[0] for e in answer.json()["entry"]]


async def test_entries_refer_to_each_other_by_full_url(client):
    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(observation(PERSON)),
            entry({"resourceType": "Patient"}, fullUrl=PERSON),
        ),
    )

    assert await statuses(answer) == ["201", "201"]
    stored, patient = (e["response"]["location"].split("/_")[0] for e in answer.json()["entry"])
    assert (await client.get(f"/{stored}")).json()["subject"]["reference"] == patient
    found = (await client.get(f"/Observation?subject={patient}")).json()
    assert [e["resource"]["id"] for e in found["entry"]] == [stored.split("/")[1]]


async def test_a_full_url_of_another_server_is_rewritten_too(client):
    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(observation("Patient/far1")),
            entry({"resourceType": "Patient"}, fullUrl="http://elsewhere.test/fhir/Patient/far1"),
        ),
    )

    stored, patient = (e["response"]["location"].split("/_")[0] for e in answer.json()["entry"])
    assert (await client.get(f"/{stored}")).json()["subject"]["reference"] == patient


async def test_one_refused_entry_leaves_nothing_of_a_transaction(client):
    number = new_id()
    good = {"resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}]}

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(good),
            entry(
                {"resourceType": "Patient", "id": "x"},
                method="PUT",
                url="Patient/x",
                ifMatch='W/"99"',
            ),
        ),
    )

    assert answer.status_code == 412
    assert (await client.get(f"/Patient?identifier=urn:t|{number}")).json()["total"] == 0


async def test_one_refused_entry_of_a_batch_leaves_the_others(client):
    number = new_id()
    good = {"resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}]}

    answer = await client.post(
        "",
        content=bundle(
            "batch",
            entry({"resourceType": "Patient", "gender": "blue"}),
            entry(good),
            {"request": {"method": "GET", "url": f"Patient?identifier=urn:t|{number}"}},
            {"request": {"method": "GET", "url": "Patient/none"}},
            {"request": {"method": "DELETE", "url": "Patient/none"}},
        ),
    )

    assert await statuses(answer) == ["422", "201", "200", "404", "204"]
    assert answer.json()["entry"][2]["resource"]["total"] == 1


async def test_conditional_references_are_resolved_or_refused(client):
    number = new_id()
    doctor = {"resourceType": "Practitioner", "identifier": [{"system": "urn:t", "value": number}]}
    created = await client.post("/Practitioner", content=json.dumps(doctor))
    condition = f"Practitioner?identifier=urn:t|{number}"

    good = await client.post(
        "", content=bundle("transaction", entry(observation("Patient/x", performer=[{"reference": condition}])))
    )  # fmt: skip
    bad = await client.post(
        "", content=bundle("transaction", entry(observation("Patient/x", performer=[{"reference": condition + "0"}])))
    )  # fmt: skip

    location = good.json()["entry"][0]["response"]["location"].split("/_")[0]
    performer = (await client.get(f"/{location}")).json()["performer"][0]["reference"]
    assert performer == f"Practitioner/{created.json()['id']}"
    assert (bad.status_code, bad.json()["resourceType"]) == (422, "OperationOutcome")


@pytest.mark.parametrize(
    ("condition", "status"),
    [("identifier=urn:t|{}", 412), ("identifier=urn:t|{}&_lastUpdated=gt2000", 412), ("colour=red", 400)],
)  # fmt: skip
async def test_a_conditional_reference_that_names_no_one_thing_fails_its_entry_only(
    client, condition, status
):
    number = new_id()
    doctor = {"resourceType": "Practitioner", "identifier": [{"system": "urn:t", "value": number}]}
    for _ in range(2):
        await client.post("/Practitioner", content=json.dumps(doctor))
    wrong = entry(observation("Patient/x", performer=[
        {"reference": f"Practitioner?{condition.format(number)}"}]))  # fmt: skip
    right = entry(observation("Patient/x"))

    batch = await client.post("", content=bundle("batch", right, wrong, right))
    transaction = await client.post("", content=bundle("transaction", right, wrong))

    assert await statuses(batch) == ["201", str(status), "201"]
    assert transaction.status_code == status
    assert transaction.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]


async def test_if_none_exist_uses_what_is_there_and_references_follow(client):
    number = new_id()
    person = {"resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}]}
    first = await client.post("/Patient", content=json.dumps(person))

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(person, fullUrl=PERSON, ifNoneExist=f"identifier=urn:t|{number}"),
            entry(observation(PERSON)),
        ),
    )

    assert await statuses(answer) == ["200", "201"]
    stored = answer.json()["entry"][1]["response"]["location"].split("/_")[0]
    subject = (await client.get(f"/{stored}")).json()["subject"]["reference"]
    assert subject == f"Patient/{first.json()['id']}"


async def test_the_same_condition_twice_in_one_bundle_makes_one(client):
    number = new_id()
    person = {"resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}]}
    conditional = {"ifNoneExist": f"identifier=urn:t|{number}"}

    for type_ in ("transaction", "batch"):
        answer = await client.post(
            "", content=bundle(type_, entry(person, **conditional), entry(person, **conditional))
        )
        assert answer.status_code == 200, answer.text

    assert (await client.get(f"/Patient?identifier=urn:t|{number}")).json()["total"] == 1


async def test_conditional_update_in_a_transaction_is_addressed_by_full_url(client):
    number = new_id()
    person = {"resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}]}

    for expected in ("201", "200"):
        answer = await client.post(
            "",
            content=bundle(
                "transaction",
                entry(
                    {**person, "gender": "male" if expected == "201" else "female"},
                    fullUrl=PERSON, method="PUT", url=f"Patient?identifier=urn:t|{number}",
                ),
                entry(observation(PERSON)),
            ),
        )  # fmt: skip
        assert await statuses(answer) == [expected, "201"]

    found = (await client.get(f"/Observation?patient.identifier=urn:t|{number}")).json()
    assert found["total"] == 2


async def test_the_same_resource_twice_refuses_a_transaction(client):
    id_ = f"twice-{new_id()}"
    one = entry({"resourceType": "Patient", "id": id_}, method="PUT", url=f"Patient/{id_}")

    answer = await client.post("", content=bundle("transaction", one, one))

    assert answer.status_code == 400
    assert (await client.get(f"/Patient/{id_}")).status_code == 404


async def test_large_transactions_go_in_and_are_found(client):
    number = new_id()
    many = [
        entry(observation(PERSON, identifier=[{"system": "urn:t", "value": f"{number}-{n}"}]))
        for n in range(600)
    ]

    answer = await client.post(
        "", content=bundle("transaction", entry({"resourceType": "Patient"}, fullUrl=PERSON), *many)
    )

    patient = answer.json()["entry"][0]["response"]["location"].split("/")[1]
    found = (await client.get(f"/Observation?patient={patient}&_summary=count")).json()
    assert found["total"] == 600
    one = (await client.get(f"/Observation?identifier=urn:t|{number}-577")).json()
    assert one["total"] == 1


async def test_only_transactions_and_batches_are_carried_out(client):
    for body in (
        '{"resourceType":"Bundle","type":"collection"}', '{"resourceType":"Patient"}', "{}", "[]",
        '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"FLY","url":"x"}}]}',
        '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"}}]}',
        '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Patient"},"resource":{}}]}',
    ):  # fmt: skip
        answer = await client.post("", content=body)
        assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome"), (
            body
        )


# -- the corners of transactions -------------------------------------------------------------------


def identified(number: str, **values: object) -> dict[str, object]:
    return {
        "resourceType": "Patient", "identifier": [{"system": "urn:t", "value": number}], **values,
    }  # fmt: skip


async def located(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [e["response"]["location"].split("/_")[0] for e in answer.json()["entry"]]


async def test_links_are_replaced_where_fhir_has_links_and_nowhere_else(client):
    div = f'<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><a href=\\"{PERSON}\\">x</a></div>'
    resource = json.loads(
        f'{{"resourceType":"Basic","code":{{"text":"{PERSON}"}},"text":{{"status":"additional",'
        f'"div":"{div}"}},"implicitRules":"{PERSON}","subject":{{"reference":"{PERSON}#part"}},'
        f'"identifier":[{{"system":"urn:ietf:rfc:3986","value":"{PERSON}"}}],'
        f'"extension":[{{"url":"urn:x","valueUri":"{PERSON}"}},'
        f'{{"url":"urn:y","valueString":"{PERSON}"}},{{"url":"urn:z","valueCanonical":"{PERSON}"}}]}}'
    )
    resource.pop("implicitRules")

    answer = await client.post(
        "", content=bundle(
            "transaction", entry({"resourceType": "Patient"}, fullUrl=PERSON), entry(resource)
        ),
    )  # fmt: skip

    patient, basic = await located(answer)
    stored = (await client.get(f"/{basic}")).json()
    assert stored["subject"]["reference"] == f"{patient}#part"
    assert f'href="{patient}"' in stored["text"]["div"]
    assert [next(v for k, v in e.items() if k != "url") for e in stored["extension"]] == [
        patient, PERSON, PERSON,
    ]  # fmt: skip
    assert stored["identifier"][0]["value"] == PERSON
    assert stored["code"]["text"] == PERSON


async def test_entries_may_refer_to_each_other_in_a_circle(client):
    other = PERSON.replace("0001", "0002")

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry({"resourceType": "Patient",
                   "generalPractitioner": [{"reference": other}]}, fullUrl=PERSON),
            entry({"resourceType": "Organization",
                   "endpoint": [{"reference": "Endpoint/x/_history/2"}],
                   "partOf": {"reference": other},
                   "extension": [{"url": "urn:e", "valueReference": {"reference": PERSON}}]},
                  fullUrl=other),
        ),
    )  # fmt: skip

    patient, organization = await located(answer)
    stored = (await client.get(f"/{organization}")).json()
    assert stored["extension"][0]["valueReference"]["reference"] == patient
    assert stored["endpoint"][0]["reference"] == "Endpoint/x/_history/2"
    read = (await client.get(f"/{patient}")).json()
    assert read["generalPractitioner"][0]["reference"] == organization


async def test_a_conditional_reference_may_name_what_the_same_transaction_creates(client):
    number = new_id()

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(observation(f"Patient?identifier=urn:t|{number}")),
            entry(identified(number)),
        ),
    )

    stored, patient = await located(answer)
    assert (await client.get(f"/{stored}")).json()["subject"]["reference"] == patient


async def test_deletions_come_before_conditions_are_decided(client):
    number = new_id()
    old = (
        await located(await client.post("", content=bundle("batch", entry(identified(number)))))
    )[0]

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(identified(number), ifNoneExist=f"identifier=urn:t|{number}"),
            {"request": {"method": "DELETE", "url": old}},
        ),
    )

    assert await statuses(answer) == ["201", "204"]
    assert (await client.get(f"/Patient?identifier=urn:t|{number}")).json()["total"] == 1


async def test_two_entries_that_turn_out_to_name_one_resource_are_refused(client):
    number = new_id()
    id_ = (
        await located(await client.post("", content=bundle("batch", entry(identified(number)))))
    )[0].split("/")[1]

    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry(identified(number), method="PUT", url=f"Patient?identifier=urn:t|{number}"),
            entry(identified(number, id=id_), method="PUT", url=f"Patient/{id_}"),
        ),
    )

    assert answer.status_code == 400
    assert "twice" in answer.json()["issue"][0]["diagnostics"]


async def test_the_entry_that_failed_a_transaction_is_named(client):
    answer = await client.post(
        "",
        content=bundle(
            "transaction",
            entry({"resourceType": "Patient"}),
            entry(
                {"resourceType": "Patient", "id": "zz"}, method="PUT", url="Patient/zz",
                ifMatch='W/"4"',
            ),
        ),
    )  # fmt: skip

    assert answer.status_code == 412
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]


async def test_every_kind_of_reading_works_inside_a_bundle(client):
    number = new_id()
    made = await client.post("/Patient", content=json.dumps(identified(number)))
    id_ = made.json()["id"]
    binary = (
        await client.post("/Binary", content=b"x", headers={"content-type": "text/plain"})
    ).json()["id"]
    urls = [
        f"Patient/{id_}", f"Patient/{id_}/_history/1", f"Patient/{id_}/_history",
        f"Patient?identifier=urn:t|{number}", f"Patient/{id_}/$everything", "metadata",
        f"Patient/{new_id()}", "Nothing/1", "Patient?colour=red", f"Patient/{id_}/Observation",
    ]  # fmt: skip
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    entries.append({"request": {"method": "HEAD", "url": f"Patient/{id_}"}})
    entries.append({"request": {"method": "GET", "url": f"Patient/{id_}", "ifNoneMatch": 'W/"1"'}})
    entries.append({"request": {"method": "GET", "url": f"Binary/{binary}"}})

    answer = await client.post("", content=bundle("batch", *entries))

    assert await statuses(answer) == [
        "200", "200", "200", "200", "200", "200", "404", "404", "400", "200", "200", "304",
        "200",
    ]  # fmt: skip
    found = answer.json()["entry"]
    assert found[0]["resource"]["id"] == id_
    assert found[0]["response"]["etag"] == 'W/"1"'
    assert found[0]["response"]["lastModified"]
    assert found[3]["resource"]["total"] == 1
    assert "resource" not in found[10]
    assert found[12]["resource"]["contentType"] == "text/plain"
    assert found[6]["response"]["outcome"]["resourceType"] == "OperationOutcome"


async def test_who_may_only_read_may_send_a_batch_of_reads(client):
    reader = {"authorization": "Bearer reader"}
    reads = bundle("batch", {"request": {"method": "GET", "url": "Patient?_count=1"}})

    assert await statuses(await client.post("", content=reads, headers=reader)) == ["200"]
    writes = bundle("batch", entry({"resourceType": "Patient"}))
    assert (await client.post("", content=writes, headers=reader)).status_code == 403


async def test_answers_come_as_preferred(client):
    content = bundle("transaction", entry({"resourceType": "Patient"}))

    whole = await client.post("", content=content, headers={"prefer": "return=representation"})
    told = await client.post("", content=content, headers={"prefer": "return=OperationOutcome"})
    least = await client.post("", content=content, headers={"prefer": "return=minimal"})

    assert whole.json()["entry"][0]["resource"]["resourceType"] == "Patient"
    outcome = told.json()["entry"][0]["response"]["outcome"]
    assert outcome["resourceType"] == "OperationOutcome"
    assert least.json()["entry"][0].keys() == {"response"}


async def test_several_are_deleted_by_condition_inside_a_transaction(client):
    number = new_id()
    await client.post("", content=bundle("batch", *(entry(identified(number)) for _ in range(3))))
    where = f"Patient?identifier=urn:t|{number}"

    few = await client.post(
        "", content=bundle("transaction", {"request": {"method": "DELETE", "url": where}})
    )
    all_ = await client.post(
        "",
        content=bundle(
            "transaction", {"request": {"method": "DELETE", "url": f"{where}&_count=9"}}
        ),
    )

    assert few.status_code == 412
    assert await statuses(all_) == ["204"]
    assert (await client.get(f"/{where}")).json()["total"] == 0


async def test_a_bundle_of_another_type_is_stored_at_its_own_address_only(client):
    document = {"resourceType": "Bundle", "type": "collection"}

    assert (await client.post("/Bundle", content=json.dumps(document))).status_code == 201
    assert (await client.post("", content=json.dumps(document))).status_code == 400
    assert (await client.post("", content='{"resourceType":"Bundle"}')).status_code == 400
    assert (await client.post("", content='{"resourceType":"Patient"}')).status_code == 400


async def test_many_transactions_that_wait_for_one_another_all_come_through(client):
    number = new_id()

    def content() -> str:
        observed = observation("Patient?identifier=urn:t|" + number)
        observed["code"] = {"coding": [{"system": "urn:new", "code": new_id()}]}
        return bundle(
            "transaction",
            entry(identified(number), ifNoneExist=f"identifier=urn:t|{number}"),
            entry(observed),
        )

    answers = await asyncio.gather(*(client.post("", content=content()) for _ in range(24)))

    assert {a.status_code for a in answers} == {200}
    made = [a.json()["entry"][0]["response"]["status"] for a in answers]
    assert made.count("201 Created") == 1
