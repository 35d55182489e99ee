"""Subscriptions: topics and classic criteria, told by HTTP and e-mail, in order, at least once."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes

import pytest
from aiosmtpd.smtp import SMTP
from tests.surfaces.fhir_api.conftest import BASE, DOCTOR_TOKEN, PROGRAM_TOKEN, TOKEN

from yba.foundation.audit import service as audit
from yba.foundation.authorization.events import ProgramDisabled
from yba.foundation.record.subscriptions import ending, store
from yba.foundation.record.subscriptions.delivering import ERROR_AFTER, OFF_AFTER, Deliverer
from yba.foundation.record.subscriptions.following import Follower
from yba.foundation.record.subscriptions.sending import Sender, is_public
from yba.foundation.record.subscriptions.working import follow
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id

STEM = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
TOPIC = "urn:yba:vn:subscription-topic:"


class Receiver:
    """An HTTP server that remembers what it was sent and answers as told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers = 200
        self.url = ""

    async def handle(self, reader, writer) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = first.split(" ")
            self.requests.append((method, path, headers, body))
            writer.write(f"HTTP/1.1 {self.answers} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    @property
    def bundles(self) -> list[dict]:
        return [json.loads(body) for *_, body in self.requests if body]

    def kinds(self) -> list[str]:
        return [parameter(one, "type") for one in self.bundles]

    def numbers(self) -> list[int]:
        return [number for one in self.bundles for number, _ in events_of(one)]


def parameter(bundle: dict, name: str) -> str:
    [found] = [p for p in bundle["entry"][0]["resource"]["parameter"] if p["name"] == name]
    return next(value for key, value in found.items() if key.startswith("value"))


def events_of(bundle: dict) -> list[tuple[int, str]]:
    found = []
    for one in bundle["entry"][0]["resource"]["parameter"]:
        if one["name"] == "notification-event":
            parts = {part["name"]: part for part in one["part"]}
            focus = parts.get("focus", {}).get("valueReference", {}).get("reference", "")
            found.append((int(parts["event-number"]["valueString"]), focus))
    return found


class World:
    """A follower and a deliverer that run when told, at a clock that is set by hand."""

    def __init__(self, client, database, receiver, sender) -> None:
        self.client, self.database, self.receiver = client, database, receiver
        self.ahead = timedelta()
        self.sender = sender
        self.restart()

    def now(self):
        return utc_now() + self.ahead

    def restart(self) -> None:
        """Forget everything in memory, as a killed worker does."""
        self.follower = Follower(BASE, self.now)
        self.deliverer = Deliverer(self.database, self.follower, self.sender, BASE, self.now)

    async def follow(self) -> None:
        """Follow everything committed until now; traces that are being written delay the feed."""
        async with self.database.borrow() as connection:
            wanted = await connection.fetchval(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            )
            reached = 0
            while reached < wanted:
                while await follow(connection, self.follower):
                    pass
                reached = (await connection.fetchrow(store.POSITION))[0]

    async def run(self) -> None:
        """Follow and deliver until nothing is due."""
        for _ in range(50):
            await self.follow()
            if not await self.deliverer.start_due():
                return
            await self.deliverer.settle()

    async def put(self, type_: str, **values) -> str:
        id_ = values.pop("id", None) or f"sub-{new_id()}"
        body = {"resourceType": type_, "id": id_, **values}
        answer = await self.client.put(f"/{type_}/{id_}", content=json.dumps(body))
        assert answer.status_code in (200, 201), answer.text
        return id_

    async def subscribe(self, **values) -> str:
        answer = await self.client.post("/Subscription", content=json.dumps(asked(self, **values)))
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def status(self, id_: str) -> str:
        return (await self.client.get(f"/Subscription/{id_}")).json()["status"]


def asked(
    world, *, topic="resource-changed", filters=(), content="id-only", kind="rest-hook",
    endpoint=None, extensions=(), headers=(), **values,
) -> dict:  # fmt: skip
    channel = {
        "type": kind,
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": STEM + "payload-content", "valueCode": content}]},
    }
    if kind != "websocket":
        channel["endpoint"] = endpoint or world.receiver.url + "hook"
    if headers:
        channel["header"] = list(headers)
    if extensions:
        channel["extension"] = [{"url": STEM + name} | value for name, value in extensions]
    found = {
        "resourceType": "Subscription", "status": "requested", "reason": "test",
        "criteria": TOPIC + topic, "channel": channel,
    }  # fmt: skip
    if filters:
        found["_criteria"] = {
            "extension": [{"url": STEM + "filter-criteria", "valueString": f} for f in filters]
        }
    return found | values


@pytest.fixture
async def receiver():
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield receiver
    server.close()
    await server.wait_closed()


@pytest.fixture
async def world(client, database, receiver):
    sender = Sender([receiver.url])
    yield World(client, database, receiver, sender)
    await sender.close()
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM record.subscription")


@pytest.fixture
async def tag() -> str:
    return new_id()


def tagged(tag: str, **values) -> dict:
    return {"status": "final", "code": {"coding": [{"system": "urn:t", "code": tag}]}} | values


async def test_a_subscription_is_active_after_its_handshake_and_then_told(world, tag):
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    assert await world.status(id_) == "requested"

    await world.run()
    assert world.receiver.kinds() == ["handshake"]
    assert await world.status(id_) == "active"
    one = await world.put("Observation", **tagged(tag))
    await world.put("Observation", **tagged("another"))
    await world.run()

    bundle = world.receiver.bundles[-1]
    assert bundle["type"] == "history"
    assert parameter(bundle, "type") == "event-notification"
    assert parameter(bundle, "topic") == TOPIC + "resource-changed"
    assert parameter(bundle, "subscription")["reference"] == f"{BASE}/Subscription/{id_}"
    assert parameter(bundle, "events-since-subscription-start") == "1"
    assert events_of(bundle) == [(1, f"{BASE}/Observation/{one}")]
    assert bundle["entry"][0]["request"]["url"] == f"{BASE}/Subscription/{id_}/$status"
    assert bundle["entry"][1]["fullUrl"] == f"{BASE}/Observation/{one}"
    assert "resource" not in bundle["entry"][1]
    assert len(world.receiver.bundles) == 2


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
async def test_a_notification_holds_as_much_as_was_asked_for(world, tag, content):
    await world.subscribe(filters=[f"Observation?code={tag}"], content=content)
    await world.run()
    one = await world.put("Observation", **tagged(tag))
    await world.run()

    bundle = world.receiver.bundles[-1]
    match content:
        case "empty":
            assert len(bundle["entry"]) == 1
            assert events_of(bundle) == [(1, "")]
            assert one not in json.dumps(bundle)
        case "id-only":
            assert "resource" not in bundle["entry"][1]
        case _:
            stored = (await world.client.get(f"/Observation/{one}")).json()
            assert bundle["entry"][1]["resource"] == stored


async def test_the_channels_own_headers_are_sent(world, tag):
    await world.subscribe(
        filters=[f"Observation?code={tag}"], headers=["Authorization: Bearer abc", "X-Mine: 1"]
    )
    await world.run()

    _, _, headers, _ = world.receiver.requests[0]
    assert headers["authorization"] == "bearer abc"
    assert headers["x-mine"] == "1"
    assert headers["content-type"].startswith("application/fhir+json")


async def test_every_version_is_told_as_it_was_even_when_it_is_superseded(world, tag):
    await world.subscribe(filters=[f"Observation?code={tag}&status=final"], content="full-resource")
    await world.run()
    id_ = await world.put("Observation", **tagged(tag))
    await world.put("Observation", id=id_, **tagged(tag, status="amended"))
    await world.put("Observation", id=id_, **tagged(tag, note=[{"text": "again"}]))

    await world.run()

    told = [bundle["entry"][1]["resource"] for bundle in world.receiver.bundles[1:]]
    assert [one["meta"]["versionId"] for one in told] == ["1", "3"]
    assert world.receiver.numbers() == [1, 2]


async def test_a_deletion_is_told_with_the_filter_on_what_was_deleted(world, tag):
    await world.subscribe(topic="resource-deleted", filters=[f"Observation?code={tag}"])
    await world.run()
    mine, other = (
        await world.put("Observation", **tagged(tag)),
        await world.put("Observation", **tagged("o")),
    )
    await world.client.delete(f"/Observation/{mine}")
    await world.client.delete(f"/Observation/{other}")

    await world.run()

    bundle = world.receiver.bundles[-1]
    assert events_of(bundle) == [(1, f"{BASE}/Observation/{mine}")]
    assert bundle["entry"][1]["request"]["method"] == "DELETE"


async def test_a_topic_about_a_status_tells_when_it_is_reached_and_not_again(world):
    who = f"who-{new_id()}"
    visit = {
        "status": "planned", "class": {"code": "AMB"}, "subject": {"reference": f"Patient/{who}"},
    }  # fmt: skip
    await world.subscribe(topic="encounter-start", filters=[f"Encounter?patient={who}"])
    await world.run()
    id_ = await world.put("Encounter", **visit)
    for change in (
        {"status": "in-progress"},
        {"status": "in-progress", "priority": {"text": "x"}},
        {"status": "finished"},
        {"status": "in-progress"},
    ):
        await world.put("Encounter", id=id_, **(visit | change))
    await world.put("Encounter", **(visit | {"status": "in-progress"}))

    await world.run()

    assert world.receiver.numbers() == [1, 2, 3]


async def test_classic_criteria_get_a_call_or_the_resource(world, tag):
    plain = {"type": "rest-hook", "endpoint": world.receiver.url + "plain"}
    await world.subscribe(criteria=f"Observation?code={tag}", channel=plain)
    full = {
        "type": "rest-hook", "endpoint": world.receiver.url + "full",
        "payload": "application/fhir+json",
    }  # fmt: skip
    await world.subscribe(criteria=f"Observation?code={tag}", channel=full)
    await world.run()
    assert world.receiver.requests == []
    id_ = await world.put("Observation", **tagged(tag))
    await world.client.delete(f"/Observation/{id_}")

    await world.run()

    told = sorted((method, path, bool(body)) for method, path, _, body in world.receiver.requests)
    assert told == [("POST", "/plain", False), ("PUT", f"/full/Observation/{id_}", True)]


async def test_events_are_told_together_up_to_the_number_wanted(world, tag):
    await world.subscribe(
        filters=[f"Observation?code={tag}"], extensions=[("max-count", {"valuePositiveInt": 3})]
    )
    await world.run()
    for _ in range(7):
        await world.put("Observation", **tagged(tag))

    await world.run()

    assert [len(events_of(one)) for one in world.receiver.bundles[1:]] == [3, 3, 1]
    assert world.receiver.numbers() == [1, 2, 3, 4, 5, 6, 7]


async def test_what_is_not_acknowledged_is_repeated_later_and_nothing_is_skipped(world, tag):
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    world.receiver.answers = 500
    await world.put("Observation", **tagged(tag))
    for _ in range(ERROR_AFTER):
        await world.run()
        world.ahead += timedelta(hours=2)
    assert await world.status(id_) == "error"
    await world.put("Observation", **tagged(tag))
    world.receiver.requests.clear()
    world.receiver.answers = 200

    await world.run()

    assert world.receiver.numbers() == [1, 2]
    assert await world.status(id_) == "active"
    assert "error" not in (await world.client.get(f"/Subscription/{id_}")).json()


async def test_an_address_that_never_answers_is_given_up_in_the_end(world, tag):
    world.receiver.answers = 500
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    for attempt in range(OFF_AFTER):
        await world.run()
        world.ahead += timedelta(hours=2)
        if attempt == ERROR_AFTER:
            assert await world.status(id_) == "error"
    assert await world.status(id_) == "off"
    world.receiver.requests.clear()
    await world.put("Observation", **tagged(tag))

    await world.run()

    assert world.receiver.requests == []


async def test_a_worker_killed_anywhere_neither_loses_nor_renumbers_an_event(world, tag):
    await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    ids = []
    for number in range(6):
        ids.append(await world.put("Observation", **tagged(tag)))
        if number % 2:
            # Followed, and killed before it was delivered.
            await world.follow()
            world.restart()

    await world.run()

    told = [event for one in world.receiver.bundles[1:] for event in events_of(one)]
    assert told == [(n + 1, f"{BASE}/Observation/{id_}") for n, id_ in enumerate(ids)]


async def test_a_page_that_is_rolled_back_is_followed_again(world, tag):
    await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    await world.put("Observation", **tagged(tag))
    async with world.database.borrow() as connection:
        transaction = connection.transaction()
        await transaction.start()
        from yba.plumbing.database import Tx

        await world.follower.step(Tx(connection))
        await transaction.rollback()
    world.follower.is_loaded = False

    await world.run()

    assert world.receiver.numbers() == [1]


async def test_a_quiet_subscription_gets_its_heartbeat(world, tag):
    await world.subscribe(
        filters=[f"Observation?code={tag}"],
        extensions=[("heartbeat-period", {"valueUnsignedInt": 60})],
    )
    await world.run()
    world.ahead += timedelta(seconds=61)

    await world.run()
    await world.run()

    assert world.receiver.kinds() == ["handshake", "heartbeat"]


async def test_who_turns_it_off_hears_no_more_and_who_turns_it_on_again_shakes_hands(world, tag):
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    body = (await world.client.get(f"/Subscription/{id_}")).json()
    await world.client.put(f"/Subscription/{id_}", content=json.dumps(body | {"status": "off"}))
    await world.run()
    await world.put("Observation", **tagged(tag))
    await world.run()
    assert world.receiver.kinds() == ["handshake"]
    await world.client.put(
        f"/Subscription/{id_}", content=json.dumps(body | {"status": "requested"})
    )

    await world.run()

    assert world.receiver.kinds() == ["handshake", "handshake"]
    assert await world.status(id_) == "active"


async def test_a_subscription_ends_when_it_was_to_end(world, tag):
    end = (utc_now() + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    id_ = await world.subscribe(
        filters=[f"Observation?code={tag}"], end=end,
        extensions=[("heartbeat-period", {"valueUnsignedInt": 60})],
    )  # fmt: skip
    await world.run()
    world.ahead += timedelta(minutes=6)

    await world.run()

    assert await world.status(id_) == "off"


@pytest.mark.parametrize(
    "values",
    [
        {"filters": ["Observation?colour=red"]},
        {"filters": ["Observation?patient.name=x"]},
        {"filters": ["Observation?date=soon"]},
        {"topic": "nonsense"},
        {"topic": "encounter-start", "filters": ["Observation?code=x"]},
        {"kind": "sms", "endpoint": "tel:1"},
        {"kind": "message", "endpoint": "http://x.test/"},
        {"endpoint": "ftp://x.test/"},
        {"endpoint": "http://user:secret@x.test/"},
        {"headers": ["Host: evil"]},
        {"headers": ["X: a\r\nY: b"]},
        {"criteria": "Observation?colour=red"},
        {"criteria": "Nonsense?x=1"},
        {"content": "everything"},
        {"kind": "email", "endpoint": "mailto:a@b.test,c@d.test"},
        {"kind": "email", "endpoint": "mailto:a@b.test", "content": "full-resource"},
    ],
)
async def test_what_cannot_be_honoured_is_refused_when_it_is_asked_for(world, values):
    answer = await world.client.post("/Subscription", content=json.dumps(asked(world, **values)))

    assert answer.status_code == 422, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_private_addresses_are_not_called_unless_the_operator_allowed_them(
    world, tag, receiver
):
    world.sender.private = []
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])

    await world.run()

    assert receiver.requests == []
    assert await world.status(id_) == "requested"
    for address in ("127.0.0.1", "10.0.0.1", "169.254.1.1", "::1", "fc00::1", "::ffff:10.0.0.1"):
        assert not is_public(address)
    assert is_public("8.8.8.8")


