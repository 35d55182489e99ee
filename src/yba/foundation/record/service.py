"""The verbs of the record. Each runs in the caller's transaction and writes its audit there.

`save` is one statement for creates; `read`, `search` and `chart` are one statement each. Without
`at` a trace has the time of its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from yba.fhir import r4
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Act, Action
from yba.foundation.record import changes, permission, reading, store
from yba.foundation.record.body import unpack
from yba.foundation.record.erasing import erase_visit
from yba.foundation.record.errors import ResourceNotFound
from yba.foundation.record.keys import id_of, row_id
from yba.foundation.record.loading import Line, load
from yba.foundation.record.model import Chart, Saved, Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query.guard import put_into
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.permitting import guard_for
from yba.foundation.record.sealed import asks
from yba.foundation.record.settings import file_content, set_zone
from yba.foundation.record.writing import Writer, refuse_invalid
from yba.foundation.terminology import service as terminology
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_id
from yba.plumbing.database import Tx

__all__ = [
    "Line", "asks", "chart", "delete", "erase_visit", "file_content", "history", "load", "new_id", "read", "save", "search",
    "set_zone", "versions_since",
]  # fmt: skip

R = TypeVar("R")
_MOST_IN_A_CHART = 20_000


async def save(
    tx: Tx,
    *,
    actor: Actor,
    resources: Sequence[Any],
    at: datetime,
    note: str = "",
    if_match: Mapping[str, int] | None = None,
) -> list[Saved]:
    """Create the resources whose ids are new, give the others their next version.

    Ids must be set (`new_id()`); meta.versionId and lastUpdated are written into the resources.
    Content identical to the current version changes nothing. `if_match` maps references to the
    version the caller read. `note` names the verb in the audit trail, "encounters.open_visit".

    Raises InvalidResource, VersionConflict.
    """
    if not resources:
        return []
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        place = (type(resource).__name__, resource.id)
        if not resource.id or place in seen:
            raise ValueError(f"{place[0]} without an id of its own")
        seen.add(place)
        refuse_invalid(resource)
    writer = Writer(tx, at=at)
    saved = await writer.save(resources, if_match or {})
    changed = [r for r, one in zip(resources, saved, strict=True) if one.changed]
    await terminology.take_up(tx, resources=changed)
    await permission.remember_author(tx, actor, writer.rows, at=at)
    await _audit_writes(tx, writer, saved, actor=actor, what=note or "record.save", at=at)
    return saved


async def _audit_writes(
    tx: Tx, writer: Writer, saved: Sequence[Saved], *, actor: Actor, what: str, at: datetime
) -> None:
    patients = {(row.type, row.id): row.patient_id for row in writer.rows}
    groups: dict[tuple[Action, str | None], list[str]] = {}
    for one in saved:
        if one.changed:
            key = ("C" if one.created else "U", patients.get((one.type, one.id)))
            groups.setdefault(key, []).append(one.reference)
    await audit.record_many(
        tx,
        [
            Act(actor, action, what, at, patient, references, None)
            for (action, patient), references in groups.items()
        ],
    )


async def delete(
    tx: Tx, *, actor: Actor, type_: str, id_: str, at: datetime, if_match: int | None = None
) -> Saved:
    """Delete a resource; its history stays. Deleting it again changes nothing.

    Raises ResourceNotFound, VersionConflict.
    """
    reference = f"{type_}/{id_}"
    wanted = {} if if_match is None else {reference: if_match}
    saved, patient = await Writer(tx, at=at).delete(type_, id_, wanted)
    if saved.changed:
        await terminology.withdraw(tx, type_=type_, id_=id_)
        await audit.record(
            tx, actor=actor, action="D", what="record.delete", at=at,
            patient_id=_patient_id(patient), references=[reference],
        )  # fmt: skip
    return saved


def _patient_id(row: int | None) -> str | None:
    """Return the patient's id where the row id tells it (ids of our own)."""
    return encode_id(row) if row is not None and row >= 0 else None


