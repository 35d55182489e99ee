"""From a resource to the rows it is stored as. Pure; the hottest code of the record.

Main rule: whatever is written here is found by `query`, so both read `plans` and `keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from yba.fhir import r4
from yba.fhir.index import Index, extract
from yba.foundation.access.model import ALL_CATEGORIES, categories_of
from yba.foundation.record import settings, words
from yba.foundation.record.body import pack
from yba.foundation.record.filing import MISSING_TIME as MISSING_TIME
from yba.foundation.record.filing import Filing
from yba.foundation.record.keys import (
    present_key,
    reference_scope,
    row_id,
)
from yba.foundation.record.plans import filed_with, plan_of
from yba.kernel.clock import micros
from yba.kernel.ids import encode_id

DELETED = 1
# The patient is not the one that the type's own reference names (a performer, a member).
OTHER_PATIENT = 4
# From this bit on the restricted categories of `access` are filed.
FIRST_CATEGORY = 3
CATEGORIES = ALL_CATEGORIES << FIRST_CATEGORY
# Other resources stand inside and are filed beside; the database's trigger knows the number.
CONTAINER = 4096

TermRow = tuple[int, int, str, str, str, str, str]
RangeRow = tuple[int, int, int, int, int]
StringRow = tuple[int, int, int, str]
CodeRow = tuple[int, int, int, int]
WordsRow = tuple[int, int, int, str]
_NO_WORDS: list[WordsRow] = []
_NO_ROWS: list[Row] = []


class Row:
    """Everything stored for one version of one resource."""

    __slots__ = (
        "body", "code", "codes", "contained", "fid", "filed_with", "flags", "id", "json", "keys", "labels", "number", "patient",
        "patient_id", "present", "ranges", "rid", "strings", "te", "terms", "ts", "type", "updated",
        "version", "words",
    )  # fmt: skip

    type: str
    id: str
    json: bytes
    number: int
    rid: int
    fid: str | None
    version: int
    updated: int
    patient: int | None
    patient_id: str | None
    ts: int
    te: int
    present: int
    flags: int
    keys: list[int]
    # The version of the parameters by which it was filed.
    filed_with: int
    # Keys of the texts read of its codes; compared, never looked up.
    labels: list[int]
    # The key of the principal code, and rows for further codings of the same.
    code: int | None
    codes: list[CodeRow]
    body: bytes
    ranges: list[RangeRow]
    strings: list[StringRow]
    terms: list[TermRow]
    words: list[WordsRow]
    # The rows of what stands inside; their terms are among this row's. Their `fid` is the id inside.
    contained: list[Row]

    def contained_row(self, container: Row) -> tuple[object, ...]:
        """Return the columns of record.contained_row."""
        return (
            self.rid, self.updated, self.patient, self.ts, self.te, self.present,
            container.rid, container.number, self.number, self.flags, self.fid,
            "{" + str(self.keys)[1:-1] + "}",
            "{" + str(self.labels)[1:-1] + "}" if self.labels else None, self.body,
        )  # fmt: skip

    def resource_row(self) -> tuple[object, ...]:
        """Return the columns of record.resource_row."""
        return (
            self.rid, self.updated, self.patient, self.ts, self.te, self.present,
            self.version, self.number, self.flags, self.fid,
            "{" + str(self.keys)[1:-1] + "}", self.body, self.code,
            "{" + str(self.labels)[1:-1] + "}" if self.labels else None,
        )  # fmt: skip


class Moment:
    """One instant, to the millisecond that meta.lastUpdated shows."""

    __slots__ = ("micros", "text")

    def __init__(self, at: datetime) -> None:
        self.micros = micros(at) // 1000 * 1000
        self.text = instant_text(self.micros)


def instant_text(moment: int) -> str:
    """Return microseconds since 1970 as a FHIR instant with milliseconds."""
    seconds, rest = divmod(moment, 1_000_000)
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest // 1000:03}Z"


def row_of(
    resource: Any, *, version: int, moment: Moment, zone: tzinfo, known_terms: set[int] | None
) -> Row:
    """Return the row of a resource whose id is set; sets its meta.versionId and lastUpdated.

    Terms in `known_terms` are not listed again.
    """
    meta = resource.meta
    if meta is None:
        resource.meta = meta = r4.Meta()
    meta.versionId = str(version)
    meta.lastUpdated = moment.text
    row = Row()
    row.type = name = type(resource).__name__
    row.id = resource.id
    row.rid = row_id(name, row.id)
    row.fid = None if row.rid >= 0 else row.id
    row.version = version
    row.updated = moment.micros
    row.json = r4.encode(resource)
    row.flags = categories_of(name, row.json) << FIRST_CATEGORY
    row.body = pack(row.json)
    row.filed_with = filed_with()
    index = _file(resource, row, zone, known_terms)
    inside = getattr(resource, "contained", None)
    row.contained = _contained(inside, row, zone, known_terms) if inside else _NO_ROWS
    if index.inside:
        _refer_inside(row, index)
    text = getattr(resource, "text", None)
    if text is not None or settings.files_content():
        row.words = _words(text, row)
    else:
        row.words = _NO_WORDS
    return row


def _file(resource: Any, row: Row, zone: tzinfo, known_terms: set[int] | None) -> Index:
    """Put into a row what its resource is found by; return those values."""
    plan = plan_of(row.type)
    row.number = plan.number
    index = extract(resource, zone)
    filing = Filing(plan, row, known_terms)
    for added in plan.added:
        if added.file(resource, index, zone):
            filing.keys.add(present_key(plan.scopes[added.number]))
    filing.file(index)
    if row.patient is None:
        row.patient_id = patient = index.patient
        if patient is not None:
            row.patient = row_id("Patient", patient)
            row.flags |= OTHER_PATIENT
    return index


def _refer_inside(row: Row, index: Index) -> None:
    """File references to contained resources as references to the rows of these."""
    plan = plan_of(row.type)
    for element, id_ in index.inside:
        row.present |= plan.bits[element]
        for one in row.contained:
            if one.fid == id_:
                row.present |= plan.narrowed.get((element, one.type), 0)
                row.keys.append(one.rid ^ reference_scope(row.type, element, one.type))


def _contained(
    resources: Sequence[Any], container: Row, zone: tzinfo, known_terms: set[int] | None
) -> list[Row]:
    """Return the rows of contained resources; the container is marked and takes their terms."""
    found: list[Row] = []
    for place, resource in enumerate(resources):
        row = Row()
        row.type, row.id = type(resource).__name__, container.id
        row.fid = resource.id or ""
        row.rid = row_id(row.type, f"{container.type}/{container.id}#{place}")
        row.updated, row.flags = container.updated, 0
        row.body = pack(r4.encode(resource))
        _file(resource, row, zone, known_terms)
        container.terms += row.terms
        found.append(row)
    container.flags |= CONTAINER
    return found


def arrays(rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Return what a write statement takes: resources, ranges, strings, terms and codes."""
    unique = {term[0]: term for row in rows for term in row.terms}
    return (
        [row.resource_row() for row in rows],
        [item for row in rows for item in row.ranges],
        [item for row in rows for item in row.strings],
        list(unique.values()),
        [item for row in rows for item in row.codes],
    )


def _words(text: r4.Narrative | None, row: Row) -> list[WordsRow]:
    """Return the words of the narrative, and of the whole where this node keeps them."""
    found: list[WordsRow] = []
    if text is not None and text.div is not None:
        found.append((row.rid, row.number, words.NARRATIVE, words.narrative(text.div)))
    if settings.files_content():
        found.append((row.rid, row.number, words.CONTENT, words.content(row.json)))
    return found


def foreign_id(row: int, id_: str) -> str | None:
    """Return what column `fid` holds for a resource."""
    return None if row >= 0 and encode_id(row) == id_ else id_
