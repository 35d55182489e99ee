"""Below `bulk/`: how a bulk job is doing, its manifest, its files; for who asked for it only.

Standard: HL7 FHIR Bulk Data Access 2.0, "Bulk Data Status Request", "Output File Request".
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator
from email.utils import format_datetime
from pathlib import Path

import msgspec

from yba.foundation.record.bulk import service
from yba.foundation.record.bulk.errors import JobFailed, NoSuchJob
from yba.foundation.record.bulk.exporting import manifest
from yba.foundation.record.bulk.model import Job, Written
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.exchange import Exchange, Headers
from yba.surfaces.fhir_api.interactions import Interactions, NoSuchInteraction

PLACE = "bulk"
FOLDER = "bulk"
PERMISSIONS = {"export": "fhir.export", "import": "fhir.import"}
_NDJSON = b"application/fhir+ndjson"
_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def address(base: str, job_id: str, name: str = "") -> str:
    """Return where a job, or a file of it, is found."""
    return "/".join(part for part in (base, PLACE, job_id, name) if part)


async def answer(exchange: Exchange, actor: Actor, do: Interactions, rest: list[str]) -> None:
    """Answer below `bulk/`: GET and DELETE of a job, GET of a file."""
    if not any(actor.may(permission) for permission in PERMISSIONS.values()):
        raise AccessRefused
    if exchange.method not in ("GET", "HEAD", "DELETE") or len(rest) not in (1, 2):
        raise NoSuchInteraction
    at = do.clock()
    if exchange.method == "DELETE":
        if len(rest) != 1:
            raise NoSuchInteraction
        async with do.database.transaction() as tx:
            await service.cancel(tx, actor=actor, job_id=rest[0], at=at)
        await exchange.answer(202)
        return
    async with do.database.borrow() as connection:
        job = await service.find(Tx(connection), actor=actor, job_id=rest[0], at=at)
    if not actor.may(PERMISSIONS[job.kind]):
        raise AccessRefused
    if len(rest) == 1:
        await _state(exchange, do, job)
    else:
        await _file(exchange, actor, do, job, rest[1])


async def _state(exchange: Exchange, do: Interactions, job: Job) -> None:
    if job.state in ("accepted", "running"):
        text = "waiting" if job.state == "accepted" else job.progress.text()
        await exchange.answer(202, headers=[(b"x-progress", text.encode()), (b"retry-after", b"1")])
        return
    if job.state == "failed":
        raise JobFailed(reason=job.failure)
    shown = manifest(job, address=lambda name: address(do.base, job.id, name), at=job.asked_at)
    headers: Headers = [(b"content-type", b"application/json")]
    if job.expires_at is not None:
        headers.append((b"expires", format_datetime(job.expires_at, usegmt=True).encode()))

    async def once() -> AsyncGenerator[bytes]:
        yield msgspec.json.encode(shown)

    await exchange.stream(once(), b"application/json", headers=headers[1:])


async def _file(exchange: Exchange, actor: Actor, do: Interactions, job: Job, name: str) -> None:
    """Answer a file, a part of it, or all of it packed."""
    found = _named(job, name)
    path = do.data_dir / FOLDER / job.id / found.name
    if not path.is_file():
        raise NoSuchJob
    await do.trail.note(actor, "fhir_api.export-file", None, [f"Bundle/{job.id}"])
    size = path.stat().st_size
    tag = f'"{job.id}-{found.name}"'
    headers: Headers = [(b"accept-ranges", b"bytes"), (b"etag", tag.encode())]
    wanted = exchange.header(b"range")
    if wanted and exchange.header(b"if-range") in ("", tag):
        part = _part(wanted, size)
        if part is None:
            headers.append((b"content-range", f"bytes */{size}".encode()))
            await exchange.answer(416, headers=headers)
            return
        first, last = part
        headers += [
            (b"content-range", f"bytes {first}-{last}/{size}".encode()),
            (b"content-length", str(last - first + 1).encode()),
        ]
        pieces = _pieces(path, first, last + 1, head=exchange.method == "HEAD")
        await exchange.stream(pieces, _NDJSON, status=206, headers=headers)
        return
    packs = "gzip" in exchange.header(b"accept-encoding")
    if packs:
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    else:
        headers.append((b"content-length", str(size).encode()))
    pieces = _pieces(path, 0, size, head=exchange.method == "HEAD")
    await exchange.stream(_packed(pieces) if packs else pieces, _NDJSON, headers=headers)


def _named(job: Job, name: str) -> Written:
    for one in (*job.outcome.output, *job.outcome.deleted, *job.outcome.error):
        if one.name == name and job.state == "complete":
            return one
    raise NoSuchJob


def _part(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a single range, or None if it cannot be met."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        length = int(last or 0)
        return (max(0, size - length), size - 1) if length and size else None
    start, end = int(first), min(int(last) if last else size - 1, size - 1)
    return (start, end) if start <= end else None


async def _pieces(path: Path, start: int, end: int, *, head: bool) -> AsyncGenerator[bytes]:
    if head:
        return
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        left = end - start
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(_PIECE, left))
            if not piece:
                return
            left -= len(piece)
            yield piece
    finally:
        file.close()


async def _packed(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    async for piece in pieces:
        packed = await asyncio.to_thread(packer.compress, piece)
        if packed:
            yield packed
    yield packer.flush()
