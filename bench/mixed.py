"""Mixed bundles over the same few resources from many connections: does anybody wait in a circle?

Every bundle creates, updates, patches, deletes and creates by condition in random order, as a
transaction or a batch, beside single conditional writes. Versions may conflict (409, 412) and what
was deleted is gone (404, 410); a deadlock or a 5xx is a fault.
`python -m bench.mixed --minutes 3` runs it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg

from bench import client
from bench.node import Node

_SHARED = 12
_CONNECTIONS = 16
_PATCH = base64.b64encode(b'[{"op":"replace","path":"/active","value":false}]').decode()


@dataclass
class Mixed:
    """What the mixture gave."""

    seconds: float = 0.0
    bundles: int = 0
    operations: int = 0
    deadlocks: int = 0
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        """Deadlocks that PostgreSQL resolved, and answers that say the server failed."""
        failed = sum(n for status, n in self.statuses.items() if status.startswith("5"))
        return self.deadlocks + failed

    def text(self) -> str:
        answers = ", ".join(f"{status}: {n}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.bundles} requests with {self.operations} operations in {self.seconds:.0f} s; "
            f"deadlocks {self.deadlocks}; answers {answers}"
        )


def _patient(number: int, dice: random.Random) -> dict[str, object]:
    return {
        "resourceType": "Patient",
        "id": f"mixed-{number}",
        "active": dice.random() < 0.5,
        "identifier": [{"system": "urn:mixed", "value": str(number)}],
        "name": [{"family": dice.choice(["Nguyễn", "Trần", "Lê", "Phạm"])}],
    }


def _entry(dice: random.Random, numbers: list[int]) -> dict[str, object]:
    kind = dice.choice(["create", "update", "update", "condition", "named", "patch", "delete"])
    number = numbers.pop()
    patient = _patient(number, dice)
    url, condition = f"Patient/mixed-{number}", f"identifier=urn:mixed|{number}"
    match kind:
        case "create":
            del patient["id"]
            patient["identifier"] = [{"system": "urn:other", "value": str(dice.random())}]
            return {"resource": patient, "request": {"method": "POST", "url": "Patient"}}
        case "update":
            return {"resource": patient, "request": {"method": "PUT", "url": url}}
        case "condition":
            del patient["id"]
            return {
                "resource": patient,
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": condition},
            }
        case "named":
            return {
                "resource": patient,
                "request": {"method": "PUT", "url": f"Patient?{condition}"},
            }
        case "patch":
            binary = {
                "resourceType": "Binary", "contentType": "application/json-patch+json",
                "data": _PATCH,
            }  # fmt: skip
            return {"resource": binary, "request": {"method": "PATCH", "url": url}}
        case _:
            return {"request": {"method": "DELETE", "url": url}}


def _requests(number: int, mixed: Mixed) -> Iterator[bytes]:
    dice = random.Random(number)
    while True:
        numbers = dice.sample(range(_SHARED), _SHARED)
        if dice.random() < 0.3:
            one = numbers.pop()
            mixed.operations += 1
            body = json.dumps(_patient(one, dice)).encode()
            extra = dice.choice(["", 'if-match: W/"2"\r\n'])
            yield client.request("PUT", f"/fhir/Patient/mixed-{one}", body, extra)
            continue
        entries = [_entry(dice, numbers) for _ in range(dice.randint(2, 8))]
        mixed.operations += len(entries)
        bundle = {
            "resourceType": "Bundle", "type": dice.choice(["transaction", "batch"]),
            "entry": entries,
        }  # fmt: skip
        yield client.request("POST", "/fhir", json.dumps(bundle).encode())


async def _deadlocks(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()


async def run(node: Node, seconds: float) -> Mixed:
    """Load a node with the mixture for some seconds."""
    mixed = Mixed()
    before = await _deadlocks(node.dsn)
    started = time.perf_counter()

    async def one(number: int) -> None:
        connection = await client.connect(node.port)
        for raw in _requests(number, mixed):
            if time.perf_counter() - started >= seconds:
                break
            status, body, _ = await connection.ask(raw)
            mixed.bundles += 1
            mixed.statuses[str(status)] += 1
            if status == 200 and b"batch-response" in body[:200]:
                for entry in json.loads(body)["entry"]:
                    mixed.statuses["in batch " + entry["response"]["status"][:3]] += 1
            if status >= 500 and mixed.faults <= 3:
                print("  fault:", status, body[:300])
        connection.close()

    await asyncio.gather(*(one(number) for number in range(_CONNECTIONS)))
    mixed.seconds = time.perf_counter() - started
    # The statistics of a backend are told once it is idle for a second.
    await asyncio.sleep(2)
    mixed.deadlocks = await _deadlocks(node.dsn) - before
    return mixed


def main() -> None:
    """Run the mixture against a node of its own and print what it gave."""
    parser = argparse.ArgumentParser(prog="python -m bench.mixed")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with Node(workers=given.workers) as node:
        node.start_server()
        mixed = asyncio.run(run(node, given.minutes * 60))
        print(mixed.text())
    raise SystemExit(1 if mixed.faults else 0)


if __name__ == "__main__":
    main()
