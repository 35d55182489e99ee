"""SQL of concept maps and of the closure tables that clients keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from yba.foundation.terminology.definitions import MapRow
from yba.plumbing.database import Tx

_HEAD: LiteralString = """concept_map AS number, url, version, source, target, origin, resource,
       is_current, unmapped"""
_FIND: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.concept_map
     WHERE url = $1 AND (version = $2 OR ($2 = '' AND is_current))
     ORDER BY is_current DESC, origin DESC, concept_map DESC LIMIT 1
"""
_VERSIONS: LiteralString = f"SELECT {_HEAD} FROM terminology.concept_map WHERE url = $1"
_OF_RESOURCE: LiteralString = f"SELECT {_HEAD} FROM terminology.concept_map WHERE resource = $1"
_BETWEEN: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.concept_map
     WHERE is_current AND ($1 = '' OR source = $1 OR starts_with(source, $1 || '|'))
       AND ($2 = '' OR target = $2 OR starts_with(target, $2 || '|'))
       AND (EXISTS (SELECT 1 FROM terminology.mapping m
                     WHERE m.concept_map = concept_map.concept_map
                       AND (CASE WHEN $4 THEN m.target_system ELSE m.source_system END) = $3)
            OR unmapped <> '[]')
     ORDER BY url, concept_map LIMIT 100
"""
_ADD: LiteralString = """
    INSERT INTO terminology.concept_map (url, version, source, target, origin, resource, is_current,
                                         unmapped)
    VALUES ($1, $2, $3, $4, $5, $6, false, $7)
    RETURNING concept_map
"""
_MAKE_CURRENT: LiteralString = """
    UPDATE terminology.concept_map SET is_current = (concept_map = $2) WHERE url = $1
"""
_CHOOSE_ONLY_ONES: LiteralString = """
    UPDATE terminology.concept_map x SET is_current = true
     WHERE NOT is_current
       AND NOT EXISTS (SELECT 1 FROM terminology.concept_map y
                        WHERE y.url = x.url AND y.concept_map <> x.concept_map)
"""
_UNDECIDED: LiteralString = """
    SELECT DISTINCT url FROM terminology.concept_map x
     WHERE NOT EXISTS (SELECT 1 FROM terminology.concept_map y WHERE y.url = x.url AND y.is_current)
        OR EXISTS (SELECT 1 FROM terminology.concept_map y
                    WHERE y.url = x.url AND y.concept_map <> x.concept_map)
"""
_DROP: LiteralString = "DELETE FROM terminology.concept_map WHERE concept_map = ANY($1::bigint[])"
_OF_ORIGIN: LiteralString = "SELECT concept_map FROM terminology.concept_map WHERE origin = $1"
_ADD_MAPPINGS: LiteralString = """
    INSERT INTO terminology.mapping (concept_map, place, source_system, source_code, target_system,
           target_version, target_code, target_display, equivalence, depends_on, product,
           source_display)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_MAPPING: LiteralString = """source_system, source_code, target_system, target_version, target_code,
       target_display, equivalence, depends_on, product, source_display"""
_FROM: LiteralString = f"""
    SELECT {_MAPPING} FROM terminology.mapping
     WHERE concept_map = $1 AND source_system = $2 AND source_code = $3 ORDER BY place
"""
_TO: LiteralString = f"""
    SELECT {_MAPPING} FROM terminology.mapping
     WHERE concept_map = $1 AND target_system = $2 AND target_code = $3 ORDER BY place
"""
_CLOSURE_VERSION: LiteralString = """
    SELECT version FROM terminology.client_closure WHERE name = $1 FOR UPDATE
"""
_CLOSURE_RESET: LiteralString = "DELETE FROM terminology.client_closure WHERE name = $1"
_CLOSURE_OPEN: LiteralString = "INSERT INTO terminology.client_closure VALUES ($1, 0)"
_CLOSURE_NEXT: LiteralString = """
    UPDATE terminology.client_closure SET version = $2 WHERE name = $1
"""
_CLOSURE_ADD: LiteralString = """
    INSERT INTO terminology.client_concept VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
# Pairs of a client's concepts where one is new since $2 and the second stands above the first.
_CLOSURE_PAIRS: LiteralString = """
    SELECT low.system, low.code AS code, high.code AS above
      FROM terminology.client_concept low
      JOIN terminology.code_system s ON s.url = low.system AND s.is_current
      JOIN terminology.closure c ON c.system = s.system AND c.descendant = low.code
      JOIN terminology.client_concept high
        ON high.name = low.name AND high.system = low.system AND high.code = c.ancestor
     WHERE low.name = $1 AND greatest(low.version, high.version) > $2
     ORDER BY low.system, low.code, high.code
     LIMIT 100000
