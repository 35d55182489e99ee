"""Searches over HTTP: what the Bundle says, parts of resources, totals, handling."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from yba.kernel.ids import new_id

SYSTEM = "urn:test:search"


@pytest.fixture
async def tag(client):
    """Store a patient with three observations, all under one tag; return the tag."""
    tag = new_id()
    meta = {"tag": [{"system": SYSTEM, "code": tag}], "source": f"urn:src:{tag}",
            "security": [{"system": SYSTEM, "code": "N"}], "profile": [f"http://example.org/{tag}"]}  # fmt: skip
    patient = {
        "resourceType": "Patient", "id": f"pat-{tag}", "meta": meta, "gender": "female",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">An</div>'},
        "name": [{"family": "Nguyễn"}], "maritalStatus": {"text": "single"},
        "contact": [{"name": {"family": "Lê"}}],
        "communication": [{"language": {"text": "vi"}, "preferred": True}],
    }  # fmt: skip
    assert (await client.put(f"/Patient/pat-{tag}", json=patient)).status_code == 201
    for n in range(3):
        observation = {
            "resourceType": "Observation", "meta": meta, "status": "final",
            "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
            "category": [{"text": "vital"}], "code": {"coding": [{"system": SYSTEM, "code": f"c{n}"}]},
            "subject": {"reference": f"Patient/pat-{tag}"}, "effectiveDateTime": f"2026-01-0{n + 1}",
            "component": [{"code": {"text": "part"}, "valueInteger": n, "referenceRange": [{"text": "low"}]}],
        }  # fmt: skip
        assert (await client.post("/Observation", json=observation)).status_code == 201
    return tag


async def bundle(client, url: str, status: int = 200, **headers) -> dict:
    answer = await client.get(url, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def resources(found: dict, mode: str = "match") -> list[dict]:
    return [e["resource"] for e in found.get("entry", []) if e["search"]["mode"] == mode]


def links(found: dict) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in found["link"]}


def is_subsetted(resource: dict) -> bool:
    return any(tag["code"] == "SUBSETTED" for tag in resource["meta"]["tag"])


async def test_a_summary_has_the_elements_marked_so(client, tag):
    patient = resources(await bundle(client, f"/Patient?_tag={SYSTEM}|{tag}&_summary=true"))[0]
    observation = resources(
        await bundle(client, f"/Observation?_tag={SYSTEM}|{tag}&_summary=true")
    )[0]

    assert set(patient) == {"resourceType", "id", "meta", "name", "gender"}
    assert is_subsetted(patient)
    assert not {"category", "text"} & set(observation)
    assert observation["component"] == [{"code": {"text": "part"}, "valueInteger": 2}]


async def test_a_text_has_narrative_and_what_is_mandatory(client, tag):
    observation = resources(
        await bundle(client, f"/Observation?_tag={SYSTEM}|{tag}&_summary=text")
    )[0]

    assert set(observation) == {"resourceType", "id", "meta", "text", "status", "code"}
    assert is_subsetted(observation)


async def test_data_leaves_out_the_narrative_alone(client, tag):
    patient = resources(await bundle(client, f"/Patient?_tag={SYSTEM}|{tag}&_summary=data"))[0]

    assert "text" not in patient
    assert {"maritalStatus", "contact", "communication"} <= set(patient)
    assert is_subsetted(patient)


async def test_a_count_has_a_total_and_nothing_else(client, tag):
    for asked in ("_summary=count", "_count=0"):
        found = await bundle(client, f"/Observation?_tag={SYSTEM}|{tag}&{asked}")
        assert found["total"] == 3
        assert "entry" not in found


async def test_no_summary_is_the_whole(client, tag):
    patient = resources(await bundle(client, f"/Patient?_tag={SYSTEM}|{tag}&_summary=false"))[0]

    assert "contact" in patient
    assert not is_subsetted(patient)


@pytest.mark.parametrize("place", ["/Patient/pat-{tag}?", "/Patient?_id=pat-{tag}&"])
async def test_elements_keep_what_is_mandatory(client, tag, place):
    found = await bundle(client, place.format(tag=tag) + "_elements=gender,link")
    patient = found if found["resourceType"] == "Patient" else resources(found)[0]

    assert set(patient) == {"resourceType", "id", "meta", "gender"}
    assert is_subsetted(patient)


async def test_elements_speak_of_matches_and_by_type_of_inclusions(client, tag):
    url = f"/Observation?_tag={SYSTEM}|{tag}&code=c0&_include=Observation:subject&_elements="
    plain = await bundle(client, url + "subject")
    typed = await bundle(client, url + "Observation.effective,Patient.gender")

    assert set(resources(plain)[0]) == {"resourceType", "id", "meta", "status", "code", "subject"}
    assert "contact" in resources(plain, "include")[0]
    assert "effectiveDateTime" in resources(typed)[0]
    assert set(resources(typed, "include")[0]) == {"resourceType", "id", "meta", "gender"}


@pytest.mark.parametrize(
    "query",
    ["_elements=nosuch", "_elements=Nothing.id", "_summary=most", "_summary=count"],
)
async def test_parts_of_one_resource_that_make_no_sense_are_refused(client, tag, query):
    answer = await client.get(f"/Patient/pat-{tag}?{query}")

    assert answer.status_code == 400


async def test_pages_name_themselves_the_first_and_the_next(client, tag):
    first = await bundle(client, f"/Observation?_tag={SYSTEM}|{tag}&_count=2&_sort=-date")
    second = await bundle(client, links(first)["next"])

    assert parse_qs(urlsplit(links(first)["self"]).query) == {
        "_tag": [f"{SYSTEM}|{tag}"], "_count": ["2"], "_sort": ["-date"],
    }  # fmt: skip
    assert links(first)["self"] == links(first)["first"] == links(second)["first"]
    assert "_cursor" in links(second)["self"]
    assert "next" not in links(second)
    assert first["total"] == second["total"] == 3
    assert [len(resources(page)) for page in (first, second)] == [2, 1]
    assert all(e["fullUrl"].startswith("http://") for e in first["entry"])


async def test_a_page_larger_than_allowed_says_how_large_it_is(client, tag):
    found = await bundle(client, f"/Observation?_tag={SYSTEM}|{tag}&_count=100000")

    assert "_count=1000" in links(found)["self"]


async def test_totals_come_as_asked(client, tag):
    url = f"/Observation?_tag={SYSTEM}|{tag}&_count=1&_total="

    assert "total" not in await bundle(client, url + "none")
    assert (await bundle(client, url + "accurate"))["total"] == 3
    assert (await bundle(client, url + "estimate"))["total"] >= 2
    await bundle(client, url + "roughly", 400)


async def test_the_unknown_is_refused_or_with_lenient_handling_named(client, tag):
    url = f"/Observation?_tag={SYSTEM}|{tag}&nosuch=1&_sort=nosuch&_include=Observation:nosuch"

    refused = await bundle(client, url, 400)
    strict = await bundle(client, url, 400, prefer="handling=strict")
    found = await bundle(client, url, prefer="handling=lenient")

    assert refused["resourceType"] == strict["resourceType"] == "OperationOutcome"
    assert len(resources(found)) == 3
    assert found["total"] == 3
    (outcome,) = resources(found, "outcome")
    assert outcome["resourceType"] == "OperationOutcome"
    assert {i["severity"] for i in outcome["issue"]} <= {"warning", "information"}
    assert "nosuch" not in links(found)["self"]


@pytest.mark.parametrize(
    "query",
    ["_source=urn:src:{tag}", "_security={system}|N&_tag={tag}", "_profile=http://example.org/{tag}",
     "_tag={system}|{tag}", "_id=pat-{tag}", "_tag={tag}&_lastUpdated=gt2020"],
)  # fmt: skip
async def test_common_parameters_search_all_types(client, tag, query):
    asked = query.format(tag=tag, system=SYSTEM)
    found = await bundle(client, f"?{asked}")
    posted = await client.post(
        "/_search", content=asked, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    typed = await bundle(client, f"?_type=Patient,Encounter&{asked}")

    types = sorted(one["resourceType"] for one in resources(found))
    assert types == (["Patient"] if "_id" in query else ["Observation"] * 3 + ["Patient"])
    assert posted.json()["total"] == found["total"]
    assert [one["resourceType"] for one in resources(typed)] == ["Patient"]


async def test_a_compartment_is_searched_by_its_address(client, tag):
    observations = await bundle(client, f"/Patient/pat-{tag}/Observation?code=c1")
    everything = await bundle(client, f"/Patient/pat-{tag}/*?_count=2")
    rest = await bundle(client, links(everything)["next"])
    posted = await client.post(
        f"/Patient/pat-{tag}/Observation/_search", content="code=c1,c2",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip

    assert [o["code"]["coding"][0]["code"] for o in resources(observations)] == ["c1"]
    assert links(observations)["self"].endswith(f"/Patient/pat-{tag}/Observation?code=c1")
    assert everything["total"] == 4
    assert len(resources(everything) + resources(rest)) == 4
    assert posted.json()["total"] == 2


async def test_chains_includes_and_filters_work_over_http(client, tag):
    found = await bundle(
        client,
        f"/Observation?patient.name=nguyen&_tag={SYSTEM}|{tag}&_revinclude:iterate=Observation:subject"
        "&_include:iterate=Observation:subject&code=c2",
    )
    filtered = await bundle(
        client, "/Observation", 200
    ) if False else await client.get(
        "/Observation", params={"_filter": f'subject.name sw "nguyễn" and _tag eq {SYSTEM}|{tag}'}
    )  # fmt: skip

    assert len(resources(found)) == 1
    assert sorted(r["resourceType"] for r in resources(found, "include")) == [
        "Observation", "Observation", "Patient",
    ]  # fmt: skip
    assert filtered.json()["total"] == 3


async def test_a_form_may_say_how_the_answer_is_written(client, tag):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await client.post(
        f"/Patient/_search?_tag={SYSTEM}|{tag}", content="gender=female&_format=xml", headers=form
    )

    assert answer.headers["content-type"].startswith("application/fhir+xml")
    assert '<total value="1"/>' in answer.text
