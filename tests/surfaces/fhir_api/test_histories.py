"""History of a resource, of a type, of everything."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.surfaces.fhir_api.test_rest import create, patient

from yba.kernel.ids import new_id


async def changed(client, id_: str, **values: object) -> None:
    answer = await client.put(f"/Patient/{id_}", content=json.dumps(patient(id=id_, **values)))
    assert answer.status_code in (200, 201), answer.text


async def states(client, path: str) -> list[tuple[str, str, str, str]]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return [
        (e["request"]["method"], e["request"]["url"].replace("Patient", "P"),
         e["response"]["status"], e["response"]["etag"])
        for e in answer.json().get("entry", ())
    ]  # fmt: skip


async def test_each_entry_says_what_was_asked_and_answered(client):
    id_ = await create(client, patient())
    await changed(client, id_, gender="male")
    await client.delete(f"/Patient/{id_}")
    await changed(client, id_)

    assert await states(client, f"/Patient/{id_}/_history") == [
        ("PUT", f"P/{id_}", "201 Created", 'W/"4"'),
        ("DELETE", f"P/{id_}", "204 No Content", 'W/"3"'),
        ("PUT", f"P/{id_}", "200 OK", 'W/"2"'),
        ("POST", "P", "201 Created", 'W/"1"'),
    ]
    entries = (await client.get(f"/Patient/{id_}/_history")).json()["entry"]
    assert ["resource" in e for e in entries] == [True, False, True, True]
    page = (await client.get(f"/Patient/{id_}/_history?_count=2")).json()
    assert (page["total"], len(page["entry"])) == (4, 2)
    assert all(e["fullUrl"].endswith(f"/fhir/Patient/{id_}") for e in entries)
    assert (await client.get(f"/Patient/{id_}/_history/3")).status_code == 410
    assert (await client.get(f"/Patient/{id_}/_history/9")).status_code == 404


async def test_an_id_that_the_client_chose_was_put_there(client):
    id_ = f"mine-{new_id()}"
    await changed(client, id_)

    assert await states(client, f"/Patient/{id_}/_history") == [
        ("PUT", f"P/{id_}", "201 Created", 'W/"1"')
    ]


async def test_a_deleted_resource_keeps_its_history_and_a_stranger_has_none(client):
    id_ = await create(client, patient())
    await client.delete(f"/Patient/{id_}")

    assert len(await states(client, f"/Patient/{id_}/_history")) == 2
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert await states(client, f"/Patient/{id_}/_history?_since={later}") == []
    for path in (f"/Patient/{new_id()}/_history", f"/Patient/{new_id()}/_history?_since=2020"):
        assert (await client.get(path)).status_code == 404


async def test_since_shows_what_was_written_a_moment_ago(client):
    before = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    id_ = await create(client, patient())

    for place in ("", "/Patient"):
        found = (await client.get(f"{place}/_history?_since={before}")).json()["entry"]
        assert id_ in [e["resource"]["id"] for e in found]


async def test_at_shows_the_state_of_that_time(client):
    id_ = await create(client, patient())
    await changed(client, id_, gender="male")
    second = (await client.get(f"/Patient/{id_}")).json()["meta"]["lastUpdated"]

    assert [s[3] for s in await states(client, f"/Patient/{id_}/_history?_at={second}")] == [
        'W/"2"',
        *(
            ['W/"1"']
            if (await client.get(f"/Patient/{id_}/_history/1")).json()["meta"]["lastUpdated"]
            == second
            else []
        ),
    ]
    assert await states(client, f"/Patient/{id_}/_history?_at=2001-01-01") == []
    year = second[:4]
    assert len(await states(client, f"/Patient/{id_}/_history?_at={year}")) == 2


async def test_list_shows_what_a_list_names(client):
    one, other = await create(client, patient()), await create(client, patient())
    await changed(client, one, gender="male")
    listed = await create(
        client,
        {
            "resourceType": "List", "status": "current", "mode": "working",
            "entry": [{"item": {"reference": f"Patient/{one}"}}],
        },
    )  # fmt: skip

    found = await states(client, f"/Patient/_history?_list={listed}")

    assert [s[3] for s in found] == ['W/"2"', 'W/"1"']
    assert other not in str(found)
    assert (await client.get(f"/_history?_list={new_id()}")).status_code == 404


@pytest.mark.parametrize(
    "query", ["_count=many", "_since=soon", "_at=x", "_sort=name", "name=x", "_cursor=!"]
)
async def test_parameters_that_a_history_does_not_have_are_refused(client, query):
    for lenient in ({}, {"prefer": "handling=lenient"}):
        answer = await client.get(f"/Patient/_history?{query}", headers=lenient)
        assert answer.status_code == 400


async def test_pages_of_a_type_show_every_state_once(client):
    before = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ids = {await create(client, patient()) for _ in range(5)}
    seen: list[str] = []
    url = f"/Patient/_history?_since={before}&_count=2"
    while url:
        page = (await client.get(url)).json()
        seen += [e["resource"]["id"] for e in page["entry"]]
        url = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")

    assert sorted(id_ for id_ in seen if id_ in ids) == sorted(ids)
    assert len(seen) == len(set(seen))


async def test_a_count_of_nothing_answers_how_many_states_there_are(client):
    one, other = await create(client, patient()), await create(client, patient())
    await changed(client, one, gender="male")
    await client.delete(f"/Patient/{one}")
    entry = {"item": {"reference": f"Patient/{one}"}}
    body = {"resourceType": "List", "status": "current", "mode": "working", "entry": [entry]}
    listed = await create(client, body)

    async def total(path: str) -> int:
        page = (await client.get(f"{path}{'&' if '?' in path else '?'}_count=0")).json()
        assert page["type"] == "history"
        assert "entry" not in page
        return page["total"]

    assert await total(f"/Patient/{one}/_history") == 3
    assert await total(f"/Patient/{one}/_history?_since=2100-01-01") == 0
    assert await total(f"/_history?_list={listed}") == 3
    assert await total("/Patient/_history") >= 4
    assert await total("/Patient/_history?_since=2100-01-01") == 0
    assert await total(f"/Patient/{other}/_history") == 1
    assert (await client.get(f"/Patient/{new_id()}/_history?_count=0")).status_code == 404
    assert (await client.get("/_history?_list=$current-problems")).status_code == 400
