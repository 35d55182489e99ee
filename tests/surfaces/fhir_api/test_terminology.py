"""$lookup, $validate-code, $subsumes, $translate and $closure, as clients see them."""

import json

import pytest
from tests.surfaces.fhir_api.terminology_examples import (
    URL,
    ZOO,
    issue,
    parameters,
    put,
    rule,
    said,
    value_set,
    zoo,
)

GENDER = "http://hl7.org/fhir/administrative-gender"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ACT_MOOD = "http://terminology.hl7.org/CodeSystem/v3-ActMood"


@pytest.fixture
async def zoo_client(client):
    await put(client, ZOO)
    await put(client, value_set("pets", zoo(filter=[rule("concept", "is-a", "pet")])))
    return client


# -- $lookup ----------------------------------------------------------------------------------------


async def test_lookup_tells_name_version_and_display(client):
    found = said(await client.get("/CodeSystem/$lookup", params={"system": GENDER, "code": "male"}))

    assert (found["name"], found["version"], found["display"]) == (
        "AdministrativeGender",
        "4.0.1",
        "Male",
    )


async def test_lookup_takes_a_coding_in_a_body(client):
    body = parameters(coding=("Coding", {"system": GENDER, "code": "female"}))

    assert said(await client.post("/CodeSystem/$lookup", content=body))["display"] == "Female"


async def test_lookup_of_an_unknown_code_is_not_found(client):
    answer = await client.get("/CodeSystem/$lookup", params={"system": GENDER, "code": "x"})

    assert issue(answer) == (404, "not-found")


async def test_lookup_in_an_unknown_system_is_not_found(client):
    answer = await client.get("/CodeSystem/$lookup", params={"system": "urn:none", "code": "x"})

    assert issue(answer) == (404, "not-found")


async def test_lookup_of_another_version_is_not_found(client):
    wanted = {"system": GENDER, "code": "male", "version": "9"}

    assert issue(await client.get("/CodeSystem/$lookup", params=wanted)) == (404, "not-found")


async def test_lookup_needs_a_system(client):
    assert (await client.get("/CodeSystem/$lookup", params={"code": "male"})).status_code == 400


async def test_lookup_tells_properties_parents_and_children(zoo_client):
    wanted = {"system": URL + "zoo", "code": "cat"}
    found = said(await zoo_client.get("/CodeSystem/$lookup", params=wanted))

    properties = {one["code"]: one["value"] for one in found["property"]}
    assert properties["parent"] == "pet"
    assert properties["legs"] == 4
    assert properties["sound"] == "meo"
    assert properties["friend"] == {"system": URL + "zoo", "code": "dog"}
    assert properties["definition"] == "A small carnivore."
    assert {"language": "vi", "value": "Con mèo"} in found["designation"]


async def test_lookup_tells_every_parent_of_a_concept(zoo_client):
    wanted = {"system": URL + "zoo", "code": "dog", "property": "parent"}
    found = said(await zoo_client.get("/CodeSystem/$lookup", params=wanted))

    assert {one["value"] for one in found["property"]} == {"pet", "guard"}
    assert "designation" not in found


async def test_lookup_tells_only_the_properties_that_are_wanted(zoo_client):
    wanted = {"system": URL + "zoo", "code": "pet", "property": "child"}
    found = said(await zoo_client.get("/CodeSystem/$lookup", params=wanted))

    assert [one["value"] for one in found["property"]] == ["cat", "dog"]
    assert [one["description"] for one in found["property"]] == ["Cat", "Dog"]


async def test_lookup_shows_the_display_in_the_wanted_language(zoo_client):
    wanted = {"system": URL + "zoo", "code": "cat", "displayLanguage": "vi-VN"}

    assert said(await zoo_client.get("/CodeSystem/$lookup", params=wanted))["display"] == "Con mèo"


async def test_lookup_of_a_national_list_speaks_both_languages(client):
    wanted = {"system": ICD10, "code": "A01.0"}
    vietnamese = said(await client.get("/CodeSystem/$lookup", params=wanted))
    english = said(
        await client.get("/CodeSystem/$lookup", params={**wanted, "displayLanguage": "en"})
    )

    assert (vietnamese["display"], english["display"]) == ("Sốt thương hàn", "Typhoid fever")


async def test_lookup_of_a_national_list_counts_on_the_day_that_is_asked(client):
    wanted = {"system": ICD10, "code": "A01.0", "date": "1999-01-01"}

    assert issue(await client.get("/CodeSystem/$lookup", params=wanted)) == (404, "not-found")


