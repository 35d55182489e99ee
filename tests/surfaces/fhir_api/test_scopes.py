"""What each scope of a program opens, interaction by interaction, and nothing beside it.

Source: SMART App Launch 2.2, "Scopes for requesting FHIR Resources". The programs here are those of a
facility (they see everybody), so that whatever is hidden is hidden by their scopes.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from tests.surfaces.fhir_api.conftest import BASE

from yba.kernel.actor import Actor
from yba.plumbing.database import Database
from yba.surfaces.fhir_api.application import FhirApp

# The same in every process: cases are named by it.
MARK = "5c09e5ab"
ANNA, BINH = f"anna-{MARK}", f"binh-{MARK}"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def program(*scopes: str, patient: str | None = ANNA) -> str:
    """Return a token of a program with these scopes, opened on a patient."""
    return "scoped:" + base64.b64encode(json.dumps([scopes, patient]).encode()).decode()


async def _who(token: str) -> Actor | None:
    if not token.startswith("scoped:"):
        return Actor.system("scope-test")
    scopes, patient = json.loads(base64.b64decode(token.removeprefix("scoped:")))
    return Actor(
        "client:test", "Test", roles=frozenset({"api"}),
        permissions=frozenset({"fhir.read", "fhir.write", "fhir.export"}), purpose="HOPERAT",
        client_id="test", scopes=tuple(scopes), patient_context=patient,
    )  # fmt: skip


def _observation(id_: str, patient: str, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "x"},
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "subject": {"reference": f"Patient/{patient}"},
        "performer": [{"reference": f"Practitioner/doctor-{MARK}"}],
    }  # fmt: skip


def _everything() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"resourceType": "Practitioner", "id": f"doctor-{MARK}", "name": [{"family": MARK}]}
    ]
    for patient in (ANNA, BINH):
        found += [
            {"resourceType": "Patient", "id": patient, "name": [{"family": MARK}]},
            _observation(f"lab-{patient}", patient, "laboratory"),
            _observation(f"vital-{patient}", patient, "vital-signs"),
            {
                "resourceType": "Condition", "id": f"c-{patient}", "code": {"text": "y"},
                "subject": {"reference": f"Patient/{patient}"},
            },
        ]  # fmt: skip
    return found


@pytest.fixture(scope="module")
async def base(fhir: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client of a FHIR base that reads scopes from tokens, over two patients' records."""
    before, fhir.callers._authenticate = fhir.callers._authenticate, _who
    fhir.callers.forget()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fhir),  # type: ignore[arg-type]
        base_url=BASE, headers={"content-type": "application/fhir+json"}, timeout=60,
    ) as client:  # fmt: skip
        for resource in _everything():
            place = f"/{resource['resourceType']}/{resource['id']}"
            made = await client.put(place, json=resource, headers=_bearer("all"))
            assert made.status_code in (200, 201), made.text
        yield client
    fhir.callers._authenticate = before
    fhir.callers.forget()


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def _status(base: httpx.AsyncClient, token: str, method: str, path: str, **more: Any) -> int:
    headers = _bearer(token) | more.pop("headers", {})
    return (await base.request(method, path, headers=headers, **more)).status_code


async def _ids(base: httpx.AsyncClient, token: str, path: str) -> set[str]:
    answer = await base.get(path, headers=_bearer(token))
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    found = {entry["resource"]["id"] for entry in bundle.get("entry", ())}
    if "total" in bundle and "_include" not in path:
        assert bundle["total"] == len([
            e for e in bundle.get("entry", ()) if e.get("search", {}).get("mode", "match") == "match"
        ])  # fmt: skip
    return found


