"""Reads by id beside the same server answering from memory."""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import client
from bench.node import Node

CONNECTIONS = 32
_LUA = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
math.randomseed(%(seed)d)
wrk.headers["Authorization"] = "Bearer %(token)s"
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
"""


@dataclass
class Rounds:
    """Requests per second of interleaved rounds."""

    stored: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    stored_cpu: list[tuple[float, float]] = field(default_factory=list)
    memory_cpu: list[tuple[float, float]] = field(default_factory=list)
    tool: str = ""

    def lines(self) -> list[str]:
        ratios = [s / m for s, m in zip(self.stored, self.memory, strict=True)]
        stored, memory = _middle(self.stored_cpu), _middle(self.memory_cpu)
        return [
            f"{statistics.median(self.stored):,.0f} req/s (best {max(self.stored):,.0f}); memory "
            f"{statistics.median(self.memory):,.0f}; ratio median {statistics.median(ratios):.2f} "
            f"[{min(ratios):.2f}–{max(ratios):.2f}]; {self.tool}",
            f"CPU per request: server {stored[0]:.0f} + PostgreSQL {stored[1]:.0f} µs; memory "
            f"{memory[0]:.0f} µs",
        ]


def _middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def _wrk(node: Node, paths: Path, seconds: float) -> float:
    script = node.folder / "wrk.lua"
    script.write_text(
        _LUA % {"paths": paths, "token": client.TOKEN, "seed": random.randrange(10**6)}
    )
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script),
         f"http://127.0.0.1:{node.port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in output:
        raise SystemExit(output)
    return float(output.split("Requests/sec:")[1].split()[0])


def _python(node: Node, paths: Path, seconds: float) -> float:
    lines = paths.read_text().split()

    def requests(_: int) -> Iterator[tuple[str, bytes]]:
        while True:
            yield "read", client.request("GET", random.choice(lines))

    return asyncio.run(client.load(node.port, CONNECTIONS, seconds, requests)).rate


def run(node: Node, references: list[str], seconds: float, rounds: int) -> Rounds:
    """Read random resources and the memory answer in turns."""
    stored, memory = node.folder / "stored.txt", node.folder / "memory.txt"
    sample = random.sample(references, min(len(references), 20_000))
    stored.write_text("\n".join(f"/fhir/{reference}" for reference in sample) + "\n")
    memory.write_text("/memory\n")
    drive = _wrk if shutil.which("wrk") else _python
    result = Rounds(tool="wrk, 1 thread" if drive is _wrk else "own client")
    drive(node, stored, 1)
    for _ in range(rounds):
        for paths, rates, cpus in (
            (memory, result.memory, result.memory_cpu),
            (stored, result.stored, result.stored_cpu),
        ):
            before = node.cpu()
            rates.append(drive(node, paths, seconds))
            after = node.cpu()
            count = rates[-1] * seconds / 1e6
            cpus.append(((after[0] - before[0]) / count, (after[1] - before[1]) / count))
    return result
