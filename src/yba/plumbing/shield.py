"""What every request passes first: whose host, how large, how fast, how often; what every answer says.

Main rules: a name that is not ours is not answered; forwarded addresses count only from proxies that
the operator named, and are taken out of every other request; callers are counted in token buckets by
class of route (docs/adr/0020); no answer leaves without the headers that browsers need.
Standards: RFC 9110 §15.5, RFC 6585 (429, 431), RFC 6797, OWASP ASVS 5.0 V3.4, V4.1, V2.4.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from yba.kernel.address import address_parts
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing import refusals
from yba.plumbing.buckets import Buckets, Rate, network_of
from yba.plumbing.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Tell = Callable[[Scope, Refusal], tuple[bytes, bytes]]

_MOST_HEADERS = 100
_MOST_HEADER_BYTES = 32 * 1024
_LONGEST_TARGET = 16 * 1024
# A sender who is silent for so long gives up its place.
_SILENCE_SECONDS = 30.0
_FORWARDED = frozenset(
    (b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip",
     b"x-forwarded-port", b"x-forwarded-prefix", b"x-original-url", b"x-rewrite-url")
)  # fmt: skip
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
_DEFAULT_HEADERS = (
    (b"content-security-policy",
     b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"cache-control", b"private, no-store"),
)  # fmt: skip
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class UnknownHost(Refusal):
    """The request names a host that this node does not answer for."""

    code = "web.unknown-host"
    status = 421
    message = "Not answered: this address does not belong here."


class HeadersTooLarge(Refusal):
    """More or longer headers than any browser sends."""

    code = "web.headers-too-large"
    status = 431
    message = "Not accepted: the request has too many headers, or too long ones."


class TargetTooLong(Refusal):
    """A longer address than any page or search of ours."""

    code = "web.target-too-long"
    status = 414
    message = "Not accepted: the address is too long."


class BadHost(Refusal):
    """No host is named, or several, or one that no host can have (RFC 9112 §3.2)."""

    code = "web.bad-host"
    status = 400
    message = "Not answered: the request must name exactly one host."


class AddressUnreadable(Refusal):
    """A parameter holds what no text holds: the database keeps no NUL, and nobody types one."""

    code = "web.address-unreadable"
    status = 400
    message = "Not accepted: the address holds a character that no text has."


class RequestBroken(Refusal):
    """The body of a request broke off, or was not framed as HTTP asks."""

    code = "web.request-broken"
    status = 400
    message = "Not accepted: the request broke off before its end."


class TooManyRequests(Refusal):
    """A caller exceeds what its class of routes allows; `seconds` says when to try again."""

    code = "web.too-many-requests"
    status = 429
    message = "Too many requests. Please try again in %(seconds)s seconds."


class RequestTooSlow(Refusal):
    """The rest of a request did not arrive in time."""

    code = "web.too-slow"
    status = 408
    message = "The request did not arrive completely in time. Please try again."


# Guessing costs the guesser most; reading by somebody who proved herself, hardly anything.
RATES: dict[str, Rate] = {
    "sign-in": Rate(60, 1.0),
    "token": Rate(120, 10.0),
    "check": Rate(60, 1.0),
    "check-file": Rate(20, 0.34),
    "write": Rate(300, 30.0),
    "read": Rate(1500, 150.0),
    "fhir": Rate(20_000, 4000.0),
    "static": Rate(3000, 500.0),
}
_SIGN_IN = ("/sign-in", "/prove", "/activate", "/account/security", "/shared", "/me/share")
_STATIC = ("/static/",)


def class_of(path: str, method: str) -> str:
    """Return which bucket a request draws from."""
    is_write = method not in ("GET", "HEAD", "OPTIONS")
    if path.startswith(_SIGN_IN) and is_write:
        return "sign-in"
    if path.startswith("/oauth/"):
        return "token"
    if path.startswith("/verify"):
        return "check-file" if is_write else "check"
    if path.startswith("/fhir"):
        return "fhir"
    if path.startswith(_STATIC):
        return "static"
    return "write" if is_write else "read"


class Shield:
    """The outermost layer of the application."""

    def __init__(
        self, inner: Asgi, config: Settings, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner = inner
        self._tell = tell
        self._clock = clock
        self._hosts = frozenset(host.lower() for host in config.allowed_hosts)
        self._proxies = _networks(config.trusted_proxies)
        self._is_limiting = config.rate_limits
        self._origins = frozenset(config.cors_origins)
        self._buckets = Buckets()
        self._log = refusals.RefusalLog(config.secret)
        secure = urlsplit(config.base_url).scheme == "https"
        self._headers = (*_DEFAULT_HEADERS, _HSTS) if secure else _DEFAULT_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before anybody has worked for it."""
        self._settle_sender(scope)
        refusals.begin(scope)
        refusal = self._refusal(scope)
        if refusal is not None:
            refusals.remember(refusal)
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send, refusal)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._complete(message)
                self._note(scope, message["status"])
            await send(message)

        if refusal is not None:
            await self._refuse(scope, send_with_headers, refusal)
            return
        try:
            await self._inner(scope, _patient(scope, receive), send_with_headers)
        except (RequestTooSlow, RequestBroken) as cut:
            if begun:
                raise
            await self._refuse(scope, send_with_headers, cut)

    async def _websocket(
        self, scope: Scope, receive: Receive, send: Send, refusal: Refusal | None
    ) -> None:
        if refusal is None and self._is_own_page(scope):
            await self._inner(scope, receive, send)
            return
        refusals.remember_reason("web.foreign-origin")
        self._note(scope, 403)
        await send({"type": "websocket.close", "code": 4403})

    def _note(self, scope: Scope, status: int) -> None:
        if "yba.refused" not in scope and status not in refusals.STATUSES:
            return
        route = scope.get("yba.route") or class_of(scope["path"], scope.get("method", "GET"))
        self._log.note(scope, status=status, route=route, now=self._clock())

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if len(headers) > _MOST_HEADERS or _size(headers) > _MOST_HEADER_BYTES:
            return HeadersTooLarge()
        if len(scope["path"]) + len(scope.get("query_string", b"")) > _LONGEST_TARGET:
            return TargetTooLong()
        if "\0" in scope["path"]:
            return NotFound()
        if b"%00" in scope.get("query_string", b"") or b"\0" in scope.get("query_string", b""):
            return AddressUnreadable()
        named = [value for name, value in headers if name == b"host"]
        if len(named) > 1 or not _HOST.fullmatch(named[0] if named else b"x"):
            return BadHost()
        if not named and scope.get("http_version", "1.1") == "1.1":
            return BadHost()
        if not self._is_our_host(named):
            return UnknownHost()
        if not self._is_limiting or scope["type"] != "http":
            return None
        kind = class_of(scope["path"], scope["method"])
        waits = self._buckets.take(RATES[kind], (kind, _caller(scope, kind)), self._clock())
        return TooManyRequests(seconds=int(waits) + 1) if waits else None

    def _is_our_host(self, named: Sequence[bytes]) -> bool:
        if "*" in self._hosts:
            return True
        host = named[0].decode("latin-1").lower() if named else ""
        bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return host in self._hosts or bare in self._hosts or bare in _LOOPBACK

    def _is_own_page(self, scope: Scope) -> bool:
        """Return whether a handshake comes from no browser, our own page or an allowed one."""
        origin = _header(scope["headers"], b"origin")
        if not origin or origin in self._origins:
            return True
        return address_parts(origin).netloc == _header(scope["headers"], b"host") != ""

    def _settle_sender(self, scope: Scope) -> None:
        """Believe a proxy of ours about who sent the request; take the claim out of any other."""
        if not any(name in _FORWARDED for name, _ in scope["headers"]):
            return
        scope["yba.forwarded"] = True
        chain = _header(scope["headers"], b"x-forwarded-for")
        proto = _header(scope["headers"], b"x-forwarded-proto")
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _FORWARDED]
        client = scope.get("client")
        if client is None or not self._is_proxy(client[0]):
            return
        for hop in reversed([part.strip() for part in chain.split(",")]):
            try:
                ip_address(hop)
            except ValueError:
                break
            scope["client"] = (hop, 0)
            if not self._is_proxy(hop):
                break
        if proto in ("http", "https"):
            scope["scheme"] = proto

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)

    def _complete(self, message: Message) -> None:
        """Add every header that the answer lacks."""
        headers = list(message.get("headers", ()))
        known = {name for name, _ in headers}
        headers += [pair for pair in self._headers if pair[0] not in known]
        message["headers"] = headers

    async def _refuse(self, scope: Scope, send: Send, refusal: Refusal) -> None:
        kind, body = self._tell(scope, refusal)
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        if isinstance(refusal, TooManyRequests):
            headers.append((b"retry-after", str(refusal.values["seconds"]).encode()))
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _patient(scope: Scope, receive: Receive) -> Receive:
    """Return a `receive` that waits for the next part of a body only so long, and wants all of it."""
    complete = False
    has_body = any(name in _FRAMING for name, _ in scope["headers"])

    async def next_part() -> Message:
        nonlocal complete
        if complete:
            # Only the news of a disconnection is left to come.
            return await receive()
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise RequestTooSlow from None
        if has_body and message["type"] == "http.disconnect":
            raise RequestBroken
        complete = not message.get("more_body", False)
        return message

    return next_part


def _networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum([len(name) + len(value) for name, value in headers])


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _caller(scope: Scope, kind: str) -> str:
    """Return who draws from the bucket: a session or token, else the network it comes from.

    Where secrets are guessed only the network counts: a guesser makes up new tokens for free. A
    session that was made up has a bucket of its own but costs one look-up, so its network is
    bounded by the class "sign-in" of what it would have to guess.
    """
    if kind not in ("sign-in", "token", "check", "check-file", "static"):
        proof = _header(scope["headers"], b"authorization") or _header(scope["headers"], b"cookie")
        if proof:
            return hashlib.blake2b(proof.encode("latin-1"), digest_size=12).hexdigest()
    return network_of(scope["client"][0] if scope.get("client") else "")
