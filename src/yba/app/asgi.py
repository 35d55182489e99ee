"""The web application: one router for pages, the FHIR base in front of it.

A request passes: identity of the request, security headers, who asks, may
she, the handler. A refusal raised anywhere becomes an answer here, in the
asker's language; anything else is a bug: it is logged with the request's
identity and shown without details.
"""

import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from yba.app import wiring
from yba.app.demo_people import logins
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.errors import FreshProofNeeded
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.kernel.refusal import AccessRefused, NotFound, NotSignedIn, Refusal
from yba.plumbing import i18n, logs, outbox, refusals, settings
from yba.plumbing.blobs import BlobStore
from yba.plumbing.cors import Cors
from yba.plumbing.database import Database, DatabaseAway, Tx, is_away
from yba.plumbing.html import assets, environment
from yba.plumbing.shield import Shield
from yba.plumbing.web import (
    PUBLIC,
    SIGNED_IN,
    AppState,
    Page,
    actor_or_none,
    is_fragment,
    language_of,
    reading,
    refuse_cross_site,
    render,
    state_of,
    url,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_TRY_AGAIN_SECONDS = "5"
_log = structlog.get_logger("yba.web")

_REQUESTS = Counter("yba_requests", "Requests answered", ["route", "method", "status"])
_SECONDS = Histogram("yba_request_seconds", "Time to answer", ["route"])

_SECURITY_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
]


def _headers_for(form_target: str | None) -> list[tuple[bytes, bytes]]:
    """Return the headers of every page; a page may name one place its form leads to in the end."""
    if form_target is None:
        return _SECURITY_HEADERS
    name, policy = _SECURITY_HEADERS[0]
    target = b"form-action 'self' " + form_target.encode("ascii", "ignore") + b";"
    return [(name, policy.replace(b"form-action 'self';", target)), *_SECURITY_HEADERS[1:]]


# What programs in the pages of other sites may call, with a token of their own.
_FOR_PROGRAMS = ("/fhir", "/oauth/", "/.well-known/")


class RouteWithoutPermission(RuntimeError):
    """A page was declared without saying who may open it."""


def _endpoint(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a page's handler in the checks that its declaration asks for."""

    async def answer(request: Request) -> Response:
        request.scope["yba.route"] = page.name
        actor = actor_or_none(request)
        if page.permission != PUBLIC:
            if actor is None:
                raise NotSignedIn
            if page.permission != SIGNED_IN and not actor.may(page.permission):
                raise AccessRefused
        if page.browser_only and request.method not in ("GET", "HEAD"):
            refuse_cross_site(request)
        return await page.endpoint(request)

    return answer


def routes_of(pages: list[Page]) -> list[Route]:
    """Return the routes of `pages`. Raises RouteWithoutPermission."""
    for page in pages:
        if not page.permission:
            raise RouteWithoutPermission(page.name)
    return [
        Route(page.path, _endpoint(page), methods=list(page.methods), name=page.name)
        for page in pages
    ]


async def _home(request: Request) -> Response:
    """Lead a person to the first page of her role, a stranger to the public one."""
    actor = actor_or_none(request)
    if actor is None:
        return RedirectResponse(url(request, "accounts:sign_in"), status_code=303)
    for role, name in wiring.HOME_OF_ROLE:
        if role in actor.roles:
            return RedirectResponse(url(request, name), status_code=303)
    if not actor.roles:
        # She owes a second factor: until it is set up, nothing else opens.
        return RedirectResponse(url(request, "accounts:security"), status_code=303)
    raise AccessRefused


async def _health(request: Request) -> Response:
    """Say whether this node can do its work, with the length of its queues."""
    async with reading(request) as tx:
        waiting = await outbox.backlog(tx)
        log = await audit.health(tx, at=utc_now())
    return JSONResponse(
        {
            "status": "ok",
            "outbox": {"waiting": waiting.waiting, "stuck": waiting.stuck},
            "audit": {"status": log.status, "waiting": log.waiting},
        }
    )


async def _metrics(request: Request) -> Response:
    """Show counters to a collector on this machine; to nobody else."""
    if request.client is None or request.client.host not in ("127.0.0.1", "::1"):
        raise NotFound
    if request.scope.get("yba.forwarded"):
        # A proxy on this machine asks for somebody else.
        raise NotFound
    with suppress(Exception):
        async with reading(request) as tx:
            await audit.health(tx, at=utc_now())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)
    refusals.remember(problem)
    if isinstance(problem, NotSignedIn) and request.method == "GET" and not is_fragment(request):
        target = url(request, "accounts:sign_in") + "?next=" + request.url.path
        return RedirectResponse(target, status_code=303)
    if isinstance(problem, FreshProofNeeded) and not _wants_json(request):
        return await accounts_pages.ask_for_proof(request)
    if _wants_json(request):
        sentence = state_of(request).catalogs.explain(problem, language_of(request))
        return JSONResponse({"code": problem.code, "message": sentence}, status_code=problem.status)
    return _error_page(request, problem)


def _wants_json(request: Request) -> bool:
    return "text/html" not in request.headers.get("accept", "text/html") and not is_fragment(
        request
    )


def _error_page(request: Request, refusal: Refusal) -> Response:
    template = "html/refusal_.html" if is_fragment(request) else "html/refusal.html"
    return render(
        request,
        template,
        status=refusal.status,
        refusal=refusal,
        reference=request.scope.get("yba.request_id", ""),
    )


class _Unexpected(Refusal):
    code = "unexpected"
    status = 500
    message = "Something went wrong on our side. Nothing was saved. Please try again."


