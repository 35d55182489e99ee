"""Pages of other sites that may call our interfaces: an allow-list, and never a cookie.

Main rule: only origins that somebody registered are answered, each by its own name; nothing is ever
said to carry credentials, so a browser sends no cookie along and a program must bring its token.
Standard: Fetch (WHATWG), "CORS protocol"; SMART App Launch 2.2, "Cross-Origin Resource Sharing".
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from yba.plumbing import refusals

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
IsAllowed = Callable[[str], bool]

_READABLE = (
    b"ETag, Location, Content-Location, Last-Modified, X-Progress, Retry-After, WWW-Authenticate"
)
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_SENDABLE = (
    b"Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, "
    b"If-Modified-Since, Idempotency-Key, DPoP"
)
_MAX_AGE = b"600"


class Cors:
    """Answers preflight requests to `prefixes`, and lets allowed origins read what is answered."""

    def __init__(self, inner: Asgi, prefixes: tuple[str, ...], is_allowed: IsAllowed) -> None:
        self._inner = inner
        self._prefixes = prefixes
        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefixes):
            await self._inner(scope, receive, send)
            return
        origin = _header(scope, b"origin")
        if not origin:
            await self._inner(scope, receive, send)
            return
        allowed = self._is_allowed(origin)
        if scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            if not allowed:
                refusals.remember_reason("web.foreign-origin")
            await _answer_preflight(send, origin if allowed else "")
            return

        async def send_readable(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"vary", b"Origin")]
                if allowed:
                    # Whoever may read the answer may use it in its own page.
                    headers = [h for h in headers if h[0] != b"cross-origin-resource-policy"]
                    headers += [
                        (b"access-control-allow-origin", origin.encode("latin-1")),
                        (b"access-control-expose-headers", _READABLE),
                        (b"cross-origin-resource-policy", b"cross-origin"),
                    ]
                message["headers"] = headers
            await send(message)

        await self._inner(scope, receive, send_readable)


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for n, v in scope["headers"] if n == name), "")


async def _answer_preflight(send: Send, origin: str) -> None:
    """Tell a browser what it may send; to an origin we do not know, nothing."""
    headers = [(b"vary", b"Origin"), (b"content-length", b"0")]
    if origin:
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _SENDABLE),
            (b"access-control-max-age", _MAX_AGE),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
