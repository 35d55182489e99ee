"""Exports end complete and subscribers miss nothing when the worker is killed.

The worker dies by SIGKILL at random moments, again and again; the node starts another one. An export
holds everything once, and every event reaches its subscriber under one number, without gaps.
"""

import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests import copies
from tests.builders.node import Node
from websockets.sync.client import connect

KILLS = max(3, int(os.environ.get("YBA_FAULT_ROUNDS", "3")))
STEM = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
TOPIC = "urn:yba:vn:subscription-topic:resource-changed"

pytestmark = [pytest.mark.faults, pytest.mark.slow]


class NodeWithWorker(Node):
    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "YBA_NOTIFY_PRIVATE": "http://127.0.0.1", "YBA_EXPORT_FILE_BYTES": "400000",
        }  # fmt: skip

    def worker(self) -> int | None:
        """Return the process id of the worker, if one runs."""
        assert self.process is not None
        for place in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                words = (place / "cmdline").read_bytes().split(b"\0")
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.process.pid and b"worker" in words:
                return int(place.name)
        return None

    def kill_worker(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            pid = self.worker()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)
        raise AssertionError("no worker came")


@pytest.fixture(scope="module")
def node(server: str, shipped: str) -> Generator[NodeWithWorker]:
    folder = Path(tempfile.mkdtemp(prefix="yba-faults-"))
    folder.chmod(0o755)
    # Neither server nor database is killed here, so the session's may hold it.
    with copies.copied_for_others(server, shipped) as database_url:
        node = NodeWithWorker(folder, database_url=database_url)
        node.start()
        yield node
        node.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client(node: NodeWithWorker) -> Generator[httpx.Client]:
    headers = {"authorization": f"Bearer {node.token()}"}
    with httpx.Client(base_url=node.base + "/fhir", headers=headers, timeout=60) as client:
        yield client


def _write(client: httpx.Client, mark: str, count: int) -> list[str]:
    entry = {
        "resource": {
            "resourceType": "Basic",
            "code": {"coding": [{"system": "urn:test:mark", "code": mark}], "text": "x" * 200},
        },
        "request": {"method": "POST", "url": "Basic"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * count}
    answer = client.post("/", json=bundle)
    assert answer.status_code == 200, answer.text
    return [e["response"]["location"].split("/")[-3] for e in answer.json()["entry"]]


def _until(done, seconds: float = 120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = done()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to an end")


def test_an_export_is_complete_although_its_worker_was_killed(
    node: NodeWithWorker, client: httpx.Client
):
    dice = random.Random(20260102)
    stored = {id_ for n in range(16) for id_ in _write(client, f"export{n}", 500)}
    asked = client.get("/$export?_type=Basic", headers={"prefer": "respond-async"})
    assert asked.status_code == 202
    where = asked.headers["content-location"]
    for _ in range(min(KILLS, 4)):
        time.sleep(dice.uniform(0, 0.4))
        node.kill_worker()
        time.sleep(dice.uniform(0.5, 1.5))

    def done():
        answer = client.get(where)
        assert answer.status_code in (200, 202), answer.text
        return answer.json() if answer.status_code == 200 else None

    manifest = _until(done)
    ids: list[str] = []
    for file in manifest["output"]:
        lines = client.get(file["url"]).text.splitlines()
        assert len(lines) == file["count"]
        ids += [json.loads(line)["id"] for line in lines]
    assert len(manifest["output"]) > 1
    assert len(ids) == len(set(ids))
    assert stored <= set(ids)


class Receiver:
    """Remembers every event that reached it; now and then it refuses one."""

    def __init__(self) -> None:
        self.events: dict[int, set[str]] = {}
        self.dice = random.Random(7)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                refuses = receiver.dice.random() < 0.05
                if not refuses:
                    receiver.take(body)
                self.send_response(500 if refuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/told"

    def take(self, bundle: dict) -> None:
        for parameter in bundle["entry"][0]["resource"]["parameter"]:
            if parameter["name"] == "notification-event":
                parts = {part["name"]: part for part in parameter["part"]}
                focus = parts["focus"]["valueReference"]["reference"].rpartition("/")[2]
                self.events.setdefault(int(parts["event-number"]["valueString"]), set()).add(focus)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _subscribe(client: httpx.Client, mark: str, channel: dict) -> str:
    content = [{"url": STEM + "payload-content", "valueCode": "id-only"}]
    filters = [{"url": STEM + "filter-criteria", "valueString": f"Basic?code=urn:test:mark|{mark}"}]
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "test",
        "criteria": TOPIC, "_criteria": {"extension": filters},
        "channel": channel | {
            "payload": "application/fhir+json", "_payload": {"extension": content},
            "extension": [{"url": STEM + "max-count", "valuePositiveInt": 10}],
        },
    }  # fmt: skip
    made = client.post("/Subscription", json=subscription)
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    _until(lambda: client.get(f"/Subscription/{id_}").json()["status"] == "active")
    return id_


def test_every_event_is_delivered_under_one_number_although_workers_are_killed(
    node: NodeWithWorker, client: httpx.Client
):
    dice = random.Random(20260103)
    receiver = Receiver()
    _subscribe(client, "told", {"type": "rest-hook", "endpoint": receiver.url})
    written: set[str] = set()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            written.update(_write(client, "told", 5))
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.3, 1.5))
        node.kill_worker()
    stop.set()
    writer.join()

    _until(lambda: {one for found in receiver.events.values() for one in found} >= written)
    receiver.close()
    assert sorted(receiver.events) == list(range(1, len(written) + 1))
    assert all(len(found) == 1 for found in receiver.events.values())


def test_a_websocket_of_a_real_server_is_told(node: NodeWithWorker, client: httpx.Client):
    id_ = _subscribe(client, "socket", {"type": "websocket"})
    given = client.get(f"/Subscription/{id_}/$get-ws-binding-token").json()
    values = {p["name"]: p for p in given["parameter"]}

    with connect(values["websocket-url"]["valueUrl"], open_timeout=20) as socket:
        socket.send("bind-with-token " + values["token"]["valueString"])
        handshake = json.loads(socket.recv(timeout=30))
        [written] = _write(client, "socket", 1)
        told = json.loads(socket.recv(timeout=30))

    kinds = [
        p["valueCode"]
        for bundle in (handshake, told)
        for p in bundle["entry"][0]["resource"]["parameter"]
        if p["name"] == "type"
    ]
    assert kinds == ["handshake", "event-notification"]
    assert told["entry"][1]["fullUrl"].endswith(f"/Basic/{written}")
