"""Nothing acknowledged is lost, nothing half is kept, when processes are killed.

Each round writes over HTTP from several clients, kills the server or the
database with SIGKILL at a random moment, starts again, and compares what was
acknowledged with what is there. `YBA_FAULT_ROUNDS` sets the rounds.
"""

import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from tests.builders.node import Node

ROUNDS = int(os.environ.get("YBA_FAULT_ROUNDS", "3"))
WRITERS = 4
BUNDLE = 7

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture
def node() -> Generator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="yba-faults-"))
    folder.chmod(0o755)
    node = Node(folder)
    node.start()
    yield node
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


class Writer(threading.Thread):
    """Posts transactions of seven resources until told to stop; remembers what was acknowledged."""

    def __init__(self, node: Node, token: str, name: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._client = httpx.Client(
            base_url=node.base, headers={"authorization": f"Bearer {token}"}, timeout=20
        )
        self._mark = name
        self._stop_now = stop
        self.acknowledged: list[tuple[str, list[str]]] = []
        self.attempted: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._stop_now.is_set():
            number += 1
            mark = f"{self._mark}-{number}"
            self.attempted.append(mark)
            try:
                answer = self._client.post("/fhir", json=_bundle(mark))
            except httpx.HTTPError:
                time.sleep(0.02)
                continue
            if answer.status_code == 200:
                entries = answer.json()["entry"]
                self.acknowledged.append((mark, [e["response"]["location"] for e in entries]))
        self._client.close()


def _bundle(mark: str) -> dict[str, object]:
    def entry(number: int) -> dict[str, object]:
        return {
            "resource": {
                "resourceType": "Basic",
                "code": {"text": mark},
                "identifier": [{"system": "urn:test:mark", "value": mark}],
            },
            "request": {"method": "POST", "url": "Basic"},
        }

    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(number) for number in range(BUNDLE)],
    }


def _count(client: httpx.Client, mark: str) -> int:
    answer = client.get(f"/fhir/Basic?identifier=urn:test:mark|{mark}&_total=accurate&_count=0")
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


def test_nothing_acknowledged_is_lost_and_nothing_half_is_kept(node: Node):
    token = node.token()
    dice = random.Random(20260101)
    acknowledged = 0
    for round_number in range(ROUNDS):
        stop = threading.Event()
        writers = [Writer(node, token, f"r{round_number}w{n}", stop) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(dice.uniform(0.2, 1.2))
        if round_number % 2:
            node.kill_database()
            time.sleep(dice.uniform(0, 0.3))
            stop.set()
        else:
            node.kill_server()
            stop.set()
            node.start()
        for writer in writers:
            writer.join()
        node.wait_until_ready()

        with httpx.Client(
            base_url=node.base, headers={"authorization": f"Bearer {token}"}, timeout=30
        ) as client:
            for writer in writers:
                kept = dict(writer.acknowledged)
                acknowledged += len(kept)
                for mark in writer.attempted:
                    count = _count(client, mark)
                    allowed = {BUNDLE} if mark in kept else {0, BUNDLE}
                    assert count in allowed, f"{mark}: {count} of {BUNDLE}"
                for mark, locations in writer.acknowledged[-3:]:
                    for location in locations:
                        path = location.split("/_history")[0]
                        path = path if path.startswith("http") else f"/fhir/{path}"
                        assert client.get(path).status_code == 200, (mark, location)
    assert acknowledged > 0