async def test_an_unknown_parameter_is_refused(client):
    wanted = {"system": GENDER, "code": "male", "verison": "1"}

    assert (await client.get("/CodeSystem/$lookup", params=wanted)).status_code == 400


async def test_a_supplement_adds_properties(client):
    wanted = {"system": "http://hl7.org/fhir/CodeSystem/example", "code": "chol"}
    found = said(await client.get("/CodeSystem/$lookup", params=wanted))

    assert {"code": "legacy", "value": True} in found["property"]


# -- CodeSystem/$validate-code --------------------------------------------------------------------


async def in_system(client, **given):
    return said(await client.get("/CodeSystem/$validate-code", params=given))


async def test_a_code_of_a_system_is_valid(client):
    assert (await in_system(client, url=GENDER, code="male")) == {"result": True, "display": "Male"}


async def test_a_code_that_a_system_lacks_is_not_valid(client):
    found = await in_system(client, url=GENDER, code="man")

    assert found["result"] is False
    assert "message" in found


async def test_a_wrong_display_is_told_with_the_right_one(client):
    found = await in_system(client, url=GENDER, code="male", display="Man")

    assert found == {
        "result": False,
        "message": 'The display "Man" is incorrect',
        "display": "Male",
    }


async def test_a_display_may_differ_in_case_and_may_be_any_designation(zoo_client):
    first = await in_system(zoo_client, url=URL + "zoo", code="cat", display="cAT")
    second = await in_system(zoo_client, url=URL + "zoo", code="cat", display="Con mèo")

    assert (first["result"], second["result"]) == (True, True)


async def test_abstract_codes_are_valid_unless_the_asker_says_no(zoo_client):
    allowed = await in_system(zoo_client, url=URL + "zoo", code="animal")
    refused = await in_system(zoo_client, url=URL + "zoo", code="animal", abstract="false")

    assert (allowed["result"], refused["result"]) == (True, False)


async def test_a_system_may_come_along(client):
    body = parameters(codeSystem={**ZOO, "url": URL + "along"}, code=("Code", "cow"))
    found = said(await client.post("/CodeSystem/$validate-code", content=body))

    assert found["result"] is True
    later = await client.get(
        "/CodeSystem/$validate-code", params={"url": URL + "along", "code": "cow"}
    )
    assert later.status_code == 404


async def test_a_system_is_asked_at_its_instance(zoo_client):
    answer = await zoo_client.get("/CodeSystem/terms-zoo/$validate-code", params={"code": "cow"})

    assert said(answer)["display"] == "Cow"


# -- ValueSet/$validate-code -----------------------------------------------------------------------


async def in_set(client, **given):
    return said(await client.get("/ValueSet/$validate-code", params=given))


async def test_a_member_of_a_value_set_is_valid(client):
    wanted = {"url": "http://hl7.org/fhir/ValueSet/administrative-gender", "system": GENDER}

    assert (await in_set(client, **wanted, code="male"))["result"] is True
    assert (await in_set(client, **wanted, code="m"))["result"] is False


async def test_a_code_without_system_is_found_where_only_one_system_has_it(client):
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"

    assert (await in_set(client, url=url, code="male"))["result"] is True


async def test_one_valid_coding_makes_a_concept_valid(client):
    concept = {"coding": [{"system": "urn:x", "code": "1"}, {"system": GENDER, "code": "male"}]}
    body = parameters(
        url=("Uri", "http://hl7.org/fhir/ValueSet/administrative-gender"),
        codeableConcept=("CodeableConcept", concept),
    )

    assert said(await client.post("/ValueSet/$validate-code", content=body))["result"] is True


async def test_an_unknown_value_set_is_not_found(client):
    answer = await client.get(
        "/ValueSet/$validate-code", params={"url": "urn:none", "system": GENDER, "code": "male"}
    )

    assert issue(answer) == (404, "not-found")


async def test_a_value_set_may_come_along(zoo_client):
    along = value_set("along", zoo(concept=[{"code": "cat"}]))
    for code, expected in (("cat", True), ("dog", False)):
        body = parameters(valueSet=along, code=("Code", code), system=("Uri", URL + "zoo"))
        answer = await zoo_client.post("/ValueSet/$validate-code", content=body)
        assert said(answer)["result"] is expected


