"""Terminology among the rest of the FHIR base: searches, bundles, formats, many at a time."""

import asyncio
import json

from tests.surfaces.fhir_api.terminology_examples import (
    URL,
    ZOO,
    codes,
    issue,
    parameters,
    put,
    rule,
    said,
    value_set,
    zoo,
)

ICD10 = "http://hl7.org/fhir/sid/icd-10"


async def test_terminology_capabilities_name_what_is_held(client):
    answer = await client.get("/metadata", params={"mode": "terminology"})

    body = answer.json()
    assert (answer.status_code, body["resourceType"]) == (200, "TerminologyCapabilities")
    held = {one["uri"] for one in body["codeSystem"]}
    assert {"http://hl7.org/fhir/administrative-gender", ICD10} <= held


async def test_the_capability_statement_lists_the_operations(client):
    resources = (await client.get("/metadata")).json()["rest"][0]["resource"]

    by_type = {
        one["type"]: {operation["name"] for operation in one.get("operation", [])}
        for one in resources
    }
    assert {"expand", "validate-code"} <= by_type["ValueSet"]
    assert {"lookup", "validate-code", "subsumes"} <= by_type["CodeSystem"]
    assert "translate" in by_type["ConceptMap"]


async def test_answers_are_given_as_xml_too(client):
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    answer = await client.get("/ValueSet/$expand", params={"url": url, "_format": "xml"})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+xml")
    assert '<code value="male"/>' in answer.text


async def test_who_may_not_read_is_refused(client):
    wanted = {"url": "http://hl7.org/fhir/ValueSet/administrative-gender"}
    answer = await client.get(
        "/ValueSet/$expand", params=wanted, headers={"authorization": "Bearer nobody"}
    )

    assert answer.status_code == 401


async def test_many_ask_for_a_value_set_that_is_not_compiled_yet(client):
    await put(client, ZOO)
    await put(client, value_set("rush", zoo(filter=[rule("legs", "=", "4")])))

    answers = await asyncio.gather(
        *(client.get("/ValueSet/$expand", params={"url": URL + "rush"}) for _ in range(12))
    )

    assert {tuple(codes(answer)) for answer in answers} == {("cat", "dog", "cow")}


async def test_readers_see_the_old_or_the_new_system_and_in_the_end_the_new(client):
    def rush(*names: str):
        return {
            "resourceType": "CodeSystem",
            "id": "terms-rush-system",
            "url": URL + "rush-system",
            "status": "active",
            "content": "complete",
            "concept": [{"code": name} for name in names],
        }

    await put(client, rush("a"))
    await put(client, value_set("rush-all", {"system": URL + "rush-system"}))

    async def expand():
        return codes(await client.get("/ValueSet/$expand", params={"url": URL + "rush-all"}))

    results = await asyncio.gather(
        *(expand() for _ in range(5)),
        put(client, rush("a", "b")),
        *(expand() for _ in range(5)),
    )

    seen = {tuple(one) for one in results if isinstance(one, list)}
    assert seen <= {("a",), ("a", "b")}
    assert await expand() == ["a", "b"]


async def test_a_transaction_brings_a_system_and_its_value_set_into_force(client):
    system = {**ZOO, "id": "terms-bundled", "url": URL + "bundled"}
    system.pop("valueSet")
    every = value_set("bundled-all", {"system": URL + "bundled"})
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for one in (system, every)
        ],
    }

    assert (await client.post("/", content=json.dumps(bundle))).status_code == 200
    answer = await client.get("/ValueSet/$expand", params={"url": URL + "bundled-all"})
    assert len(codes(answer)) == 7


async def test_a_transaction_with_an_unusable_system_stores_nothing(client):
    broken = {**ZOO, "id": "terms-atomic", "url": URL + "atomic", "concept": [{"code": "a"}] * 2}
    good = value_set("atomic-all", {"system": URL + "atomic"})
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for one in (good, broken)
        ],
    }

    assert (await client.post("/", content=json.dumps(bundle))).status_code == 422
    answer = await client.get("/ValueSet/$expand", params={"url": URL + "atomic-all"})
    assert issue(answer) == (404, "not-found")


async def test_a_value_set_without_url_is_known_by_its_place(client):
    nameless = value_set("nameless", {"system": "http://hl7.org/fhir/administrative-gender"})
    nameless.pop("url")
    await put(client, nameless)

    assert len(codes(await client.get("/ValueSet/terms-nameless/$expand"))) == 4