async def test_status_and_events_can_be_asked_for(world, tag):
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    ids = [await world.put("Observation", **tagged(tag)) for _ in range(3)]
    await world.run()

    status = (await world.client.get(f"/Subscription/{id_}/$status")).json()
    assert status["type"] == "searchset"
    assert parameter(status, "type") == "query-status"
    assert parameter(status, "events-since-subscription-start") == "3"
    several = (await world.client.get(f"/Subscription/$status?id={id_}&status=active")).json()
    assert several["total"] == 1
    none = (await world.client.get(f"/Subscription/$status?id={id_}&status=off")).json()
    assert none["total"] == 0
    found = (
        await world.client.get(
            f"/Subscription/{id_}/$events?eventsSinceNumber=2&eventsUntilNumber=3"
            "&content=full-resource"
        )
    ).json()
    assert parameter(found, "type") == "query-event"
    assert events_of(found) == [(n, f"{BASE}/Observation/{ids[n - 1]}") for n in (2, 3)]
    assert [one["resource"]["id"] for one in found["entry"][1:]] == ids[1:]
    missing = await world.client.get(f"/Subscription/{new_id()}/$status")
    assert missing.status_code == 404


async def test_the_topics_are_listed(client):
    listed = (await client.get("/Subscription/$topic-list")).json()

    found = {one["valueCanonical"] for one in listed["parameter"]}
    assert TOPIC + "resource-changed" in found
    assert TOPIC + "encounter-start" in found


