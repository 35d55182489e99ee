"""The FHIR base as a raw ASGI application: routing, refusals, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from yba import __version__
from yba.foundation.audit import service as audit
from yba.foundation.record import bundle, terms
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.grouping import GroupWriter
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.processing import Processor
from yba.foundation.record.upkeep import Upkeep
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotSignedIn, Refusal
from yba.plumbing import logs, refusals
from yba.plumbing.database import DatabaseAway, is_away
from yba.plumbing.web import AppState
from yba.surfaces.fhir_api import bulk, capability, jobs, openapi, operations, outcomes, routing
from yba.surfaces.fhir_api.callers import Authenticate, Callers
from yba.surfaces.fhir_api.connections import SearchConnections, WriteConnections
from yba.surfaces.fhir_api.exchange import Exchange, Headers, Receive, Scope, Send
from yba.surfaces.fhir_api.interactions import Interactions, NoSuchInteraction
from yba.surfaces.fhir_api.operations import terminology_capabilities
from yba.surfaces.fhir_api.reads import CoalescedReads
from yba.surfaces.fhir_api.scoped import InsufficientScope
from yba.surfaces.fhir_api.sockets import Sockets
from yba.surfaces.fhir_api.trail import Trail

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_BULK = bulk.PLACE + "/"
_PUBLIC = ("metadata", openapi.FILE, capability.SMART)
_ALL_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_log = structlog.get_logger("yba.fhir")


class FhirApp:
    """Answers everything below the FHIR base."""

    def __init__(self, state: AppState, authenticate: Authenticate, *, root: str = "/fhir") -> None:
        self._root = root
        self._settings = state.settings
        self._base = state.settings.base_url + root
        self._started = utc_now()
        self.callers = Callers(authenticate)
        self._database = state.database
        self._loading: asyncio.Future[None] | None = None
        self._writing = WriteConnections(state.database)
        self._ahead = WriteConnections(state.database, connections=1)
        self.trail = Trail(state.database, audit.spool_of_reads(state.settings.data_dir))
        self._upkeep = Upkeep(state.database)
        self._openapi = openapi.Document(self._statement)
        self._do = Interactions(
            database=state.database,
            base=self._base,
            secret=state.settings.secret,
            clock=utc_now,
            reads=CoalescedReads(state.database),
            searches=SearchConnections(state.database),
            writing=self._writing,
            writer=GroupWriter(self._writing, clock=utc_now, writers=1),
            processor=Processor(state.database, base=self._base, ahead=self._ahead),
            trail=self.trail,
            data_dir=state.settings.data_dir,
            importer=jobs.importer(state.settings),
            route=self._route,
        )
        self._sockets = Sockets(self._do, self.callers, root)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one websocket."""
        if scope["type"] == "websocket":
            await self._sockets.serve(scope, receive, send)
            return
        exchange = Exchange(
            scope, receive, send, root=self._root, body_limit=self._settings.body_limit
        )
        try:
            await self._answer(exchange)
        except Refusal as refused:
            scope["yba.route"] = routing.pattern_of(exchange.path)
            refusals.remember(refused)
            await exchange.answer(refused.status, outcomes.body(refused), _headers_of(refused))
        except UnicodeDecodeError:
            refused = Refusal()
            await exchange.answer(400, outcomes.body(refused))
        except Exception as problem:
            if is_away(problem):
                refused = DatabaseAway()
                with suppress(Exception):
                    await exchange.answer(503, outcomes.body(refused), _headers_of(refused))
                return
            _log.error(
                "fhir.bug",
                method=exchange.method,
                problem=type(problem).__name__,
                frames=logs.where(problem),
            )
            with suppress(Exception):
                await exchange.answer(500, outcomes.bug())

    async def close(self) -> None:
        """Write the traces that wait, and let go of connections."""
        await self._sockets.close()
        await self._upkeep.close()
        await self.trail.close()
        await self._do.reads.close()
        await self._do.searches.close()
        await self._writing.close()
        await self._ahead.close()

    async def _answer(self, exchange: Exchange) -> None:
        path = exchange.path
        if path in _PUBLIC or exchange.method == "OPTIONS":
            await self._public(exchange)
            return
        actor = await self.callers.actor(exchange.header(b"authorization"))
        refusals.remember_actor(actor)
        if self._loading is None:
            self._loading = asyncio.ensure_future(terms.load(self._database))
        if not self._loading.done():
            # Once for all who arrive meanwhile; without it writing is slower, not wrong.
            await asyncio.wait([self._loading])
        if path.startswith(_BULK):
            await bulk.answer(exchange, actor, self._do, path.split("/")[1:])
            return
        if not _chooses_its_format(exchange.method, path):
            exchange.refuse_other_formats()
        await routing.route(self._do, exchange, actor)
        self._upkeep.consider()

    async def _route(self, exchange: Exchange, actor: Actor) -> None:
        """Answer an entry of a bundle."""
        if exchange.path == "metadata":
            await self._public(exchange)
        else:
            await routing.route(self._do, exchange, actor)

    async def _public(self, exchange: Exchange) -> None:
        """Answer what may be known without signing in: what this server can do."""
        if exchange.path == capability.SMART and exchange.method in ("GET", "HEAD"):
            content = capability.smart(self._settings.base_url)
            await exchange.answer(200, content, media=b"application/json")
            return
        exchange.refuse_other_formats()
        if exchange.method == "OPTIONS":
            if exchange.path in ("", "metadata"):
                await exchange.answer(
                    200, self._statement(), [(b"allow", b"GET, HEAD, POST, OPTIONS")]
                )
                return
            # A browser of another origin is told nothing that would let it in.
            await exchange.answer(204, headers=[(b"allow", _ALL_METHODS)])
            return
        if exchange.method not in ("GET", "HEAD"):
            raise NoSuchInteraction("GET, HEAD, OPTIONS")
        if exchange.path == openapi.FILE:
            await self._openapi.answer(exchange)
            return
        match exchange.parameter("mode"):
            case "" | "full" | "normative":
                await exchange.answer(200, self._statement())
            case "terminology":
                await exchange.answer(200, await self._terminology())
            case _:
                raise UnsearchableQuery(reason="mode must be full, normative or terminology")

    async def _terminology(self) -> bytes:
        return await terminology_capabilities.statement(
            self._database, base=self._base, name=self._settings.facility_name,
            version=__version__, at=self._started,
        )  # fmt: skip

    def _statement(self) -> bytes:
        return capability.statement(
            self._base, self._settings.facility_name, __version__, self._started,
            issuer=self._settings.base_url,
        )  # fmt: skip


