"""What a browser carries for accounts: the session, the device it is, a ceremony under way."""

import hmac
import ipaddress
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.accounts.model import SESSION_LIFE, Client
from yba.foundation.accounts.passkeys import CHALLENGE_LIFE, Site
from yba.kernel.address import address_parts
from yba.plumbing.settings import Settings
from yba.plumbing.web import host_cookie, state_of

COOKIE = "session"
_PENDING = "second-factor"
_DEVICE = "device"
_CEREMONY = "ceremony"
_DEVICE_LIFE = timedelta(days=180)
_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")


def is_secure(settings: Settings) -> bool:
    """Return whether this installation is reached over TLS."""
    return settings.base_url.startswith("https:")


def cookie_name(settings: Settings, plain: str = COOKIE) -> str:
    """Return the name of a cookie: bound to this very host where TLS makes that possible."""
    return host_cookie(settings, plain)


def _cookie(request: Request, plain: str) -> str:
    return request.cookies.get(cookie_name(state_of(request).settings, plain), "")


def _set(request: Request, response: Response, plain: str, value: str, life: timedelta) -> None:
    settings = state_of(request).settings
    response.set_cookie(
        cookie_name(settings, plain), value, max_age=int(life.total_seconds()), path="/",
        httponly=True, samesite="lax", secure=is_secure(settings),
    )  # fmt: skip


def _delete(request: Request, response: Response, plain: str) -> None:
    settings = state_of(request).settings
    response.delete_cookie(
        cookie_name(settings, plain), path="/", httponly=True, samesite="lax",
        secure=is_secure(settings),
    )  # fmt: skip


# -- the session ----------------------------------------------------------------------------------


def session_token(request: Request) -> str:
    """Return the token that the browser brought, or ""."""
    return _cookie(request, COOKIE)


def with_session(
    request: Request, response: Response, token: str, account_id: str = ""
) -> Response:
    """Give the browser its session; with `account_id` remember the device as hers."""
    _set(request, response, COOKIE, token, SESSION_LIFE)
    _delete(request, response, _PENDING)
    if account_id:
        _set(request, response, _DEVICE, _device_proof(request, account_id), _DEVICE_LIFE)
    return response


def without_session(request: Request, response: Response) -> Response:
    """Take the session from the browser, and what it has kept of our pages."""
    _delete(request, response, COOKIE)
    _delete(request, response, _PENDING)
    response.headers["clear-site-data"] = '"cache", "storage"'
    return response


def pending_token(request: Request) -> str:
    """Return the token of a sign-in that waits for its second factor, or ""."""
    return _cookie(request, _PENDING)


def with_pending(request: Request, response: Response, token: str) -> Response:
    """Give the browser a sign-in that waits for its second factor."""
    _set(request, response, _PENDING, token, CHALLENGE_LIFE * 2)
    return response


# -- the device -----------------------------------------------------------------------------------


def _device_proof(request: Request, account_id: str) -> str:
    secret = state_of(request).settings.secret
    seal = hmac.digest(secret, f"device {account_id}".encode(), "sha256").hex()
    return f"{account_id}.{seal}"


def client_of(request: Request) -> Client:
    """Return from where somebody asks: the network, the browser's own words, the known device."""
    return Client(
        network=_network(request.client.host if request.client else ""),
        device=_device(request.headers.get("user-agent", "")),
        known_account=_known_account(request),
        session_token=session_token(request),
    )


def _known_account(request: Request) -> str:
    brought = _cookie(request, _DEVICE)
    account_id = brought.partition(".")[0]
    is_ours = hmac.compare_digest(brought.encode(), _device_proof(request, account_id).encode())
    return account_id if account_id and is_ours else ""


def _network(host: str) -> str:
    """Return the neighbourhood of an address: what one person can easily ask from."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    length = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _device(agent: str) -> str:
    """Return a few words that a person recognises her browser by."""
    browser = next((name for name in _BROWSERS if f"{name}/" in agent), "")
    system = next((name for name in _SYSTEMS if name in agent), "")
    named = _NAMES.get(browser, browser)
    return " · ".join(part for part in (named, system) if part) or agent[:40]


# -- a ceremony with a passkey --------------------------------------------------------------------


def site_of(request: Request) -> Site:
    """Return the site that passkeys are made for.

    An address in figures has no passkeys (WebAuthn §5.1.2); on this very machine its name has.
    """
    settings = state_of(request).settings
    origin = settings.base_url.rstrip("/")
    asked = request.headers.get("host", "")
    named = address_parts(f"//{asked}").hostname
    if urlsplit(origin).hostname == "127.0.0.1" and named == "localhost":
        origin = f"http://{asked}"
    return Site(origin, settings.facility_name)


def ceremony_of(request: Request) -> str:
    """Return the secret of the ceremony under way, or ""."""
    return _cookie(request, _CEREMONY)


def with_ceremony(request: Request, response: Response, holder: str) -> Response:
    """Give the browser the secret of a ceremony."""
    _set(request, response, _CEREMONY, holder, CHALLENGE_LIFE)
    return response
