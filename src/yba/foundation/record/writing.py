"""Writing states: create, update, delete, with the versions checked under lock.

Main rule: a create is one statement; an update is a lock in a fixed order, then one statement.
Identical content is not a new version. The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from yba.fhir import validation
from yba.foundation.record import copying, parameter_store, reindexing, settings, store, terms
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import (
    InvalidResource,
    ResourceNotFound,
    VersionConflict,
)
from yba.foundation.record.keys import row_id
from yba.foundation.record.model import Saved
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.estimate import statistics
from yba.foundation.record.rows import (
    DELETED,
    Moment,
    Row,
    arrays,
    instant_text,
    row_of,
)
from yba.foundation.record.states import body_for_comparison, deleted_row
from yba.plumbing.database import Tx

_COPIED_FROM = 50
Place = tuple[int, int]
Versions = Mapping[str, int]


def refuse_invalid(resource: Any) -> None:
    """Raise InvalidResource if `resource` breaks a rule of FHIR R4."""
    errors = [issue for issue in validation.check(resource) if issue.severity in ("error", "fatal")]
    if errors:
        first = errors[0]
        raise InvalidResource(
            count=len(errors), where=first.expression or "", problem=first.diagnostics
        )


def place_of(resource: Any) -> Place:
    """Return (type number, row id) of a resource whose id is set."""
    name = type(resource).__name__
    return TYPE_NUMBERS[name], row_id(name, resource.id)


async def insert(tx: Tx, rows: Sequence[Row]) -> set[Place]:
    """Insert rows that do not exist yet; return the places of those that were inserted."""
    fresh = await tx.connection.fetch(store.INSERT, *arrays(rows))
    statistics.written += len(fresh)
    new_terms = [term for row in rows for term in row.terms]
    if new_terms:
        await terms.refuse_collisions(tx, new_terms)
    places = {(record[0], record[1]) for record in fresh}
    if fresh:
        written = [row for row in rows if (row.number, row.rid) in places]
        await reindexing.put_beside(tx, written)
        await reindexing.bring_up(tx, written, fresh[0]["stamp"])
    return places


async def insert_new(tx: Tx, rows: Sequence[Row]) -> None:
    """Insert rows whose ids were made for them in this request."""
    statistics.written += len(rows)
    if len(rows) >= _COPIED_FROM:
        new_terms = {term[0]: term for row in rows for term in row.terms}
        if any(key not in terms.known for key in new_terms):
            await tx.execute(store.TERMS, list(new_terms.values()))
        await copying.copy(tx, rows)
        await reindexing.put_beside(tx, rows)
        await reindexing.bring_up(tx, rows, await tx.value(parameter_store.STAMP))
        return
    stamp = await tx.value(store.INSERT_NEW, *arrays(rows))
    await reindexing.put_beside(tx, rows)
    await reindexing.bring_up(tx, rows, stamp)


async def replace(tx: Tx, rows: Sequence[Row]) -> None:
    """Replace the locked current states by `rows`; the old states go to history."""
    stamp = await tx.value(store.UPDATE, *arrays(rows))
    await reindexing.put_beside(tx, rows)
    new_terms = [term for row in rows for term in row.terms]
    if new_terms:
        await terms.refuse_collisions(tx, new_terms)
    await reindexing.bring_up(tx, rows, stamp)


async def lock(tx: Tx, places: Sequence[Place]) -> dict[Place, Any]:
    """Lock and return the current states at these places, in one order for every writer."""
    records = await tx.connection.fetch(
        store.LOCK, [place[0] for place in places], [place[1] for place in places]
    )
    return {(record["type"], record["rid"]): record for record in records}


class Writer:
    """Carries out creates, updates and deletions of one moment in one transaction."""

    def __init__(self, tx: Tx, *, at: datetime) -> None:
        self.tx = tx
        self.moment = Moment(at)
        self.rows: list[Row] = []

    def row(self, resource: Any, version: int) -> Row:
        """Return the row of a resource as that version of this moment."""
        return row_of(
            resource,
            version=version,
            moment=self.moment,
            zone=settings.zone(),
            known_terms=terms.known,
        )

    async def save(self, resources: Sequence[Any], if_match: Versions) -> list[Saved]:
        """Create or update each resource; ids are set, no resource appears twice."""
        rows = [self.row(resource, 1) for resource in resources]
        fresh = await insert(self.tx, [r for r in rows if f"{r.type}/{r.id}" not in if_match])
        stale = [
            resource
            for row, resource in zip(rows, resources, strict=True)
            if (row.number, row.rid) not in fresh
        ]
        saved = await self.update(stale, if_match) if stale else {}
        result: list[Saved] = []
        for row in rows:
            if (row.number, row.rid) in fresh:
                self.rows.append(row)
                result.append(Saved(row.type, row.id, 1, created=True))
            else:
                result.append(saved[row.number, row.rid])
        return result

    async def update(self, resources: Sequence[Any], if_match: Versions) -> dict[Place, Saved]:
        """Give existing resources their next version where their content differs."""
        current = await lock(self.tx, [place_of(resource) for resource in resources])
        saved: dict[Place, Saved] = {}
        rows: list[Row] = []
        for resource in resources:
            place = place_of(resource)
            record = current.get(place)
            if record is None:
                raise ResourceNotFound
            row, outcome = self.next_state(resource, record, if_match)
            saved[place] = outcome
            if row is not None:
                rows.append(row)
        if rows:
            await replace(self.tx, rows)
            self.rows.extend(rows)
        return saved

    def next_state(
        self, resource: Any, record: Any, if_match: Versions
    ) -> tuple[Row | None, Saved]:
        """Return the next row of a locked resource, or None if nothing changed."""
        name, id_ = type(resource).__name__, resource.id
        version: int = record["version"]
        refuse_other_version(f"{name}/{id_}", version, if_match)
        undeleted = bool(record["flags"] & DELETED)
        if not undeleted:
            written = instant_text(record["updated"])
            old = unpack(record["body"])
            if body_for_comparison(resource, version=version, updated_text=written) == old:
                return None, Saved(name, id_, version, changed=False)
        row = self.row(resource, version + 1)
        return row, Saved(name, id_, version + 1, created=undeleted)

    async def delete(self, type_: str, id_: str, if_match: Versions) -> tuple[Saved, int | None]:
        """Delete a resource; return the deletion's version and the patient's row.

        Raises ResourceNotFound if it never existed. Deleting twice changes nothing.
        """
        place = (TYPE_NUMBERS[type_], row_id(type_, id_))
        record = (await lock(self.tx, [place])).get(place)
        if record is None:
            raise ResourceNotFound
        version: int = record["version"]
        if record["flags"] & DELETED:
            return Saved(type_, id_, version, changed=False), None
        refuse_other_version(f"{type_}/{id_}", version, if_match)
        row = deleted_row(
            type_, id_, version=version + 1, moment=self.moment, patient=record["patient"],
            flags=record["flags"],
        )  # fmt: skip
        await replace(self.tx, [row])
        return Saved(type_, id_, version + 1), record["patient"]


def refuse_other_version(reference: str, version: int, if_match: Versions) -> None:
    """Raise VersionConflict if the caller changed another version than the current one."""
    wanted = if_match.get(reference)
    if wanted is not None and wanted != version:
        raise VersionConflict(reference=reference, version=version)
