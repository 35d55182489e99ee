"""The SQL of parties.identifier and parties.person_search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from yba.foundation.parties.model import PersonMatch, Sex
from yba.plumbing.database import Tx

_NEXT_NUMBER: LiteralString = "SELECT lpad(nextval('parties.patient_number')::text, 8, '0')"
_NEXT_TEMPORARY: LiteralString = "SELECT lpad(nextval('parties.temporary_number')::text, 6, '0')"

# Waits for a parallel registration of the same number, then adds nothing.
_ADD_IDENTIFIERS: LiteralString = """
    INSERT INTO parties.identifier (patient_id, kind, value, active, valid_from, valid_to, added_at)
    SELECT $1, kind, value, active, valid_from, valid_to, $7
      FROM unnest($2::text[], $3::text[], $4::boolean[], $5::date[], $6::date[])
           AS new (kind, value, active, valid_from, valid_to)
    ON CONFLICT (kind, value) WHERE active DO NOTHING
"""

_OWNER: LiteralString = """
    SELECT patient_id FROM parties.identifier WHERE kind = $1 AND value = $2 AND active
"""

_OWNER_OF_ANY: LiteralString = """
    SELECT patient_id
      FROM parties.identifier
     WHERE (kind, value) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       AND active AND patient_id <> $3
     LIMIT 1
"""

_KNOWN: LiteralString = """
    SELECT kind, value, active, valid_from, valid_to
      FROM parties.identifier
     WHERE patient_id = $1
     ORDER BY identifier_id
       FOR UPDATE
"""

_END: LiteralString = """
    UPDATE parties.identifier
       SET active = false, valid_to = coalesce(valid_to, $4), ended_at = $5
     WHERE patient_id = $1 AND kind = $2 AND value = $3 AND active
"""

_LOCK: LiteralString = """
    SELECT patient_number, coverage_id, active
      FROM parties.person_search
     WHERE patient_id = $1
       FOR UPDATE
"""

_FILE: LiteralString = """
    INSERT INTO parties.person_search (
        patient_id, patient_number, name, name_folded, birth_date, sex, identity_number,
        card_number, phone, address, coverage_id, words, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, array_to_tsvector($12::text[]), $13)
    ON CONFLICT (patient_id) DO UPDATE
       SET name = excluded.name, name_folded = excluded.name_folded,
           birth_date = excluded.birth_date, sex = excluded.sex,
           identity_number = excluded.identity_number, card_number = excluded.card_number,
           phone = excluded.phone, address = excluded.address,
           coverage_id = excluded.coverage_id, words = excluded.words,
           seen_at = excluded.seen_at
"""

_SEEN: LiteralString = """
    UPDATE parties.person_search SET seen_at = $2 WHERE patient_id = $1 AND seen_at < $2
"""

# Exact names first: the newest-first branch alone could miss them among many.
# strip() keeps the word index out of the first branch, where the name index is
# enough; the planner chooses for the second between words and newest-first.
_FIND: LiteralString = """
    WITH exact AS MATERIALIZED (
        SELECT patient_id, patient_number, name, birth_date, sex, identity_number, card_number,
               phone, address, seen_at
          FROM parties.person_search
         WHERE $2 <> '' AND name_folded = $2 AND active
           AND strip(words) @@ $1::text::tsquery
         ORDER BY birth_date, patient_id
         LIMIT 50
    ), newest AS MATERIALIZED (
        SELECT patient_id, patient_number, name, birth_date, sex, identity_number, card_number,
               phone, address, seen_at
          FROM parties.person_search
         WHERE active AND words @@ $1::text::tsquery
         ORDER BY seen_at DESC, patient_id
         LIMIT $3
    )
    SELECT patient_id, patient_number, name, birth_date, sex, identity_number, card_number,
           phone, address
      FROM (SELECT * FROM exact UNION SELECT * FROM newest) AS found
     ORDER BY seen_at DESC, patient_id