LAB, VITAL = f"lab-{ANNA}", f"vital-{ANNA}"
OTHERS_LAB, OTHERS_VITAL = f"lab-{BINH}", f"vital-{BINH}"
ALL = {LAB, VITAL, OTHERS_LAB, OTHERS_VITAL}
SEARCH = f"/Observation?performer=Practitioner/doctor-{MARK}&_total=accurate"


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ("patient/Observation.rs", {LAB, VITAL}),
        ("patient/Observation.read", {LAB, VITAL}),
        ("patient/*.rs", {LAB, VITAL}),
        ("patient/*.*", {LAB, VITAL}),
        ("user/Observation.rs", ALL),
        ("user/*.read", ALL),
        ("system/*.cruds", ALL),
        (f"patient/Observation.rs?category={CATEGORY}|laboratory", {LAB}),
        ("patient/Observation.rs?category=vital-signs", {VITAL}),
        ("user/Observation.rs?category=laboratory", {LAB, OTHERS_LAB}),
        ("user/Observation.rs?category=laboratory,vital-signs", ALL),
        ("user/Observation.rs?category=laboratory&category=vital-signs", set()),
        ("user/Observation.rs?unheard=of", set()),
        ("user/Observation.rs?_security=none-such", set()),
        (
            "patient/Observation.rs?category=vital-signs user/Observation.rs?category=laboratory",
            {LAB, VITAL, OTHERS_LAB},
        ),
    ],
)
async def test_reads_searches_and_counts_show_the_same(base: Any, scope: str, seen: set[str]):
    token = program(*scope.split(" "))
    assert await _ids(base, token, SEARCH) == seen
    count = await base.get(SEARCH + "&_summary=count", headers=_bearer(token))
    assert count.json()["total"] == len(seen)
    for id_ in ALL:
        expected = 200 if id_ in seen else 404
        assert await _status(base, token, "GET", f"/Observation/{id_}") == expected, id_
        assert await _status(base, token, "GET", f"/Observation/{id_}/_history/1") == expected, id_
        history = await base.get(f"/Observation/{id_}/_history", headers=_bearer(token))
        states = len(history.json().get("entry", ())) if history.status_code == 200 else 0
        assert bool(states) == (id_ in seen), id_


# What each scope needs to be for an interaction to be tried at all.
_INTERACTIONS: dict[str, tuple[str, str, str]] = {
    "r": ("GET", f"/Condition/c-{ANNA}", ""),
    "s": ("GET", "/Condition", ""),
    "c": ("POST", "/Condition", "body"),
    "u": ("PUT", f"/Condition/c-{ANNA}", "body with id"),
    "d": ("DELETE", f"/Condition/none-{MARK}", ""),
}


def _condition(patient: str, id_: str | None = None) -> dict[str, Any]:
    found = {"resourceType": "Condition", "code": {"text": "y"}}
    found["subject"] = {"reference": f"Patient/{patient}"}
    return found | ({"id": id_} if id_ else {})


@pytest.mark.parametrize(
    "letters", ["c", "r", "u", "d", "s", "cud", "rs", "cruds", "read", "write", "*"]
)
@pytest.mark.parametrize("context", ["patient", "user", "system"])
@pytest.mark.parametrize("type_", ["Condition", "*", "Observation"])
async def test_each_letter_opens_its_interaction_alone(
    base: Any, context: str, type_: str, letters: str
):
    meaning = {"read": "rs", "write": "cud", "*": "cruds"}.get(letters, letters)
    token = program(f"{context}/{type_}.{letters}")
    for letter, (method, path, body) in _INTERACTIONS.items():
        more: dict[str, Any] = {}
        if body:
            more["json"] = _condition(ANNA, f"c-{ANNA}" if "id" in body else None)
        status = await _status(base, token, method, path, **more)
        allowed = letter in meaning and type_ != "Observation"
        assert (status < 300) == allowed, (letter, status)
        if not allowed:
            assert status == 403, (letter, status)


