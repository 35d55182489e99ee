"""SQL of value sets: their definitions, their members, and the sets that filters make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

import orjson

from yba.foundation.terminology.model import words_of
from yba.plumbing.database import Tx

_HEAD: LiteralString = """value_set AS number, url, version, name, title, status, definition, origin,
       resource, is_current, is_compiled, refusal, size, is_dated"""

_FIND: LiteralString = f"""
    SELECT {_HEAD} FROM terminology.value_set
     WHERE url = $1 AND (version = $2 OR ($2 = '' AND is_current))
     ORDER BY is_current DESC, origin DESC, value_set DESC
     LIMIT 1
"""
_VERSIONS: LiteralString = f"SELECT {_HEAD} FROM terminology.value_set WHERE url = $1"
_OF_RESOURCE: LiteralString = f"SELECT {_HEAD} FROM terminology.value_set WHERE resource = $1"
_ADD: LiteralString = """
    INSERT INTO terminology.value_set (url, version, name, title, status, definition, origin,
                                       resource, is_current)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false)
    RETURNING value_set
"""
_MAKE_CURRENT: LiteralString = """
    UPDATE terminology.value_set SET is_current = (value_set = $2) WHERE url = $1
"""
_CHOOSE_ONLY_ONES: LiteralString = """
    UPDATE terminology.value_set x SET is_current = true
     WHERE NOT is_current
       AND NOT EXISTS (SELECT 1 FROM terminology.value_set y
                        WHERE y.url = x.url AND y.value_set <> x.value_set)
"""
_UNDECIDED: LiteralString = """
    SELECT DISTINCT url FROM terminology.value_set x
     WHERE NOT EXISTS (SELECT 1 FROM terminology.value_set y WHERE y.url = x.url AND y.is_current)
        OR EXISTS (SELECT 1 FROM terminology.value_set y
                    WHERE y.url = x.url AND y.value_set <> x.value_set)
"""
_DROP: LiteralString = "DELETE FROM terminology.value_set WHERE value_set = ANY($1::bigint[])"
_OF_ORIGIN: LiteralString = "SELECT value_set FROM terminology.value_set WHERE origin = $1"
# Rows that another transaction is compiling are waited for: it has read the old parts.
_FORGET: LiteralString = """
    UPDATE terminology.value_set SET is_compiled = false, refusal = '', parts = '{}'
     WHERE is_compiled AND parts && $1::text[]
"""
_FOR_COMPILING: LiteralString = """
    SELECT is_compiled FROM terminology.value_set WHERE value_set = $1 FOR UPDATE
"""
_PARTS: LiteralString = "SELECT parts FROM terminology.value_set WHERE value_set = $1"
_CLEAR: LiteralString = "DELETE FROM terminology.member WHERE value_set = $1"
_COMPILED: LiteralString = """
    UPDATE terminology.value_set
       SET is_compiled = true, refusal = $2, parts = $3, size = $4,
           is_dated = EXISTS (SELECT 1 FROM terminology.code_system s
                               WHERE s.system = ANY($5::text[]) AND s.origin = 1)
     WHERE value_set = $1
"""
_COLUMNS = (
    "value_set",
    "place",
    "system",
    "url",
    "version",
    "code",
    "display",
    "search",
    "designations",
)
_STAGE: LiteralString = """
    CREATE TEMPORARY TABLE staged_member (
        value_set bigint, place integer, system text, url text, version text, code text,
        display text, search text, designations text
    ) ON COMMIT DROP
"""
_TAKE_STAGED: LiteralString = """
    INSERT INTO terminology.member (value_set, place, system, url, version, code, display,
                                    search, designations)
    SELECT value_set, place, system, url, version, code, display, search, designations::jsonb
      FROM staged_member
"""
_UNSTAGE: LiteralString = "DROP TABLE pg_temp.staged_member"
# From so many members on the planner is told of them.
_MANY = 2000
_ANALYZE: LiteralString = "ANALYZE terminology.member"
_MEMBERS: LiteralString = """
    SELECT system, url, version, code, display, designations
      FROM terminology.member WHERE value_set = $1 ORDER BY place LIMIT $2
"""
_CODES: LiteralString = """
    SELECT DISTINCT url, code FROM terminology.member WHERE value_set = $1 LIMIT $2
"""
_HAS: LiteralString = """
    SELECT EXISTS (SELECT 1 FROM terminology.member
                    WHERE value_set = $1 AND code = $3 AND ($2::text IS NULL OR url = $2))
"""
_MEMBERS_WITH: LiteralString = """
    SELECT system, url, version, code, display, designations
      FROM terminology.member
     WHERE value_set = $1 AND ($2::text IS NULL OR url = $2) AND code = $3
     ORDER BY place LIMIT 20
