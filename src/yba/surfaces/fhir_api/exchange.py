"""One HTTP request and its answer, on the raw ASGI interface.

Inside the server everything is FHIR JSON; a body in XML is converted on its way in, an answer on its
way out, where the request asks for it.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec
import zstandard

from yba.fhir import xml
from yba.foundation.record.errors import UnreadableBody
from yba.kernel.refusal import Refusal, TooLarge
from yba.surfaces.fhir_api import formats
from yba.surfaces.fhir_api.formats import FHIR_JSON, FHIR_XML, JSON_TYPES, XML_TYPES

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_COMPRESSED_FROM = 1400
_WITHOUT_LENGTH = (204, 304)
_CONVERTED_ASIDE_FROM = 100_000
_READABLE = (*JSON_TYPES, *XML_TYPES)


class UnsupportedMedia(Refusal):
    """A body or an answer in a format that is not spoken here."""

    code = "fhir.unsupported-media"
    status = 415
    message = "Not read: this server speaks application/fhir+json and application/fhir+xml."


class NotAcceptable(UnsupportedMedia):
    """An answer was asked for in a format that is not spoken here."""

    code = "fhir.not-acceptable"
    status = 406
    message = "Not answered: this server speaks application/fhir+json and application/fhir+xml."


class Exchange:
    """A request below the FHIR base, and the one answer to it."""

    __slots__ = (
        "_receive", "_scope", "_send", "answered", "body_limit", "headers", "in_xml", "method",
        "path", "query",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, root: str, body_limit: int):
        self._scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"][len(root) :].strip("/")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.body_limit = body_limit
        self.in_xml = False
        # What was answered: status, headers, body (kept only where somebody asks for it).
        self.answered: tuple[int, Headers, bytes] | None = None

    def header(self, name: bytes) -> str:
        """Return a request header, or ""."""
        return self.headers.get(name, b"").decode("latin-1")

    def parameter(self, name: str) -> str:
        """Return one plain parameter of the query string, or ""."""
        if name not in self.query:
            return ""
        for pair in self.query.split("&"):
            key, _, value = pair.partition("=")
            if key == name:
                return unquote(value.replace("+", " "))
        return ""

    def prefers(self, name: str) -> str:
        """Return the value of one preference of the Prefer header, or ""."""
        if b"prefer" not in self.headers:
            return ""
        return formats.preferences(self.header(b"prefer")).get(name, "")

    def refuse_other_formats(self) -> None:
        """Choose the format of the answer. Raises NotAcceptable if it may be neither of ours."""
        wanted = self.parameter("_format")
        if wanted:
            found = formats.by_name(wanted)
        else:
            accepted = self.headers.get(b"accept")
            if not accepted:
                return
            found = formats.by_accept(accepted.decode("latin-1"))
        if found is None:
            raise NotAcceptable
        self.in_xml = found == "xml"

    async def body(self) -> bytes:
        """Return the whole body, unpacked, FHIR XML as JSON.

        Raises TooLarge, UnreadableBody, UnsupportedMedia.
        """
        limit = self.body_limit
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge(limit=limit)
        body = await self._received(limit)
        match self.header(b"content-encoding").strip().lower():
            case "" | "identity":
                pass
            case "gzip" | "x-gzip":
                body = _gunzipped(body, limit)
            case "zstd":
                body = _unzstd(body, limit)
            case _:
                raise UnsupportedMedia
        media = self.headers.get(b"content-type")
        if media and b"xml" in media and self.media_type in XML_TYPES:
            return await self._converted(xml.to_json, body)
        return body

    async def _received(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise UnreadableBody(reason="the connection was closed")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise TooLarge(limit=limit)
            chunks.append(chunk)
            if not message.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _converted(self, convert: Callable[[bytes], bytes], document: bytes) -> bytes:
        try:
            if len(document) < _CONVERTED_ASIDE_FROM:
                return convert(document)
            return await asyncio.to_thread(convert, document)
        except xml.NotFhirXml as problem:
            raise UnreadableBody(reason=str(problem)) from None

    @property
    def media_type(self) -> str:
        """The bare media type of the body, or ""."""
        return formats.by_content_type(self.header(b"content-type"))[0]

    def refuse_other_media(self, *allowed: str) -> None:
        """Raise UnsupportedMedia unless the body is declared as one of these, or not declared.

        Without `allowed`: the formats of a resource.
        """
        declared = self.headers.get(b"content-type")
        if not declared:
            return
        name, readable = formats.by_content_type(declared.decode("latin-1"))
        if not readable or name not in (allowed or _READABLE):
            raise UnsupportedMedia

    async def answer(
        self, status: int, body: bytes = b"", headers: Headers | None = None, *, media: bytes = b""
    ) -> None:
        """Send the answer, converted and packed as the request asks.

        `body` is a resource in JSON, unless `media` says what else it is.
        """
        if body and not media:
            media = FHIR_JSON
            if self.in_xml:
                body, media = await self._converted(self._to_xml, body), FHIR_XML
            elif "_pretty=" in self.query and self.parameter("_pretty") == "true":
                body = msgspec.json.format(body, indent=2)
        head: Headers = [(b"content-type", media)] if body else []
        if len(body) > _COMPRESSED_FROM and b"accept-encoding" in self.headers:
            match formats.packing(self.header(b"accept-encoding")):
                case "gzip":
                    body = gzip.compress(body, 1)
                    head += _GZIP
                case "zstd":
                    body = zstandard.ZstdCompressor(level=1).compress(body)
                    head += _ZSTD
                case _:
                    head.append(_VARY)
        if status not in _WITHOUT_LENGTH:
            head.append((b"content-length", str(len(body)).encode()))
        if headers:
            head += headers
        head += _ALWAYS
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send(
            {"type": "http.response.body", "body": b"" if self.method == "HEAD" else body}
        )

    def _to_xml(self, body: bytes) -> bytes:
        return xml.to_xml(body, pretty=self.parameter("_pretty") == "true")

    async def stream(
        self, pieces: AsyncIterator[bytes], content_type: bytes, *, status: int = 200,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:  # fmt: skip
        """Send an answer piece by piece.

        What goes wrong before the first piece is raised; afterwards the answer is broken off.
        """
        first = await anext(pieces, b"")
        head: Headers = [(b"content-type", content_type), *headers, *_ALWAYS]
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for piece in pieces:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except Refusal:
            # The status is sent: without a last piece the client sees that the answer is cut off.
            return
        await self._send({"type": "http.response.body", "body": b""})


class InnerExchange(Exchange):
    """An entry of a bundle as a request of its own; its answer is kept instead of sent."""

    __slots__ = ("_content",)

    def __init__(self, method: str, url: str, headers: dict[bytes, bytes], content: bytes = b""):
        path, _, query = url.partition("?")
        self.method, self.query = method, query
        self.headers = {b"accept": b"application/fhir+json", **headers}
        self.path = unquote(path).strip("/")
        self.body_limit, self.in_xml, self.answered = 0, False, None
        self._content = content

    async def body(self) -> bytes:
        """Return the resource of the entry."""
        return self._content

    async def answer(
        self, status: int, body: bytes = b"", headers: Headers | None = None, *, media: bytes = b""
    ) -> None:
        """Keep the answer. Raises NotAcceptable for what is no resource."""
        if media and media != FHIR_JSON:
            raise NotAcceptable
        self.answered = (status, headers or [], b"" if self.method == "HEAD" else body)

    async def stream(
        self, pieces: AsyncIterator[bytes], content_type: bytes,  # noqa: ARG002
        *, status: int = 200,  # noqa: ARG002
        headers: Iterable[tuple[bytes, bytes]] = (),  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Refuse: a stream cannot stand in a bundle."""
        raise NotAcceptable


