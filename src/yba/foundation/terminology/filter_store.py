"""SQL of the sets that filters make: codes of one system, in its order or as a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from yba.plumbing.database import Tx

_WHOLE: LiteralString = """
    SELECT DISTINCT ON (place, code) code FROM terminology.concept
     WHERE system = $1 ORDER BY place, code
"""
_SOME: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept WHERE system = $1 AND code = ANY($2::text[])
"""
_SOME_ANY_CASE: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept
     WHERE system = $1 AND lower(code) IN (SELECT lower(x) FROM unnest($2::text[]) x)
"""
_BELOW: LiteralString = """
    SELECT DISTINCT descendant FROM terminology.closure
     WHERE system = $1 AND ancestor = ANY($2::text[])
"""
_ABOVE: LiteralString = """
    SELECT DISTINCT ancestor FROM terminology.closure
     WHERE system = $1 AND descendant = ANY($2::text[])
"""
_CHILDREN: LiteralString = """
    SELECT DISTINCT descendant FROM terminology.closure
     WHERE system = $1 AND is_direct AND ($2::text[] IS NULL OR ancestor = ANY($2::text[]))
"""
_PARENTS: LiteralString = """
    SELECT DISTINCT ancestor FROM terminology.closure
     WHERE system = $1 AND is_direct AND ($2::text[] IS NULL OR descendant = ANY($2::text[]))
"""
_CODE_LIKE: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept WHERE system = $1 AND code ~ $2
"""
_DISPLAY_LIKE: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept WHERE system = $1 AND name_vi ~ $2
"""
_DISPLAY_IS: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept WHERE system = $1 AND name_vi = ANY($2::text[])
"""
# National lists keep what they say of a code in `properties`, CodeSystems in `attributes`.
_VALUES: LiteralString = """
    SELECT c.code, v.value
      FROM terminology.concept c
      CROSS JOIN LATERAL (
           SELECT a ->> 'v' AS value FROM jsonb_array_elements(c.attributes) a WHERE a ->> 'c' = $2
           UNION ALL
           SELECT x FROM jsonb_array_elements_text(
               CASE jsonb_typeof(c.properties -> $2)
                    WHEN 'array' THEN c.properties -> $2
                    ELSE CASE WHEN c.properties ? $2 THEN jsonb_build_array(c.properties -> $2)
                              ELSE '[]'::jsonb END END) x
           UNION ALL
           SELECT c.is_inactive::text WHERE $2 = 'inactive'
              AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(c.attributes) a
                               WHERE a ->> 'c' = 'inactive')
           UNION ALL
           SELECT c.is_abstract::text WHERE $2 = 'notSelectable'
              AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(c.attributes) a
                               WHERE a ->> 'c' = 'notSelectable')) v
     WHERE c.system = $1
"""
_WITH_VALUE: LiteralString = f"""
    SELECT DISTINCT code FROM ({_VALUES}) x WHERE value = ANY($3::text[])
"""
_WITH_ANY: LiteralString = f"SELECT DISTINCT code FROM ({_VALUES}) x"
_VALUE_LIKE: LiteralString = f"SELECT DISTINCT code FROM ({_VALUES}) x WHERE value ~ $3"
_QUICKLY: LiteralString = "SET LOCAL statement_timeout = '3s'"
_AS_BEFORE: LiteralString = "SELECT set_config('statement_timeout', $1, true)"
_TIMEOUT: LiteralString = "SELECT current_setting('statement_timeout')"


async def whole(tx: Tx, *, system: str) -> list[str]:
    """Return all codes of a system in its order."""
    return await tx.values(_WHOLE, system)


async def some(tx: Tx, *, system: str, codes: Sequence[str], any_case: bool) -> list[str]:
    """Return those of the codes that the system has."""
    return await tx.values(_SOME_ANY_CASE if any_case else _SOME, system, list(codes))


async def below(tx: Tx, *, system: str, codes: Sequence[str]) -> set[str]:
    """Return what stands below any of the codes."""
    return set(await tx.values(_BELOW, system, list(codes)))


async def above(tx: Tx, *, system: str, codes: Sequence[str]) -> set[str]:
    """Return what stands above any of the codes."""
    return set(await tx.values(_ABOVE, system, list(codes)))


async def children(tx: Tx, *, system: str, codes: Sequence[str] | None) -> set[str]:
    """Return the direct children of the codes; of any code at all where none is named."""
    return set(await tx.values(_CHILDREN, system, codes))


async def parents(tx: Tx, *, system: str, codes: Sequence[str] | None) -> set[str]:
    """Return the direct parents of the codes; of any code at all where none is named."""
    return set(await tx.values(_PARENTS, system, codes))


async def code_like(tx: Tx, *, system: str, pattern: str) -> set[str]:
    """Return the codes that match a pattern as a whole."""
    return set(await tx.values(_CODE_LIKE, system, pattern))


async def display_like(tx: Tx, *, system: str, pattern: str) -> set[str]:
    """Return the codes whose display matches a pattern as a whole."""
    return set(await tx.values(_DISPLAY_LIKE, system, pattern))


async def display_is(tx: Tx, *, system: str, texts: Sequence[str]) -> set[str]:
    """Return the codes that have one of these displays."""
    return set(await tx.values(_DISPLAY_IS, system, list(texts)))


async def with_value(tx: Tx, *, system: str, name: str, values: Sequence[str]) -> set[str]:
    """Return the codes that have a property with one of these values."""
    return set(await tx.values(_WITH_VALUE, system, name, list(values)))


async def with_any(tx: Tx, *, system: str, name: str) -> set[str]:
    """Return the codes that have a property."""
    return set(await tx.values(_WITH_ANY, system, name))


async def value_like(tx: Tx, *, system: str, name: str, pattern: str) -> set[str]:
    """Return the codes that have a property that matches a pattern as a whole."""
    return set(await tx.values(_VALUE_LIKE, system, name, pattern))


async def hurry(tx: Tx) -> str:
    """Let the next statements run for three seconds at most; return what held before."""
    before = await tx.value(_TIMEOUT)
    await tx.execute(_QUICKLY)
    return before


async def take_time(tx: Tx, before: str) -> None:
    """Let statements run as long as before."""
    await tx.value(_AS_BEFORE, before)
