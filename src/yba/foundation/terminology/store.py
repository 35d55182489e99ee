"""SQL of terminology."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

import orjson

from yba.foundation.terminology.model import Concept, Edition, Group, search_text
from yba.plumbing.database import Tx

_CONCEPT_COLUMNS: LiteralString = (
    "c.system, c.code, c.name_vi, c.name_en, c.properties, c.valid_from, c.valid_to, c.is_common"
)

# Groups (chapters, blocks) order a list; nobody records them.
_IN_FORCE: LiteralString = (
    "c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2) AND NOT c.is_abstract"
)

_CONCEPT: LiteralString = f"""
    SELECT {_CONCEPT_COLUMNS}
      FROM terminology.concept c
     WHERE c.system = $1 AND c.code = $3 AND {_IN_FORCE}
     ORDER BY c.valid_from DESC
     LIMIT 1
"""

_CONCEPTS_OF_CODES: LiteralString = f"""
    SELECT DISTINCT ON (c.code) {_CONCEPT_COLUMNS}
      FROM terminology.concept c
     WHERE c.system = $1 AND c.code = ANY($3::text[]) AND {_IN_FORCE}
     ORDER BY c.code, c.valid_from DESC
"""

_CONCEPTS: LiteralString = f"""
    SELECT DISTINCT ON (c.code) {_CONCEPT_COLUMNS}
      FROM terminology.concept c
     WHERE c.system = $1 AND {_IN_FORCE}
     ORDER BY c.code, c.valid_from DESC
     LIMIT 100000
"""

_COMMUNES: LiteralString = f"""
    SELECT DISTINCT ON (c.code) {_CONCEPT_COLUMNS}
      FROM terminology.concept c
     WHERE c.system = $1 AND c.properties ->> 'province' = $3 AND {_IN_FORCE}
     ORDER BY c.code, c.valid_from DESC
     LIMIT 1000
"""

# $3 code key or '' · $4 all words, the last letters open · $5 all words whole
# $6 the typed words from the left · $7 sex · $8 age in days · $9 limit
# $10 the text as typed, in the ways a name may hold it; empty when typed without accents
_SEARCH: LiteralString = f"""
    WITH hit AS (
        SELECT {_CONCEPT_COLUMNS},
               CASE WHEN c.code_key = $3 THEN 0
                    WHEN $3 <> '' AND starts_with(c.code_key, $3) THEN 1
                    ELSE 2 END AS kind,
               NOT coalesce(c.words @@ $5::text::tsquery, false) AS is_partial,
               NOT (c.search = $6 OR starts_with(c.search, $6 || ' |')) AS is_longer,
               NOT coalesce((SELECT bool_or(strpos(c.name_vi, spelling) > 0)
                               FROM unnest($10::text[]) spelling), true) AS is_misspelt,
               strpos(c.search, $6) = 0 AS is_scattered,
               NOT starts_with(c.search, $6) AS is_inside,
               c.standing,
               CASE WHEN $7::text <> c.sex THEN 'sex'
                    WHEN $8::integer < c.min_age_days OR $8::integer > c.max_age_days THEN 'age'
                    WHEN c.is_unusable THEN 'unusable'
                    END AS reason
          FROM terminology.concept c
         WHERE ((c.system = $1 AND $3 <> '' AND c.code_key >= $3 AND c.code_key < $3 || 'zzz')
                OR c.words @@ $4::text::tsquery)
           AND {_IN_FORCE}
    ), ranked AS (
        SELECT hit.*,
               row_number() OVER (
                   PARTITION BY reason IS NULL
                   ORDER BY kind, is_longer, is_misspelt, is_partial, greatest(standing, 1),
                            is_scattered, standing, is_inside, length(name_vi), code, valid_from DESC
               ) AS place
          FROM hit
    )
    SELECT system, code, name_vi, name_en, properties, valid_from, valid_to, is_common, reason
      FROM ranked
     WHERE place <= CASE WHEN reason IS NULL THEN $9::integer ELSE 5 END
     ORDER BY reason IS NOT NULL, place
"""

# So few letters begin thousands of names: only common ones are offered then.
_FEW_LETTERS = 2

_EDITIONS: LiteralString = """
    SELECT edition_id, system, source, is_shipped, valid_from, row_count
      FROM terminology.edition
     ORDER BY edition_id DESC
     LIMIT $1
"""

_LAST_SHIPPED: LiteralString = """
    SELECT DISTINCT ON (system) system, fingerprint
      FROM terminology.edition
     WHERE is_shipped
     ORDER BY system, edition_id DESC
"""

_REPLACED_SYSTEMS: LiteralString = """
    SELECT DISTINCT system FROM terminology.edition WHERE NOT is_shipped AND is_complete
"""

_ADD_EDITION: LiteralString = """
    INSERT INTO terminology.edition (system, source, fingerprint, is_shipped, is_complete,
                                     valid_from, row_count)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING edition_id