async def read(tx: Tx, *, actor: Actor, type_: type[R], id_: str, at: datetime | None = None) -> R:
    """Return the current state of a resource.

    Raises ResourceNotFound, ResourceDeleted.
    """
    found = await reading.current(tx, type_.__name__, id_, guard_for(actor, at=at))
    await _audit_reads(tx, [found], actor=actor, what="record.read", at=at)
    return r4.decode(found.body or b"")  # type: ignore[return-value]


async def search(
    tx: Tx,
    *,
    actor: Actor,
    type_: type[R],
    query: str,
    count: int = 100,
    at: datetime | None = None,
) -> list[R]:
    """Return at most `count` resources that match a FHIR search, `patient=x&_sort=-date`.

    Raises UnsearchableQuery for what cannot be answered exactly.
    """
    now = at or await tx.value(store.MOMENT)
    wanted = reading.limited(parse(type_.__name__, query), count)
    page = await reading.find(tx, wanted, now=now, guard=guard_for(actor, at=now))
    await _audit_reads(tx, page.matches, actor=actor, what="record.search", at=now)
    return [r4.decode(found.body or b"") for found in page.matches]  # type: ignore[misc]


async def _audit_reads(
    tx: Tx, found: Iterable[Version], *, actor: Actor, what: str, at: datetime | None
) -> None:
    groups: dict[str | None, list[str]] = {}
    for one in found:
        groups.setdefault(_patient_id(one.patient), []).append(f"{one.type}/{one.id}")
    moment = at or await tx.value(store.MOMENT)
    await audit.record_many(
        tx,
        [
            Act(actor, "R", what, moment, patient, references, None)
            for patient, references in groups.items()
        ],
    )


async def chart(
    tx: Tx,
    *,
    actor: Actor,
    patient_id: str,
    types: Sequence[type[Any]],
    purpose: str | None = None,
    at: datetime | None = None,
) -> Chart:
    """Return the patient and all current resources of these types about them: one statement.

    Newest clinical time first within each type. Raises ResourceNotFound if nothing is there.
    """
    row = row_id("Patient", patient_id)
    numbers = [TYPE_NUMBERS[type_.__name__] for type_ in types]
    sql, given = put_into(
        store.CHART,
        guard_for(actor, at=at),
        (row, numbers, TYPE_NUMBERS["Patient"], _MOST_IN_A_CHART),
    )
    records = await tx.connection.fetch(sql, *given)
    resources: dict[str, list[Any]] = {}
    references: list[str] = []
    for record in records:
        name = TYPE_NAMES[record["type"] - 1]
        references.append(f"{name}/{id_of(record['rid'], record['fid'])}")
        resources.setdefault(name, []).append(r4.decode(unpack(record["body"])))
    if not records:
        raise ResourceNotFound
    await audit.record(
        tx, actor=actor, action="R", what="record.chart", at=at or await tx.value(store.MOMENT),
        patient_id=patient_id, references=references, purpose=purpose,
    )  # fmt: skip
    return Chart(patient_id, resources, complete=len(records) < _MOST_IN_A_CHART)


async def history(
    tx: Tx, *, actor: Actor, type_: type[R], id_: str, at: datetime | None = None
) -> list[Version]:
    """Return all states of one resource, newest first. Raises ResourceNotFound."""
    states, _ = await reading.history(
        tx, types=[type_.__name__], id_=id_, count=1000, guard=guard_for(actor, at=at)
    )
    await _audit_reads(tx, states[:1], actor=actor, what="record.history", at=at)
    return states


async def versions_since(
    tx: Tx, *, after: changes.Position = changes.START, count: int = 1000
) -> tuple[list[Version], changes.Position]:
    """Return what was written since a position, in the order of transactions, and the next position.

    Every version comes once; none that commits late is skipped. For jobs (delivery, warehouse):
    they audit what they do with it.
    """
    return await changes.after(tx, after, count=count)
