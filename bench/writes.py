"""Single writes: CRUD mix, updates, deletes; what updates do to the size of the indexes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import asyncpg
import orjson

from bench import client
from bench.client import Result
from bench.node import Node

CONNECTIONS = 32


def _body(resource: dict[str, object], **changes: object) -> bytes:
    return orjson.dumps({**resource, **changes})


async def sample(dsn: str, per_type: int) -> dict[str, list[dict[str, object]]]:
    """Return some stored resources of nine types."""
    from yba.foundation.record.body import unpack
    from yba.foundation.record.plans import TYPE_NUMBERS

    types = (
        "Observation", "Encounter", "Condition", "Procedure", "Immunization", "MedicationRequest",
        "CarePlan", "Patient", "Claim",
    )  # fmt: skip
    connection = await asyncpg.connect(dsn)
    found: dict[str, list[dict[str, object]]] = {}
    for type_ in types:
        rows = await connection.fetch(
            "SELECT body FROM record.resource WHERE type = $1 AND flags = 0 LIMIT $2",
            TYPE_NUMBERS[type_], per_type,
        )  # fmt: skip
        found[type_] = [orjson.loads(unpack(row[0])) for row in rows]
    await connection.close()
    return found


async def crud(node: Node, resources: dict[str, list[dict[str, object]]], seconds: float) -> Result:
    """Create, read, update and delete one resource after the other, on every connection."""
    result = Result()
    loop = asyncio.get_running_loop()
    started = loop.time()
    types = [t for t, found in resources.items() if found]

    async def one(number: int) -> None:
        pick = random.Random(number)
        connection = await client.connect(node.port)
        while loop.time() < started + seconds:
            type_ = pick.choice(types)
            template = dict(pick.choice(resources[type_]))
            template.pop("id"), template.pop("meta")
            body = _body(template)
            id_ = ""
            for kind in ("create", "read", "update", "delete"):
                match kind:
                    case "create":
                        raw = client.request("POST", f"/fhir/{type_}", body)
                    case "read":
                        raw = client.request("GET", f"/fhir/{type_}/{id_}")
                    case "update":
                        changed = _body(template, id=id_, language="vi")
                        raw = client.request("PUT", f"/fhir/{type_}/{id_}", changed)
                    case _:
                        raw = client.request("DELETE", f"/fhir/{type_}/{id_}")
                before = loop.time()
                status, answer, _ = await connection.ask(raw)
                took = (loop.time() - before) * 1000
                result.count += 1
                result.millis.append(took)
                result.by_kind.setdefault(kind, []).append(took)
                if status not in (200, 201, 204):
                    result.errors += 1
                    print("  unexpected:", kind, status, answer[:200])
                    break
                if kind == "create":
                    id_ = orjson.loads(answer)["id"]
        connection.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    result.seconds = loop.time() - started
    return result


def updates(node: Node, resources: list[dict[str, object]], seconds: float) -> Result:
    """Change a stored resource again and again; every change is a new version."""

    def requests(number: int) -> Iterator[tuple[str, bytes]]:
        own = resources[number::CONNECTIONS]
        counter = 0
        while own:
            for resource in own:
                counter += 1
                status = ("final", "amended", "corrected")[counter % 3]
                body = _body(
                    resource, status=status, issued=f"2026-01-01T00:00:00.{counter % 1000:03}Z"
                )
                yield "update", client.request("PUT", f"/fhir/Observation/{resource['id']}", body)

    return asyncio.run(client.load(node.port, CONNECTIONS, seconds, requests))


def deletes(node: Node, references: list[str], seconds: float) -> Result:
    """Delete stored resources, each once."""

    def requests(number: int) -> Iterator[tuple[str, bytes]]:
        for reference in references[number::CONNECTIONS]:
            yield "delete", client.request("DELETE", f"/fhir/{reference}")

    return asyncio.run(client.load(node.port, CONNECTIONS, seconds, requests))
