"""$match: the right person first, with a score and a grade, found by indexes."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from yba.kernel.ids import new_id, new_snowflake

Json = dict[str, Any]
CCCD = "urn:yba:vn:id:cccd"


def _number() -> str:
    return f"{new_snowflake() % 10**12:012}"


async def _register(client: httpx.AsyncClient, **person: Any) -> str:
    answer = await client.post(
        "/Patient", content=orjson.dumps({"resourceType": "Patient", **person})
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def _match(client: httpx.AsyncClient, person: Json, **parameters: Any) -> Json:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": {"resourceType": "Patient", **person}},
            *({"name": name, **value} for name, value in parameters.items()),
        ],
    }
    answer = await client.post("/Patient/$match", content=orjson.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


def _grades(bundle: Json) -> dict[str, str]:
    return {
        entry["resource"]["id"]: entry["search"]["extension"][0]["valueCode"]
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == "match"
    }


def _unusual() -> str:
    """Return a name word that nobody else of this run has."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(new_snowflake()))
    return letters[-10:].capitalize()


async def test_the_same_person_is_certain_and_comes_first(client: httpx.AsyncClient):
    word = _unusual()
    person = {
        "name": [{"family": "Nguyễn", "given": ["Văn", word]}], "birthDate": "1985-03-12",
        "gender": "male", "identifier": [{"system": CCCD, "value": _number()}],
    }  # fmt: skip
    same = await _register(client, **person)
    namesake = await _register(client, name=person["name"], birthDate="1985", gender="male")

    bundle = await _match(client, person)

    assert bundle["type"] == "searchset"
    assert bundle["entry"][0]["resource"]["id"] == same
    assert 0.999 <= bundle["entry"][0]["search"]["score"] <= 1
    assert _grades(bundle) == {same: "certain", namesake: "possible"}


@pytest.mark.parametrize(
    "sought",
    [
        {"name": [{"text": "Nguyen Van {word}"}], "birthDate": "1985-03-12"},
        {"name": [{"text": "{word} Nguyễn Văn"}], "birthDate": "1985-03-12", "gender": "male"},
        {"name": [{"family": "Nguyễn", "given": ["Văn", "{word}"]}], "birthDate": "1985-12-03"},
        {"name": [{"text": "NGUYỄN VĂN {word}"}], "birthDate": "1985-03"},
        {"name": [{"text": "Nguyễn Văn {word}"}], "birthDate": "1986-03-12"},
        {"name": [{"text": "Nguyễn Văn {word}"}], "birthDate": "1985"},
        {"name": [{"text": "Nguyễn Văn {word}"}]},
        {"telecom": [{"system": "phone", "value": "0{phone}"}], "name": [{"text": "{word}"}]},
        {"identifier": [{"system": CCCD, "value": "{number}"}]},
        {"identifier": [{"value": "{number}"}]},
    ],
)
@pytest.mark.parametrize("by_text", [True, False])
async def test_spelling_order_and_partial_dates_do_not_hide_a_person(
    client: httpx.AsyncClient, sought: Json, by_text: bool
):
    word, number, phone = _unusual(), _number(), f"90{new_snowflake() % 10**7:07}"
    name = (
        {"text": f"Nguyễn Văn {word}"} if by_text else {"family": "Nguyễn", "given": ["Văn", word]}
    )
    registered = await _register(
        client, name=[name], birthDate="1985-03-12", gender="male",
        identifier=[{"system": CCCD, "value": number}],
        telecom=[{"system": "phone", "value": f"+84{phone}"}],
    )  # fmt: skip
    text = orjson.dumps(sought).decode()
    for key, value in {"{word}": word, "{number}": number, "{phone}": phone}.items():
        text = text.replace(key, value)

    grades = _grades(await _match(client, orjson.loads(text)))

    assert grades.get(registered) in ("certain", "probable", "possible")


async def test_strangers_are_left_out(client: httpx.AsyncClient):
    word = _unusual()
    await _register(client, name=[{"text": f"Lê {word}"}], birthDate="1950-01-01", gender="female")

    bundle = await _match(
        client, {"name": [{"text": f"Trần {word}"}], "birthDate": "1999-09-09", "gender": "male"}
    )

    assert (bundle["total"], bundle.get("entry")) == (0, None)


async def test_only_certain_matches_means_one_certain_person(client: httpx.AsyncClient):
    word, number = _unusual(), _number()
    name = [{"text": f"Phạm Thị {word}"}]
    numbered = {
        "name": name,
        "birthDate": "1970-05-06",
        "identifier": [{"system": CCCD, "value": number}],
    }
    only = {"valueBoolean": True}
    first = await _register(client, **numbered)
    await _register(client, name=name, birthDate="1970-05-06")

    alone = await _match(client, numbered, onlyCertainMatches=only)
    await _register(client, **numbered)
    several = await _match(client, numbered, onlyCertainMatches=only)

    assert _grades(alone) == {first: "certain"}
    assert _grades(several) == {}
    assert several["entry"][0]["resource"]["issue"][0]["code"] == "multiple-matches"


async def test_count_limits_and_total_tells_how_many_there_are(client: httpx.AsyncClient):
    name = [{"text": f"Đỗ {_unusual()}"}]
    for _ in range(3):
        await _register(client, name=name, birthDate="1970-05-06")

    bundle = await _match(
        client, {"name": name, "birthDate": "1970-05-06"}, count={"valueInteger": 2}
    )

    assert (len(bundle["entry"]), bundle["total"]) == (2, 3)


async def test_a_patient_may_be_the_whole_body(client: httpx.AsyncClient):
    number = _number()
    registered = await _register(client, identifier=[{"system": CCCD, "value": number}])
    body = {"resourceType": "Patient", "identifier": [{"system": CCCD, "value": number}]}

    answer = await client.post("/Patient/$match", content=orjson.dumps(body))

    assert _grades(answer.json()) == {registered: "certain"}


async def test_deleted_persons_are_not_matched(client: httpx.AsyncClient):
    person = {"identifier": [{"system": CCCD, "value": _number()}]}
    registered = await _register(client, **person)
    await client.delete(f"/Patient/{registered}")

    assert _grades(await _match(client, person)) == {}


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Patient", "gender": "male"},
        {"resourceType": "Practitioner", "id": new_id()},
        {"resourceType": "Parameters", "parameter": [{"name": "count", "valueInteger": 3}]},
    ],
)
async def test_a_description_of_nobody_is_refused(client: httpx.AsyncClient, body: Json):
    answer = await client.post("/Patient/$match", content=orjson.dumps(body))

    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
