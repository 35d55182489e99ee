"""Pages far down: what the ten-thousandth page costs beside the first."""

from __future__ import annotations

import asyncio
import statistics
import time
from urllib.parse import urlsplit

import orjson

from bench import client
from bench.node import Node

_SHOWN = 200


async def _walk(port: int, path: str, pages: int) -> list[float]:
    connection = await client.connect(port)
    millis: list[float] = []
    while path and len(millis) < pages:
        before = time.perf_counter()
        status, body, _ = await connection.ask(client.request("GET", path))
        millis.append((time.perf_counter() - before) * 1000)
        if status != 200:
            raise SystemExit(f"page refused: {status} {body[:300]!r}")
        links = {link["relation"]: link["url"] for link in orjson.loads(body)["link"]}
        following = urlsplit(links.get("next", ""))
        path = f"{following.path}?{following.query}" if following.path else ""
    connection.close()
    return millis


def run(node: Node, pages: int) -> str:
    """Follow `next` through a search; return how the last pages compare with the first."""
    millis = asyncio.run(_walk(node.port, "/fhir/Observation?_count=10&_total=none", pages))
    shown = min(_SHOWN, len(millis) // 2)
    first, last = statistics.median(millis[:shown]), statistics.median(millis[-shown:])
    return (
        f"page 1–{shown}: {first:.2f} ms; page {len(millis) - shown + 1:,}–{len(millis):,}: "
        f"{last:.2f} ms; ratio {last / first:.2f} (medians, one connection, _count=10)"
    )
