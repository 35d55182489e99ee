"""$everything: the whole compartment and what supports it, once, page after page."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from yba.foundation.record import everything
from yba.foundation.record.everything import references_in
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api.application import FhirApp

Json = dict[str, Any]


async def _put(client: httpx.AsyncClient, resource: Json) -> str:
    place = f"{resource['resourceType']}/{resource['id']}"
    answer = await client.put(f"/{place}", content=orjson.dumps(resource))
    assert answer.status_code in (200, 201), answer.text
    return place


def _ref(place: str) -> Json:
    return {"reference": place}


async def _patient_with_things(client: httpx.AsyncClient, observations: int = 5) -> dict[str, str]:
    """Store one patient with one thing of each kind of tie; return places by nickname."""
    made: dict[str, str] = {}

    async def put(nickname: str, type_: str, **rest: Any) -> str:
        resource = {"resourceType": type_, "id": new_id(), **rest}
        made[nickname] = await _put(client, resource)
        return made[nickname]

    await put("organization", "Organization", name="Khoa")
    await put("practitioner", "Practitioner", birthDate="1970-01-01")
    role = {
        "practitioner": _ref(made["practitioner"]),
        "organization": _ref(made["organization"]),
    }
    await put("role", "PractitionerRole", **role)
    await put("patient", "Patient", birthDate="1980-02-03")
    me = _ref(made["patient"])
    await put(
        "encounter", "Encounter", status="finished", subject=me, period={"start": "2024-05-01"},
        participant=[{"individual": _ref(made["role"])}], **{"class": {"code": "AMB"}},
    )  # fmt: skip
    for n in range(observations):
        await put(
            f"observation{n}", "Observation", status="final", code={"text": "x"}, subject=me,
            effectiveDateTime=f"202{n % 5}-03-04", encounter=_ref(made["encounter"]),
        )  # fmt: skip
    other = await put("other", "Patient", birthDate="1981-01-01")
    # Tied not by the patient column but by another element of the compartment.
    await put(
        "performed", "Observation", status="final", code={"text": "x"}, subject=_ref(other),
        performer=[me],
    )  # fmt: skip
    await put("group", "Group", type="person", actual=True, member=[{"entity": me}])
    await put("provenance", "Provenance", target=[me], recorded="2024-01-01T00:00:00Z",
              agent=[{"who": _ref(made["practitioner"])}])  # fmt: skip
    return made


def _places(bundle: Json, mode: str = "") -> list[str]:
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if not mode or entry["search"]["mode"] == mode
    ]


async def _pages(client: httpx.AsyncClient, url: str) -> list[Json]:
    pages: list[Json] = []
    while url:
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        links = {link["relation"]: link["url"] for link in pages[-1]["link"]}
        url = links.get("next", "")
    return pages


async def test_everything_of_a_patient_is_the_compartment_and_what_supports_it(
    client: httpx.AsyncClient,
):
    made = await _patient_with_things(client)

    bundle = (await client.get(f"/{made['patient']}/$everything")).json()

    own = set(made.values()) - {made[k] for k in ("other", "organization", "practitioner", "role")}
    assert bundle["type"] == "searchset"
    assert set(_places(bundle, "match")) == own
    assert bundle["total"] == len(own)
    assert _places(bundle)[0] == made["patient"]
    supporting = {made["organization"], made["practitioner"], made["role"]}
    assert set(_places(bundle, "include")) == supporting


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("remembered", [0, 450])
async def test_pages_give_nothing_twice_and_lose_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, count: int, remembered: int
):
    monkeypatch.setattr(everything, "MOST_REMEMBERED", remembered)
    made = await _patient_with_things(client)
    whole = (await client.get(f"/{made['patient']}/$everything")).json()

    pages = await _pages(client, f"/{made['patient']}/$everything?_count={count}")

    found = [place for page in pages for place in _places(page)]
    assert len(found) == len(set(found))
    assert set(found) == set(_places(whole))
    assert all(len(_places(page, "match")) <= count + 1 for page in pages)


async def test_types_are_those_asked_for_supporting_ones_included(client: httpx.AsyncClient):
    made = await _patient_with_things(client)

    url = f"/{made['patient']}/$everything?_type=Encounter,Practitioner"
    bundle = (await client.get(url)).json()

    assert set(_places(bundle)) == {made["encounter"], made["practitioner"]}


async def test_dates_of_care_choose_and_leave_the_patient_in(client: httpx.AsyncClient):
    made = await _patient_with_things(client)

    url = (
        f"/{made['patient']}/$everything?start=2023-01-01&end=2023-12-31&_type=Observation,Patient"
    )
    found = set(_places((await client.get(url)).json()))

    # 2023 is that of observation3; `performed` has no date that could exclude it.
    assert found == {made["patient"], made["observation3"], made["performed"]}


async def test_since_leaves_out_what_did_not_change(client: httpx.AsyncClient):
    made = await _patient_with_things(client)
    changed = (await client.get(f"/{made['observation1']}")).json()
    changed["status"] = "amended"
    answer = await client.put(f"/{made['observation1']}", content=orjson.dumps(changed))
    since = answer.json()["meta"]["lastUpdated"]

    bundle = (await client.get(f"/{made['patient']}/$everything?_since={since}")).json()

    assert _places(bundle) == [made["observation1"]]


async def test_everything_of_an_encounter_is_its_compartment_and_its_patient(
    client: httpx.AsyncClient,
):
    made = await _patient_with_things(client)

    bundle = (await client.get(f"/{made['encounter']}/$everything")).json()

    members = {made["encounter"], *(made[f"observation{n}"] for n in range(5))}
    assert set(_places(bundle, "match")) == members
    supporting = {made[k] for k in ("patient", "role", "practitioner", "organization")}
    assert set(_places(bundle, "include")) == supporting


async def test_parameters_may_come_by_post(client: httpx.AsyncClient):
    made = await _patient_with_things(client)
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_count", "valueInteger": 2},
            {"name": "_type", "valueCode": "Observation"},
        ],
    }

    answer = await client.post(f"/{made['patient']}/$everything", content=orjson.dumps(body))

    assert len(_places(answer.json())) == 2
    assert any(link["relation"] == "next" for link in answer.json()["link"])


async def test_everything_of_all_patients_comes_page_by_page(client: httpx.AsyncClient):
    first = await _patient_with_things(client)
    second = await _patient_with_things(client)

    pages = await _pages(client, "/Patient/$everything?_count=400")

    found = [place for page in pages for place in _places(page, "match")]
    assert {first["observation0"], second["observation0"], second["patient"]} <= set(found)
    patients = [place for place in found if place.startswith("Patient/")]
    assert len(patients) == len(set(patients))


async def test_everything_of_a_group_is_that_of_its_active_patients(client: httpx.AsyncClient):
    made = [await _patient_with_things(client, observations=1) for _ in range(3)]
    members: list[Json] = [{"entity": _ref(one["patient"])} for one in made]
    members[1]["inactive"] = True
    group = await _put(client, {
        "resourceType": "Group", "id": new_id(), "type": "person", "actual": True, "member": members,
    })  # fmt: skip

    seen: set[str] = set()
    url = f"/{group}/$everything?_count=2"
    while url:
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen |= {
            f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in page.get("entry", ())
        }
        url = next((k["url"] for k in page["link"] if k["relation"] == "next"), "")

    for one, expected in zip(made, (True, False, True), strict=True):
        assert (one["patient"] in seen) is expected
        assert (one["observation0"] in seen) is expected
    assert (await client.get("/Group/nosuch/$everything")).status_code == 404


async def test_unknown_and_deleted_patients_are_told_apart(client: httpx.AsyncClient):
    made = await _patient_with_things(client)
    await client.delete(f"/{made['other']}")

    gone = await client.get(f"/{made['other']}/$everything")
    never = await client.get("/Patient/nobody/$everything")

    assert (gone.status_code, never.status_code) == (410, 404)


@pytest.mark.parametrize(
    "query", ["_count=0", "_type=Nothing", "start=soon", "_summary=true", "_cursor=abc"]
)
async def test_what_cannot_be_answered_exactly_is_refused(client: httpx.AsyncClient, query: str):
    made = await _patient_with_things(client, 0)

    answer = await client.get(f"/{made['patient']}/$everything?{query}")

    assert answer.status_code == 400


async def test_a_cursor_serves_only_its_own_question(client: httpx.AsyncClient):
    made = await _patient_with_things(client)
    pages = await _pages(client, f"/{made['patient']}/$everything?_count=8")
    link = next(link["url"] for link in pages[0]["link"] if link["relation"] == "next")

    answer = await client.get(link.replace("_count=8", "_count=9"))

    assert answer.status_code == 400


async def test_it_leaves_one_trace_for_the_patient(client: httpx.AsyncClient, fhir: FhirApp):
    made = await _patient_with_things(client)
    await fhir.trail.flush()

    await client.get(f"/{made['patient']}/$everything")
    await client.get(f"/{made['patient']}/$everything?_count=2")

    await fhir.trail.flush()
    async with fhir.trail._database.borrow() as connection:
        count = await connection.fetchval(
            "SELECT count(*) FROM audit.event WHERE patient_id = $1 AND what = $2",
            made["patient"].partition("/")[2],
            "fhir_api.everything",
        )
    assert count == 1


def test_references_are_read_from_bytes_and_not_from_texts():
    body = (
        b'{"a":{"reference":"Practitioner/1"},"b":{"reference":"http://here/fhir/Location/2/_history/3"},'
        b'"c":{"reference":"http://there/fhir/Location/9"},"d":"\\"reference\\":\\"Device/7\\"",'
        b'"e":{"reference":"#x"},"f":{"reference":"Patient/4"},"g":{"reference":"Organization/"}}'
    )

    found = references_in([body], everything.SUPPORTING, "http://here/fhir")

    assert found == {("Practitioner", "1"), ("Location", "2")}
