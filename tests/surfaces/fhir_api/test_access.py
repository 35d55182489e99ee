"""Who may see what over FHIR: what is hidden is answered exactly as what does not exist."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.surfaces.fhir_api.conftest import BASE, DOCTOR_TOKEN, PROGRAM_TOKEN

from yba.foundation.access import service as access
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.surfaces.fhir_api.application import FhirApp

ICD = "http://hl7.org/fhir/sid/icd-10"


@pytest.fixture(scope="module")
async def world(fhir: FhirApp, database: Database) -> dict[str, str]:
    """Store a patient of the doctor with one restricted condition, and somebody else's patient."""
    ids = {
        name: new_id() for name in ("mine", "other", "visit", "hiv", "cold", "foreign", "absent")
    }

    def subject(name: str) -> dict[str, str]:
        return {"reference": f"Patient/{ids[name]}"}

    def condition(name: str, whose: str, code: str) -> dict[str, Any]:
        return {
            "resourceType": "Condition", "id": ids[name], "subject": subject(whose),
            "encounter": {"reference": f"Encounter/{ids['visit']}"},
            "code": {"coding": [{"system": ICD, "code": code}]},
        }  # fmt: skip

    resources = [
        {"resourceType": "Patient", "id": ids["mine"], "name": [{"family": "Trần Kiểm Thử"}]},
        {"resourceType": "Patient", "id": ids["other"], "name": [{"family": "Lê Người Khác"}]},
        {
            "resourceType": "Encounter", "id": ids["visit"], "status": "finished",
            "class": {"code": "AMB"}, "subject": subject("mine"),
            "reasonReference": [{"reference": f"Condition/{ids['hiv']}"}],
        },
        condition("hiv", "mine", "B20"), condition("cold", "mine", "J06.9"),
        condition("foreign", "other", "J06.9"),
    ]  # fmt: skip
    async with _client(fhir, "test-token") as client:
        for one in resources:
            answer = await client.put(f"{BASE}/{one['resourceType']}/{one['id']}", json=one)
            assert answer.status_code == 201, answer.text
    now = utc_now()
    async with database.transaction() as tx:
        await access.relate(
            tx, patient_id=ids["mine"], kind="visit", department="K01",
            why=f"Encounter/{ids['visit']}", at=now - timedelta(minutes=1),
        )  # fmt: skip
    return ids


def _client(fhir: FhirApp, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fhir),  # type: ignore[arg-type]
        base_url=BASE,
        headers={"authorization": f"Bearer {token}", "content-type": "application/fhir+json"},
    )


