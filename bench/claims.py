"""`python -m bench.claims [--files N]`: read claim files and run every rule over all tables."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import time
from pathlib import Path

from yba.app.fiction import service as fiction
from yba.app.fiction.claims import claim_bytes
from yba.money.insurance.checks import check_claim, decided_rules
from yba.money.insurance.xml import read_claim

SEED = 20260915
BATCH = 100


def _check(files: list[bytes]) -> int:
    found = 0
    for content in files:
        claim, read = read_claim(content)
        problems = [problem for one in read for problem in one.problems]
        found += len(check_claim(claim, problems=problems))
    return found


def _rates(files: list[bytes]) -> list[float]:
    """Return files/s of CPU time of each batch; the best one had the core to itself."""
    rates: list[float] = []
    for start in range(0, len(files) - BATCH + 1, BATCH):
        batch = files[start : start + BATCH]
        before = time.process_time()
        _check(batch)
        rates.append(len(batch) / (time.process_time() - before))
    return sorted(rates)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    count = parser.parse_args().files
    files = [claim_bytes(visit) for visit in fiction.visits(SEED, count)]
    size = sum(map(len, files)) / len(files) / 1000
    _check(files[:50])
    gc.freeze()
    start = time.perf_counter()
    rates = _rates(files)
    wall = time.perf_counter() - start
    cores = os.cpu_count() or 1
    parts = [files[start::cores] for start in range(cores)]
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        pool.map(_check, [part[:20] for part in parts])
        start = time.perf_counter()
        pool.map(_check, parts)
        together = time.perf_counter() - start
    model = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{cores} x {model}, load {load}; {count} files, mean {size:.1f} kB, seed {SEED}")
    print(f"| parse, check all tables, {len(decided_rules())} rules | files/s |")
    print("|---|---|")
    print(f"| one process, wall | {count / wall:,.0f} |")
    middle, best = rates[len(rates) // 2], rates[-1]
    print(f"| one process, CPU time, median of batches of {BATCH} | {middle:,.0f} |")
    print(f"| one process, CPU time, best batch | {best:,.0f} |")
    print(f"| {cores} processes, wall | {count / together:,.0f} |")


if __name__ == "__main__":
    main()
