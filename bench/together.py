"""Bundles, searches and reads at the same time: what each costs the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from bench import client
from bench.client import Result
from bench.data import Bundle
from bench.node import Node
from bench.searches import Values


async def run(
    node: Node, bundles: list[Bundle], references: list[str], values: Values, seconds: float
) -> tuple[Result, Result, Result]:
    """Return what reads, searches and bundles gave while all three ran; bundles are new data."""

    def read(_: int) -> Iterator[tuple[str, bytes]]:
        while True:
            yield "read", client.request("GET", f"/fhir/{random.choice(references)}")

    def search(_: int) -> Iterator[tuple[str, bytes]]:
        while True:
            kind, path = values.query()
            yield kind, client.request("GET", path)

    def write(number: int) -> Iterator[tuple[str, bytes]]:
        while True:
            for bundle in bundles[number::2]:
                yield "bundle", client.request("POST", "/fhir", bundle.body)

    return await asyncio.gather(
        client.load(node.port, 4, seconds, read),
        client.load(node.port, 4, seconds, search),
        client.load(node.port, 2, seconds, write),
    )