async def test_a_mere_mention_does_not_hide_a_system(client):
    url = "http://hl7.org/fhir/address-use"
    stub = {
        "resourceType": "CodeSystem",
        "id": "terms-stub",
        "url": url,
        "status": "active",
        "content": "not-present",
    }
    await put(client, stub)

    found = said(await client.get("/CodeSystem/$lookup", params={"system": url, "code": "home"}))
    assert found["display"] == "Home"


async def test_a_deleted_value_set_is_not_known_any_more(client):
    await put(client, value_set("gone", {"system": "http://hl7.org/fhir/administrative-gender"}))
    await client.get("/ValueSet/$expand", params={"url": URL + "gone"})

    await client.delete("/ValueSet/terms-gone")
    answer = await client.get("/ValueSet/$expand", params={"url": URL + "gone"})
    assert issue(answer) == (404, "not-found")


async def test_a_system_that_tells_no_letters_apart_is_asked_in_any_case(client):
    loose = {
        "resourceType": "CodeSystem",
        "id": "terms-loose",
        "url": URL + "loose",
        "status": "active",
        "caseSensitive": False,
        "content": "complete",
        "concept": [{"code": "Abc", "display": "Letters"}],
    }
    await put(client, loose)
    await put(client, value_set("loose-all", {"system": URL + "loose"}))

    looked = await client.get(
        "/CodeSystem/$lookup", params={"system": URL + "loose", "code": "aBC"}
    )
    valid = await client.get(
        "/ValueSet/$validate-code",
        params={"url": URL + "loose-all", "system": URL + "loose", "code": "ABC"},
    )
    assert said(looked)["display"] == "Letters"
    assert said(valid)["result"] is True


async def test_searches_know_value_sets_and_hierarchies(client):
    await put(client, ZOO)
    await put(client, value_set("pets", zoo(filter=[rule("concept", "is-a", "pet")])))
    for code in ("cat", "cow", "animal"):
        await put(
            client,
            {
                "resourceType": "Observation",
                "id": f"terms-{code}",
                "status": "final",
                "code": {"coding": [{"system": URL + "zoo", "code": code}]},
            },
        )

    async def found(query: str):
        answer = await client.get(f"/Observation?{query}")
        assert answer.status_code == 200, answer.text
        return {one["resource"]["id"] for one in answer.json().get("entry", [])}

    assert await found(f"code:in={URL}pets") == {"terms-cat"}
    assert await found(f"code:below={URL}zoo|animal") == {"terms-cat", "terms-cow", "terms-animal"}
    assert await found(f"code:above={URL}zoo|cat") == {"terms-cat", "terms-animal"}


async def test_a_dangerous_depth_is_refused_quietly(client):
    inner = {"code": "deep"}
    for n in range(300):
        inner = {"code": f"c{n}", "concept": [inner]}
    deep = {**ZOO, "id": "terms-deep", "url": URL + "deep", "concept": [inner]}
    answer = await client.put("/CodeSystem/terms-deep", content=json.dumps(deep))

    assert answer.status_code in (200, 201, 400, 422)


async def test_bad_parameters_are_refused_with_an_outcome(client):
    for query in (
        "/ValueSet/$expand?url=a&count=-1",
        "/ValueSet/$expand?url=a&offset=x",
        "/ValueSet/$expand?url=a&url=b",
        "/ValueSet/$expand?url=a&activeOnly=perhaps",
        "/ValueSet/$expand?url=a&date=yesterday",
        "/ValueSet/$expand?url=a&system-version=nothing",
        "/ValueSet/$validate-code?url=a",
        "/ValueSet/$validate-code?code=a",
        "/CodeSystem/$validate-code?code=a",
        "/CodeSystem/$subsumes?codeA=a&codeB=b",
        "/CodeSystem/$lookup?coding=nonsense",
        "/ConceptMap/$translate?url=a",
        "/ConceptMap/$translate?url=a&code=b",
    ):
        answer = await client.get(query)
        assert answer.status_code == 400, (query, answer.text)
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_parameters_of_the_wrong_kind_are_refused(client):
    for body in (
        parameters(coding=("String", "male")),
        parameters(codeableConcept=("Coding", {"code": "x"})),
        json.dumps({"resourceType": "Patient"}),
        json.dumps({"resourceType": "Parameters", "parameter": [{"name": "code"}]}),
        "",
        "{",
    ):
        for operation in (
            "/ValueSet/$validate-code",
            "/ValueSet/$expand",
            "/ConceptMap/$translate",
        ):
            answer = await client.post(operation, content=body)
            assert answer.status_code in (400, 422), (operation, body, answer.text)
