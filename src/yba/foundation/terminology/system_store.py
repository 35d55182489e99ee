"""SQL of code systems: their heads, their concepts, what stands above what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, LiteralString

import orjson

from yba.foundation.terminology.definitions import ConceptRow, SystemRow
from yba.plumbing.database import Tx

OPEN = date(1900, 1, 1)

_HEAD: LiteralString = """system, number, url, version, name, status, content, language,
       case_sensitive, hierarchy, value_set, supplements, definitions, origin, resource, is_current"""

_SYSTEM: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.code_system
     WHERE url = $1 AND (version = $2 OR ($2 = '' AND is_current))
     ORDER BY is_current DESC, origin DESC, number DESC
     LIMIT 1
"""
_VERSIONS: LiteralString = f"SELECT {_HEAD} FROM terminology.code_system WHERE url = $1"
_BY_KEY: LiteralString = f"SELECT {_HEAD} FROM terminology.code_system WHERE system = $1"
_OF_RESOURCE: LiteralString = f"SELECT {_HEAD} FROM terminology.code_system WHERE resource = $1"
_OF_VALUE_SET: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.code_system WHERE value_set = $1 AND is_current LIMIT 1
"""
_WITH_CODE: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.code_system s
     WHERE is_current AND supplements = ''
       AND EXISTS (SELECT 1 FROM terminology.concept c WHERE c.system = s.system AND c.code = $1)
     LIMIT 20
"""
_ALL: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.code_system ORDER BY url, version, number LIMIT 20000
"""
_SUPPLEMENTS: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.code_system
     WHERE (supplements = $1 OR starts_with(supplements, $1 || '|')) AND is_current LIMIT 50
"""
_ADD: LiteralString = """
    INSERT INTO terminology.code_system (system, url, version, name, status, content, language,
           case_sensitive, hierarchy, value_set, supplements, definitions, origin, resource, is_current)
    VALUES (coalesce($1, 'f' || nextval('terminology.system_number')),
            $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, false)
    ON CONFLICT (system) DO NOTHING
    RETURNING system
"""
_KEYS: LiteralString = """
    SELECT 'f' || nextval('terminology.system_number') FROM generate_series(1, $1)
"""
_MAKE_CURRENT: LiteralString = """
    UPDATE terminology.code_system SET is_current = (system = $2) WHERE url = $1
"""
_CHOOSE_ONLY_ONES: LiteralString = """
    UPDATE terminology.code_system x SET is_current = true
     WHERE NOT is_current
       AND NOT EXISTS (SELECT 1 FROM terminology.code_system y
                        WHERE y.url = x.url AND y.system <> x.system)
"""
_UNDECIDED: LiteralString = """
    SELECT DISTINCT url FROM terminology.code_system x
     WHERE NOT EXISTS (SELECT 1 FROM terminology.code_system y WHERE y.url = x.url AND y.is_current)
        OR EXISTS (SELECT 1 FROM terminology.code_system y
                    WHERE y.url = x.url AND y.system <> x.system)
"""
_SET_CONTENT: LiteralString = """
    UPDATE terminology.code_system SET content = $2 WHERE system = $1
"""
_DROP: LiteralString = "DELETE FROM terminology.code_system WHERE system = ANY($1::text[])"
_DROP_CONCEPTS: LiteralString = "DELETE FROM terminology.concept WHERE system = ANY($1::text[])"
_DROP_CLOSURE: LiteralString = "DELETE FROM terminology.closure WHERE system = ANY($1::text[])"
_OF_ORIGIN: LiteralString = "SELECT system FROM terminology.code_system WHERE origin = $1"

# One writer of definitions at a time; compilers of value sets share it.
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(7203043)"
_LOCK_SHARED: LiteralString = "SELECT pg_advisory_xact_lock_shared(7203043)"
_IS_READ_ONLY: LiteralString = "SELECT current_setting('transaction_read_only') = 'on'"

_PUT_CONCEPTS: LiteralString = """
    INSERT INTO terminology.concept (system, code, valid_from, name_vi, name_en, search, place,
           definition, designations, attributes, is_abstract, is_inactive)
    SELECT system, code, $1, name_vi, name_en, search, place, definition, designations::jsonb,
           attributes::jsonb, is_abstract, is_inactive
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[],
                  $8::text[], $9::text[], $10::text[], $11::boolean[], $12::boolean[])
           AS x (system, code, name_vi, name_en, search, place, definition, designations,
                 attributes, is_abstract, is_inactive)
"""
_PUT_AT_ONCE = 10_000
_DROP_GROUPS: LiteralString = """
    DELETE FROM terminology.concept WHERE system = $1 AND is_abstract
"""
_ANALYZE: LiteralString = "ANALYZE terminology.concept, terminology.closure, terminology.member"