"""


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """One version of a concept map that is known here."""

    number: int
    url: str
    version: str
    source: str
    target: str
    origin: int
    resource: str
    is_current: bool
    unmapped: list[Any]


@dataclass(frozen=True, slots=True)
class Mapping:
    """One source code with one target."""

    source_system: str
    source_code: str
    target_system: str
    target_version: str
    target_code: str
    target_display: str
    equivalence: str
    depends_on: list[Any]
    product: list[Any]
    source_display: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A code and one above it."""

    system: str
    code: str
    above: str


async def find(tx: Tx, *, url: str, version: str = "") -> ConceptMap | None:
    """Return a version of a map, the current one if none is named."""
    return await tx.row(ConceptMap, _FIND, url, version)


async def versions(tx: Tx, *, url: str) -> list[ConceptMap]:
    """Return every version of a map."""
    return await tx.rows(ConceptMap, _VERSIONS, url)


async def of_resource(tx: Tx, *, resource: str) -> list[ConceptMap]:
    """Return the maps that a resource of the record has put here."""
    return await tx.rows(ConceptMap, _OF_RESOURCE, resource)


async def of_origin(tx: Tx, *, origin: int) -> list[int]:
    """Return the numbers of the maps of one origin."""
    return await tx.values(_OF_ORIGIN, origin)


async def between(
    tx: Tx, *, source: str, target: str, system: str, is_reverse: bool
) -> list[ConceptMap]:
    """Return the current maps from one value set to another that know codes of a system."""
    return await tx.rows(ConceptMap, _BETWEEN, source, target, system, is_reverse)


async def add(tx: Tx, row: MapRow, *, origin: int, resource: str = "") -> int:
    """Add a map with its mappings; return its number."""
    number = await tx.value(
        _ADD, row.url, row.version, row.source, row.target, origin, resource, row.unmapped
    )
    rows: list[tuple[object, ...]] = [
        (number, n, *mapping) for n, mapping in enumerate(row.mappings)
    ]
    if rows:
        await tx.execute_many(_ADD_MAPPINGS, rows)
    return number


async def make_current(tx: Tx, *, url: str, number: int) -> None:
    """Let a URL without version mean this map."""
    await tx.execute(_MAKE_CURRENT, url, number)


async def choose_only_ones(tx: Tx) -> list[str]:
    """Make maps current that have one version; return the URLs of the others."""
    await tx.execute(_CHOOSE_ONLY_ONES)
    return await tx.values(_UNDECIDED)


async def drop(tx: Tx, *, numbers: Sequence[int]) -> None:
    """Forget maps."""
    if numbers:
        await tx.execute(_DROP, list(numbers))


async def mappings(
    tx: Tx, *, number: int, system: str, code: str, is_reverse: bool
) -> list[Mapping]:
    """Return the mappings of a code, or to it."""
    return await tx.rows(Mapping, _TO if is_reverse else _FROM, number, system, code)


async def closure_version(tx: Tx, *, name: str) -> int | None:
    """Lock a client's closure table; return its version, None where there is none."""
    return await tx.value(_CLOSURE_VERSION, name)


async def reset_closure(tx: Tx, *, name: str) -> None:
    """Begin a client's closure table anew."""
    await tx.execute(_CLOSURE_RESET, name)
    await tx.execute(_CLOSURE_OPEN, name)


async def add_to_closure(
    tx: Tx, *, name: str, concepts: Sequence[tuple[str, str]], version: int
) -> None:
    """Add concepts to a client's closure table as its next version."""
    await tx.execute_many(_CLOSURE_ADD, [(name, *concept, version) for concept in concepts])
    await tx.execute(_CLOSURE_NEXT, name, version)


async def closure_pairs(tx: Tx, *, name: str, since: int) -> list[Pair]:
    """Return the pairs of a client's concepts that came after a version."""
    return await tx.rows(Pair, _CLOSURE_PAIRS, name, since)