"""

_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(7203042, hashtext($1))"

_STAGE: LiteralString = """
    CREATE TEMPORARY TABLE staged_concept (
        system text, code text, valid_from date, valid_to date, name_vi text, name_en text,
        is_common boolean, search text, properties text, edition_id bigint
    ) ON COMMIT DROP
"""

_UNSTAGE: LiteralString = "DROP TABLE pg_temp.staged_concept"

_STAGED_COLUMNS = (
    "system",
    "code",
    "valid_from",
    "valid_to",
    "name_vi",
    "name_en",
    "is_common",
    "search",
    "properties",
    "edition_id",
)

# Rows that an import has replaced belong to the ministry's list from then on.
_UPSERT_SHIPPED: LiteralString = """
    INSERT INTO terminology.concept AS c (system, code, valid_from, valid_to, name_vi, name_en,
                                          is_common, search, properties, edition_id)
    SELECT system, code, valid_from, valid_to, name_vi, name_en,
           is_common, search, properties::jsonb, edition_id
      FROM staged_concept
    ON CONFLICT (system, code, valid_from) DO UPDATE
       SET valid_to = least(c.valid_to, excluded.valid_to), name_vi = excluded.name_vi, name_en = excluded.name_en,
           is_common = excluded.is_common, search = excluded.search,
           properties = excluded.properties, edition_id = excluded.edition_id
     WHERE EXISTS (SELECT 1 FROM terminology.edition e
                    WHERE e.edition_id = c.edition_id AND e.is_shipped)
"""

_DROP_LEFT_BEHIND: LiteralString = """
    DELETE FROM terminology.concept c
     USING terminology.edition e
     WHERE c.system = $1 AND e.edition_id = c.edition_id AND e.is_shipped AND c.edition_id <> $2
"""

_UPSERT_IMPORTED: LiteralString = """
    INSERT INTO terminology.concept (system, code, valid_from, valid_to, name_vi, name_en,
                                     is_common, search, properties, edition_id)
    SELECT system, code, valid_from, valid_to, name_vi, name_en,
           is_common, search, properties::jsonb, edition_id
      FROM staged_concept
    ON CONFLICT (system, code, valid_from) DO UPDATE
       SET valid_to = excluded.valid_to, name_vi = excluded.name_vi, name_en = excluded.name_en,
           is_common = excluded.is_common, search = excluded.search,
           properties = excluded.properties, edition_id = excluded.edition_id
"""

_CLOSE: LiteralString = """
    UPDATE terminology.concept
       SET valid_to = $3::date - 1
     WHERE system = $1 AND code = ANY($2::text[])
       AND valid_from <= $3 AND (valid_to IS NULL OR valid_to >= $3)
"""

_NEXT_VALIDITY: LiteralString = """
    SELECT code, min(valid_from) AS valid_from
      FROM terminology.concept
     WHERE system = $1 AND valid_from > $2
     GROUP BY code
"""

_NEXT_LIST: LiteralString = """
    SELECT min(valid_from)
      FROM terminology.edition
     WHERE system = $1 AND valid_from > $2 AND is_complete AND NOT is_shipped
"""

_IS_KNOWN: LiteralString = """
    SELECT EXISTS (SELECT 1 FROM terminology.edition
                    WHERE system = $1 AND fingerprint = $2 AND valid_from = $3
                      AND NOT is_shipped)
"""

_GROUPS: LiteralString = """
    SELECT code, name_vi, name_en FROM terminology.concept
     WHERE system = $1 AND is_abstract ORDER BY code
"""

_CODES: LiteralString = """
    SELECT DISTINCT code FROM terminology.concept
     WHERE system = $1 AND NOT is_abstract ORDER BY code
"""

_ANALYZE: LiteralString = "ANALYZE terminology.concept"


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One row of a search: the concept's columns and why it is held back."""

    system: str
    code: str
    name_vi: str
    name_en: str
    properties: Mapping[str, Any]
    valid_from: date
    valid_to: date | None
    is_common: bool
    reason: str | None

    def concept(self) -> Concept:
        """Return the concept without the reason."""
        return Concept(
            self.system,
            self.code,
            self.name_vi,
            self.name_en,
            self.properties,
            self.valid_from,
            self.valid_to,
            self.is_common,
        )


@dataclass(frozen=True, slots=True)
class NextValidity:
    """When the next version of a code begins."""

    code: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class ShippedFingerprint:
    """What was last loaded of a shipped list."""

    system: str
    fingerprint: str


async def concept(tx: Tx, *, system: str, code: str, on: date) -> Concept | None:
    """Return the concept in force on that day."""
    return await tx.row(Concept, _CONCEPT, system, on, code)


async def concepts_of(
    tx: Tx, *, system: str, codes: Sequence[str], on: date
) -> Mapping[str, Concept]:
    """Return the concepts in force among `codes`, by code."""
    found = await tx.rows(Concept, _CONCEPTS_OF_CODES, system, on, list(codes))
    return {concept.code: concept for concept in found}


async def concepts(tx: Tx, *, system: str, on: date) -> list[Concept]:
    """Return a whole list on that day, by code."""
    return await tx.rows(Concept, _CONCEPTS, system, on)