@pytest.mark.parametrize(
    ("value_set_name", "system", "code", "expected"),
    [
        ("languages", "urn:ietf:bcp:47", "fr", True),
        ("all-languages", "urn:ietf:bcp:47", "vi-VN", True),
        ("all-languages", "urn:ietf:bcp:47", "not a language", False),
        ("mimetypes", "urn:ietf:bcp:13", "application/fhir+json", True),
        ("mimetypes", "urn:ietf:bcp:13", "nonsense", False),
        ("ucum-units", "http://unitsofmeasure.org", "mg/dL", True),
        ("ucum-units", "http://unitsofmeasure.org", "quite/alot", False),
        ("currencies", "urn:iso:std:iso:4217", "VND", True),
        ("currencies", "urn:iso:std:iso:4217", "QQQ", False),
        ("timezones", "https://www.iana.org/time-zones", "Asia/Ho_Chi_Minh", True),
    ],
)
async def test_grammars_are_checked_though_they_have_no_end(
    client, value_set_name, system, code, expected
):
    url = "http://hl7.org/fhir/ValueSet/" + value_set_name

    assert (await in_set(client, url=url, system=system, code=code))["result"] is expected


async def test_what_cannot_be_decided_is_refused(client):
    wanted = {
        "url": "http://hl7.org/fhir/ValueSet/procedure-code",
        "system": "http://snomed.info/sct",
        "code": "71388002",
    }

    assert issue(await client.get("/ValueSet/$validate-code", params=wanted)) == (
        422,
        "not-supported",
    )


async def test_a_value_set_is_asked_at_its_instance(zoo_client):
    wanted = {"system": URL + "zoo", "code": "dog"}
    answer = await zoo_client.get("/ValueSet/terms-pets/$validate-code", params=wanted)

    assert said(answer) == {"result": True, "display": "Dog"}


# -- $subsumes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ("animal", "cat", "subsumes"),
        ("cat", "animal", "subsumed-by"),
        ("cat", "cat", "equivalent"),
        ("cat", "dog", "not-subsumed"),
        ("guard", "dog", "subsumes"),
        ("guard", "cat", "not-subsumed"),
    ],
)
async def test_subsumption(zoo_client, a, b, outcome):
    wanted = {"system": URL + "zoo", "codeA": a, "codeB": b}

    assert said(await zoo_client.get("/CodeSystem/$subsumes", params=wanted)) == {
        "outcome": outcome
    }


async def test_subsumption_of_the_specification(client):
    body = parameters(
        codingA=("Coding", {"system": ACT_MOOD, "code": "_ActMoodPredicate"}),
        codingB=("Coding", {"system": ACT_MOOD, "code": "GOL"}),
    )

    assert said(await client.post("/CodeSystem/$subsumes", content=body)) == {"outcome": "subsumes"}


async def test_subsumption_of_an_unknown_code_is_refused(zoo_client):
    wanted = {"system": URL + "zoo", "codeA": "cat", "codeB": "unicorn"}

    assert issue(await zoo_client.get("/CodeSystem/$subsumes", params=wanted)) == (404, "not-found")


async def test_a_chapter_subsumes_its_diagnoses(client):
    wanted = {"system": ICD10, "codeA": "A00-B99", "codeB": "A01.0"}

    assert said(await client.get("/CodeSystem/$subsumes", params=wanted)) == {"outcome": "subsumes"}


# -- writing ------------------------------------------------------------------------------------------


async def test_a_changed_code_system_counts_at_once_and_a_deleted_one_no_more(client):
    small = {**ZOO, "id": "terms-small", "url": URL + "small", "concept": [{"code": "one"}]}
    small.pop("valueSet")
    await put(client, small)
    every = value_set("small-all", {"system": URL + "small"})
    await put(client, every)
    wanted = {"url": URL + "small-all", "system": URL + "small", "code": "two"}
    assert (await in_set(client, **wanted))["result"] is False

    await put(client, {**small, "concept": [{"code": "one"}, {"code": "two"}]})
    assert (await in_set(client, **wanted))["result"] is True

    assert (await client.delete("/CodeSystem/terms-small")).status_code in (200, 204)
    answer = await client.get("/ValueSet/$validate-code", params=wanted)
    assert issue(answer) == (422, "not-supported")


async def test_the_highest_version_counts_where_none_is_named(client):
    for version, display in (("2.9", "old"), ("2.10", "new")):
        await put(
            client,
            {
                "resourceType": "CodeSystem",
                "id": "terms-v" + version.replace(".", "-"),
                "url": URL + "versions",
                "version": version,
                "status": "active",
                "content": "complete",
                "concept": [{"code": "a", "display": display}],
            },
        )
    wanted = {"system": URL + "versions", "code": "a"}
    newest = said(await client.get("/CodeSystem/$lookup", params=wanted))
    older = said(await client.get("/CodeSystem/$lookup", params={**wanted, "version": "2.9"}))

    assert (newest["display"], older["display"]) == ("new", "old")


