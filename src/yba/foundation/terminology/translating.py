"""Translations between code systems, and the closure tables that clients keep.

Standard: FHIR R4 ConceptMap $translate, $closure; ConceptMapEquivalence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from yba.foundation.terminology import map_store, system_store
from yba.foundation.terminology.asking import Coded
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import BadQuestion, UnknownMap
from yba.foundation.terminology.map_store import ConceptMap, Pair
from yba.foundation.terminology.map_store import Mapping as Mapped
from yba.plumbing.database import Tx

NO_MATCH = frozenset({"unmatched", "disjoint"})
_REVERSED: Mapping[str, str] = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
_DEEPEST = 10
_LONGEST_NAME = 200
_MOST_CONCEPTS = 1000


@dataclass(frozen=True, slots=True)
class Match:
    """One translation; `target` is None where the map says that there is none."""

    equivalence: str
    target: Coded | None
    source: str
    product: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Translating:
    """What a translation is asked for."""

    codings: Sequence[Coded]
    map: str = ""
    version: str = ""
    source: str = ""
    target: str = ""
    target_system: str = ""
    is_reverse: bool = False
    # What the question knows of other elements: (element, system, code).
    dependencies: Sequence[tuple[str, str, str]] = field(default_factory=tuple[()])


async def translate(tx: Tx, wanted: Translating) -> list[Match]:
    """Return every match, of every coding. Raises UnknownMap if a map is named that is not known."""
    if not wanted.codings or not all(coded.code for coded in wanted.codings):
        raise BadQuestion(reason="a code to translate is needed")
    matches: list[Match] = []
    is_known = False
    for coded in wanted.codings:
        for one in await _maps(tx, wanted, coded):
            is_known = True
            matches += await _in_map(tx, one, wanted, coded, 0)
    if wanted.map and not is_known:
        raise UnknownMap
    return list({(m.equivalence, m.target, m.source): m for m in matches}.values())


async def _maps(tx: Tx, wanted: Translating, coded: Coded) -> list[ConceptMap]:
    if wanted.map.startswith("ConceptMap/"):
        return await map_store.of_resource(tx, resource=wanted.map)
    if wanted.map:
        url, version = canonical(wanted.map)
        found = await map_store.find(tx, url=url, version=wanted.version or version)
        return [found] if found else []
    source, target = wanted.source, wanted.target
    if wanted.is_reverse:
        source, target = target, source
    return await map_store.between(
        tx, source=source, target=target, system=coded.system, is_reverse=wanted.is_reverse
    )


async def _in_map(
    tx: Tx, one: ConceptMap, wanted: Translating, coded: Coded, depth: int
) -> list[Match]:
    found = await map_store.mappings(
        tx, number=one.number, system=coded.system, code=coded.code, is_reverse=wanted.is_reverse
    )
    matches = [
        match
        for mapped in found
        if _fits(mapped, wanted)
        for match in [_match(mapped, one, is_reverse=wanted.is_reverse)]
        if match.target is None
        or not wanted.target_system
        or match.target.system == wanted.target_system
    ]
    if found or wanted.is_reverse:
        return matches
    for rule in one.unmapped:
        if str(rule.get("source", "")) in ("", coded.system):
            matches += await _unmapped(tx, one, rule, wanted, coded, depth)
    return matches


def _fits(mapped: Mapped, wanted: Translating) -> bool:
    """Tell whether everything that a mapping depends on is known and as it says."""
    return all(
        any(
            element == need.get("property")
            and code == need.get("value")
            and (not need.get("system") or system == need.get("system"))
            for element, system, code in wanted.dependencies
        )
        for need in mapped.depends_on
    )


def _match(mapped: Mapped, one: ConceptMap, *, is_reverse: bool) -> Match:
    source = f"{one.url}|{one.version}" if one.version else one.url
    if is_reverse:
        equivalence = _REVERSED.get(mapped.equivalence, mapped.equivalence)
        target = Coded(mapped.source_system, mapped.source_code, display=mapped.source_display)
        return Match(equivalence, target, source)
    if not mapped.target_code:
        return Match(mapped.equivalence, None, source)
    target = Coded(
        mapped.target_system, mapped.target_code, mapped.target_version, mapped.target_display
    )
    return Match(mapped.equivalence, target, source, mapped.product)


async def _unmapped(
    tx: Tx,
    one: ConceptMap,
    rule: Mapping[str, Any],
    wanted: Translating,
    coded: Coded,
    depth: int,
) -> list[Match]:
    source = f"{one.url}|{one.version}" if one.version else one.url
    target_system = str(rule.get("target", ""))
    if wanted.target_system and target_system and wanted.target_system != target_system:
        return []
    match rule.get("mode"):
        case "provided":
            return [Match("equal", Coded(target_system, coded.code, display=coded.display), source)]
        case "fixed":
            fixed = Coded(
                target_system, str(rule.get("code", "")), "", str(rule.get("display", ""))
            )
            return [Match("inexact", fixed, source)]
        case "other-map":
            other = await map_store.find(tx, url=canonical(str(rule.get("url", "")))[0])
            if other is None or depth >= _DEEPEST:
                return []
            return await _in_map(tx, other, wanted, coded, depth + 1)
        case _:
            return []


def is_success(matches: Iterable[Match]) -> bool:
    """Tell whether a translation was found."""
    return any(match.equivalence not in NO_MATCH and match.target for match in matches)


# -- closure tables ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delta:
    """What a client should add to its closure table, which then has this version."""

    version: int
    pairs: Sequence[Pair]


async def closure(
    tx: Tx, *, name: str, concepts: Sequence[Coded], since: int | None, on: date
) -> Delta:
    """Begin a client's closure table (no concepts), add to it, or tell again what came since.

    Raises BadQuestion for a name never begun, or unknown concepts.
    """
    if not name or len(name) > _LONGEST_NAME:
        raise BadQuestion(reason="the closure table needs a name")
    if since is None and not concepts:
        await map_store.reset_closure(tx, name=name)
        return Delta(0, ())
    if len(concepts) > _MOST_CONCEPTS:
        raise BadQuestion(reason=f"at most {_MOST_CONCEPTS} concepts may be added at a time")
    version = await map_store.closure_version(tx, name=name)
    if version is None:
        raise BadQuestion(reason="this closure table was never begun: call with its name alone")
    if since is not None:
        if concepts:
            raise BadQuestion(reason="version and concept cannot be given together")
        return Delta(version, await map_store.closure_pairs(tx, name=name, since=since))
    for concept in concepts:
        system = await system_store.find(tx, url=concept.system, version=concept.version)
        known = system and await system_store.detail(tx, system=system, code=concept.code, on=on)
        if not known:
            raise BadQuestion(reason="a concept is not known here")
    await map_store.add_to_closure(
        tx, name=name, concepts=[(c.system, c.code) for c in concepts], version=version + 1
    )
    pairs = await map_store.closure_pairs(tx, name=name, since=version)
    return Delta(version + 1, pairs)
