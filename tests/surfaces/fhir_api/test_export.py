"""`$export`: the whole record, patients or a group as files, shown at one moment."""

import asyncio
import gzip
import json

import httpx
import pytest
from tests.surfaces.fhir_api.conftest import BASE

from yba.foundation.record.bulk.working import BulkWorker
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api import rendering

ASYNC = {"prefer": "respond-async"}


@pytest.fixture
def worker(database, fhir) -> BulkWorker:
    folder = fhir._settings.data_dir / "bulk"
    return BulkWorker(
        database, folder, BASE, 100_000_000,
        lambda body, elements: rendering.subset(body, elements, ""), utc_now,
    )  # fmt: skip


async def put(client, type_: str, **values) -> str:
    id_ = values.pop("id", None) or f"bulk-{new_id()}"
    body = {"resourceType": type_, "id": id_, **values}
    answer = await client.put(f"/{type_}/{id_}", content=json.dumps(body))
    assert answer.status_code in (200, 201), answer.text
    return id_


async def person(client, **values) -> str:
    return await put(client, "Patient", name=[{"family": "Lê"}], **values)


async def observation(client, patient: str, **values) -> str:
    values = {"status": "final", "code": {"text": "x"}} | values
    return await put(client, "Observation", subject={"reference": f"Patient/{patient}"}, **values)


async def exported(client, worker, url: str, **post):
    """Carry out an export; return its manifest and every line by type."""
    if post:
        asked = await client.post(url, headers=ASYNC, content=json.dumps(post["body"]))
    else:
        asked = await client.get(url, headers=ASYNC)
    assert asked.status_code == 202, asked.text
    await worker.run_waiting()
    done = await client.get(asked.headers["content-location"])
    assert done.status_code == 200, done.text
    manifest = done.json()
    lines: dict[str, list] = {}
    for kind in ("output", "deleted", "error"):
        for file in manifest[kind]:
            text = (await client.get(file["url"])).text
            found = [json.loads(line) for line in text.splitlines()]
            assert len(found) == file["count"]
            assert {one["resourceType"] for one in found} == {file["type"]}
            lines.setdefault(file["type"] if kind == "output" else kind, []).extend(found)
    return manifest, lines


def ids(lines: dict[str, list], type_: str) -> set[str]:
    return {one["id"] for one in lines.get(type_, [])}


async def test_an_export_must_be_asked_for_as_asynchronous(client):
    answer = await client.get("/$export")

    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_whole_export_holds_every_current_resource_once(client, worker, database):
    alive, dead = await person(client), await person(client)
    await client.delete(f"/Patient/{dead}")

    manifest, lines = await exported(client, worker, "/$export?_outputFormat=ndjson")

    assert alive in ids(lines, "Patient")
    assert dead not in ids(lines, "Patient")
    assert manifest["requiresAccessToken"] is True
    assert manifest["request"] == f"{BASE}/$export?_outputFormat=ndjson"
    async with database.borrow() as connection:
        stored = await connection.fetchval(
            "SELECT count(*) FROM record.resource WHERE flags & 1 = 0"
        )
    assert sum(file["count"] for file in manifest["output"]) == stored


async def test_resources_come_out_as_they_are_stored(client, worker):
    id_ = await observation(client, "p", valueQuantity={"value": 5.4})
    stored = (await client.get(f"/Observation/{id_}")).text

    asked = await client.get("/$export?_type=Observation", headers=ASYNC)
    await worker.run_waiting()
    manifest = (await client.get(asked.headers["content-location"])).json()

    texts = [(await client.get(file["url"])).text for file in manifest["output"]]
    assert stored in "".join(texts).splitlines()


async def test_before_it_is_done_the_status_says_how_far_it_is(client):
    asked = await client.get("/$export?_type=Basic", headers=ASYNC)
    where = asked.headers["content-location"]

    answer = await client.get(where)

    assert answer.status_code == 202
    assert answer.headers["x-progress"]
    assert int(answer.headers["retry-after"]) > 0
    assert (await client.delete(where)).status_code == 202
    assert (await client.get(where)).status_code == 404


async def test_a_finished_export_can_be_cleared_away_by_who_asked(client, worker):
    await person(client)
    asked = await client.get("/$export?_type=Patient", headers=ASYNC)
    await worker.run_waiting()
    where = asked.headers["content-location"]
    manifest = await client.get(where)
    assert "expires" in manifest.headers

    await client.delete(where)

    assert (await client.get(where)).status_code == 404
    assert (await client.get(manifest.json()["output"][0]["url"])).status_code == 404


