"""Running an export: one snapshot of the record, written by type into files.

Main rule: everything is read in one repeatable-read transaction, so the export shows one moment;
an attempt that was killed leaves nothing and the next one begins anew with its own moment.
Nothing is held in memory but a page of rows and the names of supporting resources.
Standard: HL7 FHIR Bulk Data Access 2.0, Export.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from yba.fhir import r4
from yba.fhir.generated.compartments import COMPARTMENTS
from yba.fhir.index import extract
from yba.foundation.access.model import ALL_CATEGORIES, Policy
from yba.foundation.record.body import unpack
from yba.foundation.record.bulk import store
from yba.foundation.record.bulk.files import LineFiles
from yba.foundation.record.bulk.model import ExportWish, Job, Outcome, Progress
from yba.foundation.record.errors import ResourceNotFound
from yba.foundation.record.everything import SUPPORTING, references_in
from yba.foundation.record.keys import id_of, reference_scope, row_id
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS, plan_of
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.query.permitting import Permitting
from yba.foundation.record.query.selection import chosen_by, narrowed
from yba.foundation.record.reading import current, prepared
from yba.foundation.record.rows import instant_text
from yba.kernel.clock import micros
from yba.plumbing.database import Connection, Tx

_EVER = -(1 << 62)
_PAGE = 200
_DELETIONS_A_LINE = 500
# Up to so many patients are looked up by index; more are found by reading the whole type.
_FEW_PATIENTS = 1000
_ROUNDS = 3

Subset = Callable[[bytes, tuple[str, ...]], bytes]
Tell = Callable[[Progress], Any]


class ExportCancelled(Exception):
    """Who asked for the export does not want it any more."""


@dataclass(slots=True)
class Export:
    """One attempt at one export. `tell` is awaited with the progress and may raise."""

    connection: Connection
    job: Job
    wish: ExportWish
    files: LineFiles
    base: str
    subset: Subset
    tell: Tell
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    snapshot: str = ""
    before: str | None = None
    patients: frozenset[int] | None = None
    referred: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    steps: int = 0
    total: int = 0
    _told: float = 0.0

    async def run(self) -> Outcome:
        """Write everything; return the files. Raises Refusal where the wish cannot be met."""
        await asyncio.to_thread(self.files.start_anew)
        async with self.connection.transaction(isolation="repeatable_read", readonly=True):
            tx = Tx(self.connection)
            moment = await self.connection.fetchrow(store.MOMENT)
            assert moment is not None
            self.snapshot, self.at = moment["snapshot"], moment["at"]
            await self._continue_from(tx)
            await self._choose_patients(tx)
            types = self._types()
            self.total = len(types) * (1 if self.wish.since is None else 2)
            for type_ in types:
                await self._write_type(type_)
            await self._write_supporting()
            output = self.files.take()
            deleted = await self._write_deletions(types) if self.wish.since is not None else ()
        await asyncio.to_thread(self.files.settle)
        errors = self._write_notes()
        return Outcome(output=output, deleted=deleted, error=errors)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self.files.lines, self.files.bytes, 0, self.steps, self.total)

    async def _continue_from(self, tx: Tx) -> None:
        """Look whether `since` is the moment of an earlier export: then nothing can be missed."""
        if self.wish.since is not None:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.wish.since)
            self.before = await tx.value(store.SNAPSHOT_OF, moment)

    async def _choose_patients(self, tx: Tx) -> None:
        ids = list(self.wish.patients)
        if self.wish.level == "group":
            members = await members_of(tx, self.wish.group_id)
            ids = [one for one in members if not ids or one in ids]
        if ids or self.wish.level == "group":
            self.patients = frozenset(row_id("Patient", one) for one in ids)

    def _types(self) -> list[str]:
        if self.wish.level == "system":
            return list(self.wish.types or TYPE_NAMES)
        members = {"Patient", *COMPARTMENTS["Patient"]}
        return [name for name in self.wish.types or TYPE_NAMES if name in members]

    async def _write_type(self, type_: str) -> None:
        check = self._membership(type_)
        collects = self.wish.level != "system"
        async for record in self._rows(type_):
            body = unpack(record["body"])
            if check is not None and not check(record["rid"], record["patient"], body):
                continue
            if collects:
                self._refer(body)
            self._write(type_, body)
            await self._tell_sometimes()
        self.steps += 1
        await self._tell_sometimes()

    def _write(self, type_: str, body: bytes) -> None:
        elements = tuple(
            name.removeprefix(type_ + ".")
            for name in self.wish.elements
            if "." not in name or name.startswith(type_ + ".")
        )
        self.files.write(type_, self.subset(body, elements) if elements else body)

    async def _rows(self, type_: str) -> AsyncGenerator[asyncpg.Record]:
        sql, arguments = store.ALL_OF_TYPE, self._arguments(type_)
        if self.patients is not None and len(self.patients) <= _FEW_PATIENTS:
            sql = store.OF_PATIENTS
            scopes = _other_scopes(type_)
            keys = [row ^ scope for row in self.patients for scope in scopes]
            arguments += [list(self.patients), keys]
        async for record in self._read(type_, sql, arguments):
            yield record

    def _arguments(self, type_: str) -> list[object]:
        since = _EVER if self.wish.since is None else self.wish.since
        return [TYPE_NUMBERS[type_], since, self.before]

    async def _read(
        self, type_: str, sql: str, arguments: list[object]
    ) -> AsyncGenerator[asyncpg.Record]:
        filters = [
            await prepared(Tx(self.connection), chosen_by(type_, query), now=self.at)
            for name, query in self.wish.filters
            if name == type_
        ]
        sql, arguments = put_into(sql, self._guard(), arguments, type_)
        if filters:
            sql, arguments = narrowed(sql, arguments, filters, now=self.at)
        async for record in self.connection.cursor(sql, *arguments, prefetch=_PAGE):
            yield record

    def _guard(self) -> Guard | None:
        """Return what hides the restricted categories that were not asked for."""
        if not self.wish.left_out:
            return None
        shown = ALL_CATEGORIES & ~self.wish.left_out
        return Permitting(Policy(whole=True, categories=shown, at=self.at))

    def _membership(self, type_: str) -> Callable[[int, int | None, bytes], bool] | None:
        """Return the test whether a resource is in the compartment of a chosen patient."""
        if self.wish.level == "system":
            return None
        patients, elements = self.patients, _elements(type_)

        def check(rid: int, patient: int | None, body: bytes) -> bool:
            if type_ == "Patient" and (patients is None or rid in patients):
                return True
            if patient is not None and (patients is None or patient in patients):
                return True
            if not _other_scopes(type_):
                return False
            return _is_of(body, elements, patients)

        return check

    # -- what members refer to ------------------------------------------------------------------

    def _refer(self, body: bytes) -> None:
        for type_, id_ in references_in((body,), SUPPORTING, self.base):
            self.referred.setdefault(type_, set()).add(id_)

    async def _write_supporting(self) -> None:
        """Write practitioners, places and the like that members refer to, also at second hand."""
        wanted = [
            name for name in self.wish.types or TYPE_NAMES
            if name in SUPPORTING and name not in COMPARTMENTS["Patient"]
        ]  # fmt: skip
        if self.wish.level == "system" or not wanted:
            return
        written: set[tuple[str, str]] = set()
        for _ in range(_ROUNDS):
            fresh = [
                (type_, id_) for type_, ids in self.referred.items() for id_ in ids
                if (type_, id_) not in written
            ]  # fmt: skip
            written.update(fresh)
            for type_ in sorted({type_ for type_, _ in fresh}):
                ids = {row_id(type_, id_): id_ for name, id_ in fresh if name == type_}
                arguments = [*self._arguments(type_), list(ids)]
                async for record in self._read(type_, store.BY_NAME, arguments):
                    body = unpack(record["body"])
                    self._refer(body)
                    if type_ in wanted and id_of(record["rid"], record["fid"]) in ids.values():
                        self._write(type_, body)
                        await self._tell_sometimes()

    # -- deletions, notes, progress ---------------------------------------------------------------

    async def _write_deletions(self, types: list[str]) -> Any:
        for type_ in types:
            check = self._membership(type_)
            entries: list[str] = []
            arguments = [*self._arguments(type_), check is not None]
            sql, arguments = put_into(store.DELETED_OF_TYPE, self._guard(), arguments, type_)
            cursor = self.connection.cursor(sql, *arguments, prefetch=_PAGE)
            async for record in cursor:
                stored = record["body"]
                if check is not None:
                    patient = None if stored is None else _patient(unpack(stored))
                    if stored is None or not check(record["rid"], patient, unpack(stored)):
                        continue
                entries.append(f"{type_}/{id_of(record['rid'], record['fid'])}")
                if len(entries) >= _DELETIONS_A_LINE:
                    self.files.write("Bundle", _deletions(entries))
                    entries = []
                await self._tell_sometimes()
            if entries:
                self.files.write("Bundle", _deletions(entries))
            self.steps += 1
        return self.files.take()

    def _write_notes(self) -> Any:
        for name in self.wish.ignored:
            outcome = r4.OperationOutcome(
                issue=[
                    r4.OperationOutcomeIssue(
                        severity="warning", code="not-supported",
                        diagnostics=f"The parameter {name} was left out: it is not done here.",
                    )
                ]
            )  # fmt: skip
            self.files.write("OperationOutcome", r4.encode(outcome))
        return self.files.take()

    async def _tell_sometimes(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told > 1.0:
            self._told = now
            await self.tell(self.progress)


def _deletions(references: list[str]) -> bytes:
    entries = [{"request": {"method": "DELETE", "url": one}} for one in references]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return json.dumps(bundle, separators=(",", ":")).encode()


async def members_of(tx: Tx, group_id: str, guard: Guard | None = None) -> list[str]:
    """Return the ids of the patients in a Group, without those who left it.

    Raises ResourceNotFound, ResourceDeleted.
    """
    found = await current(tx, "Group", group_id, guard)
    group = r4.decode(found.body or b"")
    if not isinstance(group, r4.Group):
        raise ResourceNotFound
    ids: dict[str, None] = {}
    for member in group.member or ():
        reference = (member.entity.reference if member.entity else None) or ""
        type_, _, id_ = reference.partition("/")
        if type_ == "Patient" and not member.inactive:
            ids[id_.partition("/")[0]] = None
    return list(ids)


@cache
def _elements(type_: str) -> frozenset[int]:
    """Return the elements by which a resource of this type belongs to a patient."""
    plan = plan_of(type_)
    codes = COMPARTMENTS["Patient"].get(type_, ())
    found = [plan.parameters[code].elements for code in codes if code in plan.parameters]
    return frozenset(element for elements in found for element in elements)


@cache
def _other_scopes(type_: str) -> tuple[int, ...]:
    """Return the key constants of those elements that do not fill the patient column."""
    own = plan_of(type_).patient_element
    return tuple(
        reference_scope(type_, element, "Patient") for element in _elements(type_) if element != own
    )


def _is_of(body: bytes, elements: frozenset[int], patients: frozenset[int] | None) -> bool:
    return any(
        target == "Patient"
        and element in elements
        and (patients is None or row_id("Patient", id_) in patients)
        for element, target, id_ in extract(r4.decode(body)).references
    )


def _patient(body: bytes) -> int | None:
    found = extract(r4.decode(body)).patient
    return None if found is None else row_id("Patient", found)


def manifest(job: Job, *, address: Callable[[str], str], at: datetime) -> dict[str, Any]:
    """Return the Bulk Data manifest of a finished job. `address` turns a file name into a URL."""

    def listed(files: Any) -> list[dict[str, Any]]:
        return [
            {"type": one.type, "url": address(one.name), "count": one.count}
            | ({"inputUrl": one.source} if one.source else {})
            for one in files
        ]

    return {
        "transactionTime": instant_text(micros(job.transaction_time or at)),
        "request": job.request,
        "requiresAccessToken": True,
        "output": listed(job.outcome.output),
        "deleted": listed(job.outcome.deleted),
        "error": listed(job.outcome.error),
    }


def folder_of(folder: Path, job: Job) -> Path:
    """Return where the files of a job lie."""
    return folder / job.id
