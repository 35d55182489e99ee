"""A limit: one name, and a value for every day on which it is set. Pure."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from yba.foundation.rules.errors import RulesBroken, UnknownLimit

Number = int | Decimal

_DATA = Path(__file__).parent / "data"
_CONFIDENCES = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Limit:
    """One value of a limit and the days it holds; `valid_to` is the last one.

    Confidence: A official text or several sources, B one good source, C weak.
    """

    name: str
    value: Number
    unit: str
    text: str
    valid_from: date
    valid_to: date | None
    source: str
    confidence: str

    def is_valid(self, on: date) -> bool:
        """Tell whether the value holds on that day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


def _limits_of(path: Path) -> Iterable[Limit]:
    document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for name, entry in _named(document):
        values: Sequence[Mapping[str, Any]] = entry["values"]
        for row in values:
            limit = Limit(
                name=name,
                value=row["value"],
                unit=entry["unit"],
                text=entry["text"],
                valid_from=row["from"],
                valid_to=row.get("to"),
                source=row.get("source", entry.get("source", "")),
                confidence=row.get("confidence", entry.get("confidence", "")),
            )
            if not limit.source or limit.confidence not in _CONFIDENCES:
                raise RulesBroken(file=path.name, reason=f"{name} has no source or confidence")
            yield limit


def _named(document: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for key, value in document.items():
        if "values" in value:
            yield key, value
        else:
            for name, entry in _named(value):
                yield f"{key}.{name}", entry


@cache
def all_limits() -> Mapping[str, tuple[Limit, ...]]:
    """Return every limit by name, its values from the oldest to the newest.

    Raises RulesBroken if two values of a limit hold on the same day.
    """
    found: dict[str, list[Limit]] = {}
    for path in sorted(_DATA.glob("*.toml")):
        for limit in _limits_of(path):
            found.setdefault(limit.name, []).append(limit)
    for name, values in found.items():
        values.sort(key=lambda limit: limit.valid_from)
        for earlier, later in pairwise(values):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                raise RulesBroken(file=name, reason=f"two values on {later.valid_from}")
    return {name: tuple(found[name]) for name in sorted(found)}


def limit_on(name: str, on: date) -> Limit:
    """Return the limit's value of that day, with its source.

    Raises UnknownLimit if no such limit exists or none is set that day.
    """
    for limit in reversed(all_limits().get(name, ())):
        if limit.is_valid(on):
            return limit
    raise UnknownLimit(name=name, on=on.isoformat())


def rendered() -> str:
    """Return every limit as the page docs/standards/rules.md."""
    lines = [
        "# Dated limits",
        "",
        "Rendered from `src/yba/foundation/rules/data/` by `python -m tools.render_rules`;",
        "a test says when it is out of date. Confidence: A official text or several sources,",
        "B one good source, C weak: verify before relying on it.",
        "",
        "| Limit | Value | Unit | From | To | Source | Confidence |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in all_limits().items():
        lines += [
            f"| `{name}`: {limit.text} | {limit.value:,} | {limit.unit} | {limit.valid_from} "
            f"| {limit.valid_to or ''} | {limit.source} | {limit.confidence} |"
            for limit in values
        ]
    return "\n".join(lines) + "\n"