async def test_nobody_else_sees_a_job_or_its_files(client, worker, fhir):
    await person(client)
    manifest, _ = await exported(client, worker, "/$export?_type=Patient")
    url = manifest["output"][0]["url"]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=fhir)) as stranger:
        assert (await stranger.get(url)).status_code == 401
        headers = {"authorization": "Bearer reader"}
        assert (await stranger.get(url, headers=headers)).status_code == 403
        asked = await stranger.get(f"{BASE}/$export", headers=headers | ASYNC)
        assert asked.status_code == 403
        other = {"authorization": "Bearer exporter"}
        assert (await stranger.get(url, headers=other)).status_code in (401, 404)


async def test_a_file_is_answered_in_parts_and_packed(client, worker):
    await person(client)
    manifest, _ = await exported(client, worker, "/$export?_type=Patient")
    url = manifest["output"][0]["url"]

    whole = await client.get(url, headers={"accept-encoding": "identity"})
    part = await client.get(url, headers={"range": "bytes=5-9"})
    rest = await client.get(url, headers={"range": "bytes=5-"})
    beyond = await client.get(url, headers={"range": "bytes=99999999999-"})

    assert whole.headers["content-type"].startswith("application/fhir+ndjson")
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    assert rest.content == whole.content[5:]
    assert beyond.status_code == 416
    request = client.build_request("GET", url, headers={"accept-encoding": "gzip"})
    packed = await client.send(request, stream=True)
    raw = b"".join([piece async for piece in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == whole.content


async def test_what_is_not_done_is_refused_or_with_lenient_handling_told(client, worker):
    url = "/$export?_type=Patient&organizeOutputBy=Patient"

    assert (await client.get(url, headers=ASYNC)).status_code == 400
    asked = await client.get(url, headers={"prefer": "respond-async, handling=lenient"})
    assert asked.status_code == 202
    await worker.run_waiting()
    manifest = (await client.get(asked.headers["content-location"])).json()
    [file] = manifest["error"]
    outcome = json.loads((await client.get(file["url"])).text)
    assert outcome["issue"][0]["severity"] == "warning"
    assert "organizeOutputBy" in outcome["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "query",
    [
        "_outputFormat=text/csv", "_type=Nonsense", "_since=yesterday",
        "_typeFilter=Observation?colour=red", "_typeFilter=Observation",
        "_elements=Patient.colour", "_elements=colour", "_typeFilter=Observation?_sort=date", "patient=Patient/1", "includeAssociatedData=x",
    ],
)  # fmt: skip
async def test_what_cannot_be_met_is_refused_at_once(client, query):
    answer = await client.get(f"/$export?{query}", headers=ASYNC)

    assert answer.status_code == 400, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_type_filters_choose_through_the_search_engine(client, worker):
    mark = new_id()
    code = {"coding": [{"system": "urn:test:bulk", "code": mark}]}
    one = await observation(client, "p", code=code)
    two = await observation(client, "p", code=code, status="amended")
    three = await observation(client, "p", status="cancelled")
    who = await person(client)

    _, lines = await exported(
        client, worker,
        f"/$export?_type=Observation,Patient&_typeFilter=Observation?code=urn:test:bulk|{mark}"
        "%26status=amended,Observation?code=urn:test:bulk|" + mark + "%26status=final",
    )  # fmt: skip

    assert ids(lines, "Observation") == {one, two}
    assert three not in ids(lines, "Observation")
    assert who in ids(lines, "Patient")


async def test_elements_leave_the_rest_out(client, worker):
    who = await person(client, gender="male", birthDate="1980-01-01")

    _, lines = await exported(client, worker, "/$export?_type=Patient&_elements=Patient.gender")

    [found] = [one for one in lines["Patient"] if one["id"] == who]
    assert found["gender"] == "male"
    assert "birthDate" not in found
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_a_patients_export_holds_their_compartment_and_who_cared(client, worker):
    mine, other = await person(client), await person(client)
    doctor = await put(client, "Practitioner", name=[{"family": "Phạm"}])
    stranger = await put(client, "Practitioner", name=[{"family": "Vũ"}])
    reading = await observation(client, mine, performer=[{"reference": f"Practitioner/{doctor}"}])
    theirs = await observation(client, other)
    visit = await put(
        client, "Appointment", status="booked",
        participant=[{"actor": {"reference": f"Patient/{mine}"}, "status": "accepted"}],
    )  # fmt: skip
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{mine}"}}],
    }

    _, lines = await exported(client, worker, "/Patient/$export", body=body)

    assert ids(lines, "Patient") == {mine}
    assert ids(lines, "Observation") == {reading}
    assert ids(lines, "Appointment") == {visit}
    assert ids(lines, "Practitioner") == {doctor}
    _, everybody = await exported(client, worker, "/Patient/$export")
    assert {mine, other} <= ids(everybody, "Patient")
    assert {reading, theirs} <= ids(everybody, "Observation")
    assert visit in ids(everybody, "Appointment")
    assert stranger not in ids(everybody, "Practitioner")


async def test_a_groups_export_holds_its_members_only(client, worker):
    mine, left, other = await person(client), await person(client), await person(client)
    reading = await observation(client, mine)
    await observation(client, left)
    group = await put(
        client, "Group", type="person", actual=True,
        member=[
            {"entity": {"reference": f"Patient/{mine}"}},
            {"entity": {"reference": f"Patient/{left}"}, "inactive": True},
        ],
    )  # fmt: skip

    _, lines = await exported(client, worker, f"/Group/{group}/$export")

    assert ids(lines, "Patient") == {mine}
    assert ids(lines, "Observation") == {reading}
    assert ids(lines, "Group") == {group}
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": f"Patient/{other}"}}],
    }
    refused = await client.post(f"/Group/{group}/$export", headers=ASYNC, content=json.dumps(body))
    assert refused.status_code == 400
    missing = await client.get(f"/Group/{new_id()}/$export", headers=ASYNC)
    assert missing.status_code == 404


