"""Contained resources are found by their own parameters, and never met by an ordinary search."""

from __future__ import annotations

import pytest
from tests.surfaces.fhir_api.conftest import DOCTOR_TOKEN

from yba.kernel.ids import new_id

SYSTEM = "urn:test:contained"


def medicine(code: str, tag: str, **more) -> dict:
    meta = {"tag": [{"system": SYSTEM, "code": tag}]}
    return {"resourceType": "Medication", "meta": meta, **more,
            "code": {"coding": [{"system": "urn:atc", "code": code, "display": "Thuốc pha chế"}]}}  # fmt: skip


def request(inside: list[dict]) -> dict:
    return {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": {"reference": "Patient/nobody"}, "contained": inside,
        "medicationReference": {"reference": f"#{inside[0]['id']}"},
    }  # fmt: skip


@pytest.fixture
async def ward(client):
    """Store a Medication of its own, and two inside one request; return tag and ids."""
    tag = new_id()
    own = await client.post("/Medication", json=medicine("A01", tag))
    inside = [medicine("A02", tag, id="m1", status="active"), medicine("A03", tag, id="m2")]
    holder = await client.post("/MedicationRequest", json=request(inside))
    assert holder.status_code == 201, holder.text
    return tag, own.json()["id"], holder.json()["id"]


async def found(client, query: str) -> list[str]:
    """Return the fullUrls of the matches, without the base."""
    answer = await client.get(query)
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    urls = ["/".join(e["fullUrl"].rsplit("/", 2)[1:]) for e in bundle.get("entry", ())]
    if "_count=1" not in query:
        assert bundle["total"] == len(urls)
    return urls


async def test_what_stands_inside_is_found_when_it_is_asked_for(client, ward):
    tag, own, holder = ward
    all_, one = f"/Medication?_tag={SYSTEM}|{tag}", f"Medication/{own}"
    container = f"MedicationRequest/{holder}"

    assert await found(client, all_) == [one]
    assert await found(client, f"{all_}&_contained=true") == [container]
    inside = await found(client, f"{all_}&_contained=true&_containedType=contained&_sort=code")
    assert inside == [f"{container}#m1", f"{container}#m2"]
    both = await found(client, f"{all_}&_contained=both&_containedType=contained&_sort=-code")
    assert both == [f"{container}#m2", f"{container}#m1", one]
    assert set(await found(client, f"{all_}&_contained=both")) == {one, container}
    narrow = f"{all_}&_contained=true&_containedType=contained"
    assert await found(client, f"{narrow}&code=urn:atc|A03") == [f"{container}#m2"]
    assert await found(client, f"{narrow}&_id=m1&status=active") == [f"{container}#m1"]
    assert await found(client, f"{narrow}&code:text=thuoc&status:missing=true") == [
        f"{container}#m2"
    ]
    assert await found(client, f"{narrow}&code=A09") == []
    counted = await client.get(f"{all_}&_contained=both&_sort=code&_summary=count")
    assert counted.json()["total"] == 2


async def test_chains_look_inside(client, ward):
    tag, _, holder = ward
    container, all_ = f"MedicationRequest/{holder}", "/MedicationRequest?medication"

    assert await found(client, f"{all_}.code=A02&medication._tag={SYSTEM}|{tag}") == [container]
    assert await found(client, f"{all_}:Medication._tag={SYSTEM}|{tag}") == [container]
    # Inside, but not what the request refers to.
    assert await found(client, f"{all_}.code=A03&medication._tag={SYSTEM}|{tag}") == []
    assert await found(client, f"{all_}:missing=true&_id={holder}") == []


async def test_a_patient_inside_is_a_patient(client):
    name = f"Trong{new_id()}"
    person = {"resourceType": "Patient", "id": "p", "name": [{"family": name}]}
    sugar = {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"}, "contained": [person],
        "subject": {"reference": "#p"},
    }  # fmt: skip
    stored = f"Observation/{(await client.post('/Observation', json=sugar)).json()['id']}"

    for reference in ("patient", "subject", "subject:Patient"):
        assert await found(client, f"/Observation?{reference}.family={name}") == [stored]
    for reference in ("patient", "subject"):
        query = f"/Observation?_id={stored[12:]}&{reference}:missing="
        assert await found(client, query + "false") == [stored]
        assert await found(client, query + "true") == []


async def test_who_may_not_see_the_container_finds_nothing_in_it(client):
    code = new_id()
    patient = (await client.post("/Patient", json={"resourceType": "Patient"})).json()["id"]
    sheet = request([medicine(code, code, id="m")]) | {
        "subject": {"reference": f"Patient/{patient}"}
    }
    holder = (await client.post("/MedicationRequest", json=sheet)).json()["id"]
    query = f"/Medication?code={code}&_contained=true"

    assert await found(client, query) == [f"MedicationRequest/{holder}"]
    client.headers["Authorization"] = f"Bearer {DOCTOR_TOKEN}"
    assert await found(client, query) == []
    assert await found(client, f"{query}&_containedType=contained") == []
    assert (await client.get(f"{query}&_summary=count")).json()["total"] == 0


async def test_pages_of_contained_resources_lose_and_repeat_nothing(client, ward):
    tag, _, _ = ward
    url = f"/Medication?_tag={SYSTEM}|{tag}&_contained=both&_containedType=contained&_sort=code&_count=1"
    seen: list[str] = []
    while url:
        bundle = (await client.get(url)).json()
        assert bundle["total"] == 3
        seen += [entry["resource"]["code"]["coding"][0]["code"] for entry in bundle["entry"]]
        url = next((k["url"] for k in bundle["link"] if k["relation"] == "next"), "")
    assert seen == ["A01", "A02", "A03"]


async def test_what_stands_inside_goes_with_its_container(client, ward):
    tag, _, holder = ward
    narrow = f"/Medication?_tag={SYSTEM}|{tag}&_contained=true&_containedType=contained"
    changed = request([medicine("A04", tag, id="m9")]) | {"id": holder}
    assert (await client.put(f"/MedicationRequest/{holder}", json=changed)).status_code == 200
    assert await found(client, narrow) == [f"MedicationRequest/{holder}#m9"]
    assert (await client.get(f"/Medication/{holder}%23m9")).status_code in (400, 404)
    await client.delete(f"/MedicationRequest/{holder}")
    assert await found(client, narrow) == []


@pytest.mark.parametrize(
    "query",
    ["Medication?_contained=maybe", "Medication?_containedType=all", "?_type=Medication,Patient&_contained=true",
     "Medication?_contained=true&_containedType=contained&_include=*"],
)  # fmt: skip
async def test_what_has_no_meaning_is_refused(client, query):
    assert (await client.get(f"/{query}" if query[0] != "?" else query)).status_code == 400
