"""The audit trail of reads: collected for a moment, then written together.

Writes are audited in their own transaction. A read has none, so its trace is written within
250 ms after the answer; a node that is killed in between loses those traces and nothing else
(docs/adr/0011).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

import structlog

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Act
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

_EVERY_SECONDS = 0.25
_MOST_REFERENCES = 500
_log = structlog.get_logger("yba.fhir")
Key = tuple[str, str, str | None]


class Trail:
    """Traces of reads that wait to be written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Key, tuple[Actor, datetime, dict[str, None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def note(
        self, actor: Actor, what: str, patient_id: str | None, references: Iterable[str]
    ) -> None:
        """Note that `actor` saw these."""
        key = (actor.account_id, what, patient_id)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = (actor, utc_now(), {})
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._write_soon())
        seen = waiting[2]
        for reference in references:
            seen[reference] = None

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
        acts = [
            Act(actor, "R", what, at, patient_id, part, None)
            for (_, what, patient_id), (actor, at, seen) in waiting.items()
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

    async def close(self) -> None:
        """Write what waits, and stop."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.flush()


def _parts(references: list[str]) -> list[list[str]]:
    return [
        references[start : start + _MOST_REFERENCES]
        for start in range(0, max(len(references), 1), _MOST_REFERENCES)
    ]
