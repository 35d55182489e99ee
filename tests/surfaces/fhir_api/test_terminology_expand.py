"""$expand, as clients see it."""

import json
from typing import Any

import pytest
from tests.surfaces.fhir_api.terminology_examples import (
    URL,
    ZOO,
    codes,
    issue,
    parameters,
    put,
    rule,
    value_set,
    zoo,
)

GENDER = "http://hl7.org/fhir/administrative-gender"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
VALUE_SETS = "http://hl7.org/fhir/ValueSet/"


@pytest.fixture
async def zoo_client(client):
    await put(client, ZOO)
    await put(client, value_set("pets", zoo(filter=[rule("concept", "is-a", "pet")])))
    return client


async def expand(client, **given):
    return await client.get(
        "/ValueSet/$expand", params={k.replace("_", "-"): v for k, v in given.items()}
    )


async def expand_given(client, resource, **given):
    return await client.post("/ValueSet/$expand", content=parameters(valueSet=resource, **given))


# -- compose ----------------------------------------------------------------------------------------


async def test_a_whole_system_is_expanded_in_its_order(client):
    answer = await expand(client, url=VALUE_SETS + "administrative-gender")

    assert codes(answer) == ["male", "female", "other", "unknown"]
    expansion = answer.json()["expansion"]
    assert expansion["total"] == 4
    assert expansion["identifier"].startswith("urn:uuid:")
    assert "timestamp" in expansion
    assert {"name": "version", "valueUri": GENDER + "|4.0.1"} in expansion["parameter"]
    assert expansion["contains"][0] == {"system": GENDER, "code": "male", "display": "Male"}


FILTERS = [
    (rule("concept", "is-a", "pet"), ["pet", "cat", "dog"]),
    (rule("concept", "descendent-of", "pet"), ["cat", "dog"]),
    (rule("concept", "is-not-a", "pet"), ["animal", "cow", "dodo", "guard"]),
    (rule("concept", "generalizes", "dog"), ["animal", "pet", "dog", "guard"]),
    (rule("concept", "=", "cow"), ["cow"]),
    (rule("code", "in", "cow,cat,unicorn"), ["cat", "cow"]),
    (rule("code", "not-in", "animal,pet,cat,dog"), ["cow", "dodo", "guard"]),
    (rule("code", "regex", "d.*"), ["dog", "dodo"]),
    (rule("code", "regex", "c"), []),
    (rule("display", "=", "Cow"), ["cow"]),
    (rule("display", "regex", "[CD]o[wg]"), ["dog", "cow"]),
    (rule("parent", "=", "pet"), ["cat", "dog"]),
    (rule("parent", "exists", "false"), ["animal", "guard"]),
    (rule("child", "=", "dog"), ["pet", "guard"]),
    (rule("child", "exists", "true"), ["animal", "pet", "guard"]),
    (rule("legs", "=", "4"), ["cat", "dog", "cow"]),
    (rule("legs", "in", "2,3"), ["dodo"]),
    (rule("legs", "not-in", "4"), ["animal", "pet", "dodo", "guard"]),
    (rule("legs", "exists", "false"), ["animal", "pet", "guard"]),
    (rule("sound", "regex", "m.*"), ["cat"]),
    (rule("friend", "=", "dog"), ["cat"]),
    (rule("inactive", "=", "true"), ["dodo"]),
    (rule("notSelectable", "=", "true"), ["animal"]),
]


@pytest.mark.parametrize(("given", "expected"), FILTERS, ids=lambda x: str(x)[:60])
async def test_filters(zoo_client, given, expected):
    answer = await expand_given(zoo_client, value_set("f", zoo(filter=[given])))

    assert codes(answer) == expected


async def test_several_filters_must_all_hold(zoo_client):
    both = zoo(filter=[rule("concept", "is-a", "animal"), rule("legs", "=", "4")])

    assert codes(await expand_given(zoo_client, value_set("f", both))) == ["cat", "dog", "cow"]


async def test_a_list_keeps_its_order_and_its_displays(zoo_client):
    listed = zoo(concept=[{"code": "dog", "display": "Good dog"}, {"code": "cat"}, {"code": "no"}])
    answer = await expand_given(zoo_client, value_set("f", listed))

    shown = [(one["code"], one["display"]) for one in answer.json()["expansion"]["contains"]]
    assert shown == [("dog", "Good dog"), ("cat", "Cat")]


