"""Running an import: sources line by line, a batch and how far it is in one transaction.

Main rule: the position moves with the lines it counts, so an import that was killed goes on where it
stood and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

import asyncpg
import httpx
import msgspec

from yba.foundation.record import loading, upkeep
from yba.foundation.record.bulk import store
from yba.foundation.record.bulk.errors import BulkRefused, JobFailed
from yba.foundation.record.bulk.exporting import ExportCancelled
from yba.foundation.record.bulk.model import ImportWish, Job, Outcome, Progress, Source, Written
from yba.foundation.record.bulk.working import BulkWorker
from yba.foundation.record.loading import Line, SetAside
from yba.foundation.record.subscriptions.sending import is_below
from yba.kernel.address import address_parts
from yba.plumbing.database import Tx

SENT = "sent.ndjson"
_ERRORS = "1.OperationOutcome.ndjson"
_LINES, _BYTES = 200, 1 << 20
_SECONDS = 60.0
_WHAT = "fhir_api.import"
Load: TypeAlias = Callable[..., Awaitable[list[SetAside]]]


@dataclass(slots=True)
class Importer:
    """Runs imports: from the inbox folder, from allowed addresses, or of what was sent."""

    inbox: Path
    allowed: Sequence[str] = ()

    async def __call__(self, job: Job, worker: BulkWorker) -> tuple[Outcome, Progress]:
        """Run a job; return its files and how far it came."""
        return await _Import(self, job, worker).run()

    def refuse_unreachable(self, source: Source) -> None:
        """Raise BulkRefused unless a source is one of those allowed."""
        if source.url == SENT:
            return
        if address_parts(source.url).scheme in ("http", "https"):
            if not any(is_below(source.url, prefix) for prefix in self.allowed):
                raise BulkRefused(reason="the operator has not allowed imports from this address")
            return
        self.file_of(source)

    def file_of(self, source: Source) -> Path:
        """Return the file of the inbox that a source names. Raises BulkRefused."""
        parts = address_parts(source.url)
        if parts.scheme not in ("", "file") or parts.netloc:
            raise BulkRefused(reason="a source must be a file of the inbox, or http(s)")
        inbox = self.inbox.resolve()
        path = (inbox / unquote(parts.path).replace("\0", "").lstrip("/")).resolve()
        if not path.is_relative_to(inbox) or not path.is_file():
            raise BulkRefused(reason="there is no such file in the inbox")
        return path

    async def fetched(self, url: str) -> AsyncIterator[bytes]:
        """Give what an address answers. Raises JobFailed."""
        async with httpx.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=_SECONDS
        ) as client:
            try:
                async with client.stream("GET", url) as answer:
                    if answer.status_code != 200:
                        raise JobFailed(reason=f"a source answered {answer.status_code}")
                    async for piece in answer.aiter_bytes():
                        yield piece
            except httpx.HTTPError as problem:
                raise JobFailed(
                    reason=f"a source was not reached ({type(problem).__name__})"
                ) from None


@dataclass(slots=True)
class _Import:
    importer: Importer
    job: Job
    worker: BulkWorker
    progress: Progress = field(default_factory=Progress)

    async def run(self) -> tuple[Outcome, Progress]:
        folder = self.worker.folder / self.job.id
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        wish = msgspec.convert(self.job.wish, ImportWish)
        self.progress = replace(self.job.progress, total_steps=len(wish.sources))
        errors = folder / _ERRORS
        # What was written after the last commit belongs to lines that come again.
        with errors.open("ab") as file:
            file.truncate(self.progress.error_bytes)
        for number in range(self.progress.steps, len(wish.sources)):
            await self._source(wish.sources[number], number, errors)
        await upkeep.analyze(self.worker.database.dsn)
        written = Written(_ERRORS, "OperationOutcome", self.progress.refused, errors.stat().st_size)
        return Outcome(error=(written,) if written.count else ()), self.progress

    async def _source(self, source: Source, number: int, errors: Path) -> None:
        self.importer.refuse_unreachable(source)
        skipped = self.progress.line
        batch: list[Line] = []
        size = 0
        async for line in loading.lines_in(self._pieces(source)):
            if line.number <= skipped:
                continue
            batch.append(line)
            size += len(line.content) + 1
            if len(batch) >= _LINES or size >= _BYTES:
                await self._store(batch, source, number, errors)
                batch, size = [], 0
        await self._store(batch, source, number, errors, is_last=True)

    async def _store(
        self, batch: Sequence[Line], source: Source, number: int, errors: Path, *,
        is_last: bool = False,
    ) -> None:  # fmt: skip
        """Store a batch together with how far we are. Raises ExportCancelled."""
        try:
            async with self.worker.database.transaction() as tx:
                await self._in(tx, loading.load, batch, source, number, errors, is_last)
        except asyncpg.PostgresError:
            if not batch:
                raise
            async with self.worker.database.transaction() as tx:
                await self._in(tx, loading.load_one_by_one, batch, source, number, errors, is_last)

    async def _in(
        self, tx: Tx, load: Load, batch: Sequence[Line], source: Source, number: int,
        errors: Path, is_last: bool,
    ) -> None:  # fmt: skip
        refused = await load(
            tx, batch, actor=self.job.actor, at=self.worker.clock(), type_=source.type, what=_WHAT
        )
        size = self._set_aside(refused, f"source {number + 1}", errors)
        before = self.progress
        after = replace(
            before,
            resources=before.resources + len(batch) - len(refused),
            bytes=before.bytes + sum(len(line.content) + 1 for line in batch),
            refused=before.refused + len(refused),
            error_bytes=size,
            steps=number + 1 if is_last else number,
            line=0 if is_last else batch[-1].number,
        )
        if not await tx.execute(store.PROGRESS, self.job.number, msgspec.to_builtins(after)):
            raise ExportCancelled
        self.progress = after

    def _set_aside(self, refused: Sequence[SetAside], source: str, errors: Path) -> int:
        """Write down lines that were not stored; return the size of the file."""
        with errors.open("r+b") as file:
            file.truncate(self.progress.error_bytes)
            file.seek(0, os.SEEK_END)
            for one in sorted(refused, key=lambda one: one.number):
                file.write(loading.outcome_of(one, source) + b"\n")
            file.flush()
            if refused:
                os.fsync(file.fileno())
            return file.tell()

    async def _pieces(self, source: Source) -> AsyncIterator[bytes]:
        if address_parts(source.url).scheme in ("http", "https"):
            fetched = self.importer.fetched(source.url)
            packed = address_parts(source.url).path.endswith(".gz")
            async for piece in loading.unpacked(fetched) if packed else fetched:
                yield piece
            return
        sent = self.worker.folder / self.job.id / SENT
        path = sent if source.url == SENT else self.importer.file_of(source)
        pieces = loading.pieces_of(path)
        try:
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece
        except (OSError, EOFError):
            raise JobFailed(reason="a source cannot be read") from None