class Mailbox:
    def __init__(self) -> None:
        self.messages: list = []

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@asynccontextmanager
async def mail_server():
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, loop=loop, hostname="mail.test"), "127.0.0.1", 0
    )
    yield mailbox, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_an_e_mail_channel_gets_the_notification_as_an_attachment(world, tag):
    async with mail_server() as (mailbox, port):
        world.sender.smtp_url = f"smtp://127.0.0.1:{port}"
        id_ = await world.subscribe(
            kind="email", endpoint="mailto:ward@hospital.test",
            filters=[f"Observation?code={tag}"],
        )  # fmt: skip
        await world.run()
        assert await world.status(id_) == "active"
        one = await world.put("Observation", **tagged(tag))
        await world.run()

    assert [to for to, _ in mailbox.messages] == [["ward@hospital.test"]] * 2
    [attachment] = [p for p in mailbox.messages[-1][1].walk() if p.get_filename()]
    bundle = json.loads(attachment.get_payload(decode=True))
    assert events_of(bundle) == [(1, f"{BASE}/Observation/{one}")]


class Socket:
    """A websocket spoken to in process, as a web server would."""

    def __init__(self, app, path: str = "/fhir/ws", headers=()) -> None:
        self.incoming: asyncio.Queue = asyncio.Queue()
        self.outgoing: asyncio.Queue = asyncio.Queue()
        scope = {"type": "websocket", "path": path, "headers": list(headers), "query_string": b""}
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(scope, self.incoming.get, self.outgoing.put))

    def say(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict:
        return await asyncio.wait_for(self.outgoing.get(), 20)

    async def bundle(self) -> dict:
        return json.loads((await self.hear())["text"])

    async def close(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def test_a_websocket_bound_by_a_token_shakes_hands_and_is_told(world, tag, fhir):
    id_ = await world.subscribe(kind="websocket", filters=[f"Observation?code={tag}"])
    await world.run()
    missed = await world.put("Observation", **tagged(tag))
    await world.run()
    given = (await world.client.get(f"/Subscription/{id_}/$get-ws-binding-token")).json()
    values = {p["name"]: p for p in given["parameter"]}
    assert values["websocket-url"]["valueUrl"] == BASE.replace("http", "ws") + "/ws"
    assert values["subscription"]["valueString"] == id_

    socket = Socket(fhir)
    assert (await socket.hear())["type"] == "websocket.accept"
    socket.say(f"bind-with-token {values['token']['valueString']}")
    assert parameter(await socket.bundle(), "type") == "handshake"
    assert events_of(await socket.bundle()) == [(1, f"{BASE}/Observation/{missed}")]
    one = await world.put("Observation", **tagged(tag))
    await world.run()
    assert events_of(await socket.bundle()) == [(2, f"{BASE}/Observation/{one}")]
    await socket.close()


async def test_a_websocket_without_a_right_to_it_is_closed(world, tag, fhir):
    id_ = await world.subscribe(kind="websocket", filters=[f"Observation?code={tag}"])
    await world.run()
    for words in ("bind-with-token nonsense", f"bind {id_}", "hello"):
        socket = Socket(fhir)
        await socket.hear()
        socket.say(words)
        assert (await socket.hear())["type"] == "websocket.close"
        await socket.task
    elsewhere = Socket(fhir, "/fhir/Patient")
    assert (await elsewhere.hear())["type"] == "websocket.close"
    await elsewhere.task


async def test_who_may_not_read_what_is_told_hears_no_ping_of_it(world, tag, fhir):
    id_ = await world.subscribe(criteria=f"Observation?code={tag}", channel={"type": "websocket"})
    await world.run()
    socket = Socket(fhir, headers=[(b"authorization", f"Bearer {DOCTOR_TOKEN}".encode())])
    await socket.hear()
    socket.say(f"bind {id_}")
    assert (await socket.hear())["type"] == "websocket.close"
    await socket.task


async def test_a_classic_websocket_is_pinged(world, tag, fhir):
    id_ = await world.subscribe(criteria=f"Observation?code={tag}", channel={"type": "websocket"})
    await world.run()
    socket = Socket(fhir, headers=[(b"authorization", f"Bearer {TOKEN}".encode())])
    await socket.hear()
    socket.say(f"bind {id_}")
    assert await socket.hear() == {"type": "websocket.send", "text": f"bound {id_}"}
    await world.put("Observation", **tagged(tag))
    await world.run()

    assert (await socket.hear())["text"] == f"ping {id_}"
    await socket.close()


@pytest.mark.parametrize("kind", ["rest-hook", "websocket"])
async def test_what_a_notification_shows_is_in_the_trail_of_each_patient(world, tag, fhir, kind):
    id_ = await world.subscribe(
        kind=kind, filters=[f"Observation?code={tag}"], content="full-resource"
    )
    await world.run()
    patient = await world.put("Patient", id=new_id())
    one = await world.put("Observation", **tagged(tag, subject={"reference": f"Patient/{patient}"}))
    await world.run()
    if kind == "websocket":
        given = (await world.client.get(f"/Subscription/{id_}/$get-ws-binding-token")).json()
        socket = Socket(fhir)
        await socket.hear()
        socket.say(f"bind-with-token {given['parameter'][0]['valueString']}")
        await socket.hear()
        assert events_of(await socket.bundle())
        await socket.close()

    async with world.database.reading() as tx:
        seen = await audit.who_looked(tx, patient_id=patient)
    [told] = [trace for trace in seen if trace.what == "subscriptions.notify"]
    assert told.resources == [f"Subscription/{id_}", f"Observation/{one}"]


async def test_what_a_program_asked_for_ends_when_it_is_cut_off(world, tag):
    mine = await world.subscribe(filters=[f"Observation?code={tag}"])
    wish = asked(world, filters=[f"Observation?code={tag}"])
    headers = {"authorization": f"Bearer {PROGRAM_TOKEN}"}
    answer = await world.client.post("/Subscription", json=wish, headers=headers)
    its = answer.json()["id"]
    await world.run()
    assert [await world.status(one) for one in (mine, its)] == ["active", "active"]

    for _ in range(2):
        async with world.database.transaction() as tx:
            await ending.end_with_program(tx, ProgramDisabled("program", world.now()))
    await world.put("Observation", **tagged(tag))
    heard = len(world.receiver.bundles)
    await world.run()

    assert [await world.status(one) for one in (mine, its)] == ["active", "off"]
    [last] = world.receiver.bundles[heard:]
    assert parameter(last, "subscription")["reference"].endswith(mine)


async def test_what_was_deleted_is_forgotten(world, tag, database):
    id_ = await world.subscribe(filters=[f"Observation?code={tag}"])
    await world.run()
    await world.client.delete(f"/Subscription/{id_}")

    await world.run()

    async with database.borrow() as connection:
        assert await connection.fetch(store.FIND, [id_]) == []
