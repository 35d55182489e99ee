"""Patients who may be the one described: found by indexes, so that millions stay quick.

Main rule: blocks, each of which an index serves, and whoever is in one of them is compared by the
caller: a number or contact in common; born on that day (or with day and month swapped) with a word
of the name in common; born on a day that a slip of the pen makes of it, or at an unknown
day of that year, with the given name in common; where the day is not known, the same whole name in
a usual order or the same family and given name, born within a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

import asyncpg

from yba.fhir.index import range_of
from yba.foundation.record import settings
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import QueryTooExpensive
from yba.foundation.record.keys import bare_key, id_of
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.guard import Guard, put_into
from yba.plumbing.database import Tx

_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
_YEAR = 366 * 86_400_000_000
# A block larger than this says too little to be worth comparing all of it.
_MOST_IN_A_BLOCK = 1000
# Of a name alone so many bearers are looked at, however common it is.
_MOST_NAMESAKES = 20_000

# by_birth needs a word of the name in common, by_slip (days that a slip of the pen makes of the day
# of birth) and by_year (no day recorded) the given name. The names' own blocks serve descriptions without a day of birth.
_CANDIDATES: LiteralString = """
    WITH by_number AS (
        SELECT rid
          FROM (SELECT rid, type FROM record.resource WHERE keys && $2::bigint[] OFFSET 0) r
         WHERE type = $1
         LIMIT $11
    ), by_birth AS (
        SELECT b.rid
          FROM unnest($3::bigint[], $4::bigint[], $5::boolean[]) AS w (lo, hi, exact)
         CROSS JOIN LATERAL (
               SELECT r.rid FROM record.resource r
                WHERE r.type = $1 AND r.ts >= w.lo AND r.ts <= w.hi
                  AND ($8::text[] = '{}' OR EXISTS (
                      SELECT 1 FROM record.string s
                       WHERE s.rid = r.rid AND s.k = ANY($6::bigint[])
                         AND string_to_array(s.v, ' ')
                             && CASE WHEN w.exact THEN $8::text[] ELSE $12::text[] END))
                LIMIT $11) b
    ), by_year AS (
        SELECT r.rid
          FROM record.resource r
         WHERE r.type = $1 AND r.te > r.ts + 86400000000 AND r.te = ANY($15::bigint[])
           AND ($8::text[] = '{}' OR EXISTS (
               SELECT 1 FROM record.string s
                WHERE s.rid = r.rid AND s.k = ANY($6::bigint[])
                  AND string_to_array(s.v, ' ') && $12::text[]))
         LIMIT $11
    ), by_name AS (
        SELECT s.rid
          FROM (SELECT rid FROM record.string
                 WHERE k = ANY($6::bigint[]) AND v = ANY($7::text[]) LIMIT $14) s
          JOIN record.resource r ON r.type = $1 AND r.rid = s.rid
         WHERE r.ts BETWEEN $9 AND $10
         LIMIT $11
    ), by_parts AS (
        SELECT s.rid
          FROM (SELECT rid FROM record.string
                 WHERE k = ANY($6::bigint[]) AND v = ANY($12::text[]) AND $7 <> '{}'::text[]
                 LIMIT $14) s
          JOIN record.resource r ON r.type = $1 AND r.rid = s.rid
         WHERE r.ts BETWEEN $9 AND $10
           AND EXISTS (SELECT 1 FROM record.string f
                        WHERE f.rid = s.rid AND f.k = ANY($6::bigint[]) AND f.v = ANY($13::text[]))
         LIMIT $11
    )
    SELECT rid, fid, version, updated, patient, body
      FROM record.resource r
     WHERE type = $1 AND flags & 1 = 0 /*guard r*/
       AND rid = ANY(ARRAY(SELECT rid FROM by_number UNION SELECT rid FROM by_birth
                           UNION SELECT rid FROM by_year UNION SELECT rid FROM by_name
                           UNION SELECT rid FROM by_parts))
"""


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of the patient sought. Names are folded words, contacts in every spelling."""

    names: tuple[tuple[str, ...], ...] = ()
    birth_date: str = ""
    numbers: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()


async def patients_like(tx: Tx, sought: Description, guard: Guard | None = None) -> list[Version]:
    """Return the patients of all blocks in one statement, in no order. Raises QueryTooExpensive."""
    windows = _windows(sought.birth_date)
    low, high = _near(sought.birth_date)
    # With the day of birth known, days near it lead to fewer persons than names do.
    orders = set[str]() if windows else {o for words in sought.names for o in _orders(words)}
    parameters = plan_of("Patient").parameters
    given = (
        TYPE_NUMBERS["Patient"],
        [
            *_keys("identifier", sought.numbers),
            *(k for code in ("telecom", "phone", "email") for k in _keys(code, sought.contacts)),
        ],
        [window[0] for window in windows],
        [window[1] for window in windows],
        [window[2] for window in windows],
        [*{s for c in ("name", "family", "given") for s in _scopes(parameters[c].elements)}],
        [*orders],
        [*{word for words in sought.names for word in words}],
        low,
        high,
        _MOST_IN_A_BLOCK,
        [*{words[-1] for words in sought.names}],
        [*{words[0] for words in sought.names if len(words) > 1}],
        _MOST_NAMESAKES,
        _vague(sought.birth_date),
    )
    sql, arguments = put_into(_CANDIDATES, guard, given, "Patient")
    try:
        records = await tx.connection.fetch(sql, *arguments)
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


def _windows(birth_date: str) -> list[tuple[int, int, bool]]:
    """Return days as (first, last microsecond, meant so) where the day of birth is known.

    Meant so are the day itself and the one with day and month swapped; the others are what one
    wrong digit or the year before or after makes of it.
    """
    if len(birth_date) != 10:
        return []
    year, month, day = birth_date.split("-")
    meant = {birth_date, f"{year}-{day}-{month}"}
    slips = {f"{int(year) + step:04}-{month}-{day}" for step in (-1, 1)}
    for place, letter in enumerate(birth_date):
        if letter != "-":
            slips |= {birth_date[:place] + d + birth_date[place + 1 :] for d in "0123456789"}
    days = [(each, each in meant) for each in sorted(meant | slips) if _is_day(each)]
    return [(*range_of(each, settings.zone()), exact) for each, exact in days]


def _vague(birth_date: str) -> list[int]:
    """Return the last microsecond of the year and the month of birth, where the day is known.

    So end the birth dates of those of whom only the year or the month was recorded.
    """
    if len(birth_date) != 10:
        return []
    return [range_of(birth_date[:length], settings.zone())[1] for length in (4, 7)]


def _is_day(text: str) -> bool:
    try:
        return 1850 <= date.fromisoformat(text).year <= 2200
    except ValueError:
        return False


def _near(birth_date: str) -> tuple[int, int]:
    """Return from when to when somebody of nearly that birth date was born."""
    if not birth_date:
        return _EARLIEST, _LATEST
    low, high = range_of(birth_date[:4], settings.zone())
    return low - _YEAR, high + _YEAR