async def test_a_program_writes_for_its_patient_alone(base: Any):
    token = program("patient/*.cruds")
    assert await _status(base, token, "POST", "/Condition", json=_condition(ANNA)) == 201
    for body in (_condition(BINH), {"resourceType": "Organization", "name": "x"}):
        status = await _status(base, token, "POST", f"/{body['resourceType']}", json=body)
        assert status in (403, 404), body
    place = f"/Condition/c-{BINH}"
    stolen = _condition(ANNA, f"c-{BINH}")
    # That the id is taken cannot be kept from who wants to use it.
    assert await _status(base, token, "PUT", place, json=stolen) in (403, 404, 409)
    assert await _status(base, token, "DELETE", place) in (204, 403, 404)
    given_away = _condition(BINH, f"c-{ANNA}")
    assert await _status(base, token, "PUT", f"/Condition/c-{ANNA}", json=given_away) in (403, 404)
    patch = [{"op": "replace", "path": "/code/text", "value": "z"}]
    media = {"content-type": "application/json-patch+json", **_bearer(token)}
    answer = await base.patch(place, content=json.dumps(patch), headers=media)
    assert answer.status_code in (403, 404)
    kept = await base.get(place, headers=_bearer("all"))
    assert kept.status_code == 200
    assert kept.json()["code"]["text"] == "y"
    assert kept.json()["meta"]["versionId"] == "1"
    own = await base.get(f"/Condition/c-{ANNA}", headers=_bearer("all"))
    assert own.json()["subject"]["reference"] == f"Patient/{ANNA}"


async def test_entries_of_a_transaction_are_asked_one_by_one(base: Any):
    token = program("patient/Condition.cruds", "patient/Observation.rs")
    for entry in (
        {"request": {"method": "POST", "url": "Condition"}, "resource": _condition(BINH)},
        {"request": {"method": "DELETE", "url": f"Observation/{LAB}"}},
        {
            "request": {"method": "PUT", "url": f"Observation/{LAB}"},
            "resource": _observation(LAB, ANNA, "laboratory"),
        },
    ):
        good = {"request": {"method": "POST", "url": "Condition"}, "resource": _condition(ANNA)}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [good, entry]}
        assert await _status(base, token, "POST", "", json=bundle) in (403, 404), entry
        one_by_one = {"resourceType": "Bundle", "type": "batch", "entry": [good, entry]}
        answer = await base.post("", json=one_by_one, headers=_bearer(token))
        done = [one["response"]["status"][:3] for one in answer.json()["entry"]]
        assert done[0] == "201"
        assert done[1] in ("403", "404"), entry
    lab = await base.get(f"/Observation/{LAB}", headers=_bearer("all"))
    assert lab.json()["meta"]["versionId"] == "1"


async def test_entries_of_a_batch_are_refused_one_by_one(base: Any):
    token = program("patient/Observation.rs")
    urls = [f"Observation/{LAB}", f"Observation/{OTHERS_LAB}", f"Condition/c-{ANNA}", "Patient?_count=5",
            f"Patient/{ANNA}/$everything", "$export"]  # fmt: skip
    bundle = {
        "resourceType": "Bundle", "type": "batch",
        "entry": [{"request": {"method": "GET", "url": url}} for url in urls],
    }  # fmt: skip
    answer = await base.post("", json=bundle, headers=_bearer(token))
    found = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
    assert found == ["200", "404", "403", "403", "403", "403"]


async def test_includes_and_chains_tell_nothing_beyond_the_scopes(base: Any):
    narrow = program("user/Observation.rs?category=laboratory")
    query = f"/Observation?_id={LAB}&_include=Observation:subject&_include=Observation:performer"
    assert await _ids(base, narrow, query) == {LAB}
    wide = program("user/Observation.rs", "user/Practitioner.rs")
    assert await _ids(base, wide, query) == {LAB, f"doctor-{MARK}"}
    chained = f"/Observation?subject:Patient.family={MARK}&_total=accurate"
    assert await _ids(base, wide, chained) == set()
    with_patients = program("user/Observation.rs", "user/Patient.rs")
    assert await _ids(base, with_patients, chained) == ALL
    reverse = f"/Patient?_id={ANNA}&_revinclude=Observation:subject"
    assert await _ids(base, program("user/Patient.rs"), reverse) == {ANNA}
    assert await _ids(base, program("user/Patient.rs", "patient/Observation.s"), reverse) == {
        ANNA,
        LAB,
        VITAL,
    }
    has = f"/Patient?family={MARK}&_has:Observation:subject:category=laboratory&_total=accurate"
    assert await _ids(base, program("user/Patient.rs"), has) == set()
    assert await _ids(base, program("user/Patient.rs", "patient/Observation.rs"), has) == {ANNA}


