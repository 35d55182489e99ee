"""Patients who may be the one described: found by indexes, so that millions stay quick.

Main rule: blocks, each of which an index serves, and whoever is in one of them is compared by the
caller: a number or contact in common; born on that day (or with day and month swapped) with a word
of the name in common; the same whole name in any of the usual orders, born within a year of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

import asyncpg

from yba.fhir.index import range_of
from yba.foundation.record import settings
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import QueryTooExpensive
from yba.foundation.record.keys import bare_key, id_of
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.plumbing.database import Tx

_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
_YEAR = 366 * 86_400_000_000
# A block larger than this says too little to be worth comparing all of it.
_MOST_IN_A_BLOCK = 1000

_CANDIDATES: LiteralString = """
    WITH by_number AS (
        SELECT rid
          FROM (SELECT rid, type FROM record.resource WHERE keys && $2::bigint[] OFFSET 0) r
         WHERE type = $1
         LIMIT $10
    ), by_birth AS (
        SELECT b.rid
          FROM unnest($3::bigint[], $4::bigint[]) AS w (lo, hi)
         CROSS JOIN LATERAL (
               SELECT r.rid FROM record.resource r
                WHERE r.type = $1 AND r.ts >= w.lo AND r.ts <= w.hi
                  AND ($7::text[] = '{}' OR EXISTS (
                      SELECT 1 FROM record.string s
                       WHERE s.rid = r.rid AND s.k = ANY($5::bigint[])
                         AND string_to_array(s.v, ' ') && $7::text[]))
                LIMIT $10) b
    ), by_name AS (
        SELECT s.rid
          FROM record.string s JOIN record.resource r ON r.type = $1 AND r.rid = s.rid
         WHERE s.k = ANY($5::bigint[]) AND s.v = ANY($6::text[]) AND r.ts BETWEEN $8 AND $9
         LIMIT $10
    ), by_parts AS (
        SELECT s.rid
          FROM record.string s JOIN record.resource r ON r.type = $1 AND r.rid = s.rid
         WHERE s.k = ANY($5::bigint[]) AND s.v = ANY($11::text[]) AND r.ts BETWEEN $8 AND $9
           AND EXISTS (SELECT 1 FROM record.string f
                        WHERE f.rid = s.rid AND f.k = ANY($5::bigint[]) AND f.v = ANY($12::text[]))
         LIMIT $10
    )
    SELECT rid, fid, version, updated, patient, body
      FROM record.resource
     WHERE type = $1 AND flags & 1 = 0
       AND rid = ANY(ARRAY(SELECT rid FROM by_number UNION SELECT rid FROM by_birth
                           UNION SELECT rid FROM by_name UNION SELECT rid FROM by_parts))
"""


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of the patient sought. Names are folded words, contacts in every spelling."""

    names: tuple[tuple[str, ...], ...] = ()
    birth_date: str = ""
    numbers: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()


async def patients_like(tx: Tx, sought: Description) -> list[Version]:
    """Return the patients of all blocks in one statement, in no order. Raises QueryTooExpensive."""
    windows = _windows(sought.birth_date)
    near = _near(sought.birth_date)
    parameters = plan_of("Patient").parameters
    try:
        records = await tx.connection.fetch(
            _CANDIDATES,
            TYPE_NUMBERS["Patient"],
            [
                *_keys("identifier", sought.numbers),
                *(
                    k
                    for code in ("telecom", "phone", "email")
                    for k in _keys(code, sought.contacts)
                ),
            ],
            [low for low, _ in windows],
            [high for _, high in windows],
            [*{s for c in ("name", "family", "given") for s in _scopes(parameters[c].elements)}],
            [*{text for words in sought.names for text in _orders(words)}],
            [*{word for words in sought.names for word in words}],
            *near,
            _MOST_IN_A_BLOCK,
            [*{words[-1] for words in sought.names if len(words) > 1}],
            [*{words[0] for words in sought.names if len(words) > 1}],
        )
    except asyncpg.QueryCanceledError:
        raise QueryTooExpensive from None
    return [
        Version("Patient", id_of(rid, fid), version, updated, unpack(body), patient)
        for rid, fid, version, updated, patient, body in records
    ]


def _scopes(elements: Sequence[int]) -> list[int]:
    scopes = plan_of("Patient").scopes
    return [scopes[element] for element in elements]


def _keys(code: str, values: Iterable[str]) -> list[int]:
    scopes = _scopes(plan_of("Patient").parameters[code].elements)
    return [bare_key(scope, value) for scope in scopes for value in values]


def _orders(words: tuple[str, ...]) -> set[str]:
    """Return a name as given, with its last word first, and with its first word last."""
    orders = (words, words[-1:] + words[:-1], words[1:] + words[:1])
    return {" ".join(order) for order in orders}


def _windows(birth_date: str) -> list[tuple[int, int]]:
    """Return the day of birth, and that with day and month swapped, where both are known."""
    if len(birth_date) != 10:
        return []
    year, month, day = birth_date.split("-")
    days = {birth_date, f"{year}-{day}-{month}"} if int(day) <= 12 else {birth_date}
    return [range_of(each, settings.zone()) for each in sorted(days)]


def _near(birth_date: str) -> tuple[int, int]:
    """Return from when to when somebody of nearly that birth date was born."""
    if not birth_date:
        return _EARLIEST, _LATEST
    low, high = range_of(birth_date[:4], settings.zone())
    return low - _YEAR, high + _YEAR