"""


@dataclass(frozen=True)
class KnownIdentifier:
    """A stored number of a person."""

    kind: str
    value: str
    active: bool
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Filed:
    """What the index knows beside the words."""

    patient_number: str
    coverage_id: str
    active: bool


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the index."""

    patient_id: str
    patient_number: str
    name: str
    name_folded: str
    birth_date: str
    sex: str
    identity_number: str
    card_number: str
    phone: str
    address: str
    coverage_id: str
    words: Sequence[str]


@dataclass(frozen=True)
class _Found:
    patient_id: str
    patient_number: str
    name: str
    birth_date: str
    sex: str
    identity_number: str
    card_number: str
    phone: str
    address: str


async def next_patient_number(tx: Tx) -> str:
    """Return the facility's next patient number."""
    return await tx.value(_NEXT_NUMBER)


async def next_temporary_number(tx: Tx) -> str:
    """Return the next number for somebody without papers."""
    return await tx.value(_NEXT_TEMPORARY)


async def add_identifiers(
    tx: Tx, *, patient_id: str, identifiers: Sequence[KnownIdentifier], at: datetime
) -> int:
    """Add numbers; return how many were added. Active ones of others are left out."""
    return await tx.execute(
        _ADD_IDENTIFIERS,
        patient_id,
        [i.kind for i in identifiers],
        [i.value for i in identifiers],
        [i.active for i in identifiers],
        [i.valid_from for i in identifiers],
        [i.valid_to for i in identifiers],
        at,
    )


async def owner(tx: Tx, *, kind: str, value: str) -> str | None:
    """Return whose active number this is."""
    return await tx.value(_OWNER, kind, value)


async def owner_of_any(
    tx: Tx, *, numbers: Sequence[tuple[str, str]], other_than: str
) -> str | None:
    """Return somebody else who actively carries one of (kind, value)."""
    return await tx.value(
        _OWNER_OF_ANY, [kind for kind, _ in numbers], [value for _, value in numbers], other_than
    )


async def known_identifiers(tx: Tx, *, patient_id: str) -> list[KnownIdentifier]:
    """Return and lock every number that a person has or had."""
    return await tx.rows(KnownIdentifier, _KNOWN, patient_id)


async def end_identifier(
    tx: Tx, *, patient_id: str, kind: str, value: str, on: date, at: datetime
) -> None:
    """Make a number inactive; it stays in the history."""
    await tx.execute(_END, patient_id, kind, value, on, at)


async def lock(tx: Tx, *, patient_id: str) -> Filed | None:
    """Lock a person's entry for change."""
    return await tx.row(Filed, _LOCK, patient_id)


async def file(tx: Tx, entry: Entry, *, at: datetime) -> None:
    """Insert or replace a person's entry."""
    await tx.execute(
        _FILE,
        entry.patient_id,
        entry.patient_number,
        entry.name,
        entry.name_folded,
        entry.birth_date,
        entry.sex,
        entry.identity_number,
        entry.card_number,
        entry.phone,
        entry.address,
        entry.coverage_id,
        list(entry.words),
        at,
    )


async def note_seen(tx: Tx, *, patient_id: str, at: datetime) -> None:
    """Move a person to the front of "seen last"."""
    await tx.execute(_SEEN, patient_id, at)


async def find(tx: Tx, *, tsquery: str, exact_name: str, candidates: int) -> list[PersonMatch]:
    """Return persons that match, seen last first, and all with exactly that name."""
    return [
        PersonMatch(
            patient_id=row.patient_id,
            patient_number=row.patient_number,
            name=row.name,
            birth_date=row.birth_date,
            sex=Sex(row.sex),
            identity_number=row.identity_number,
            card_number=row.card_number,
            phone=row.phone,
            address=row.address,
            score=0,
            reasons=(),
        )
        for row in await tx.rows(_Found, _FIND, tsquery, exact_name, candidates)
    ]