async def communes(tx: Tx, *, province: str, on: date) -> list[Concept]:
    """Return the communes of a province on that day, by code."""
    return await tx.rows(Concept, _COMMUNES, "commune", on, province)


async def search(
    tx: Tx,
    *,
    system: str,
    on: date,
    code_key: str,
    words: Sequence[str],
    spellings: Sequence[str],
    sex: str | None,
    age_days: int | None,
    limit: int,
) -> list[SearchHit]:
    """Return at most `limit` offered hits, then at most five that do not fit."""
    whole = " & ".join(f"'{word}'" for word in words)
    begun = " & ".join(f"'{word}':*" for word in words)
    if sum(map(len, words)) <= _FEW_LETTERS:
        begun = f"('#common' & {begun} | {whole})"
    begun = f"'#{system}' & {begun}"
    return await tx.rows(
        SearchHit,
        _SEARCH,
        system,
        on,
        code_key,
        begun,
        whole,
        " ".join(words),
        sex,
        age_days,
        limit,
        list(spellings),
    )


async def editions(tx: Tx, *, limit: int) -> list[Edition]:
    """Return the loaded lists, newest first."""
    return await tx.rows(Edition, _EDITIONS, limit)


async def shipped_fingerprints(tx: Tx) -> Mapping[str, str]:
    """Return the fingerprint of each shipped list as last loaded."""
    found = await tx.rows(ShippedFingerprint, _LAST_SHIPPED)
    return {row.system: row.fingerprint for row in found}


async def replaced_systems(tx: Tx) -> set[str]:
    """Return the systems whose shipped list an imported complete list replaced."""
    return set(await tx.values(_REPLACED_SYSTEMS))


async def next_validities(tx: Tx, *, system: str, after: date) -> Mapping[str, date]:
    """Return when the next version of each code begins, if one is known."""
    found = await tx.rows(NextValidity, _NEXT_VALIDITY, system, after)
    return {row.code: row.valid_from for row in found}


async def next_complete_list(tx: Tx, *, system: str, after: date) -> date | None:
    """Return when the next imported complete list of the system begins, if one is known."""
    return await tx.value(_NEXT_LIST, system, after)


async def is_known_list(tx: Tx, *, system: str, fingerprint: str, valid_from: date) -> bool:
    """Tell whether this very list was imported from this day before."""
    return await tx.value(_IS_KNOWN, system, fingerprint, valid_from)


async def lock(tx: Tx, *, system: str) -> None:
    """Let one import of a system run at a time."""
    await tx.execute(_LOCK, system)


async def add_edition(
    tx: Tx,
    *,
    system: str,
    source: str,
    fingerprint: str,
    is_shipped: bool,
    is_complete: bool,
    valid_from: date | None,
    row_count: int,
) -> int:
    """Record a loaded list and return its number."""
    return await tx.value(
        _ADD_EDITION, system, source, fingerprint, is_shipped, is_complete, valid_from, row_count
    )


def _record(concept: Concept, edition_id: int) -> tuple[object, ...]:
    return (
        concept.system,
        concept.code,
        concept.valid_from,
        concept.valid_to,
        concept.name_vi,
        concept.name_en,
        concept.is_common,
        search_text(concept),
        orjson.dumps(dict(concept.properties), option=orjson.OPT_SORT_KEYS).decode(),
        edition_id,
    )


async def write(tx: Tx, rows: Sequence[tuple[Concept, int]], *, is_shipped: bool) -> None:
    """Write concepts with their edition, by COPY; an equal key is updated.

    Shipped rows never touch a row that an import has written.
    """
    if not rows:
        return
    await tx.execute(_STAGE)
    await tx.connection.copy_records_to_table(
        "staged_concept",
        schema_name="pg_temp",
        columns=_STAGED_COLUMNS,
        records=[_record(concept, edition_id) for concept, edition_id in rows],
    )
    await tx.execute(_UPSERT_SHIPPED if is_shipped else _UPSERT_IMPORTED)
    await tx.execute(_UNSTAGE)


async def drop_left_behind(tx: Tx, *, system: str, edition_id: int) -> None:
    """Delete shipped rows that the new shipped list no longer has."""
    await tx.execute(_DROP_LEFT_BEHIND, system, edition_id)


async def close(tx: Tx, *, system: str, codes: Sequence[str], first_day_out: date) -> None:
    """End the validity of codes on the day before `first_day_out`."""
    if codes:
        await tx.execute(_CLOSE, system, list(codes), first_day_out)


async def groups(tx: Tx, *, system: str) -> list[Group]:
    """Return the chapters and blocks of a list."""
    return await tx.rows(Group, _GROUPS, system)


async def codes(tx: Tx, *, system: str) -> list[str]:
    """Return every code that a list has or had, groups left out."""
    return await tx.values(_CODES, system)


async def analyze(tx: Tx) -> None:
    """Tell the planner about many new rows."""
    await tx.execute(_ANALYZE)
