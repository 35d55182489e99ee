"""`python -m bench.peers URL`: the same bundles, reads, searches and writes against a peer and us.

The operator starts the peer (a HAPI FHIR JPA server on PostgreSQL, for instance) empty, with
referential checks as it ships, and says where it is. Nothing of ours is built for it: both servers
get the same bytes over the same client. Turns are interleaved; what counts is the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from urllib.parse import quote

import httpx
import orjson

from bench import data
from bench.client import TOKEN
from bench.node import Node

_ROUNDS = 5


class Server:
    """One FHIR base under test."""

    def __init__(self, name: str, base: str, token: str) -> None:
        self.name = name
        headers = {"content-type": "application/fhir+json", "accept": "application/fhir+json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        self.client = httpx.AsyncClient(
            base_url=base.rstrip("/") + "/", headers=headers, timeout=600, limits=limits
        )
        self.ids: dict[str, list[str]] = {}

    async def load(self, bundles: list[data.Bundle]) -> float:
        """Post bundles over two connections; return resources per second."""
        waiting = sorted(bundles, key=lambda bundle: bundle.count)
        total = sum(bundle.count for bundle in waiting)

        async def one() -> None:
            while waiting:
                answer = await self.client.post("", content=waiting.pop().body)
                answer.raise_for_status()
                for entry in orjson.loads(answer.content).get("entry", ()):
                    type_, id_ = entry["response"]["location"].split("/_history")[0].split("/")[-2:]
                    self.ids.setdefault(type_, []).append(id_)

        started = time.perf_counter()
        await asyncio.gather(one(), one())
        return total / (time.perf_counter() - started)

    async def rate(self, paths: list[str], seconds: float, connections: int = 8) -> float:
        """Ask for these in turn for some seconds; return requests per second."""
        until = time.perf_counter() + seconds
        done = 0

        async def one(number: int) -> None:
            nonlocal done
            place = number
            while time.perf_counter() < until:
                answer = await self.client.get(paths[place % len(paths)])
                answer.raise_for_status()
                place += connections
                done += 1

        started = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(connections)))
        return done / (time.perf_counter() - started)

    async def crud(self, seconds: float, connections: int = 8) -> float:
        """Create, read, update and delete observations; return requests per second."""
        until = time.perf_counter() + seconds
        done = 0

        async def one(number: int) -> None:
            nonlocal done
            body: dict[str, object] = {
                "resourceType": "Observation", "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]},
                "valueQuantity": {"value": 100 + number, "unit": "cm"},
            }  # fmt: skip
            while time.perf_counter() < until:
                made = await self.client.post("Observation", content=orjson.dumps(body))
                id_ = made.json()["id"]
                place = f"Observation/{id_}"
                changed = orjson.dumps({**body, "id": id_, "status": "amended"})
                for answer in (
                    made, await self.client.get(place),
                    await self.client.put(place, content=changed),
                    await self.client.delete(place),
                ):  # fmt: skip
                    answer.raise_for_status()
                done += 4

        started = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(connections)))
        return done / (time.perf_counter() - started)

    def searches(self) -> dict[str, list[str]]:
        """Return paths of the kinds of searches that both servers know."""
        patients = self.ids.get("Patient", [])[:200]
        code = quote("http://loinc.org|8302-2", safe="")
        return {
            "token": [f"Observation?code={code}&_count=20"],
            "reference": [f"Encounter?patient={p}&_sort=-date&_count=20" for p in patients],
            "token+reference": [f"Observation?patient={p}&code={code}&_count=20" for p in patients],
            "string": [f"Patient?name={letter}&_count=20" for letter in "abcdefghklmnprst"],
            "date": [f"Observation?date=ge20{y}-03-01&date=lt20{y}-04-01&_count=20"
                     for y in range(11, 20)],
            "chain": [f"Procedure?patient.birthdate=ge{y}-01-01&_count=20"
                      for y in range(1950, 2010, 5)],
            "$everything": [f"Patient/{p}/$everything" for p in patients[:20]],
        }  # fmt: skip


def _line(what: str, ours: list[float], theirs: list[float], unit: str) -> None:
    ratio = statistics.median(o / t for o, t in zip(ours, theirs, strict=True))
    print(
        f"{what:24} ours {statistics.median(ours):>9,.0f} {unit}   "
        f"peer {statistics.median(theirs):>9,.0f} {unit}   ratio {ratio:.1f}",
        flush=True,
    )


async def _compare(ours: Server, peer: Server, count: int, seconds: float) -> None:
    first, bundles = data.bundles(count)
    for server in (ours, peer):
        await server.load(first)
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for number in range(_ROUNDS):
        part = bundles[number::_ROUNDS]
        for name, server in (("ours", ours), ("peer", peer)):
            rates[name].append(await server.load(part))
    _line("bundle ingest", rates["ours"], rates["peer"], "res/s")
    reads = [
        [f"{type_}/{id_}" for type_, ids in server.ids.items() for id_ in ids[:200]]
        for server in (ours, peer)
    ]
    await _turns("read by id", ours, peer, reads[0], reads[1], seconds)
    theirs = peer.searches()
    for kind, paths in ours.searches().items():
        await _turns(f"search: {kind}", ours, peer, paths, theirs[kind], seconds)
    writes = [(await ours.crud(seconds), await peer.crud(seconds)) for _ in range(_ROUNDS)]
    _line("CRUD mix", [w[0] for w in writes], [w[1] for w in writes], "req/s")


async def _turns(
    what: str, ours: Server, peer: Server, own: list[str], other: list[str], seconds: float
) -> None:
    await ours.rate(own, 1)
    await peer.rate(other, 1)
    pairs = [
        (await ours.rate(own, seconds), await peer.rate(other, seconds)) for _ in range(_ROUNDS)
    ]
    _line(what, [pair[0] for pair in pairs], [pair[1] for pair in pairs], "req/s")


def main() -> None:
    """Compare."""
    options = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    options.add_argument("url", help="the peer's FHIR base, on this machine")
    options.add_argument("--token", default="", help="its bearer token, if it wants one")
    options.add_argument("--bundles", type=int, default=40)
    options.add_argument("--seconds", type=float, default=3.0)
    chosen = options.parse_args()
    with Node(workers=2) as node:
        node.start_server()
        ours = Server("ours", f"http://127.0.0.1:{node.port}/fhir", TOKEN)
        peer = Server("peer", chosen.url, chosen.token)
        asyncio.run(_compare(ours, peer, chosen.bundles, chosen.seconds))


if __name__ == "__main__":
    main()