@pytest.mark.parametrize(
    "concept",
    [
        [{"code": "a"}, {"code": "a"}],
        [
            {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
            {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
        ],
        [{"code": "a", "property": [{"code": "parent", "valueCode": "a"}]}],
        [{"code": "x" * 2000}],
    ],
)
async def test_a_code_system_that_cannot_be_used_is_not_stored(client, concept):
    broken = {
        "resourceType": "CodeSystem",
        "id": "terms-broken",
        "url": URL + "broken",
        "status": "active",
        "content": "complete",
        "concept": concept,
    }
    answer = await client.put("/CodeSystem/terms-broken", content=json.dumps(broken))

    assert answer.status_code == 422
    assert (await client.get("/CodeSystem/terms-broken")).status_code == 404


# -- $translate ---------------------------------------------------------------------------------------

MAP = {
    "resourceType": "ConceptMap",
    "id": "terms-map",
    "url": URL + "map",
    "status": "active",
    "sourceUri": URL + "pets",
    "targetUri": URL + "sounds",
    "group": [
        {
            "source": URL + "zoo",
            "target": URL + "sound",
            "element": [
                {
                    "code": "cat",
                    "target": [{"code": "meow", "display": "Meow", "equivalence": "wider"}],
                },
                {"code": "dodo", "target": [{"equivalence": "unmatched"}]},
                {
                    "code": "dog",
                    "target": [
                        {
                            "code": "bark",
                            "equivalence": "equivalent",
                            "dependsOn": [{"property": "mood", "value": "angry"}],
                            "product": [{"property": "volume", "value": "loud"}],
                        }
                    ],
                },
            ],
            "unmapped": {"mode": "fixed", "code": "silence", "display": "Silence"},
        }
    ],
}


@pytest.fixture
async def map_client(zoo_client):
    await put(zoo_client, MAP)
    return zoo_client


async def translate(client, **given):
    return said(await client.get("/ConceptMap/$translate", params={"system": URL + "zoo", **given}))


async def test_a_code_is_translated(map_client):
    found = await translate(map_client, url=URL + "map", code="cat")

    assert found["result"] is True
    assert found["match"] == [
        {
            "equivalence": "wider",
            "concept": {"system": URL + "sound", "code": "meow", "display": "Meow"},
            "source": URL + "map",
        }
    ]


async def test_no_translation_is_told_as_such(map_client):
    found = await translate(map_client, url=URL + "map", code="dodo")

    assert found["result"] is False
    assert [one["equivalence"] for one in found["match"]] == ["unmatched"]


async def test_an_unmapped_code_follows_the_rule_of_the_group(map_client):
    found = await translate(map_client, url=URL + "map", code="cow")

    assert found["match"][0]["concept"]["code"] == "silence"


async def test_a_translation_may_be_found_by_its_value_sets(map_client):
    found = await translate(map_client, source=URL + "pets", target=URL + "sounds", code="cat")

    assert found["match"][0]["concept"]["code"] == "meow"


async def test_a_translation_in_reverse_turns_the_equivalence(map_client):
    found = said(
        await map_client.get(
            "/ConceptMap/$translate",
            params={"url": URL + "map", "system": URL + "sound", "code": "meow", "reverse": "true"},
        )
    )

    assert found["match"][0]["equivalence"] == "narrower"
    assert found["match"][0]["concept"]["code"] == "cat"


async def test_a_dependency_decides_and_a_product_is_told(map_client):
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "coding", "valueCoding": {"system": URL + "zoo", "code": "dog"}},
            {
                "name": "dependency",
                "part": [
                    {"name": "element", "valueUri": "mood"},
                    {"name": "concept", "valueCodeableConcept": {"coding": [{"code": "angry"}]}},
                ],
            },
        ],
    }
    answer = await map_client.post("/ConceptMap/terms-map/$translate", content=json.dumps(body))
    without = await translate(map_client, url=URL + "map", code="dog")

    match = said(answer)["match"][0]
    assert match["concept"]["code"] == "bark"
    assert match["product"] == {"element": "volume", "concept": {"code": "loud"}}
    assert without["result"] is False


async def test_a_map_may_come_along(zoo_client):
    along = {**MAP, "url": URL + "along-map"}
    body = parameters(conceptMap=along, coding=("Coding", {"system": URL + "zoo", "code": "cat"}))
    found = said(await zoo_client.post("/ConceptMap/$translate", content=body))

    assert found["match"][0]["concept"]["code"] == "meow"


