"""Look at fictitious people and visits, or measure how fast they are made.

Examples: python -m yba.app.fiction person 12
          python -m yba.app.fiction visit 3 --seed 7
          python -m yba.app.fiction rate --count 2000
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict

import orjson

from yba.app.fiction import service as fiction


def _print(value: object) -> None:
    print(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def _rate(make: Callable[[int], object], count: int) -> float:
    make(0)
    start = time.perf_counter()
    for number in range(count):
        make(number)
    return count / (time.perf_counter() - start)


def main() -> None:
    """Print one person, one visit, or the rates of this machine."""
    parser = argparse.ArgumentParser(prog="python -m yba.app.fiction", description=__doc__)
    parser.add_argument("what", choices=("person", "visit", "rate"))
    parser.add_argument("number", nargs="?", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    seed: int = options.seed
    if options.what == "person":
        _print(asdict(fiction.person(seed, options.number)))
    elif options.what == "visit":
        _print(asdict(fiction.visit(seed, options.number)))
    else:
        persons = _rate(lambda number: fiction.person(seed, number), options.count)
        visits = _rate(lambda number: fiction.visit(seed, number), options.count)
        print(f"{persons:,.0f} persons/s, {visits:,.0f} visits/s (one process)")


if __name__ == "__main__":
    main()