_DESCENDANTS: LiteralString = """
    SELECT descendant FROM terminology.closure WHERE system = $1 AND ancestor = $2 LIMIT $3
"""
_ANCESTORS: LiteralString = """
    SELECT ancestor FROM terminology.closure WHERE system = $1 AND descendant = $2
"""
_IS_ABOVE: LiteralString = """
    SELECT EXISTS (SELECT 1 FROM terminology.closure
                    WHERE system = $1 AND ancestor = $2 AND descendant = $3)
"""
_EDGES: LiteralString = """
    SELECT ancestor, descendant FROM terminology.closure
     WHERE system = $1 AND is_direct AND descendant = ANY($2::text[])
"""
_RELATIVES: LiteralString = """
    SELECT x.code, x.is_parent, c.name_vi AS display
      FROM (SELECT ancestor AS code, true AS is_parent FROM terminology.closure
             WHERE system = $1 AND descendant = $2 AND is_direct
            UNION ALL
            SELECT descendant, false FROM terminology.closure
             WHERE system = $1 AND ancestor = $2 AND is_direct) x
      LEFT JOIN LATERAL (SELECT name_vi, place FROM terminology.concept c
                          WHERE c.system = $1 AND c.code = x.code
                          ORDER BY valid_from DESC LIMIT 1) c ON true
     ORDER BY x.is_parent DESC, c.place, x.code
     LIMIT 5000
"""
_DETAIL: LiteralString = """
    SELECT c.code, c.name_vi, c.name_en, c.definition, c.designations, c.attributes, c.properties,
           c.is_abstract, c.is_inactive, c.valid_from, c.valid_to
      FROM terminology.concept c
     WHERE c.system = $1 AND c.valid_from <= $3 AND (c.valid_to IS NULL OR c.valid_to >= $3)
"""
_EXACT: LiteralString = f"{_DETAIL} AND c.code = $2 ORDER BY c.valid_from DESC LIMIT 1"
_ANY_CASE: LiteralString = f"""
    {_DETAIL} AND c.code_key = upper(replace($2, '.', '')) AND lower(c.code) = lower($2)
     ORDER BY c.code = $2 DESC, c.code, c.valid_from DESC LIMIT 1
"""
_ADDED: LiteralString = """
    SELECT c.designations, c.attributes FROM terminology.concept c
     WHERE c.system = ANY($1::text[]) AND c.code = $2 ORDER BY c.system
"""


@dataclass(frozen=True, slots=True)
class System:
    """One version of a code system that is known here."""

    system: str
    number: int
    url: str
    version: str
    name: str
    status: str
    content: str
    language: str
    case_sensitive: bool
    hierarchy: str
    value_set: str
    supplements: str
    definitions: Mapping[str, Any]
    origin: int
    resource: str
    is_current: bool

    @property
    def canonical(self) -> str:
        """Return url|version, or the URL where it has no version."""
        return f"{self.url}|{self.version}" if self.version else self.url


@dataclass(frozen=True, slots=True)
class Detail:
    """A concept with everything that is known of it."""

    code: str
    name_vi: str
    name_en: str
    definition: str
    designations: list[Any]
    attributes: list[dict[str, str]]
    properties: Mapping[str, Any]
    is_abstract: bool
    is_inactive: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Relative:
    """A direct parent or child."""

    code: str
    is_parent: bool
    display: str | None


@dataclass(frozen=True, slots=True)
class Addition:
    """What a supplement says of a concept."""

    designations: list[Any]
    attributes: list[dict[str, str]]


async def lock(tx: Tx) -> None:
    """Let one writer of definitions in at a time, and no compiler of value sets meanwhile."""
    await tx.execute(_LOCK)


async def share(tx: Tx) -> None:
    """Keep definitions as they are until the end of the transaction."""
    await tx.execute(_LOCK_SHARED)


async def is_read_only(tx: Tx) -> bool:
    """Tell whether nothing may be written in this transaction."""
    return await tx.value(_IS_READ_ONLY)


async def find(tx: Tx, *, url: str, version: str = "") -> System | None:
    """Return a version of a system, the current one if none is named."""
    return await tx.row(System, _SYSTEM, url, version)


async def versions(tx: Tx, *, url: str) -> list[System]:
    """Return every version of a system."""
    return await tx.rows(System, _VERSIONS, url)


async def by_key(tx: Tx, *, system: str) -> System | None:
    """Return a system by its key in this schema, or None if it has just been replaced."""
    return await tx.row(System, _BY_KEY, system)


async def of_resource(tx: Tx, *, resource: str) -> list[System]:
    """Return the systems that a resource of the record has put here."""
    return await tx.rows(System, _OF_RESOURCE, resource)


async def of_value_set(tx: Tx, *, url: str) -> System | None:
    """Return the system that says that this value set is all of it."""
    return await tx.row(System, _OF_VALUE_SET, url)


async def with_code(tx: Tx, *, code: str) -> list[System]:
    """Return the current systems that have a code."""
    return await tx.rows(System, _WITH_CODE, code)


async def every(tx: Tx) -> list[System]:
    """Return all systems, by URL."""
    return await tx.rows(System, _ALL)


async def supplements_of(tx: Tx, *, url: str) -> list[System]:
    """Return the systems that add to this one."""
    return await tx.rows(System, _SUPPLEMENTS, url)


async def of_origin(tx: Tx, *, origin: int) -> list[str]:
    """Return the keys of the systems of one origin."""
    return await tx.values(_OF_ORIGIN, origin)