"""

_SHOWN: LiteralString = """m.place, m.system, m.url, m.version, m.code, m.display, m.designations,
           c.name_vi, c.name_en, c.designations AS known, c.definition,
           coalesce(c.is_abstract, false) AS is_abstract,
           coalesce(c.is_inactive, false) AS is_inactive"""
# $2 is the day
_WITH_CONCEPT: LiteralString = """
      FROM terminology.member m
      LEFT JOIN LATERAL (
               SELECT c.name_vi, c.name_en, c.designations, c.definition, c.is_abstract,
                      c.is_inactive, c.code_key
                 FROM terminology.concept c
                WHERE c.system = m.system AND c.code = m.code
                  AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
                ORDER BY c.valid_from DESC LIMIT 1) c ON true"""

# $3, $4 a range of places
_RANGE: LiteralString = f"""
    SELECT {_SHOWN}, 0::bigint AS total {_WITH_CONCEPT}
     WHERE m.value_set = $1 AND m.place >= $3 AND m.place < $4
     ORDER BY m.place
"""

# $3 active only · $4 leave out groups · $5 places or NULL
_PAGE: LiteralString = f"""
    SELECT {_SHOWN}, count(*) OVER () AS total {_WITH_CONCEPT}
     WHERE m.value_set = $1
       AND ($5::integer[] IS NULL OR m.place = ANY($5::integer[]))
       AND (m.system = '' OR c.code_key IS NOT NULL)
       AND (NOT $3 OR NOT coalesce(c.is_inactive, false))
       AND (NOT $4 OR NOT coalesce(c.is_abstract, false))
     ORDER BY m.place
    OFFSET $6 LIMIT $7