def _headers_of(refused: Refusal) -> Headers:
    if refused.status == 503:
        return [(b"retry-after", b"5")]
    if isinstance(refused, NotSignedIn):
        return [(b"www-authenticate", b'Bearer realm="fhir"')]
    if isinstance(refused, InsufficientScope):
        return [(b"www-authenticate", b'Bearer realm="fhir", error="insufficient_scope"')]
    if isinstance(refused, NoSuchInteraction) and refused.allow:
        return [(b"allow", refused.allow.encode())]
    return []


def _chooses_its_format(method: str, path: str) -> bool:
    """Return whether what is at this place decides by itself in which formats it answers."""
    if path.startswith("Binary/") and method in ("GET", "HEAD"):
        return True
    return "$" in path and operations.has_own_formats([path.rpartition("/")[2]])


def fhir_app(state: AppState, *, authenticate: Authenticate) -> FhirApp:
    """Return the FHIR base for one process.

    `authenticate(token)` returns who holds a bearer token, or None. Await `close()` at the end.
    """
    _warm()
    return FhirApp(state, authenticate)


def _warm() -> None:
    """Build what is built on first use (decoders, extractors), so that no request waits for it."""
    bundle.readable(b'{"resourceType":"Patient"}', "Patient")
    for name in TYPE_NUMBERS:
        plan_of(name)