_ALWAYS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_VARY = (b"vary", b"accept-encoding")
_GZIP: Headers = [(b"content-encoding", b"gzip"), _VARY]
_ZSTD: Headers = [(b"content-encoding", b"zstd"), _VARY]


def _gunzipped(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise UnreadableBody(reason="the gzip body is broken") from None
    if len(content) > limit:
        raise TooLarge(limit=limit)
    if not unpacker.eof:
        raise UnreadableBody(reason="the gzip body is cut off")
    return content


def _unzstd(body: bytes, limit: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    try:
        with unpacker.stream_reader(body, read_across_frames=True) as reader:
            content = reader.read(limit + 1)
    except (zstandard.ZstdError, MemoryError):
        raise UnreadableBody(reason="the zstd body is broken") from None
    if len(content) > limit:
        raise TooLarge(limit=limit)
    # Known to be small enough now: read once more by the reader that tells whether the end was there.
    again = unpacker.decompressobj(read_across_frames=False)
    with suppress(zstandard.ZstdError):
        again.decompress(body)
    if not again.eof:
        raise UnreadableBody(reason="the zstd body is cut off")
    return content


def http_date(micros: int) -> bytes:
    """Return a moment as in `Last-Modified`."""
    return _http_second(micros // 1_000_000)


@lru_cache(maxsize=4096)
def _http_second(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def seconds_of(text: str) -> int | None:
    """Return the second that an HTTP date names, or None if it is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
