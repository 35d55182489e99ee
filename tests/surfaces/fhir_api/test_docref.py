"""$docref: which documents of a patient can be fetched."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from yba.kernel.ids import new_id

Json = dict[str, Any]
LOINC = "http://loinc.org"


async def _put(client: httpx.AsyncClient, resource: Json) -> str:
    resource = {"id": new_id(), **resource}
    place = f"{resource['resourceType']}/{resource['id']}"
    answer = await client.put(f"/{place}", content=orjson.dumps(resource))
    assert answer.status_code in (200, 201), answer.text
    return place


async def _documents(client: httpx.AsyncClient) -> dict[str, str]:
    patient = await _put(client, {"resourceType": "Patient"})
    made = {"patient": patient}

    async def document(nickname: str, code: str, date: str, **rest: Any) -> None:
        made[nickname] = await _put(client, {
            "resourceType": "DocumentReference", "status": "current",
            "subject": {"reference": patient}, "date": f"{date}T08:00:00Z",
            "type": {"coding": [{"system": LOINC, "code": code}]},
            "content": [{"attachment": {"url": "http://example.org/x"}}], **rest,
        })  # fmt: skip

    await document("old", "18842-5", "2023-01-05")
    await document("new", "18842-5", "2024-01-05")
    await document("replaced", "18842-5", "2024-02-05", status="superseded")
    period = {"start": "2020-01-01", "end": "2020-02-01"}
    await document("note", "11506-3", "2024-03-05", context={"period": period})
    return made


async def _ask(client: httpx.AsyncClient, made: dict[str, str], query: str = "") -> list[str]:
    """Return nicknames of what is answered, "summary" for what is made on demand."""
    patient = made["patient"].partition("/")[2]
    answer = await client.get(f"/DocumentReference/$docref?patient={patient}{query}")
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle.get("entry", [])))
    nicknames = {place: nickname for nickname, place in made.items()}
    return [
        nicknames.get(f"DocumentReference/{entry['resource'].get('id')}", "summary")
        for entry in bundle.get("entry", [])
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["summary", "new", "note"]),
        ("&on-demand=true", ["summary"]),
        ("&on-demand=false&type=18842-5", ["new"]),
        (f"&type={LOINC}|18842-5&start=2020-01-01", ["new", "old"]),
        ("&type=18842-5&start=2023-01-01&end=2023-12-31", ["old"]),
        ("&start=2020-01-15&end=2020-01-16", ["note"]),
        ("&type=60591-5", ["summary"]),
        ("&type=60591-5&end=2020-01-01", []),
        ("&profile=http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips", ["summary"]),
        ("&profile=http://example.org/other", []),
    ],
)
async def test_dates_of_care_type_and_profile_choose(
    client: httpx.AsyncClient, query: str, found: list[str]
):
    assert await _ask(client, await _documents(client), query) == found


async def test_the_document_on_demand_can_be_fetched(client: httpx.AsyncClient):
    made = await _documents(client)
    patient = made["patient"].partition("/")[2]
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "valueId": patient},
            {"name": "on-demand", "valueBoolean": True},
            {
                "name": "type",
                "valueCodeableConcept": {"coding": [{"system": LOINC, "code": "60591-5"}]},
            },
        ],
    }

    answer = await client.post("/DocumentReference/$docref", content=orjson.dumps(body))
    url = answer.json()["entry"][0]["resource"]["content"][0]["attachment"]["url"]
    document = (await client.get(url)).json()

    assert document["type"] == "document"
    assert document["entry"][1]["resource"]["id"] == patient


async def test_what_cannot_be_answered_is_refused(client: httpx.AsyncClient):
    made = await _documents(client)
    patient = made["patient"].partition("/")[2]
    place = "/DocumentReference/$docref"

    nobody = await client.get(place)
    unknown = await client.get(f"{place}?patient=nobody")
    when = await client.get(f"{place}?patient={patient}&start=soon")
    other = await client.get(f"{place}?patient={patient}&colour=red")
    await client.delete(f"/{made['patient']}")
    gone = await client.get(f"{place}?patient={patient}")

    statuses = [answer.status_code for answer in (nobody, unknown, when, other, gone)]
    assert statuses == [400, 404, 400, 400, 410]
