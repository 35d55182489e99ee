"""One HTTP request and its answer, on the raw ASGI interface."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from yba.foundation.record.errors import UnreadableBody
from yba.kernel.refusal import Refusal, TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

FHIR_JSON = b"application/fhir+json; charset=utf-8"
_COMPRESSED_FROM = 1400
_READABLE = ("json", "application/fhir+json", "application/json", "text/json")


class UnsupportedMedia(Refusal):
    """A body or an answer in a format that is not spoken here."""

    code = "fhir.unsupported-media"
    status = 415
    message = "Not read: this server speaks application/fhir+json."


class NotAcceptable(UnsupportedMedia):
    """An answer was asked for in a format that is not spoken here."""

    code = "fhir.not-acceptable"
    status = 406
    message = "Not answered: this server speaks application/fhir+json."


class Exchange:
    """A request below the FHIR base, and the one answer to it."""

    __slots__ = ("_receive", "_scope", "_send", "body_limit", "headers", "method", "path", "query")

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, root: str, body_limit: int):
        self._scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"][len(root) :].strip("/")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.body_limit = body_limit

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

    def refuse_other_formats(self) -> None:
        """Raise NotAcceptable if the answer must not be JSON."""
        wanted = self.parameter("_format").partition(";")[0].strip()
        if wanted and wanted.replace("fhir json", "fhir+json") not in _READABLE:
            raise NotAcceptable
        accepted = self.header(b"accept")
        if not wanted and accepted and "json" not in accepted and "*" not in accepted:
            raise NotAcceptable

    async def body(self) -> bytes:
        """Return the whole body, unpacked. Raises TooLarge, UnreadableBody, UnsupportedMedia."""
        limit = self.body_limit
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge(limit=limit)
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
                break
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        match self.header(b"content-encoding").strip().lower():
            case "" | "identity":
                return body
            case "gzip":
                return _unpacked(body, limit)
            case _:
                raise UnsupportedMedia

    def refuse_other_media(self, *allowed: str) -> None:
        """Raise UnsupportedMedia unless the body is declared as one of these, or not declared."""
        declared = self.header(b"content-type").partition(";")[0].strip().lower()
        if declared and declared not in (allowed or _READABLE):
            raise UnsupportedMedia

    async def answer(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        """Send the answer, packed when that is worth it and wanted."""
        head: Headers = [(b"content-type", FHIR_JSON)] if body else []
        if len(body) > _COMPRESSED_FROM and b"gzip" in self.headers.get(b"accept-encoding", b""):
            body = gzip.compress(body, 1)
            head += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        head.append((b"content-length", str(len(body)).encode()))
        if headers:
            head += headers
        head += _ALWAYS
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send(
            {"type": "http.response.body", "body": b"" if self.method == "HEAD" else body}
        )


_ALWAYS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def _unpacked(body: bytes, limit: int) -> bytes:
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