async def add(tx: Tx, row: SystemRow, *, origin: int, resource: str = "", key: str = "") -> str:
    """Add a system and return its key; `key` names a national list and may exist already."""
    added = await tx.value(
        _ADD, key or None, row.url, row.version, row.name, row.status, row.content, row.language,
        row.case_sensitive, row.hierarchy, row.value_set, row.supplements, row.definitions,
        origin, resource,
    )  # fmt: skip
    return added or key


async def add_many(tx: Tx, rows: Sequence[SystemRow], *, origin: int) -> list[str]:
    """Add many systems at once; return their keys in order."""
    keys = await tx.values(_KEYS, len(rows))
    await tx.execute_many(
        _ADD,
        [
            (
                key, row.url, row.version, row.name, row.status, row.content, row.language,
                row.case_sensitive, row.hierarchy, row.value_set, row.supplements,
                row.definitions, origin, "",
            )
            for key, row in zip(keys, rows, strict=True)
        ],
    )  # fmt: skip
    return keys


async def make_current(tx: Tx, *, url: str, system: str) -> None:
    """Let a URL without version mean this system."""
    await tx.execute(_MAKE_CURRENT, url, system)


async def choose_only_ones(tx: Tx) -> list[str]:
    """Make systems current that have one version; return the URLs of the others."""
    await tx.execute(_CHOOSE_ONLY_ONES)
    return await tx.values(_UNDECIDED)


async def set_content(tx: Tx, *, system: str, content: str) -> None:
    """Say how much of a system is held."""
    await tx.execute(_SET_CONTENT, system, content)


async def drop(tx: Tx, *, systems: Sequence[str]) -> None:
    """Forget systems with their concepts."""
    if systems:
        await tx.execute(_DROP_CLOSURE, list(systems))
        await tx.execute(_DROP_CONCEPTS, list(systems))
        await tx.execute(_DROP, list(systems))


async def drop_groups(tx: Tx, *, system: str) -> None:
    """Forget the groups and the hierarchy of a national list."""
    await tx.execute(_DROP_GROUPS, system)
    await tx.execute(_DROP_CLOSURE, [system])


async def put_concepts(tx: Tx, rows: Iterable[tuple[str, int, ConceptRow]]) -> None:
    """Write (system, place, concept), thousands in one statement; none may exist yet."""
    waiting = iter(rows)
    while part := [_record(*row) for row in islice(waiting, _PUT_AT_ONCE)]:
        await tx.execute(_PUT_CONCEPTS, OPEN, *(list(column) for column in zip(*part, strict=True)))


def _record(system: str, place: int, row: ConceptRow) -> tuple[object, ...]:
    designations = orjson.dumps(row.designations).decode() if row.designations else "[]"
    attributes = orjson.dumps(row.attributes).decode() if row.attributes else "[]"
    return (
        system, row.code, row.display, row.english, row.search_text(), place, row.definition,
        designations, attributes, row.is_abstract, row.is_inactive,
    )  # fmt: skip


async def put_closure(tx: Tx, pairs: Iterable[tuple[str, str, str, bool]]) -> None:
    """Write (system, ancestor, descendant, is direct) by COPY."""
    await tx.connection.copy_records_to_table(
        "closure",
        schema_name="terminology",
        columns=("system", "ancestor", "descendant", "is_direct"),
        records=pairs,
    )


async def analyze(tx: Tx) -> None:
    """Tell the planner about many new rows."""
    await tx.execute(_ANALYZE)


async def detail(tx: Tx, *, system: System, code: str, on: date) -> Detail | None:
    """Return a concept on that day; in a system that says so, whatever the case of its code."""
    sql = _EXACT if system.case_sensitive else _ANY_CASE
    return await tx.row(Detail, sql, system.system, code, on)


async def additions(tx: Tx, *, systems: Sequence[str], code: str) -> list[Addition]:
    """Return what supplements say of a code."""
    return await tx.rows(Addition, _ADDED, list(systems), code)


async def relatives(tx: Tx, *, system: str, code: str) -> list[Relative]:
    """Return direct parents, then direct children."""
    return await tx.rows(Relative, _RELATIVES, system, code)


async def descendants(tx: Tx, *, system: str, code: str, limit: int) -> list[str]:
    """Return the codes below one, at most `limit`."""
    return await tx.values(_DESCENDANTS, system, code, limit)


async def ancestors(tx: Tx, *, system: str, code: str) -> list[str]:
    """Return the codes above one."""
    return await tx.values(_ANCESTORS, system, code)


async def is_above(tx: Tx, *, system: str, ancestor: str, descendant: str) -> bool:
    """Tell whether one code stands above another."""
    return await tx.value(_IS_ABOVE, system, ancestor, descendant)


async def edges(tx: Tx, *, system: str, codes: Sequence[str]) -> list[tuple[str, str]]:
    """Return (parent, child) for the direct parents of these codes."""
    found = await tx.connection.fetch(_EDGES, system, list(codes))
    return [(record[0], record[1]) for record in found]
