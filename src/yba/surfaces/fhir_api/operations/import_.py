"""`$import`: bring in ndjson from the inbox, from allowed addresses, or as sent.

The request only writes down what is to be read; the worker does it (`record.bulk.importing`).
Standard: the HL7/SMART proposal for bulk data import (ping and pull), asynchronous as `$export`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from yba.fhir import r4
from yba.foundation.record.bulk import service
from yba.foundation.record.bulk.errors import BulkRefused
from yba.foundation.record.bulk.importing import SENT
from yba.foundation.record.bulk.model import ImportWish, Source
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api import bulk
from yba.surfaces.fhir_api.operation import Call, Given, Operation, value_of

_NDJSON = ("application/fhir+ndjson", "application/ndjson", "application/x-ndjson", "ndjson")
_STORED = ("file", "https", "http")
_MOST_SOURCES = 1000
_IGNORED = ("inputSource", "storageDetail", "inputFormat", "mode")


async def import_(call: Call) -> None:
    """Accept an import; answer where to look for it."""
    exchange = call.exchange
    if "respond-async" not in exchange.header(b"prefer"):
        raise BulkRefused(reason="an import is answered later; send Prefer: respond-async")
    media = exchange.header(b"content-type").partition(";")[0].strip().lower()
    if media in _NDJSON:
        await _accept_sent(call, await exchange.body())
        return
    sources = await _sources(call)
    for source in sources:
        call.do.importer.refuse_unreachable(source)
    await _accept(call, ImportWish(tuple(sources)))


async def _accept(call: Call, wish: ImportWish, sent: Path | None = None) -> None:
    async with call.do.database.transaction() as tx:
        job = await service.ask(
            tx, actor=call.actor, wish=wish, request=f"{call.do.base}/$import",
            at=call.do.clock(),
        )  # fmt: skip
        if sent is not None:
            folder = call.do.data_dir / bulk.FOLDER / job
            folder.mkdir(parents=True, mode=0o700)
            await asyncio.to_thread(sent.replace, folder / SENT)
    where = bulk.address(call.do.base, job)
    await call.exchange.answer(202, headers=[(b"content-location", where.encode())])


async def _accept_sent(call: Call, body: bytes) -> None:
    """Keep what was sent safely before it is accepted."""
    if not body.strip():
        raise BulkRefused(reason="nothing was sent")
    folder = call.do.data_dir / bulk.FOLDER
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    draft = folder / f".{new_id()}"
    try:
        await asyncio.to_thread(_write, draft, body)
        await _accept(call, ImportWish((Source(SENT),)), draft)
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


async def _sources(call: Call) -> list[Source]:
    given = await call.given()
    listed = [_source(given_one) for given_one in given.all("input")]
    _check(given)
    if not listed:
        raise BulkRefused(reason="name at least one input with its url")
    if len(listed) > _MOST_SOURCES:
        raise BulkRefused(reason=f"more than {_MOST_SOURCES} inputs")
    return listed


def _check(given: Given) -> None:
    for name in given.names:
        if name not in ("input", *_IGNORED):
            raise BulkRefused(reason="only inputFormat, inputSource, storageDetail and input")
    wanted = given.text("inputFormat").replace(" ", "+")
    if wanted and wanted not in _NDJSON:
        raise BulkRefused(reason="inputFormat must be application/fhir+ndjson")
    detail = given.one("storageDetail")
    if isinstance(detail, list):
        parts = {part.name: value_of(part) for part in detail}
        if str(parts.get("type", "https")) not in _STORED:
            raise BulkRefused(reason="storageDetail.type must be file or https")


def _source(parts: Any) -> Source:
    if not isinstance(parts, list):
        raise BulkRefused(reason="input must have the parts type and url")
    found: dict[str, str] = {}
    for part in parts:
        if not isinstance(part, r4.ParametersParameter) or part.name not in ("type", "url"):
            raise BulkRefused(reason="input must have the parts type and url")
        found[part.name] = str(value_of(part))
    type_ = found.get("type", "")
    if type_ and type_ not in TYPE_NUMBERS:
        raise BulkRefused(reason="input.type must be a resource type")
    if not found.get("url") or found["url"] == SENT:
        raise BulkRefused(reason="input needs a url")
    return Source(found["url"], type_)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "import", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/import",
        frozenset({"system"}), "fhir.import", import_, by_post_only=True,
    ),
)  # fmt: skip
