"""The first requests after a restart: nothing in memory, neither PostgreSQL's nor the system's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench import client
from bench.client import Result
from bench.node import Node
from bench.searches import Values


def empty(node: Node) -> bool:
    """Restart server and database; return whether the system's cache could be emptied, too."""
    node.stop_server()
    node.postgres.stop()
    dropped = False
    with suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")
        dropped = True
    node.postgres.start()
    node.start_server()
    return dropped


def reads(node: Node, references: list[str], count: int = 300) -> Result:
    """Read random resources, one at a time."""
    chosen = random.sample(references, min(count, len(references)))

    def requests(_: int) -> Iterator[tuple[str, bytes]]:
        for reference in chosen:
            yield "read", client.request("GET", f"/fhir/{reference}")

    return asyncio.run(client.load(node.port, 1, 60, requests))


def searches(node: Node, values: Values, count: int = 300) -> Result:
    """Search as in the mix, one at a time."""

    def requests(_: int) -> Iterator[tuple[str, bytes]]:
        for _number in range(count):
            kind, path = values.query()
            yield kind, client.request("GET", path)

    return asyncio.run(client.load(node.port, 1, 60, requests))