@pytest.fixture
async def doctor(fhir: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    async with _client(fhir, DOCTOR_TOKEN) as client:
        yield client


@pytest.fixture
async def program(fhir: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    async with _client(fhir, PROGRAM_TOKEN) as client:
        yield client


ASKED = [
    ("GET", "Condition/{id}"), ("HEAD", "Condition/{id}"), ("GET", "Condition/{id}/_history"),
    ("GET", "Condition/{id}/_history/1"), ("GET", "Condition/{id}/$meta"),
    ("GET", "Condition/{id}/_history/1/$meta"), ("GET", "Condition/{id}/$validate"),
    ("GET", "Condition/{id}/$graphql?query={{code{{text}}}}"),
    ("GET", "Condition?_id={id}"), ("GET", "Condition?_id={id}&_summary=count"),
    ("GET", "Encounter?reason-reference=Condition/{id}&_include=Encounter:reason-reference&_elements=id"),
]  # fmt: skip


@pytest.mark.parametrize("secret", ["hiv", "foreign"])
@pytest.mark.parametrize(("method", "path"), ASKED[:-1], ids=lambda one: str(one))
async def test_hidden_is_answered_as_absent(doctor, world, method, path, secret):
    hidden = await doctor.request(method, path.format(id=world[secret]))
    absent = await doctor.request(method, path.format(id=world["absent"]))

    assert hidden.status_code == absent.status_code
    assert _plain(hidden, world[secret]) == _plain(absent, world["absent"])


def _plain(answer: httpx.Response, id_: str) -> Any:
    text = answer.text.replace(id_, "<id>")
    found = json.loads(text) if text.startswith("{") else text
    if isinstance(found, dict):
        for name in ("id", "meta", "timestamp"):
            found.pop(name, None)
    return found


async def test_what_is_not_restricted_is_shown_to_who_treats(doctor, world):
    found = (await doctor.get(f"Condition?patient={world['mine']}")).json()

    assert [entry["resource"]["id"] for entry in found["entry"]] == [world["cold"]]
    assert found["total"] == 1


LEAKS = [
    "Condition", "Condition?code=B20", "Condition?code:not=J06.9", "Encounter?_include=*",
    "Encounter?reason-reference:Condition.code=B20", "Patient?_has:Condition:patient:code=B20",
    "Patient?_revinclude=Condition:patient", "Patient?_revinclude=*", "Encounter?_revinclude=*",
    "Condition/_history", "_history", "Patient/{mine}/$everything", "Patient/$everything",
    "Encounter/{visit}/$everything", "Patient/{mine}/Condition", "Patient/{mine}/*",
    "Encounter?_filter=reason-reference.code eq B20", "?_type=Condition,Patient",
    "Patient/{mine}/$summary", "Condition?_content=B20", "Condition?_sort=code&_total=estimate",
]  # fmt: skip


@pytest.mark.parametrize("place", LEAKS)
async def test_no_question_brings_what_is_hidden(doctor, world, place):
    answer = await doctor.get(place.format(**world))

    resources = _resources(answer)
    assert not resources & {world["hiv"], world["foreign"], world["other"]}, answer.text[:300]
    assert "B20" not in "".join(_bodies(answer))


def _bodies(answer: httpx.Response) -> list[str]:
    if answer.status_code != 200:
        return []
    return [json.dumps(e.get("resource", {})) for e in answer.json().get("entry", [])]


def _resources(answer: httpx.Response) -> set[str]:
    if answer.status_code != 200:
        return set()
    return {
        entry.get("resource", {}).get("id", "") or entry.get("fullUrl", "").rpartition("/")[2]
        for entry in answer.json().get("entry", [])
    }


@pytest.mark.parametrize(
    "place",
    [
        "Encounter?reason-reference:Condition.code=B20&_summary=count",
        "Patient?_has:Condition:patient:code=B20&_summary=count",
        "Condition?code=B20&_total=accurate&_count=0",
    ],
)
async def test_no_count_tells_what_is_hidden(doctor, world, place):
    assert (await doctor.get(place)).json()["total"] == 0


async def test_graphql_resolves_no_hidden_reference(doctor, world):
    query = "{reasonReference{reference resource{... on Condition{id}}}}"
    found = (
        await doctor.get(f"Encounter/{world['visit']}/$graphql", params={"query": query})
    ).json()

    assert world["hiv"] not in json.dumps(found["data"]["reasonReference"][0].get("resource"))


async def test_match_finds_only_persons_that_may_be_seen(doctor, world):
    sought = {
        "resourceType": "Patient",
        "name": [{"text": "Lê Người Khác"}],
        "birthDate": "1990-01-01",
    }
    found = (await doctor.post("Patient/$match", json=sought)).json()

    assert world["other"] not in _resources_of(found)


def _resources_of(found: dict[str, Any]) -> set[str]:
    return {entry["resource"].get("id", "") for entry in found.get("entry", [])}


async def test_nobody_who_sees_only_some_persons_exports_or_writes(doctor, world):
    export = await doctor.get("$export", headers={"prefer": "respond-async"})
    written = await doctor.post(
        "Condition", json={"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
    )

    assert export.status_code == written.status_code == 403


async def test_a_program_changes_nothing_that_it_may_not_see(program, world, client):
    place = f"Condition/{world['hiv']}"
    before = (await client.get(place)).headers["etag"]
    changed = {
        "resourceType": "Condition", "id": world["hiv"],
        "subject": {"reference": f"Patient/{world['mine']}"},
    }  # fmt: skip
    patch = [{"op": "add", "path": "/clinicalStatus", "value": {"text": "x"}}]

    put = await program.put(place, json=changed)
    patched = await program.patch(
        place, content=json.dumps(patch), headers={"content-type": "application/json-patch+json"}
    )
    deleted = await program.delete(place)
    by_condition = await program.delete("Condition?code=B20")

    assert put.status_code == 409
    assert patched.status_code == 404
    assert deleted.status_code == by_condition.status_code == 204
    assert (await client.get(place)).headers["etag"] == before


async def test_a_conditional_create_does_not_match_what_is_hidden(program, world):
    """Otherwise the answer would tell that it exists; a second one is stored instead."""
    body = {
        "resourceType": "Condition", "subject": {"reference": f"Patient/{world['other']}"},
        "code": {"coding": [{"system": ICD, "code": "Z99"}]},
    }  # fmt: skip
    answer = await program.post(
        "Condition", json=body, headers={"if-none-exist": f"_id={world['hiv']}"}
    )

    assert answer.status_code == 201


async def test_a_reference_by_condition_does_not_find_what_is_hidden(program, world):
    answers: list[Any] = []
    for name in ("hiv", "absent"):
        bundle = {
            "resourceType": "Bundle", "type": "transaction",
            "entry": [
                {
                    "request": {"method": "POST", "url": "Provenance"},
                    "resource": {
                        "resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
                        "agent": [{"who": {"display": "x"}}],
                        "target": [{"reference": f"Condition?_id={world[name]}"}],
                    },
                }
            ],
        }  # fmt: skip
        answer = await program.post("", json=bundle)
        answers.append((answer.status_code, _plain(answer, world[name])))

    assert answers[0] == answers[1]
    assert answers[0][0] >= 400


async def test_a_deletion_is_told_to_those_only_who_could_see_it(client, doctor, world):
    for whose, status in (("mine", 410), ("other", 404)):
        made = await client.post(
            "Condition",
            json={"resourceType": "Condition", "subject": {"reference": f"Patient/{world[whose]}"}},
        )
        place = f"Condition/{made.json()['id']}"
        await client.delete(place)
        assert (await doctor.get(place)).status_code == status