"""

# $3 words as a query · $4 beginning of a code or '' · $5 the words, for members whose display
# the value set itself says
_HITS: LiteralString = """
    WITH named AS MATERIALIZED (
        SELECT c.system, c.code
          FROM terminology.concept c
         WHERE c.words @@ $3::text::tsquery
           AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2))
    SELECT m.place
      FROM named
      JOIN terminology.member m
        ON m.value_set = $1 AND m.system = named.system AND m.code = named.code
    UNION
    SELECT m.place
      FROM terminology.member m
     WHERE m.value_set = $1
       AND (($4 <> '' AND starts_with(upper(replace(m.code, '.', '')), $4))
            OR (m.search <> '' AND (SELECT bool_and(strpos(' ' || m.search, ' ' || w) > 0)
                                      FROM unnest($5::text[]) w)))
       AND (m.system = ''
            OR EXISTS (SELECT 1 FROM terminology.concept c
                        WHERE c.system = m.system AND c.code = m.code AND c.valid_from <= $2
                          AND (c.valid_to IS NULL OR c.valid_to >= $2)))
     ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One version of a value set that is known here."""

    number: int
    url: str
    version: str
    name: str
    title: str
    status: str
    definition: Mapping[str, Any]
    origin: int
    resource: str
    is_current: bool
    is_compiled: bool
    refusal: str
    size: int = 0
    # Some members are valid for some days only.
    is_dated: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A code of a value set; `display` and `designations` where the set says its own."""

    system: str
    url: str
    version: str
    code: str
    display: str = ""
    designations: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A member as an expansion shows it, with what its system says of it."""

    place: int
    system: str
    url: str
    version: str
    code: str
    display: str
    designations: list[Any] | None
    name_vi: str | None
    name_en: str | None
    known: list[Any] | None
    definition: str | None
    is_abstract: bool
    is_inactive: bool
    total: int


async def find(tx: Tx, *, url: str, version: str = "") -> ValueSet | None:
    """Return a version of a value set, the current one if none is named."""
    return await tx.row(ValueSet, _FIND, url, version)


async def versions(tx: Tx, *, url: str) -> list[ValueSet]:
    """Return every version of a value set."""
    return await tx.rows(ValueSet, _VERSIONS, url)


async def of_resource(tx: Tx, *, resource: str) -> list[ValueSet]:
    """Return the value sets that a resource of the record has put here."""
    return await tx.rows(ValueSet, _OF_RESOURCE, resource)


async def of_origin(tx: Tx, *, origin: int) -> list[int]:
    """Return the numbers of the value sets of one origin."""
    return await tx.values(_OF_ORIGIN, origin)


async def add(
    tx: Tx, *, resource: Mapping[str, Any], definition: Mapping[str, Any], origin: int, place: str
) -> int:
    """Add a value set and return its number; `place` is its reference in the record, or ''."""
    head = [str(resource.get(k, "")) for k in ("url", "version", "name", "title", "status")]
    return await tx.value(_ADD, *head, definition, origin, place)


async def add_many(
    tx: Tx, found: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], *, origin: int
) -> None:
    """Add many (resource, definition) at once."""
    await tx.execute_many(
        _ADD,
        [
            (
                *(str(resource.get(k, "")) for k in ("url", "version", "name", "title", "status")),
                definition,
                origin,
                "",
            )
            for resource, definition in found
        ],
    )


async def make_current(tx: Tx, *, url: str, number: int) -> None:
    """Let a URL without version mean this value set."""
    await tx.execute(_MAKE_CURRENT, url, number)


async def choose_only_ones(tx: Tx) -> list[str]:
    """Make value sets current that have one version; return the URLs of the others."""
    await tx.execute(_CHOOSE_ONLY_ONES)
    return await tx.values(_UNDECIDED)


async def drop(tx: Tx, *, numbers: Sequence[int]) -> None:
    """Forget value sets with their members."""
    if numbers:
        await tx.execute(_DROP, list(numbers))


async def forget(tx: Tx, *, parts: Iterable[str]) -> None:
    """Let every value set that is made of one of these be compiled anew."""
    await tx.execute(_FORGET, sorted(set(parts)))


async def is_still_open(tx: Tx, *, number: int) -> bool:
    """Lock a value set for compiling; tell whether nobody else has compiled it meanwhile."""
    return await tx.value(_FOR_COMPILING, number) is False


async def parts(tx: Tx, *, number: int) -> list[str]:
    """Return the URLs of everything that a compiled value set is made of."""
    return await tx.value(_PARTS, number) or []


async def keep(
    tx: Tx, *, number: int, members: Sequence[Member], refusal: str, made_of: Iterable[str]
) -> None:
    """Keep what compiling has found."""
    await tx.execute(_CLEAR, number)
    rows = [
        (number, n, m.system, m.url, m.version, m.code, m.display, _folded(m), m.designations)
        for n, m in enumerate(members)
    ]
    if any(m.designations for m in members):
        await _keep_with_designations(tx, rows)
    else:
        await tx.connection.copy_records_to_table(
            "member",
            schema_name="terminology",
            columns=_COLUMNS[:-1],
            records=[r[:-1] for r in rows],
        )
    if len(members) >= _MANY:
        await tx.execute(_ANALYZE)
    systems = sorted({member.system for member in members} - {""})
    await tx.execute(_COMPILED, number, refusal, sorted(set(made_of)), len(members), systems)


def _folded(member: Member) -> str:
    return " ".join(words_of(member.display)) if member.display else ""


async def _keep_with_designations(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    await tx.execute(_STAGE)
    await tx.connection.copy_records_to_table(
        "staged_member",
        schema_name="pg_temp",
        columns=_COLUMNS,
        records=[(*r[:-1], orjson.dumps(r[-1]).decode() if r[-1] else None) for r in rows],
    )
    await tx.execute(_TAKE_STAGED)
    await tx.execute(_UNSTAGE)


async def members(tx: Tx, *, number: int, limit: int) -> list[Member]:
    """Return the members of a compiled value set in order."""
    return await tx.rows(Member, _MEMBERS, number, limit)


async def codes(tx: Tx, *, number: int, limit: int) -> list[tuple[str, str]]:
    """Return at most `limit` (system URL, code) of a compiled value set."""
    return [(r[0], r[1]) for r in await tx.connection.fetch(_CODES, number, limit)]


async def has(tx: Tx, *, number: int, url: str | None, code: str) -> bool:
    """Tell whether a compiled value set has a code."""
    return await tx.value(_HAS, number, url, code)


async def members_with(tx: Tx, *, number: int, url: str | None, code: str) -> list[Member]:
    """Return the members that have this code."""
    return await tx.rows(Member, _MEMBERS_WITH, number, url, code)


async def page(
    tx: Tx,
    *,
    value_set: ValueSet,
    on: date,
    words: Sequence[str],
    beginning: str,
    active_only: bool,
    without_groups: bool,
    offset: int,
    limit: int,
) -> tuple[list[Shown], int]:
    """Return members in order, and the number of all that match."""
    number = value_set.number
    if not (words or active_only or without_groups or value_set.is_dated):
        shown = await tx.rows(Shown, _RANGE, number, on, offset, offset + limit)
        return shown, value_set.size
    hits: list[int] | None = None
    if words:
        query = " & ".join(f"'{word}':*" for word in words)
        hits = await tx.values(_HITS, number, on, query, beginning, list(words))
        if not (active_only or without_groups):
            part = hits[offset : offset + limit]
            shown = await tx.rows(Shown, _PAGE, number, on, False, False, part, 0, limit)
            return shown, len(hits)
    shown = await tx.rows(
        Shown, _PAGE, number, on, active_only, without_groups, hits, offset, limit
    )
    if not shown and offset:
        # The page lies behind the end; the total is asked for once more.
        first = await tx.rows(Shown, _PAGE, number, on, active_only, without_groups, hits, 0, 1)
        return [], first[0].total if first else 0
    return shown, shown[0].total if shown else 0