async def test_a_map_of_the_specification_translates(client):
    wanted = {
        "url": "http://hl7.org/fhir/ConceptMap/101",
        "system": "http://hl7.org/fhir/address-use",
        "code": "home",
    }
    found = said(await client.get("/ConceptMap/$translate", params=wanted))

    assert found["match"][0]["concept"]["code"] == "H"


async def test_without_any_map_there_is_no_translation(client):
    found = said(
        await client.get("/ConceptMap/$translate", params={"system": "urn:none", "code": "x"})
    )

    assert found["result"] is False


async def test_an_unknown_map_is_not_found(client):
    wanted = {"url": "urn:none", "system": GENDER, "code": "male"}

    assert issue(await client.get("/ConceptMap/$translate", params=wanted)) == (404, "not-found")


# -- $closure -----------------------------------------------------------------------------------------


async def closure(client, **given):
    return await client.post("/$closure", content=parameters(**given))


def zoo_coding(code):
    return ("Coding", {"system": URL + "zoo", "code": code})


def pairs(answer):
    assert answer.status_code == 200, answer.text
    return [
        (element["code"], target["code"], target["equivalence"])
        for group in answer.json().get("group", [])
        for element in group["element"]
        for target in element["target"]
    ]


async def test_a_closure_table_grows_by_what_is_new(zoo_client):
    name = ("String", "growing")
    begun = await closure(zoo_client, name=name)
    first = await closure(zoo_client, name=name, concept=[zoo_coding("cat")])
    second = await closure(zoo_client, name=name, concept=[zoo_coding("animal"), zoo_coding("pet")])
    again = await closure(zoo_client, name=name, version=("String", "1"))

    assert (begun.json()["resourceType"], begun.json()["version"]) == ("ConceptMap", "0")
    assert pairs(first) == []
    expected = [
        ("cat", "animal", "subsumes"),
        ("cat", "pet", "subsumes"),
        ("pet", "animal", "subsumes"),
    ]
    assert pairs(second) == expected
    assert pairs(again) == expected


async def test_a_closure_table_must_be_begun(zoo_client):
    answer = await closure(zoo_client, name=("String", "never"), concept=[zoo_coding("cat")])

    assert answer.status_code == 400


async def test_a_closure_table_refuses_unknown_concepts(zoo_client):
    name = ("String", "strict")
    await closure(zoo_client, name=name)

    assert (await closure(zoo_client, name=name, concept=[zoo_coding("x")])).status_code == 400


async def test_the_translation_of_the_specification_is_found_by_its_value_sets(client):
    wanted = {
        "system": "http://hl7.org/fhir/composition-status",
        "code": "preliminary",
        "source": "http://hl7.org/fhir/ValueSet/composition-status",
        "target": "http://terminology.hl7.org/ValueSet/v3-ActStatus",
    }
    found = said(await client.get("/ConceptMap/$translate", params=wanted))

    assert found["result"] is True
    assert found["match"][0]["concept"]["system"].endswith("v3-ActStatus")
    assert found["match"][0]["concept"]["code"] == "active"


async def test_all_known_translations_are_told_with_their_source_where_no_target_is_named(client):
    wanted = {"system": "http://hl7.org/fhir/address-use", "code": "home"}
    found = said(await client.get("/ConceptMap/$translate", params=wanted))

    assert found["result"] is True
    assert len({one["source"] for one in found["match"]}) >= 2


async def test_every_map_of_the_definitions_translates_what_it_maps(client):
    from yba.foundation.terminology import base

    maps = [one for one in base.resources() if one["resourceType"] == "ConceptMap"]
    assert len(maps) > 50
    for one in maps[::7]:
        group = next((g for g in one.get("group", []) if g.get("source")), None)
        if group is None:
            continue
        element = group["element"][0]
        wanted = {"url": one["url"], "system": group["source"], "code": element["code"]}
        found = said(await client.get("/ConceptMap/$translate", params=wanted))
        expected = [target.get("code") for target in element.get("target", [{}])]
        told = [match.get("concept", {}).get("code") for match in found["match"]]
        assert told == expected, one["url"]


async def test_the_examples_of_validation_in_the_specification(client):
    coding = {"system": "http://loinc.org", "code": "1963-8", "display": "test"}
    body = parameters(
        coding=("Coding", coding),
        valueSet={
            "resourceType": "ValueSet",
            "status": "active",
            "compose": {
                "include": [
                    {
                        "system": "http://loinc.org",
                        "concept": [{"code": "1963-8", "display": "Bicarbonate"}],
                    }
                ]
            },
        },
    )
    found = said(await client.post("/ValueSet/$validate-code", content=body))

    assert found == {
        "result": False,
        "message": 'The display "test" is incorrect',
        "display": "Bicarbonate",
    }