async def test_a_list_of_codes_is_exact_where_the_system_is_elsewhere(client):
    answer = await expand(client, url=VALUE_SETS + "example-extensional")

    assert codes(answer) == ["14647-2", "2093-3", "35200-5", "9342-7"]


async def test_what_is_excluded_is_not_there(zoo_client):
    without = value_set("f", zoo(), exclude=[zoo(filter=[rule("concept", "is-a", "pet")])])

    assert codes(await expand_given(zoo_client, without)) == ["animal", "cow", "dodo", "guard"]


async def test_system_and_value_sets_of_one_part_are_shared_by_all(zoo_client):
    part = zoo(filter=[rule("legs", "=", "4")], valueSet=[URL + "pets"])

    assert codes(await expand_given(zoo_client, value_set("f", part))) == ["cat", "dog"]


async def test_an_imported_value_set_brings_its_codes(zoo_client):
    both = value_set("f", {"valueSet": [URL + "pets"]}, zoo(concept=[{"code": "cow"}]))

    assert codes(await expand_given(zoo_client, both)) == ["pet", "cat", "dog", "cow"]


async def test_several_imports_of_one_part_are_what_they_share(zoo_client):
    await put(zoo_client, value_set("four", zoo(filter=[rule("legs", "=", "4")])))
    part = {"valueSet": [URL + "pets", URL + "four"]}

    assert codes(await expand_given(zoo_client, value_set("f", part))) == ["cat", "dog"]


async def test_a_filter_may_name_a_value_set(zoo_client):
    part = zoo(filter=[rule("code", "in", URL + "pets")])

    assert codes(await expand_given(zoo_client, value_set("f", part))) == ["pet", "cat", "dog"]


async def test_the_value_set_that_a_system_names_is_all_of_it(zoo_client):
    assert len(codes(await expand(zoo_client, url=URL + "zoo-all"))) == 7


async def test_a_system_implies_value_sets(zoo_client):
    below = await expand(zoo_client, url=URL + "zoo?fhir_vs=isa/pet")

    assert codes(below) == ["pet", "cat", "dog"]
    assert len(codes(await expand(zoo_client, url=URL + "zoo?fhir_vs"))) == 7


async def test_inactive_codes_may_be_left_out_by_the_value_set_or_by_the_asker(zoo_client):
    leaving = value_set("f", zoo(), inactive=False)

    assert "dodo" not in codes(await expand_given(zoo_client, leaving))
    whole = await expand(zoo_client, url=URL + "zoo-all")
    active = await expand(zoo_client, url=URL + "zoo-all", activeOnly="true")
    assert "dodo" in codes(whole)
    assert "dodo" not in codes(active)
    dodo = next(one for one in whole.json()["expansion"]["contains"] if one["code"] == "dodo")
    assert dodo["inactive"] is True


async def test_abstract_codes_are_marked_and_left_out_for_choosing(zoo_client):
    whole = await expand(zoo_client, url=URL + "zoo-all")
    chosen = await expand(zoo_client, url=URL + "zoo-all", excludeNotForUI="true")

    assert whole.json()["expansion"]["contains"][0]["abstract"] is True
    assert "animal" not in codes(chosen)


# -- parameters ---------------------------------------------------------------------------------------


async def test_a_page_is_a_part_of_the_whole(zoo_client):
    first = await expand(zoo_client, url=URL + "zoo-all", count="3")
    second = await expand(zoo_client, url=URL + "zoo-all", count="3", offset="3")
    behind = await expand(zoo_client, url=URL + "zoo-all", count="3", offset="30")

    assert codes(first) + codes(second) == ["animal", "pet", "cat", "dog", "cow", "dodo"]
    assert [a.json()["expansion"]["total"] for a in (first, second, behind)] == [7, 7, 7]
    assert second.json()["expansion"]["offset"] == 3
    assert codes(behind) == []


async def test_a_count_of_nothing_tells_the_total(zoo_client):
    answer = await expand(zoo_client, url=URL + "zoo-all", count="0")

    assert answer.json()["expansion"]["total"] == 7
    assert codes(answer) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ca", ["cat"]),
        ("meo con", ["cat"]),
        ("CHÓ", ["dog"]),
        ("cho con", ["dog"]),
        ("con", ["cat", "dog"]),
        ("cow", ["cow"]),
        ("nothing", []),
        ("!!", []),
    ],
)
async def test_a_filter_finds_words_in_any_order_without_accents(zoo_client, text, expected):
    assert codes(await expand(zoo_client, url=URL + "zoo-all", filter=text)) == expected


