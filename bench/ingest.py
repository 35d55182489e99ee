"""Bundle ingest over HTTP beside the rate of writing the same bytes unindexed."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import resource
import statistics
import time
from dataclasses import dataclass, field

import asyncpg
import msgspec

from bench import client
from bench.data import Bundle
from bench.node import Node
from yba.foundation.record.keys import row_id
from yba.kernel.ids import new_id

RAW_TABLE = "CREATE TABLE IF NOT EXISTS bench_raw (rid bigint, body bytea)"
_URN = re.compile(rb'"urn:uuid:([^"]{36})"')


class _Entry(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw()
    full_url: str = ""


class _Bundle(msgspec.Struct):
    entry: list[_Entry] = []


_DECODER = msgspec.json.Decoder(_Bundle)


@dataclass
class Rounds:
    """Rates of interleaved rounds, in resources per second."""

    http: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    # CPU microseconds per resource: server and PostgreSQL; writer and PostgreSQL.
    http_cpu: list[tuple[float, float]] = field(default_factory=list)
    raw_cpu: list[tuple[float, float]] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [h / r for h, r in zip(self.http, self.raw, strict=True)]

    def lines(self) -> list[str]:
        ratio = statistics.median(self.ratios)
        http, raw = _middle(self.http_cpu), _middle(self.raw_cpu)
        return [
            f"{statistics.median(self.http):,.0f} res/s (best {max(self.http):,.0f}); RAW "
            f"{statistics.median(self.raw):,.0f}; ratio median {ratio:.2f} "
            f"[{min(self.ratios):.2f}–{max(self.ratios):.2f}]",
            f"CPU per resource: server {http[0]:.0f} + PostgreSQL {http[1]:.0f} µs; RAW "
            f"{raw[0]:.0f} + {raw[1]:.0f} µs; ratio {sum(raw) / sum(http):.2f}",
        ]


def _middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


async def over_http(port: int, bundles: list[Bundle], connections: int) -> float:
    """Post the bundles over some connections; return resources per second."""
    waiting = sorted(bundles, key=lambda b: b.count)
    total = sum(bundle.count for bundle in waiting)

    async def one() -> None:
        connection = await client.connect(port)
        while waiting:
            bundle = waiting.pop()
            status, body, _ = await connection.ask(client.request("POST", "/fhir", bundle.body))
            if status != 200:
                raise SystemExit(f"bundle refused: {status} {body[:500]!r}")
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return total / (time.perf_counter() - started)


def _raw_worker(dsn: str, tasks: multiprocessing.Queue, ready: object, done: object) -> None:
    asyncio.run(_raw(dsn, tasks, ready, done))


async def _raw(dsn: str, tasks: object, ready: object, done: object) -> None:
    connection = await asyncpg.connect(dsn)
    ready.wait()  # type: ignore[attr-defined]
    while (body := tasks.get()) is not None:  # type: ignore[attr-defined]
        rows = list(raw_rows(body))
        async with connection.transaction():
            await connection.copy_records_to_table(
                "bench_raw", records=rows, columns=("rid", "body")
            )
    await connection.close()
    done.wait()  # type: ignore[attr-defined]


def raw_rows(body: bytes) -> list[tuple[int, bytes]]:
    """Split, give ids, rewrite references, drop white space: what any store must do."""
    names = {
        entry.full_url[9:].encode(): b'"Resource/' + new_id().encode() + b'"'
        for entry in _DECODER.decode(body).entry
    }
    rewritten = _URN.sub(lambda match: names.get(match[1], match[0]), body)
    return [
        (row_id("Resource", new_id()), msgspec.json.format(bytes(entry.resource), indent=-1))
        for entry in _DECODER.decode(rewritten).entry
    ]


def unindexed(dsn: str, bundles: list[Bundle], processes: int) -> float:
    """Write the same resources into a table without any index, one commit a bundle."""
    context = multiprocessing.get_context("fork")
    tasks: multiprocessing.Queue = context.Queue()
    ready, done = context.Barrier(processes + 1), context.Barrier(processes + 1)
    workers = [
        context.Process(target=_raw_worker, args=(dsn, tasks, ready, done))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for bundle in sorted(bundles, key=lambda b: -b.count):
        tasks.put(bundle.body)
    for _ in workers:
        tasks.put(None)
    ready.wait()
    started = time.perf_counter()
    done.wait()
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return sum(bundle.count for bundle in bundles) / seconds


async def _prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(RAW_TABLE)
    await connection.close()


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(node: Node, first: list[Bundle], bundles: list[Bundle], rounds: int) -> Rounds:
    """Load all bundles once (the data of the later benches), in interleaved rounds."""
    asyncio.run(_prepare(node.dsn))
    for bundle in first:
        asyncio.run(over_http(node.port, [bundle], 1))
    asyncio.run(over_http(node.port, bundles[:4], node.workers))
    result = Rounds()
    rest = bundles[4:]
    for number in range(rounds):
        part = rest[number::rounds]
        count = sum(bundle.count for bundle in part) / 1e6
        own, (_, postgres) = _children(), node.cpu()
        result.raw.append(unindexed(node.dsn, part, node.workers))
        later = node.cpu()
        result.raw_cpu.append(((_children() - own) / count, (later[1] - postgres) / count))
        result.http.append(asyncio.run(over_http(node.port, part, 2 * node.workers)))
        last = node.cpu()
        result.http_cpu.append(((last[0] - later[0]) / count, (last[1] - later[1]) / count))
    return result
