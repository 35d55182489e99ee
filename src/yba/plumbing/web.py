"""Pages: one declaration per route, one way to answer, refusals rendered centrally.

A context lists its routes as `Page` values. Each names the permission it
needs; the composition root refuses to start with a route that names none.
Handlers read the request, call one verb, answer. Forms are protected by the
browser's own fetch metadata and the Origin header (no token to forget).
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from yba.kernel.actor import Actor
from yba.kernel.address import address_parts
from yba.kernel.refusal import NotSignedIn, Refusal, TooLarge, Unusable
from yba.plumbing import i18n
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database, Tx
from yba.plumbing.i18n import Catalogs
from yba.plumbing.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]
Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH"]

PUBLIC = "public"
SIGNED_IN = "signed-in"
_SAFE_SITES = {"same-origin", "none"}
_URL_ENCODED = "application/x-www-form-urlencoded"
_MOST_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """One route: where, what answers, under which name, and who may."""

    path: str
    endpoint: Handler
    name: str
    permission: str
    methods: tuple[Method, ...] = ("GET",)
    # Machine endpoints prove themselves otherwise (a signature, a token).
    browser_only: bool = True


@dataclass(slots=True)
class AppState:
    """What every request of one process shares."""

    settings: Settings
    database: Database
    blobs: BlobStore
    catalogs: Catalogs
    templates: Any = None
    extras: dict[str, Any] = field(default_factory=dict[str, Any])


class CrossSite(Refusal):
    """A form was sent from another site."""

    code = "web.cross-site"
    status = 403
    message = "Not done: this form was sent from another website."


def host_cookie(settings: Settings, name: str) -> str:
    """Return the name of a cookie: bound to this very host where TLS makes that possible."""
    return f"__Host-{name}" if settings.base_url.startswith("https:") else name


def state_of(request: Request) -> AppState:
    """Return what every request of this process shares."""
    return request.app.state.yba


def transaction(request: Request) -> AbstractAsyncContextManager[Tx]:
    """Open the one transaction of this request."""
    return state_of(request).database.transaction()


def reading(request: Request) -> AbstractAsyncContextManager[Tx]:
    """Open a read-only view for this request."""
    return state_of(request).database.reading()


def actor_or_none(request: Request) -> Actor | None:
    """Return who asks, or None for a stranger."""
    return request.scope.get("yba.actor")


def actor_of(request: Request) -> Actor:
    """Return who asks. Raises NotSignedIn for a stranger."""
    actor = actor_or_none(request)
    if actor is None:
        raise NotSignedIn
    return actor


def language_of(request: Request) -> str:
    """Return `vi` or `en`."""
    return i18n.choose(request.cookies.get("lang"), request.headers.get("accept-language"))


def is_fragment(request: Request) -> bool:
    """Return whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def url(request: Request, name: str, **params: object) -> str:
    """Return the path of the page called `name`."""
    path = {key: str(value) for key, value in params.items()}
    return str(request.app.url_path_for(name, **path))


def path_here(text: str | None, otherwise: str = "/") -> str:
    """Return `text` if it is a path of this site, else `otherwise`.

    A browser reads "//x", "/\\x" and "/<tab>/x" as another site.
    """
    if text and re.match(r"/(?![/\\])", text) and text.isprintable() and "\\" not in text:
        return text
    return otherwise


def see_other(request: Request, name: str, **params: object) -> Response:
    """Answer a form: go and look at the page called `name`."""
    target = url(request, name, **params)
    if is_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Answer with a template; it sees `request`, `actor`, `lang`, `_` and `values`."""
    language = language_of(request)
    state = state_of(request)
    context: dict[str, object] = {
        "request": request,
        "actor": actor_or_none(request),
        "lang": language,
        "settings": state.settings,
        "_": state.catalogs.translator(language),
        **values,
    }
    body = state.templates.get_template(template).render(context)
    return HTMLResponse(body, status_code=status, headers={"cache-control": "no-store"})


async def form(request: Request) -> Mapping[str, str]:
    """Return the fields of a sent form, trimmed; later duplicates win.

    Raises CrossSite if another site sent it, TooLarge beyond the page limit,
    Unusable if it is not text.
    """
    fields = await form_list(request)
    return dict(fields)


async def form_list(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a sent form in order, with repeated names kept.

    Only URL-encoded forms: pages that take files read them themselves.
    """
    refuse_cross_site(request)
    if not request.headers.get("content-type", _URL_ENCODED).startswith(_URL_ENCODED):
        raise Unusable
    limit = state_of(request).settings.page_body_limit
    try:
        async with limited_body(request, limit) as body:
            fields = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
    except ValueError:
        raise Unusable from None
    if any("\x00" in value or "\x00" in name for name, value in fields):
        raise Unusable
    sent = [(name, value.strip()) for name, value in fields]
    # Kept for who must ask something else first, and then goes on with this form.
    request.scope["yba.form"] = sent
    return sent


def refuse_cross_site(request: Request) -> None:
    """Raise CrossSite unless a browser says the request comes from our own pages.

    Fetch metadata first (every current browser), the Origin header second. A
    client that sends neither is not a browser and carries no ambient cookie
    worth stealing, but then it must not carry a session cookie either.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _SAFE_SITES:
            raise CrossSite
        return
    origin = request.headers.get("origin")
    if origin is not None and not is_at_host(origin, request.headers.get("host", "")):
        raise CrossSite


def is_at_host(origin: str, host: str) -> bool:
    """Return whether an Origin header names a page of `host`; "null" and what is no address do not."""
    return bool(host) and address_parts(origin).netloc == host


@asynccontextmanager
async def limited_body(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """Yield the whole body. Raises TooLarge as soon as it exceeds `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(limit=limit)
        parts.append(part)
    yield b"".join(parts)