async def test_a_filter_finds_the_beginning_of_a_code(client):
    answer = await expand(client, url=ICD10 + "?fhir_vs", filter="A01.", count="20")

    assert codes(answer)
    assert all(code.startswith("A01") for code in codes(answer))


async def test_a_filter_finds_national_names_without_accents(client):
    answer = await expand(client, url=ICD10 + "?fhir_vs", filter="thuong han sot", count="20")

    assert "A01.0" in codes(answer)


async def test_designations_are_given_where_they_are_wanted(zoo_client):
    def designations(answer):
        cat = next(o for o in answer.json()["expansion"]["contains"] if o["code"] == "cat")
        return [one["value"] for one in cat.get("designation", [])]

    url = URL + "pets"
    assert designations(await expand(zoo_client, url=url)) == []
    every = await expand(zoo_client, url=url, includeDesignations="true")
    vietnamese = await expand(zoo_client, url=url, designation="urn:ietf:bcp:47|vi")
    by_use = await expand(zoo_client, url=url, designation=URL + "use|pet-name")
    assert designations(every) == ["Con mèo", "Minou"]
    assert designations(vietnamese) == ["Con mèo"]
    assert designations(by_use) == ["Minou"]


async def test_displays_are_in_the_wanted_language(zoo_client):
    answer = await expand(zoo_client, url=URL + "pets", displayLanguage="vi")

    shown = [one["display"] for one in answer.json()["expansion"]["contains"]]
    assert shown == ["Pet", "Con mèo", "Con chó"]


async def test_a_hierarchy_is_shown_where_it_is_asked_for(zoo_client):
    answer = await expand(zoo_client, url=URL + "zoo-all", excludeNested="false")

    roots = answer.json()["expansion"]["contains"]
    assert [one["code"] for one in roots] == ["animal", "guard"]
    assert [one["code"] for one in roots[0]["contains"]] == ["pet", "cow", "dodo"]
    assert [one["code"] for one in roots[0]["contains"][0]["contains"]] == ["cat", "dog"]


async def test_the_definition_comes_along_where_it_is_wanted(zoo_client):
    without = await expand(zoo_client, url=URL + "pets")
    along = await expand(zoo_client, url=URL + "pets", includeDefinition="true")

    assert "compose" not in without.json()
    assert along.json()["compose"]["include"][0]["system"] == URL + "zoo"


async def test_systems_may_be_left_out(zoo_client):
    both = value_set("f", zoo(concept=[{"code": "cat"}]), {"system": GENDER})
    body = json.loads(parameters(valueSet=both))
    body["parameter"].append({"name": "exclude-system", "valueCanonical": GENDER})
    answer = await zoo_client.post("/ValueSet/$expand", content=json.dumps(body))

    assert codes(answer) == ["cat"]


async def test_a_version_may_be_forced(client):
    for version, code in (("1", "old"), ("2", "new")):
        await put(
            client,
            {
                "resourceType": "CodeSystem",
                "id": "terms-forced-" + version,
                "url": URL + "forced",
                "version": version,
                "status": "active",
                "content": "complete",
                "concept": [{"code": code}],
            },
        )
    await put(client, value_set("forced-all", {"system": URL + "forced"}))
    url = URL + "forced-all"

    assert codes(await expand(client, url=url)) == ["new"]
    for name in ("system_version", "force_system_version"):
        assert codes(await expand(client, url=url, **{name: URL + "forced|1"})) == ["old"]
    checked = await expand(client, url=url, check_system_version=URL + "forced|1")
    assert issue(checked)[0] == 422
    assert codes(await expand(client, url=url)) == ["new"]


async def test_a_value_set_is_expanded_at_its_instance(zoo_client):
    answer = await zoo_client.get("/ValueSet/terms-pets/$expand")

    assert codes(answer) == ["pet", "cat", "dog"]
    assert answer.json()["url"] == URL + "pets"


async def test_a_national_list_is_expanded_as_of_the_day(client):
    now = await expand(client, url="urn:yba:vn:code:province?fhir_vs")
    before = await expand(client, url="urn:yba:vn:code:province?fhir_vs", date="2024-01-01")

    assert len(codes(now)) == 34
    assert codes(before) != codes(now)


# -- refusals ------------------------------------------------------------------------------------------


async def test_an_unknown_value_set_is_not_found(client):
    assert issue(await expand(client, url="urn:none")) == (404, "not-found")


async def test_no_value_set_is_a_bad_question(client):
    assert issue(await expand(client))[0] == 400


