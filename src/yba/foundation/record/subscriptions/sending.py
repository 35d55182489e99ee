"""Carrying a notification to where it is wanted: by HTTP, or by e-mail.

Main rule: an address in a private network is reached only where the operator allowed it; the
address that was checked is the one that is connected to, and no redirection is followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit, urlunsplit

import aiosmtplib
import httpx

from yba.kernel.address import address_parts

_USER_AGENT = "Yba-Subscriptions/1"
_MOST_READ = 64 * 1024
_MOST_HOSTS = 256
_LONGEST_SECONDS = 60


class NotDelivered(Exception):
    """A notification did not arrive. The text holds no personal data."""


@dataclass(slots=True)
class Sender:
    """Sends notifications; one for the life of a worker."""

    private: Sequence[str] = ()
    smtp_url: str = ""
    mail_from: str = ""
    # By host: connections are kept to addresses, and two hosts may share one.
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict[str, httpx.AsyncClient])

    async def close(self) -> None:
        """Let go of connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _client(self, place: str) -> httpx.AsyncClient:
        client = self._clients.get(place)
        if client is None:
            if len(self._clients) >= _MOST_HOSTS:
                await self._clients.pop(next(iter(self._clients))).aclose()
            client = self._clients[place] = httpx.AsyncClient(
                follow_redirects=False, trust_env=False, timeout=_LONGEST_SECONDS,
                limits=httpx.Limits(max_connections=16, max_keepalive_connections=4),
            )  # fmt: skip
        return client

    async def post(
        self, url: str, body: bytes, *, mime: str, headers: Sequence[str], seconds: float,
        method: str = "POST",
    ) -> None:  # fmt: skip
        """Send a body to an address. Raises NotDelivered unless the answer is 2xx."""
        try:
            async with asyncio.timeout(seconds):
                status = await self._post(method, url, body, mime, headers)
        except TimeoutError:
            raise NotDelivered("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            raise NotDelivered(f"not reached ({type(problem).__name__})") from None
        if not 200 <= status < 300:
            raise NotDelivered(f"answered {status}")

    async def _post(
        self, method: str, url: str, body: bytes, mime: str, headers: Sequence[str]
    ) -> int:
        target, host = await self._checked(url)
        given: dict[str, str] = {"user-agent": _USER_AGENT}
        if body:
            given["content-type"] = mime
        for line in headers:
            name, _, value = line.partition(":")
            given[name.strip().lower()] = value.strip()
        given["host"] = place = urlsplit(url).netloc
        client = await self._client(place)
        request = client.build_request(
            method, target, content=body, headers=given, extensions={"sni_hostname": host}
        )
        answer = await client.send(request, stream=True)
        try:
            read = 0
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read > _MOST_READ:
                    break
        finally:
            await answer.aclose()
        return answer.status_code

    async def _checked(self, url: str) -> tuple[str, str]:
        """Return the address with its host resolved, and the host. Raises NotDelivered."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        allowed = any(is_below(url, prefix) for prefix in self.private)
        if not addresses or not (allowed or all(map(is_public, addresses))):
            raise NotDelivered("the address lies in a private network")
        address = addresses[0]
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return urlunsplit((parts.scheme, place, parts.path or "/", parts.query, "")), host

    async def mail(self, to: str, subject: str, text: str, body: bytes, *, seconds: float) -> None:
        """Send an e-mail with the notification attached. Raises NotDelivered."""
        server = urlsplit(self.smtp_url)
        if not server.hostname:
            raise NotDelivered("no mail server is configured")
        message = EmailMessage()
        message["From"] = self.mail_from or f"yba@{server.hostname}"
        message["To"] = to.removeprefix("mailto:")
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        message.add_attachment(
            body, maintype="application", subtype="fhir+json", filename="notification.json"
        )
        implicit = server.scheme == "smtps"
        try:
            await aiosmtplib.send(
                message, hostname=server.hostname, port=server.port or (465 if implicit else 587),
                username=unquote(server.username) if server.username else None,
                password=unquote(server.password) if server.password else None,
                use_tls=implicit, timeout=seconds,
            )  # fmt: skip
        except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
            raise NotDelivered(f"mail not taken ({type(problem).__name__})") from None


def is_public(address: str) -> bool:
    """Return whether an IP address may be reached from anywhere."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_global and not found.is_multicast


def is_below(url: str, prefix: str) -> bool:
    """Return whether an address lies below an allowed one: same scheme, host and port."""
    wanted, given = address_parts(prefix), address_parts(url)
    same = bool(given.hostname) and (wanted.scheme, wanted.hostname) == (
        given.scheme,
        given.hostname,
    )
    if wanted.port is not None:
        same = same and wanted.port == given.port
    return same and given.path.startswith(wanted.path)