async def test_what_speaks_of_nobody_may_be_read_beside_a_patient(base: Any):
    token = program("patient/*.rs")
    assert await _status(base, token, "GET", f"/Practitioner/doctor-{MARK}") == 200
    assert await _status(base, token, "GET", f"/Patient/{BINH}") == 404
    alone = program("patient/*.rs", patient=None)
    assert await _ids(base, alone, SEARCH) == set()
    assert await _status(base, alone, "GET", f"/Patient/{ANNA}") == 404


@pytest.mark.parametrize(
    ("scope", "name", "method", "status"),
    [
        ("patient/*.rs", f"Patient/{ANNA}/$everything", "GET", 200),
        ("patient/*.rs", f"Patient/{BINH}/$everything", "GET", 404),
        ("patient/Observation.rs", f"Patient/{ANNA}/$everything", "GET", 403),
        ("patient/*.cud", f"Patient/{ANNA}/$everything", "GET", 403),
        ("patient/*.rs", f"Patient/{BINH}/$summary", "GET", 404),
        ("patient/*.rs", f"Condition/c-{ANNA}/$meta-add", "POST", 403),
        ("patient/*.rs", "$reindex", "POST", 403),
        ("system/*.cruds", "$reindex", "POST", 403),
        ("system/*.cruds", "$import", "POST", 403),
        ("user/*.cruds", "$export", "GET", 403),
        ("patient/*.cruds", "Patient/$export", "GET", 403),
        ("system/*.r", "$export", "GET", 403),
        ("system/Observation.rs?category=laboratory", "$export", "GET", 403),
        ("system/Observation.rs", "$export?_type=Observation,Patient", "GET", 403),
        ("system/Observation.rs", "$export?_type=Observation", "GET", 202),
        ("system/*.rs", "$export?_type=Observation", "GET", 202),
        ("user/Observation.rs", "Patient/$match", "POST", 403),
        ("openid", "Observation", "GET", 403),
    ],
)
async def test_operations(base: Any, scope: str, name: str, method: str, status: int):
    headers = {**_bearer(program(scope)), "prefer": "respond-async"}
    body: dict[str, Any] = {"json": {"resourceType": "Parameters"}} if method == "POST" else {}
    answer = await base.request(method, f"/{name}", headers=headers, **body)
    assert answer.status_code == status, answer.text
    if status == 403 and "import" not in name:
        assert answer.json()["issue"][0]["code"] in ("forbidden", "security")


async def test_everything_holds_what_the_scopes_hold(base: Any):
    token = program("patient/Patient.r", "patient/Observation.rs?category=laboratory")
    found = await _ids(base, token, f"/Patient/{ANNA}/$everything")
    assert found == {ANNA, LAB}


async def test_graphql_shows_what_searches_show(base: Any):
    query = f'{{ObservationList(performer: "Practitioner/doctor-{MARK}") {{id}}}}'
    for scope, seen in (
        ("patient/Observation.rs", {LAB, VITAL}),
        ("patient/Observation.rs?category=laboratory", {LAB}),
        ("user/Condition.rs", set[str]()),
    ):
        answer = await base.post(
            "/$graphql",
            content=json.dumps({"query": query}),
            headers={**_bearer(program(scope)), "content-type": "application/json"},
        )
        shown = (answer.json().get("data") or {}).get("ObservationList") or []
        assert {one["id"] for one in shown} == seen, (scope, answer.text)


async def test_a_refusal_says_that_the_scope_was_too_small(base: Any):
    answer = await base.get("/Condition", headers=_bearer(program("patient/Observation.rs")))
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_nothing_goes_on_after_a_token_has_ended(base: Any, database: Database):
    del database
    wish = {
        "resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": "Observation",
        "channel": {"type": "rest-hook", "endpoint": "https://app.example/hook"},
    }  # fmt: skip
    token = program("user/*.cruds")
    assert await _status(base, token, "POST", "/Subscription", json=wish) == 403
    put = {**wish, "id": f"s-{MARK}"}
    assert await _status(base, token, "PUT", f"/Subscription/s-{MARK}", json=put) == 403
    bundle = {
        "resourceType": "Bundle", "type": "transaction",
        "entry": [{"request": {"method": "POST", "url": "Subscription"}, "resource": wish}],
    }  # fmt: skip
    assert await _status(base, token, "POST", "", json=bundle) == 403


