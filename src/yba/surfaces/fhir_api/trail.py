"""The audit trail of reads: collected for a moment, then written together.

Writes are audited in their own transaction. A read has none: its trace goes into a signed spool
before the answer, and into the table together with its neighbours within 250 ms. A process that is
killed in between loses none of them; the worker brings its spool in (docs/adr/0013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from yba.foundation.audit import service as audit
from yba.foundation.audit.errors import AuditLogDown
from yba.foundation.audit.model import Act
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

_EVERY_SECONDS = 0.25
_MOST_REFERENCES = 500
_log = structlog.get_logger("yba.fhir")
Key = tuple[str, str | None, str, str, str | None]


class Trail:
    """Traces of reads that wait to be written."""

    def __init__(self, database: Database, spool: audit.Spool | None = None) -> None:
        self._database = database
        self._spool = spool
        self._spooled: list[audit.SpoolPart] = []
        self._waiting: dict[Key, tuple[Actor, datetime, dict[str, None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def note(
        self, actor: Actor, what: str, patient_id: str | None, references: Iterable[str]
    ) -> None:
        """Note that `actor` saw these; what was noted outlives this process.

        Raises AuditLogDown if it cannot be kept: then the answer must not go out.
        """
        self.note_all(actor, what, {patient_id: references})

    def note_all(self, actor: Actor, what: str, seen: Mapping[str | None, Iterable[str]]) -> None:
        """Note what one answer shows `actor`, by patient. Raises AuditLogDown as `note` does."""
        at = utc_now()
        by_whom = (actor.account_id, actor.client_id, actor.purpose, what)
        acts: list[Act] = []
        for patient_id, references in seen.items():
            key = (*by_whom, patient_id)
            waiting = self._waiting.get(key)
            noted = waiting[2] if waiting is not None else None
            fresh = [one for one in references if noted is None or one not in noted]
            if fresh or noted is None:
                acts += [Act(actor, "R", what, at, patient_id, part) for part in _parts(fresh)]
        if not acts:
            return
        self._keep(acts)
        for act in acts:
            _, _, noted = self._waiting.setdefault((*by_whom, act.patient_id), (actor, at, {}))
            noted.update(dict.fromkeys(act.references))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_soon())

    def _keep(self, acts: Iterable[Act]) -> None:
        if self._spool is None:
            return
        try:
            self._spool.append([audit.row_of(act) for act in acts])
        except OSError as full:
            raise AuditLogDown from full

    async def _write_soon(self) -> None:
        await asyncio.sleep(_EVERY_SECONDS)
        self._task = None
        try:
            await self.flush()
        except Exception as problem:
            _log.error("audit.not-written", problem=type(problem).__name__)
            if self._waiting and self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self) -> None:
        """Write everything that waits."""
        waiting, self._waiting = self._waiting, {}
        if self._spool is not None and (part := self._spool.rotate()) is not None:
            self._spooled.append(part)
        acts = [
            Act(actor, "R", what, at, patient_id, part, None)
            for (*_, what, patient_id), (actor, at, seen) in waiting.items()
            for part in _parts(list(seen))
        ]
        try:
            async with self._database.transaction() as tx:
                await audit.record_many(tx, acts)
        except BaseException:
            for key, value in waiting.items():
                kept = self._waiting.setdefault(key, value)
                kept[2].update(value[2])
            raise
        written, self._spooled = self._spooled, []
        for part in written:
            part.forget()

    async def close(self) -> None:
        """Write what waits, and stop."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        try:
            await self.flush()
        finally:
            for part in self._spooled:
                part.abandon()
            if self._spool is not None:
                self._spool.close()


def _parts(references: list[str]) -> list[list[str]]:
    return [
        references[start : start + _MOST_REFERENCES]
        for start in range(0, max(len(references), 1), _MOST_REFERENCES)
    ]
