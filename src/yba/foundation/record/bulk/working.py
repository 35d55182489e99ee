"""The worker's side of bulk jobs: take one that waits or was abandoned, run it, write down its end.

Main rule: a job belongs to the connection that holds its lock; when its worker is killed the lock
falls, and the next look finds the job still open and takes it up.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec
import structlog

from yba.foundation.record.bulk import service, store
from yba.foundation.record.bulk.exporting import Export, ExportCancelled, Subset
from yba.foundation.record.bulk.files import LineFiles
from yba.foundation.record.bulk.model import ExportWish, Job, Outcome, Progress
from yba.foundation.record.query.estimate import statistics
from yba.kernel.ids import encode_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Connection, Database, Tx, connect

# An export reads for hours if it must; nobody else waits for its connection.
_PATIENT = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "application_name": "yba bulk",
}
_MOST_ATTEMPTS = 5
_log = structlog.get_logger("yba.bulk")

Importing = Callable[[Job, "BulkWorker"], Awaitable[tuple[Outcome, Progress]]]


@dataclass(slots=True)
class BulkWorker:
    """Runs the bulk jobs of one node. `base` is the FHIR base, `folder` where files lie."""

    database: Database
    folder: Path
    base: str
    file_bytes: int
    subset: Subset
    clock: Callable[[], datetime]
    importing: Importing | None = None

    async def run_waiting(self) -> int:
        """Run every job that waits, one after the other; return how many were run."""
        count = 0
        async with self.database.transaction() as tx:
            await service.clear_away(tx, folder=self.folder, at=self.clock())
            waiting = [service.job_of(one) for one in await tx.connection.fetch(store.OPEN)]
        for job in waiting:
            count += await self._try(job)
        return count

    async def _try(self, job: Job) -> bool:
        """Run one job unless another worker holds it."""
        connection = await connect(self.database.dsn, _PATIENT)
        try:
            if not await connection.fetchval(store.HOLD, job.number):
                return False
            async with self.database.transaction() as tx:
                if not await tx.execute(store.BEGIN, job.number):
                    return False
            await self._run(connection, job)
            return True
        finally:
            await connection.close(timeout=5)

    async def _run(self, connection: Connection, job: Job) -> None:
        try:
            if job.attempts >= _MOST_ATTEMPTS:
                raise _GivenUp
            if job.kind == "export":
                await self._export(connection, job)
            elif self.importing is not None:
                outcome, progress = await self.importing(job, self)
                await self._complete(job, outcome, progress)
        except ExportCancelled:
            self._clear(job)
        except Refusal as refused:
            await self._failed(job, refused.text())
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
            # The database or the disk went away: the job stays open and is tried again.
            _log.warning("bulk.interrupted", job=job.id)
            raise
        except Exception as problem:
            _log.error("bulk.bug", job=job.id, problem=type(problem).__name__)
            await self._failed(job, "an error on our side")

    async def _export(self, connection: Connection, job: Job) -> None:
        await statistics.read(Tx(connection))
        wish = msgspec.convert(job.wish, ExportWish)
        files = LineFiles(self.folder / job.id, limit=self.file_bytes)

        async def tell(progress: Progress) -> None:
            await self.tell(job, progress)

        export = Export(connection, job, wish, files, self.base, self.subset, tell)
        outcome = await export.run()
        job.transaction_time = export.at
        await self._complete(job, outcome, export.progress, export)

    async def tell(self, job: Job, progress: Progress) -> None:
        """Write down how far a job is. Raises ExportCancelled once it was cancelled."""
        async with self.database.transaction() as tx:
            if not await tx.execute(store.PROGRESS, job.number, msgspec.to_builtins(progress)):
                raise ExportCancelled

    async def _complete(
        self, job: Job, outcome: Outcome, progress: Progress, export: Export | None = None
    ) -> None:
        at = self.clock()
        async with self.database.transaction() as tx:
            done = await tx.execute(
                store.COMPLETE, job.number, msgspec.to_builtins(outcome),
                msgspec.to_builtins(progress), export.at if export else at,
                export.snapshot if export else None, at + service.KEPT_FOR,
            )  # fmt: skip
            if not done:
                raise ExportCancelled
            if export is not None:
                patients = [encode_id(row) for row in export.patients or () if row >= 0]
                references = [f"Bundle/{job.id}"]
                await service.disclose(
                    tx, job=job, patient_ids=patients, references=references, at=at
                )

    async def _failed(self, job: Job, reason: str) -> None:
        self._clear(job)
        at = self.clock()
        async with self.database.transaction() as tx:
            await tx.execute(store.FAIL, job.number, reason[:500], at + service.KEPT_FOR)

    def _clear(self, job: Job) -> None:
        shutil.rmtree(self.folder / job.id, ignore_errors=True)


class _GivenUp(Refusal):
    code = "record.job-given-up"
    status = 500
    message = "Not done: the job was broken off too often."


async def run_for_ever(
    worker: BulkWorker, stop: asyncio.Event, *, every_seconds: float = 5
) -> None:
    """Run jobs as they are asked for, until `stop`; looks by itself now and then."""
    wake = asyncio.Event()

    async def hear() -> None:
        async for _ in worker.database.listen("bulk"):
            wake.set()

    async def run() -> None:
        while True:
            wake.clear()
            try:
                await worker.run_waiting()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                _log.warning("bulk.database-away")
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), every_seconds)

    async def until_stopped() -> None:
        await stop.wait()

    tasks = [asyncio.create_task(one()) for one in (hear, run, until_stopped)]
    try:
        # A job that runs is broken off: whoever starts next takes it up again.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
