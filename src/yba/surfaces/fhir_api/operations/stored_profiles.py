"""Profiles and codes that the record and the terminology hold, handed to the validator.

Profiles are StructureDefinition resources of the record, found by their canonical address; what they build on is
fetched, too. Codes that the shipped value sets cannot decide are asked of the terminology, once for all of them.
Standard: FHIR R4 canonical references; profiling.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from yba.fhir.profiles import Packages
from yba.fhir.profiles.packages import read_json
from yba.fhir.profiles.terminology import PackagedTerminology
from yba.foundation.record import reading
from yba.foundation.record.query.parse import parse
from yba.foundation.terminology import service as terminology
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

_MOST_PROFILES: Final = 500
_AT_ONCE: Final = 40
_MOST_QUESTIONS: Final = 2_000
_MOST_LAYERS: Final = 16

# Reading a profile costs more than finding it, so what was read is kept by the versions it was read from.
_layers: dict[frozenset[tuple[str, int]], Packages] = {}


async def packages_for(tx: Tx, wanted: Iterable[str], *, at: datetime) -> Packages:
    """Return R4's definitions with those stored profiles that the canonical addresses `wanted` lead to."""
    shipped = Packages.of_r4()
    found: dict[tuple[str, int], Any] = {}
    asked: set[str] = set()
    waiting = _unknown(wanted, shipped, asked)
    while waiting and len(asked) < _MOST_PROFILES:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        asked.update(batch)
        for key, resource in await _stored(tx, batch, at):
            found[key] = resource
            waiting += _unknown(_leads_to(resource), shipped, asked | set(waiting))
    if not found:
        return shipped
    key = frozenset(found)
    if key not in _layers:
        if len(_layers) >= _MOST_LAYERS:
            _layers.clear()
        _layers[key] = Packages.of_r4()
        for resource in found.values():
            _layers[key].add(resource)
    return _layers[key]


def canonicals_of(plain: Any) -> Iterator[str]:
    """Give every canonical address in a resource that validation follows: profiles and extensions."""
    waiting: list[Any] = [plain]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            meta = value.get("meta")
            profiles = meta.get("profile") if isinstance(meta, dict) else None
            if isinstance(profiles, list):
                yield from (p for p in profiles if isinstance(p, str))
            for name in ("extension", "modifierExtension"):
                extensions = value.get(name)
                for one in extensions if isinstance(extensions, list) else ():
                    if isinstance(one, dict) and ":" in str(one.get("url")):
                        yield str(one["url"])
            waiting += value.values()


class Answers(PackagedTerminology):
    """Shipped value sets first; what they cannot decide is noted, and answered by `ask`."""

    def __init__(self, packages: Packages) -> None:
        super().__init__(packages)
        self._known: dict[tuple[str | None, str, str], bool | None] = {}
        self._open: set[tuple[str | None, str, str]] = set()

    def validate(self, *, system: str | None, code: str, value_set: str) -> bool | None:
        """Return whether the code is in the value set, as far as that is known now."""
        answer = super().validate(system=system, code=code, value_set=value_set)
        if answer is not None:
            return answer
        question = (system, code, value_set)
        if question not in self._known and len(self._open) < _MOST_QUESTIONS:
            self._open.add(question)
        return self._known.get(question)

    async def ask(self, tx: Tx) -> bool:
        """Ask the terminology what is open; return whether anything became known."""
        learned = False
        for question in sorted(self._open, key=str):
            system, code, value_set = question
            self._known[question] = None
            # A value set whose content is not held here cannot be decided; the issue says so.
            with suppress(Refusal):
                self._known[question] = await terminology.is_member(
                    tx, value_set=value_set, system=system, code=code
                )
                learned = True
        self._open.clear()
        return learned


def _unknown(wanted: Iterable[str], shipped: Packages, asked: set[str]) -> list[str]:
    bare = dict.fromkeys(url.partition("|")[0] for url in wanted)
    return [
        url for url in bare if url not in asked and shipped.find("StructureDefinition", url) is None
    ]


def _leads_to(resource: Any) -> Iterator[str]:
    yield str(resource.get("baseDefinition", ""))
    for part in ("snapshot", "differential"):
        for element in resource.get(part, {}).get("element", ()):
            for kind in element.get("type", ()):
                yield from kind.get("profile", ())
                yield from kind.get("targetProfile", ())


async def _stored(tx: Tx, urls: list[str], at: datetime) -> list[tuple[tuple[str, int], Any]]:
    escaped = [
        url.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|") for url in urls if url
    ]
    if not escaped:
        return []
    search = parse("StructureDefinition", f"url={quote(','.join(escaped), safe='')}")
    page = await reading.find(tx, reading.limited(search, _MOST_PROFILES), now=at)
    return [((one.id, one.version), read_json(one.body or b"{}")) for one in page.matches]
