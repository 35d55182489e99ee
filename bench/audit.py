"""The audit log: durable events a second into the signed tree, and what auditing costs a writer.

`python -m bench.audit [--quick]`. The cost is measured in turns within one run: the same mix against
a server that audits (with the sequencer at work beside it) and one that was made not to, here alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time

from bench import data, ingest, writes
from bench.node import Node
from yba.foundation.audit import checking, sequencing, service
from yba.foundation.audit.model import Act
from yba.foundation.audit.notes import ED25519, SignerKey
from yba.foundation.audit.sequencing import Sequencer
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

_ORIGIN = "bench.invalid/audit/log"
_A_TRANSACTION = 20


def _signer() -> SignerKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SignerKey(_ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(b"b" * 32))


async def _sequence(dsn: str) -> None:
    """Be the sequencer of a node, in a process of its own, until killed."""
    database = Database(dsn, connections=2)
    signer = _signer()
    async with database.transaction() as tx:
        await sequencing.begin_log(tx, origin=_ORIGIN, at=utc_now())
        await sequencing.admit_signer(tx, signer=signer, at=utc_now())
    from yba.foundation.audit import jobs

    await jobs.sequence_for_ever(Sequencer(database, signer), database, asyncio.Event())


async def _write(dsn: str, count: int) -> None:
    """Record `count` acts, a few in each durable transaction, on four connections."""
    database = Database(dsn, connections=4)
    doctor = Actor("a-bench", "Bs. Đo Đạc", frozenset({"doctor"}))

    async def one(mine: int) -> None:
        for _ in range(mine // _A_TRANSACTION):
            now = utc_now()
            acts = [
                Act(doctor, "R", "record.read", now, f"p{number}", [f"Patient/p{number}"])
                for number in range(_A_TRANSACTION)
            ]
            async with database.transaction() as tx:
                await service.record_many(tx, acts)

    await asyncio.gather(*(one(count // 4) for _ in range(4)))
    await database.close()


def _child(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bench.audit", *arguments])


async def _size(database: Database) -> tuple[int, int]:
    async with database.reading() as tx:
        signed = await tx.value("SELECT coalesce(max(size), 0) FROM audit.checkpoint")
        return signed, await tx.value("SELECT count(*) FROM audit.event")


async def events(dsn: str, count: int) -> str:
    """Return how many events a second became durable and part of a signed tree."""
    database = Database(dsn, connections=2)
    before, _ = await _size(database)
    started = time.perf_counter()
    writer = _child("--write", str(count), "--dsn", dsn)
    written = 0.0
    while (found := await _size(database))[0] < before + count:
        if not written and writer.poll() is not None:
            written = time.perf_counter() - started
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - started
    checked = time.perf_counter()
    async with database.reading() as tx:
        report = await checking.check(tx)
    checked = time.perf_counter() - checked
    await database.close()
    assert report.is_whole, report.findings[:3]
    return (
        f"{count / seconds:,.0f} events/s until signed ({count:,} in {seconds:.1f} s, written in "
        f"{written or seconds:.1f} s); whole check {found[0] / checked:,.0f} events/s"
    )


def _line(on: list[float], off: list[float], unit: str) -> str:
    ratios = [one / other for one, other in zip(on, off, strict=True)]
    shown = f"{statistics.median(on):,.0f} {unit} audited, {statistics.median(off):,.0f} not"
    return f"{shown}; median ratio {statistics.median(ratios):.2f} ({json.dumps([round(r, 2) for r in ratios])})"


def overhead(node: Node, *, rounds: int, seconds: float, quick: bool) -> None:
    """Print the rates of the write mix with and without auditing, in turns."""
    first, bundles = data.bundles(20 if quick else 60)
    rates: dict[str, dict[str, list[float]]] = {
        "crud": {"on": [], "off": []},
        "ingest": {"on": [], "off": []},
    }
    resources: dict[str, list[dict[str, object]]] = {}
    for number in range(rounds + 1):
        for switch in ("on", "off") if number % 2 else ("off", "on"):
            os.environ["BENCH_AUDIT"] = switch
            node.start_server()
            if number == 0 and not resources:
                asyncio.run(ingest.over_http(node.port, first, node.workers))
            rate = asyncio.run(ingest.over_http(node.port, bundles, node.workers))
            if not resources:
                resources = asyncio.run(writes.sample(node.dsn, 300))
            mix = asyncio.run(writes.crud(node, resources, seconds))
            node.stop_server()
            # The first turn of each warms everything.
            if number:
                rates["ingest"][switch].append(rate)
                rates["crud"][switch].append(mix.count / mix.seconds)
    os.environ.pop("BENCH_AUDIT")
    print(f"{'bundle ingest':34} {_line(*rates['ingest'].values(), 'resources/s')}", flush=True)
    print(f"{'CRUD mix, 9 types':34} {_line(*rates['crud'].values(), 'req/s')}", flush=True)


def run(node: Node, *, quick: bool) -> None:
    """Print both rows."""
    sequencer = _child("--sequence", "--dsn", node.dsn)
    try:
        count = 20_000 if quick else 100_000
        print(f"{'audit log':34} {asyncio.run(events(node.dsn, count))}", flush=True)
        overhead(node, rounds=3 if quick else 6, seconds=2.0 if quick else 5.0, quick=quick)
    finally:
        sequencer.terminate()
        sequencer.wait()


def main() -> None:
    """Run alone, or be one of the children."""
    options = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--dsn", default="")
    options.add_argument("--sequence", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--write", type=int, default=0, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    random.seed(7)
    if chosen.sequence:
        asyncio.run(_sequence(chosen.dsn))
    elif chosen.write:
        asyncio.run(_write(chosen.dsn, chosen.write))
    else:
        with Node(workers=2) as node:
            run(node, quick=chosen.quick)


if __name__ == "__main__":
    main()