async def _http_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    if problem.status_code in (404, 405):
        return await _refused(request, NotFound())
    refusal = Refusal()
    refusal.status = problem.status_code
    return await _refused(request, refusal)


async def _failed(request: Request, problem: Exception) -> Response:
    """Answer what nobody foresaw; a database that is away is no fault of ours."""
    if is_away(problem):
        try:
            answer = await _refused(request, DatabaseAway())
        except Exception:
            answer = PlainTextResponse(DatabaseAway.message, status_code=503)
        answer.headers["retry-after"] = _TRY_AGAIN_SECONDS
        return answer
    return await _bug(request, problem)


async def _bug(request: Request, problem: Exception) -> Response:
    _log.error(
        "web.bug",
        problem=type(problem).__name__,
        frames=logs.where(problem),
        request_id=request.scope.get("yba.request_id"),
        route=request.scope.get("yba.route"),
    )
    try:
        return await _refused(request, _Unexpected())
    except Exception:
        return PlainTextResponse(_Unexpected.message, status_code=500)


def declared() -> list[Page]:
    """Return every page of the application, with what each declares."""
    return [
        Page("/", _home, "home", PUBLIC),
        Page("/health", _health, "health", PUBLIC),
        Page("/metrics", _metrics, "metrics", PUBLIC),
        *wiring.pages(),
    ]


def _is_fhir(path: str) -> bool:
    return path.startswith("/fhir") and path[5:6] in ("", "/")


class Shell:
    """What every request passes: identity, headers, who asks, time taken."""

    def __init__(self, inner: Starlette, fhir: Callable[[], Asgi | None], state: AppState) -> None:
        self._inner = inner
        self._fhir = fhir
        self.state = state
        cors = Cors(self._answer, _FOR_PROGRAMS, self._is_known_origin)
        self._shield = Shield(cors, state.settings, self._tell)

    def running(self) -> AbstractAsyncContextManager[object]:
        """Run the application's life without a web server (for tests)."""
        return self._inner.router.lifespan_context(self._inner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        await self._shield(scope, receive, send)

    def _tell(self, scope: Scope, refusal: Refusal) -> tuple[bytes, bytes]:
        """Say why a request was refused before anybody worked for it."""
        headers = dict(scope["headers"])
        language = i18n.choose(None, headers.get(b"accept-language", b"").decode("latin-1"))
        sentence = self.state.catalogs.explain(refusal, language)
        if _is_fhir(scope["path"]):
            issue = {"severity": "error", "code": "throttled", "diagnostics": sentence}
            body = {"resourceType": "OperationOutcome", "issue": [issue]}
            return b"application/fhir+json; charset=utf-8", orjson.dumps(body)
        return b"text/plain; charset=utf-8", sentence.encode()

    def _is_known_origin(self, origin: str) -> bool:
        """Return whether a site was allowed by the operator, or belongs to a registered program."""
        return origin in self.state.settings.cors_origins or origin in self.state.extras.get(
            "program_origins", ()
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/fhir") and scope["path"][5:6] in ("", "/"):
            application = self._fhir()
            if application is not None:
                await application(scope, receive, send)
                return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404})
            return
        await self._page(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = new_id()
        scope["yba.request_id"] = request_id
        status = 0

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    *_headers_for(scope.get("yba.form_action")),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._shown(scope, receive, send_with_headers)
        except Exception:
            # It was answered and noted where; the web server would write down what it says, too.
            if not status:
                raise
        finally:
            route = scope.get("yba.route", "none")
            _REQUESTS.labels(route, scope["method"], str(status)).inc()
            _SECONDS.labels(route).observe(time.perf_counter() - started)

    async def _shown(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope["yba.actor"] = await self._who(scope)
        except Exception as problem:
            scope["app"], scope["yba.actor"] = self._inner, None
            answer = await _failed(Request(scope), problem)
            await answer(scope, receive, send)
            return
        await self._inner(scope, receive, send)

    async def _who(self, scope: Scope) -> Actor | None:
        if scope["path"].startswith(assets.PREFIX):
            return None
        token = Request(scope).cookies.get(accounts_pages.cookie_name(self.state.settings))
        if not token:
            return None
        async with self.state.database.borrow() as connection:
            return await accounts.recognise(
                Tx(connection), token=token, kind="browser", at=utc_now()
            )


def build(config: settings.Settings) -> Shell:
    """Put the application together for `config`; it connects when it starts."""
    catalogs = i18n.load()
    if config.database_url is None:
        raise settings.BadSetting(name="YBA_DATABASE_URL", reason="must name a database")
    state = AppState(
        settings=config,
        database=Database(config.database_url, connections=config.connections),
        blobs=BlobStore(config.blob_dir),
        catalogs=catalogs,
        templates=environment.build(config, catalogs, wiring.navigation()),
    )
    if config.is_demo:
        state.extras["demo_logins"] = logins()
    audit.set_facility(config.facility_name)
    wiring.subscribe(config)
    fhir: list[Asgi] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with wiring.running(state) as base:
            fhir.append(base)
            # Everything alive now lives until the end: the collector need not look again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 50, 100)
            yield
        await state.database.close()

    application = Starlette(
        routes=routes_of(declared()),
        lifespan=lifespan,
        exception_handlers={Refusal: _refused, HTTPException: _http_error, Exception: _failed},
    )
    application.state.yba = state
    return Shell(application, lambda: fhir[0] if fhir else None, state)


def create() -> Shell:
    """Build the application from the environment (what the web server calls)."""
    config = settings.load()
    logs.configure(config.log_format)
    return build(config)