@pytest.mark.parametrize(
    ("scopes", "criteria", "status"),
    [
        (["system/Patient.rs"], "Patient?name=x", 201),
        (["system/Patient.rs"], "Observation?code=x", 403),
        (["system/Observation.r"], "Observation?code=x", 403),
        (["system/Observation.rs?category=laboratory"], "Observation?code=x", 403),
        (["user/Observation.rs"], "Observation?code=x", 403),
        (["system/Patient.rs"], "urn:yba:vn:subscription-topic:resource-changed", 403),
        (["system/*.rs"], "urn:yba:vn:subscription-topic:resource-changed", 201),
        (["system/Patient.rs"], "urn:yba:vn:subscription-topic:encounter-start", 403),
        (["system/Encounter.rs"], "urn:yba:vn:subscription-topic:encounter-start", 201),
    ],
)
async def test_a_program_is_told_of_what_it_may_read_only(
    base: Any, scopes: list[str], criteria: str, status: int
):
    wish = {
        "resourceType": "Subscription", "status": "off", "reason": "x", "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": "https://app.example/hook"},
    }  # fmt: skip
    token = program("system/Subscription.cruds", *scopes, patient=None)
    assert await _status(base, token, "POST", "/Subscription", json=wish) == status


async def test_programs_of_one_account_do_not_lend_each_other_their_scopes(
    base: httpx.AsyncClient,
):
    """Writes that arrive together share a commit, but never a permission."""
    wide, narrow = program("system/*.cruds", patient=None), program("patient/*.cruds")

    async def write(token: str, id_: str, text: str) -> int:
        body = _observation(id_, BINH, "laboratory") | {"code": {"text": text}}
        answer = await base.put(f"/Observation/{id_}", json=body, headers=_bearer(token))
        return answer.status_code

    for first, second in ((wide, narrow), (narrow, wide)):
        statuses = dict(
            zip(
                (first, second),
                await asyncio.gather(
                    write(first, OTHERS_LAB, first[-9:]), write(second, OTHERS_VITAL, second[-9:])
                ),
                strict=True,
            )
        )
        assert statuses[wide] == 200
        assert statuses[narrow] in (403, 404)


async def test_what_another_program_creates_by_the_same_condition_is_not_shown(
    base: httpx.AsyncClient,
):
    wide, narrow = program("system/*.cruds", patient=None), program("patient/*.cruds")

    async def create(token: str, value: str) -> httpx.Response:
        patient = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": value}]}
        return await base.post(
            "/Patient", json=patient | {"name": [{"family": token[-9:]}]},
            headers=_bearer(token) | {"if-none-exist": f"identifier=urn:x|{value}"},
        )  # fmt: skip

    for value, tokens in (("v-1", (wide, narrow)), ("v-2", (narrow, wide))):
        answers = dict(
            zip(tokens, await asyncio.gather(*(create(t, value) for t in tokens)), strict=True)
        )
        assert answers[wide].status_code == 201
        assert answers[narrow].status_code in (403, 404)
        assert wide[-9:] not in answers[narrow].text


async def test_a_repeated_request_of_another_program_is_not_answered_from_memory(
    base: httpx.AsyncClient,
):
    patch = json.dumps([{"op": "replace", "path": "/code/text", "value": "again"}])
    headers = {"idempotency-key": f"key-{MARK}", "content-type": "application/json-patch+json"}

    async def ask(token: str) -> int:
        return await _status(
            base, token, "PATCH", f"/Condition/c-{BINH}", content=patch, headers=headers
        )

    wide = program("system/*.cruds", patient=None)
    assert [await ask(wide), await ask(wide)] == [200, 200]
    assert await ask(program("patient/*.cruds")) in (403, 404)
