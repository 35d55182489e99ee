"""`$import`: ndjson from the inbox, from allowed addresses or as sent, stored as it is."""

import asyncio
import gzip
import json

import pytest
from tests.surfaces.fhir_api.conftest import BASE

from yba.foundation.record.bulk.importing import Importer
from yba.foundation.record.bulk.working import BulkWorker
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id

ASYNC = {"prefer": "respond-async"}


@pytest.fixture
def inbox(fhir):
    folder = fhir._settings.data_dir / "inbox"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def worker(database, fhir, inbox) -> BulkWorker:
    return BulkWorker(
        database, fhir._settings.data_dir / "bulk", BASE, 100_000_000, lambda body, _: body,
        utc_now, Importer(inbox),
    )  # fmt: skip


def person(id_: str, **values) -> str:
    return json.dumps({"resourceType": "Patient", "id": id_, "active": True} | values)


def parameters(*sources: tuple[str, str], **more) -> str:
    inputs = [
        {
            "name": "input",
            "part": [{"name": "type", "valueCode": type_}, {"name": "url", "valueUrl": url}],
        }
        for type_, url in sources
    ]
    head = [
        {"name": "inputFormat", "valueCode": "application/fhir+ndjson"},
        {"name": "inputSource", "valueUri": "https://source.test/fhir"},
        {"name": "storageDetail", "part": [{"name": "type", "valueCode": "file"}]},
    ]
    return json.dumps({"resourceType": "Parameters", "parameter": [*head, *inputs]} | more)


async def imported(client, worker, content: str, **headers):
    asked = await client.post("/$import", content=content, headers=ASYNC | headers)
    assert asked.status_code == 202, asked.text
    await worker.run_waiting()
    done = await client.get(asked.headers["content-location"])
    assert done.status_code == 200, done.text
    problems = []
    for file in done.json()["error"]:
        text = (await client.get(file["url"])).text
        problems += [json.loads(line) for line in text.splitlines()]
        assert len(problems) == file["count"]
    return problems


async def test_files_of_the_inbox_are_stored_with_their_ids(client, worker, inbox):
    ids = [f"in-{new_id()}" for _ in range(450)]
    (inbox / "one.ndjson").write_text("\n".join(map(person, ids[:400])) + "\n")
    with gzip.open(inbox / "two.ndjson.gz", "wt") as file:
        file.write("\n".join(map(person, ids[400:])))

    problems = await imported(
        client, worker, parameters(("Patient", "one.ndjson"), ("Patient", "file:///two.ndjson.gz"))
    )

    assert problems == []
    for id_ in (ids[0], ids[399], ids[400], ids[-1]):
        assert (await client.get(f"/Patient/{id_}")).json()["id"] == id_


async def test_a_wrong_line_is_set_aside_and_the_others_are_stored(client, worker, inbox):
    good, after = f"in-{new_id()}", f"in-{new_id()}"
    lines = [
        person(good), "{nonsense", "", person("x", birthDate="1980-13-45"),
        json.dumps({"resourceType": "Basic", "code": {"text": "x"}}), '{"resourceType":"Nonsense"}',
        person(after),
    ]  # fmt: skip
    (inbox / "mixed.ndjson").write_text("\n".join(lines))

    problems = await imported(client, worker, parameters(("Patient", "mixed.ndjson")))

    where = [one["issue"][0]["diagnostics"].split(":")[0] for one in problems]
    assert where == [f"source 1 line {n}" for n in (2, 4, 5, 6)]
    assert (await client.get(f"/Patient/{good}")).status_code == 200
    assert (await client.get(f"/Patient/{after}")).status_code == 200


async def test_the_same_import_again_changes_nothing(client, worker, inbox):
    id_ = f"in-{new_id()}"
    (inbox / "again.ndjson").write_text(person(id_))

    for _ in range(2):
        await imported(client, worker, parameters(("Patient", "again.ndjson")))

    assert (await client.get(f"/Patient/{id_}")).headers["etag"] == 'W/"1"'


async def test_what_is_sent_is_imported(client, worker):
    ids = [f"in-{new_id()}" for _ in range(3)]

    problems = await imported(
        client, worker, "\n".join(map(person, ids)), **{"content-type": "application/fhir+ndjson"}
    )

    assert problems == []
    assert (await client.get(f"/Patient/{ids[2]}")).status_code == 200


async def test_an_import_that_was_killed_goes_on_where_it_stood(client, worker, inbox, monkeypatch):
    from yba.foundation.record import loading
    from yba.foundation.record.bulk import importing

    ids = [f"in-{new_id()}" for _ in range(30)]
    lines = [*map(person, ids[:10]), "{wrong", *map(person, ids[10:])]
    (inbox / "long.ndjson").write_text("\n".join(lines))
    monkeypatch.setattr(importing, "_LINES", 5)
    asked = await client.post(
        "/$import", content=parameters(("Patient", "long.ndjson")), headers=ASYNC
    )
    seen, real = [], loading.load

    async def broken(tx, batch, **given):
        seen.extend(line.number for line in batch)
        found = await real(tx, batch, **given)
        if len(seen) == 15:
            raise ConnectionError
        return found

    monkeypatch.setattr(loading, "load", broken)
    with pytest.raises(ConnectionError):
        await worker.run_waiting()
    await worker.run_waiting()

    assert seen == [*range(1, 16), *range(11, 32)]
    manifest = (await client.get(asked.headers["content-location"])).json()
    assert [file["count"] for file in manifest["error"]] == [1]
    text = (await client.get(manifest["error"][0]["url"])).text
    assert text.count("\n") == 1
    for id_ in ids:
        assert (await client.get(f"/Patient/{id_}")).headers["etag"] == 'W/"1"'


async def test_an_address_is_read_only_where_it_is_allowed(client, worker, inbox):
    id_ = f"in-{new_id()}"
    body = person(id_).encode()

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/Patient.ndjson"
    asked = parameters(("Patient", url))

    refused = await client.post("/$import", content=asked, headers=ASYNC)
    assert refused.status_code == 400
    importer = worker.importing
    importer.allowed = [url.rsplit("/", 1)[0] + "/"]
    from yba.foundation.record.bulk.model import Source

    importer.refuse_unreachable(Source(url, "Patient"))
    pieces = [piece async for piece in importer.fetched(url)]
    server.close()
    await server.wait_closed()
    assert b"".join(pieces) == body


@pytest.mark.parametrize(
    "content",
    [
        parameters(), parameters(("Patient", "../secret")), parameters(("Patient", "missing.ndjson")),
        parameters(("Nonsense", "x.ndjson")), parameters(("Patient", "file://host/x")),
        parameters(("Patient", "gopher://x/y")), "",
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused_at_once(client, inbox, content):
    answer = await client.post("/$import", content=content, headers=ASYNC)

    assert answer.status_code == 400, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_an_import_must_be_asked_for_as_asynchronous(client):
    answer = await client.post("/$import", content=parameters())

    assert answer.status_code == 400
