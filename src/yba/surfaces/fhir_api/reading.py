"""Reading one resource: read, vread, and binary content as it is.

Standard: FHIR R4 http.html#read, #vread, #concurrency; binary.html#rest.
"""

from __future__ import annotations

import binascii

from yba.fhir import r4
from yba.foundation.record import reading
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnsearchableQuery
from yba.foundation.record.model import Version
from yba.foundation.record.query.controls import elements_of
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api import formats, subsetting
from yba.surfaces.fhir_api.exchange import Exchange, Headers, http_date, seconds_of
from yba.surfaces.fhir_api.interactions import READ, Interactions, permit


async def read(do: Interactions, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
    """Answer the current state of one resource."""
    permit(actor, READ)
    found = await do.reads.read(type_, id_, do.guard(actor))
    if found is None:
        raise ResourceNotFound
    if found.deleted:
        raise ResourceDeleted(reference=f"{type_}/{id_}")
    await do.note_seen(actor, "read", found)
    await _show(exchange, found)


async def vread(
    do: Interactions, exchange: Exchange, actor: Actor, type_: str, id_: str, version: str
) -> None:
    """Answer one state of one resource."""
    permit(actor, READ)
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise ResourceNotFound
    async with do.database.borrow() as connection:
        found = await reading.version(Tx(connection), type_, id_, int(version), do.guard(actor))
    await do.note_seen(actor, "vread", found)
    await _show(exchange, found)


async def _show(exchange: Exchange, found: Version) -> None:
    headers = exchange.headers
    tag = found.etag
    if b"if-none-match" in headers:
        if _names(exchange.header(b"if-none-match"), found.version):
            await _not_modified(exchange, found)
            return
    elif b"if-modified-since" in headers:
        since = seconds_of(exchange.header(b"if-modified-since"))
        if since is not None and found.updated // 1_000_000 <= since:
            await _not_modified(exchange, found)
            return
    body = found.body or b""
    head: Headers = [(b"etag", tag.encode()), (b"last-modified", http_date(found.updated))]
    if found.type == "Binary":
        if _wants_content(exchange):
            content, media = _content(body)
            await exchange.answer(200, content, head, media=media)
            return
        exchange.refuse_other_formats()
    if exchange.query:
        elements = exchange.parameter("_elements")
        summary = exchange.parameter("_summary")
        if elements or summary not in ("", "false"):
            body = _part(body, found.type, elements, summary)
    await exchange.answer(200, body, head)


def _part(body: bytes, type_: str, elements: str, summary: str) -> bytes:
    """Return the part of a resource that `_elements` or `_summary` asks for."""
    if summary not in ("", "false", "true", "text", "data"):
        raise UnsearchableQuery(reason="_summary of one resource must be true, false, data or text")
    names = subsetting.elements_for(type_, elements_of(elements, [type_]), is_match=True)
    wanted = "" if summary == "false" else summary
    return subsetting.subset(body, names, wanted) if names or wanted else body


def _names(tags: str, version: int) -> bool:
    wanted = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return f'"{version}"' in wanted or "*" in wanted


async def _not_modified(exchange: Exchange, found: Version) -> None:
    await exchange.answer(
        304,
        headers=[(b"etag", found.etag.encode()), (b"last-modified", http_date(found.updated))],
    )


def _wants_content(exchange: Exchange) -> bool:
    """Return whether binary content is wanted as it is: no format of FHIR was asked for."""
    return not exchange.parameter("_format") and not formats.names_fhir(exchange.header(b"accept"))


def _content(body: bytes) -> tuple[bytes, bytes]:
    binary = r4.decode_as(r4.Binary, body)
    try:
        content = binascii.a2b_base64(binary.data or "")
    except (binascii.Error, ValueError):
        content = b""
    # A type that could run in a browser is not believed: nosniff is sent with every answer.
    media = (binary.contentType or "application/octet-stream").encode("ascii", "ignore")
    return content, media.replace(b"\r", b"").replace(b"\n", b"")
