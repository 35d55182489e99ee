"""Programs, grants and launches: their shapes, their lives, and which addresses they may name."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from yba.foundation.authorization.errors import ProgramRefused
from yba.foundation.authorization.scopes import (
    LETTERS,
    Granted,
    Letter,
    ResourceScope,
    granted_of,
)

__all__ = [
    "LETTERS", "Client", "Grant", "Granted", "Letter", "Method", "ResourceScope", "granted_of",
]  # fmt: skip

Method: TypeAlias = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
METHODS: tuple[Method, ...] = (
    "none", "client_secret_basic", "client_secret_post", "private_key_jwt",
)  # fmt: skip
CODE_LIFE = timedelta(seconds=60)
LAUNCH_LIFE = timedelta(minutes=5)
PUSHED_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(hours=1)
# SMART Backend Services: "expires_in … SHOULD NOT exceed 300 seconds".
SYSTEM_LIFE = timedelta(minutes=5)
IDENTITY_LIFE = timedelta(hours=1)
# With online_access, and without refreshing at all: a working day.
DAY_LIFE = timedelta(hours=12)
LIVES: dict[str, timedelta] = {
    "hour": ACCESS_LIFE,
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "quarter": timedelta(days=90),
}
ASSERTION_LIFE = timedelta(minutes=5)
# Clocks of two machines may differ by so much.
SKEW = timedelta(seconds=10)
ASSERTION_ALGORITHMS = ("RS384", "ES384", "RS256", "ES256")
KEY_LIFE = timedelta(days=90)
KEY_SHOWN_AFTER = timedelta(days=2)
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_LONGEST_URI = 500
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered program."""

    id: str
    name: str
    method: Method
    secret_sha256: bytes | None
    jwks: Any
    jwks_uri: str | None
    redirect_uris: list[str]
    logout_uris: list[str]
    launch_uri: str | None
    scopes: list[str]
    grants: list[str]
    is_trusted: bool
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_public(self) -> bool:
        """Return whether it cannot keep a secret."""
        return self.method == "none"


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted once, with all tokens that come of it."""

    id: str
    client_id: str
    account_id: str | None
    scopes: list[str]
    audience: str | None
    patient_id: str | None
    encounter_id: str | None
    session_id: str | None
    methods: list[str]
    proven_at: datetime | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Return whether it still counts."""
        return self.revoked_at is None and self.expires_at > at


def _is_loopback(host: str) -> bool:
    """Return whether an address names this machine by number (RFC 8252 section 8.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_address(text: str, *, private_scheme: bool = False) -> None:
    """Raise ProgramRefused unless `text` may be an address of a program.

    https, or http on this machine by number or as localhost; for redirections of installed programs
    also a scheme of their own with a dot (RFC 8252 section 7.1). Without fragment, user or wildcard.
    """
    if len(text) > _LONGEST_URI or not text.isascii() or not text.isprintable() or " " in text:
        raise ProgramRefused(reason="an address must be plain ASCII without spaces")
    if any(letter in text for letter in '\\*"<>^`{}|'):
        raise ProgramRefused(reason="an address must not hold wildcards or quotes")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ProgramRefused(reason="an address cannot be read") from None
    if "#" in text or parts.username is not None or parts.password is not None:
        raise ProgramRefused(reason="an address must not hold a fragment or a user")
    if "/../" in text or text.endswith("/..") or "/./" in text:
        raise ProgramRefused(reason="an address must be written without dot segments")
    match parts.scheme:
        case "https" if host:
            return
        case "http" if _is_loopback(host) or host == "localhost":
            return
        case scheme if private_scheme and _SCHEME.fullmatch(scheme):
            return
        case _:
            raise ProgramRefused(reason="an address must begin with https://")


def matches_redirection(registered: str, asked: str) -> bool:
    """Return whether a redirection address is the registered one, letter by letter.

    A program on the person's own machine may listen at any port (RFC 8252 section 7.3), if the
    registered address names the machine by number.
    """
    if registered == asked:
        return True
    ours = urlsplit(registered)
    if ours.scheme != "http" or not _is_loopback(ours.hostname or ""):
        return False
    try:
        theirs = urlsplit(asked)
        port = theirs.port
    except ValueError:
        return False
    host = f"[{ours.hostname}]" if ":" in (ours.hostname or "") else ours.hostname
    authority = host if port is None else f"{host}:{port}"
    rest = ours.path + (f"?{ours.query}" if ours.query else "")
    return asked == f"http://{authority}{rest}"


def origin_of(address: str) -> str | None:
    """Return the web origin of an address, or None if it is not of the web."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") else None
