"""States beside the ordinary one: a deletion, and what a resource would have been as a version."""

from __future__ import annotations

from typing import Any

from yba.fhir import r4
from yba.foundation.record.keys import row_id
from yba.foundation.record.plans import filed_with, plan_of
from yba.foundation.record.rows import CATEGORIES, DELETED, MISSING_TIME, Moment, Row


def body_for_comparison(resource: Any, *, version: int, updated_text: str | None) -> bytes:
    """Return the bytes that `resource` would have had as that earlier version."""
    meta = resource.meta
    if meta is None:
        resource.meta = meta = r4.Meta()
    meta.versionId = str(version)
    meta.lastUpdated = updated_text
    return r4.encode(resource)


def deleted_row(
    type_: str, id_: str, *, version: int, moment: Moment, patient: int | None, flags: int
) -> Row:
    """Return the row that says a resource was deleted.

    Whose it was and its restricted categories stay, from the row before: who may not see it
    is not told of its deletion either.
    """
    row = Row()
    row.type, row.id = type_, id_
    row.rid = row_id(type_, id_)
    row.fid = None if row.rid >= 0 else id_
    row.number = plan_of(type_).number
    row.version, row.updated, row.flags = version, moment.micros, DELETED | flags & CATEGORIES
    row.patient, row.patient_id = patient, None
    row.ts = row.te = MISSING_TIME
    row.present, row.keys, row.body, row.json = 0, [], b"", b""
    row.ranges, row.strings, row.terms = [], [], []
    row.code, row.codes, row.labels = None, [], []
    row.filed_with, row.words, row.contained = filed_with(), [], []
    return row