async def test_since_gives_what_changed_and_what_was_deleted(client, worker):
    old, gone = await person(client), await person(client)
    reading = await observation(client, gone)
    first, _ = await exported(client, worker, "/$export?_type=Patient,Observation")
    new = await person(client)
    await client.delete(f"/Patient/{gone}")
    await client.delete(f"/Observation/{reading}")

    since = first["transactionTime"]
    second, lines = await exported(
        client, worker, f"/$export?_type=Patient,Observation&_since={since}"
    )

    assert new in ids(lines, "Patient")
    assert old not in ids(lines, "Patient")
    assert {file["type"] for file in second["deleted"]} == {"Bundle"}
    urls = [e["request"]["url"] for bundle in lines["deleted"] for e in bundle["entry"]]
    assert {f"Patient/{gone}", f"Observation/{reading}"} <= set(urls)
    assert all(bundle["type"] == "transaction" for bundle in lines["deleted"])


async def test_what_commits_late_comes_with_the_next_export(client, worker, database, actor):
    from yba.fhir import r4
    from yba.foundation.record import service

    late = service.new_id()
    async with database.transaction() as tx:
        resource = r4.Basic(id=late, code=r4.CodeableConcept(text="late"))
        await service.save(tx, actor=actor, resources=[resource], at=utc_now())
        first, before = await exported(client, worker, "/$export?_type=Basic")
    _, after = await exported(
        client, worker, f"/$export?_type=Basic&_since={first['transactionTime']}"
    )

    assert late not in ids(before, "Basic")
    assert late in ids(after, "Basic")


async def test_files_are_split_by_their_size(client, worker):
    for _ in range(5):
        await person(client)
    worker.file_bytes = 300

    manifest, lines = await exported(client, worker, "/$export?_type=Patient")

    assert len(manifest["output"]) >= 2
    assert len(ids(lines, "Patient")) == sum(file["count"] for file in manifest["output"])


async def test_a_job_whose_worker_died_is_taken_up_again(client, worker, database):
    who = await person(client)
    asked = await client.get("/$export?_type=Patient", headers=ASYNC)
    async with database.transaction() as tx:
        await tx.execute("UPDATE record.bulk_job SET state = 'running' WHERE state = 'accepted'")

    await worker.run_waiting()

    manifest = await client.get(asked.headers["content-location"])
    assert manifest.status_code == 200
    texts = [(await client.get(file["url"])).text for file in manifest.json()["output"]]
    assert who in "".join(texts)


async def test_two_workers_run_a_job_once(client, worker):
    await client.get("/$export?_type=Basic", headers=ASYNC)

    counts = await asyncio.gather(worker.run_waiting(), worker.run_waiting())

    assert sum(counts) == 1


async def test_an_account_may_not_pile_up_jobs(client, worker):
    answers = [await client.get("/$export?_type=Basic", headers=ASYNC) for _ in range(6)]

    assert [one.status_code for one in answers] == [202] * 5 + [429]
    await worker.run_waiting()


async def test_an_export_is_written_down_as_a_disclosure(client, worker, database):
    who = await person(client, id=new_id())
    group = await put(
        client, "Group", type="person", actual=True,
        member=[{"entity": {"reference": f"Patient/{who}"}}],
    )  # fmt: skip

    await exported(client, worker, f"/Group/{group}/$export")

    async with database.borrow() as connection:
        traces = await connection.fetch(
            "SELECT action, what FROM audit.event WHERE patient_id = $1 ORDER BY id", who
        )
    assert ("R", "fhir_api.export") in [(row["action"], row["what"]) for row in traces]
