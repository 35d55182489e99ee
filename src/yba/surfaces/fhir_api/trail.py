"""The audit trail of reads: kept before the answer, written to the table together.

Writes are audited in their own transaction. A read has none: its trace goes into a signed spool
before the answer, one line for all reads that are answered in the same turn of the loop, and into
the table together with its neighbours within 250 ms. A process that is killed in between loses none
of them; the worker brings its spool in (docs/adr/0013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from yba.foundation.audit import service as audit
from yba.foundation.audit.errors import AuditLogDown
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

_EVERY_SECONDS = 0.25
_log = structlog.get_logger("yba.fhir")
# Account, client, purpose and act.
Whom = tuple[str, str | None, str, str]
# Who, since when, and by patient what was seen.
Seen = tuple[Actor, datetime, dict[str | None, dict[str, None]]]


class Trail:
    """Traces of reads that wait to be written."""

    def __init__(self, database: Database, spool: audit.Spool | None = None) -> None:
        self._database = database
        self._spool = spool
        self._spooled: list[audit.SpoolPart] = []
        # Of this turn: nobody is answered yet.
        self._turn: dict[Whom, Seen] = {}
        self._answers: list[asyncio.Future[None]] = []
        # In the spool: waits for the table.
        self._waiting: dict[Whom, Seen] = {}
        self._task: asyncio.Task[None] | None = None

    async def note(
        self, actor: Actor, what: str, patient_id: str | None, references: Iterable[str]
    ) -> None:
        """Note that `actor` saw these; when this returns, the note outlives this process.

        Raises AuditLogDown if it cannot be kept: then the answer must not go out.
        """
        await self.note_all(actor, what, {patient_id: references})

    async def note_all(
        self, actor: Actor, what: str, seen: Mapping[str | None, Iterable[str]]
    ) -> None:
        """Note what one answer shows `actor`, by patient. Raises AuditLogDown as `note` does."""
        whom = (actor.account_id, actor.client_id, actor.purpose, what)
        known = self._waiting[whom][2] if whom in self._waiting else {}
        fresh: dict[str | None, dict[str, None]] = {}
        for patient_id, references in seen.items():
            noted = known.get(patient_id)
            if noted is None:
                fresh[patient_id] = dict.fromkeys(references)
            elif new := {one: None for one in references if one not in noted}:
                fresh[patient_id] = new
        if fresh:
            _add(self._turn, whom, (actor, utc_now(), fresh))
            await self._end_of_turn()

    def _end_of_turn(self) -> asyncio.Future[None]:
        """Return what is done when the notes of this turn are in the spool."""
        loop = asyncio.get_running_loop()
        if not self._answers:
            loop.call_soon(self._keep_turn)
        answer: asyncio.Future[None] = loop.create_future()
        self._answers.append(answer)
        return answer

    def _keep_turn(self) -> None:
        turn, self._turn = self._turn, {}
        answers, self._answers = self._answers, []
        try:
            if self._spool is not None:
                self._spool.append(_rows(turn))
        except Exception as problem:
            why = _down(problem) if isinstance(problem, OSError) else problem
            for answer in answers:
                if not answer.done():
                    answer.set_exception(why)
            return
        for whom, one in turn.items():
            _add(self._waiting, whom, one)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_soon())
        for answer in answers:
            if not answer.done():
                answer.set_result(None)

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
        try:
            async with self._database.transaction() as tx:
                await audit.record_rows(tx, _rows(waiting))
        except BaseException:
            for whom, one in waiting.items():
                _add(self._waiting, whom, one)
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


def _rows(seen: dict[Whom, Seen]) -> list[audit.Row]:
    return [
        row
        for (*_, what), (actor, at, by_patient) in seen.items()
        for row in audit.rows_by_patient(actor, "R", what, at, by_patient)
    ]


def _add(to: dict[Whom, Seen], whom: Whom, more: Seen) -> None:
    there = to.setdefault(whom, more)
    if there is more:
        return
    for patient_id, references in more[2].items():
        mine = there[2].setdefault(patient_id, references)
        if mine is not references:
            mine.update(references)


def _down(cause: OSError) -> AuditLogDown:
    problem = AuditLogDown()
    problem.__cause__ = cause
    return problem