async def test_a_set_without_end_is_too_costly(client):
    for name in ("mimetypes", "all-languages", "ucum-units"):
        assert issue(await expand(client, url=VALUE_SETS + name)) == (422, "too-costly")


async def test_a_system_held_elsewhere_is_not_supported(client):
    answer = await expand(client, url=VALUE_SETS + "procedure-code")

    assert issue(answer) == (422, "not-supported")


@pytest.mark.parametrize(
    "given",
    [
        rule("colour", "=", "red"),
        rule("legs", "is-a", "4"),
        rule("code", "regex", "(unclosed"),
        rule("code", "regex", r"(a*)*\1"),
        rule("code", "regex", "a" * 600),
        rule("code", "exists", "maybe"),
    ],
    ids=lambda x: str(x)[:60],
)
async def test_a_filter_that_cannot_be_decided_is_refused(zoo_client, given):
    answer = await expand_given(zoo_client, value_set("f", zoo(filter=[given])))

    assert issue(answer)[0] == 422


async def test_a_nested_pattern_ends_in_time(zoo_client):
    many = rule("display", "regex", "(" * 20 + "a" + "*)" * 20 + "b")
    answer = await expand_given(zoo_client, value_set("f", zoo(filter=[many])))

    assert answer.status_code in (200, 422)


async def test_value_sets_that_include_each_other_are_refused(client):
    await put(client, value_set("loop-a", {"valueSet": [URL + "loop-b"]}))
    await put(client, value_set("loop-b", {"valueSet": [URL + "loop-a"]}))

    answer = await expand(client, url=URL + "loop-a")
    assert issue(answer)[0] == 422
    assert "circle" in answer.json()["issue"][0]["diagnostics"]


async def test_a_value_set_is_compiled_anew_when_one_that_it_includes_changes(zoo_client):
    await put(zoo_client, value_set("inner", zoo(concept=[{"code": "cat"}])))
    await put(zoo_client, value_set("outer", {"valueSet": [URL + "inner"]}))
    assert codes(await expand(zoo_client, url=URL + "outer")) == ["cat"]

    await put(zoo_client, value_set("inner", zoo(concept=[{"code": "dog"}])))
    assert codes(await expand(zoo_client, url=URL + "outer")) == ["dog"]


async def test_a_value_set_that_lacked_a_part_is_compiled_when_the_part_comes(client):
    await put(client, value_set("waiting", {"system": URL + "late"}))
    assert issue(await expand(client, url=URL + "waiting"))[0] == 422

    late: dict[str, Any] = {**ZOO, "id": "terms-late", "url": URL + "late"}
    late.pop("valueSet")
    await put(client, late)
    assert len(codes(await expand(client, url=URL + "waiting"))) == 7


async def test_unknown_parameters_are_refused(client):
    url = VALUE_SETS + "administrative-gender"

    assert issue(await expand(client, url=url, filtre="x"))[0] == 400


# -- the specification's own examples -------------------------------------------------------------------


async def test_the_example_of_inactive_codes_expands_as_it_says(client):
    answer = await expand(client, url=VALUE_SETS + "inactive", excludeNested="false")

    shown = answer.json()["expansion"]["contains"]
    assert [one["code"] for one in shown] == ["CRT", "EXPEC", "OPT"]
    assert [one["code"] for one in shown[1]["contains"]] == ["GOL", "RSK"]


async def test_the_example_of_an_import_expands_as_it_says(client):
    answer = await expand(client, url=VALUE_SETS + "yesnodontknow")

    shown = {(one["code"], one["display"]) for one in answer.json()["expansion"]["contains"]}
    assert shown == {("Y", "Yes"), ("N", "No"), ("asked-unknown", "Don't know")}


async def test_the_example_with_a_system_inside_expands(client):
    answer = await expand(client, url=VALUE_SETS + "example-hierarchical", excludeNotForUI="true")

    # It misspells two of its codes, and leaves the group of another out.
    assert {"structure", "login", "duplicate"} <= set(codes(answer))
    assert "invalid" not in codes(answer)
    systems = {one["system"] for one in answer.json()["expansion"]["contains"]}
    assert systems == {"http://hl7.org/fhir/hacked"}


async def test_examples_that_need_what_is_elsewhere_say_why(client):
    for name in ("example-intensional", "example-expansion", "example-filter"):
        answer = await expand(client, url=VALUE_SETS + name)
        assert issue(answer) == (422, "not-supported")
        assert "Not expanded" in answer.json()["issue"][0]["diagnostics"]
