"""The audit trail of reads: kept before the answer, written to the table together.

Writes are audited in their own transaction. A read has none: its trace goes into a signed spool
before the answer, one line for all reads that are answered in the same turn of the loop, and into
the table together with its neighbours within 250 ms. A process that is killed in between loses none
of them; the worker brings its spool in (docs/adr/0013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
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
# By account, client, purpose, act and patient: who, since when, and what was seen.
Seen = dict[Key, tuple[Actor, datetime, dict[str, None]]]


class Trail:
    """Traces of reads that wait to be written."""

    def __init__(self, database: Database, spool: audit.Spool | None = None) -> None:
        self._database = database
        self._spool = spool
        self._spooled: list[audit.SpoolPart] = []
        # Of this turn: nobody is answered yet.
        self._turn: Seen = {}
        self._answers: list[asyncio.Future[None]] = []
        # In the spool: waits for the table.
        self._waiting: Seen = {}
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
        account, client, purpose = actor.account_id, actor.client_id, actor.purpose
        turn, is_fresh = self._turn, False
        for patient_id, references in seen.items():
            key = (account, client, purpose, what, patient_id)
            kept = self._waiting.get(key)
            known = kept[2] if kept is not None else None
            fresh = [one for one in references if known is None or one not in known]
            if not fresh and known is not None:
                continue
            is_fresh = True
            mine = turn.get(key)
            if mine is None:
                turn[key] = (actor, utc_now(), dict.fromkeys(fresh))
            else:
                mine[2].update(dict.fromkeys(fresh))
        if is_fresh:
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
                self._spool.append([audit.row_of(act) for act in _acts(turn)])
        except Exception as problem:
            why = _down(problem) if isinstance(problem, OSError) else problem
            for answer in answers:
                if not answer.done():
                    answer.set_exception(why)
            return
        _add(self._waiting, turn)
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
                await audit.record_many(tx, list(_acts(waiting)))
        except BaseException:
            _add(self._waiting, waiting)
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


def _acts(seen: Seen) -> Iterator[Act]:
    """Yield the acts, none with more resources than a row holds."""
    for (*_, what, patient_id), (actor, at, noted) in seen.items():
        references = list(noted)
        for start in range(0, max(len(references), 1), _MOST_REFERENCES):
            part = references[start : start + _MOST_REFERENCES]
            yield Act(actor, "R", what, at, patient_id, part)


def _add(to: Seen, more: Seen) -> None:
    for key, value in more.items():
        if (there := to.setdefault(key, value)) is not value:
            there[2].update(value[2])


def _down(cause: OSError) -> AuditLogDown:
    problem = AuditLogDown()
    problem.__cause__ = cause
    return problem
