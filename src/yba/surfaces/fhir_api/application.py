"""The FHIR base as a raw ASGI application: routing, refusals, nothing else."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from yba import __version__
from yba.foundation.record import bundle, terms
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.processing import GroupWriter, Processor
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, NotSignedIn, Refusal
from yba.plumbing.web import AppState
from yba.surfaces.fhir_api import bulk, capability, operations, outcomes
from yba.surfaces.fhir_api.callers import Authenticate, Callers
from yba.surfaces.fhir_api.connections import SearchConnections, WriteConnections
from yba.surfaces.fhir_api.exchange import Exchange, Headers, Receive, Scope, Send
from yba.surfaces.fhir_api.interactions import Interactions, NoSuchInteraction, permit
from yba.surfaces.fhir_api.operation import Call
from yba.surfaces.fhir_api.reads import CoalescedReads
from yba.surfaces.fhir_api.sockets import Sockets
from yba.surfaces.fhir_api.trail import Trail

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_log = structlog.get_logger("yba.fhir")


class UnknownPlace(NotFound):
    """An address below the FHIR base that means nothing."""

    code = "fhir.unknown-place"
    message = "Not found: this address means nothing below the FHIR base."


class FhirApp:
    """Answers everything below the FHIR base."""

    def __init__(self, state: AppState, authenticate: Authenticate, *, root: str = "/fhir") -> None:
        self._root = root
        self._settings = state.settings
        self._base = state.settings.base_url + root
        self._started = utc_now()
        self._callers = Callers(authenticate)
        self._database = state.database
        self._loading: asyncio.Future[None] | None = None
        self._writing = WriteConnections(state.database)
        self.trail = Trail(state.database)
        self._do = Interactions(
            database=state.database,
            base=self._base,
            secret=state.settings.secret,
            clock=utc_now,
            reads=CoalescedReads(state.database),
            searches=SearchConnections(state.database),
            writer=GroupWriter(self._writing, clock=utc_now, writers=1),
            processor=Processor(state.database, base=self._base),
            trail=self.trail,
            data_dir=state.settings.data_dir,
        )
        self._sockets = Sockets(self._do, self._callers, root)

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
            extra: Headers = []
            if isinstance(refused, NotSignedIn):
                extra = [(b"www-authenticate", b'Bearer realm="fhir"')]
            await exchange.answer(refused.status, outcomes.body(refused), extra)
        except UnicodeDecodeError:
            refused = Refusal()
            await exchange.answer(400, outcomes.body(refused))
        except Exception as problem:
            # Where it happened, never with what: values of frames and messages may be personal.
            frames = traceback.extract_tb(problem.__traceback__)
            _log.error(
                "fhir.bug",
                method=exchange.method,
                problem=type(problem).__name__,
                frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
            )
            with suppress(Exception):
                await exchange.answer(500, outcomes.bug())

    async def close(self) -> None:
        """Write the traces that wait, and let go of connections."""
        await self._sockets.close()
        await self.trail.close()
        await self._do.reads.close()
        await self._do.searches.close()
        await self._writing.close()

    async def _answer(self, exchange: Exchange) -> None:
        parts = exchange.path.split("/") if exchange.path else []
        if parts == ["metadata"] and exchange.method in ("GET", "HEAD"):
            await exchange.answer(200, self._statement())
            return
        actor = await self._callers.actor(exchange.header(b"authorization"))
        if self._loading is None:
            self._loading = asyncio.ensure_future(terms.load(self._database))
        if not self._loading.done():
            # Once for all who arrive meanwhile; without it writing is slower, not wrong.
            await asyncio.wait([self._loading])
        if parts[:1] == [bulk.PLACE]:
            await bulk.answer(exchange, actor, self._do, parts[1:])
            return
        if not operations.has_own_formats(parts[-1:]):
            exchange.refuse_other_formats()
        do, method = self._do, exchange.method
        match method, parts:
            case (("GET" | "HEAD"), [type_, id_]) if type_ in TYPE_NUMBERS and _ID.fullmatch(id_):
                if id_ == "_history":
                    await do.history(exchange, actor, type_, None)
                else:
                    await do.read(exchange, actor, type_, id_)
            case (("GET" | "HEAD"), [type_]) if type_ in TYPE_NUMBERS:
                await do.search(exchange, actor, type_)
            case "POST", [type_] if type_ in TYPE_NUMBERS:
                await do.create(exchange, actor, type_)
            case "POST", []:
                await do.bundle(exchange, actor)
            case "POST", [type_, "_search"] if type_ in TYPE_NUMBERS:
                await do.search(exchange, actor, type_)
            case (("GET" | "HEAD" | "POST"), [*place, name]) if name[0] == "$" and len(place) <= 2:
                await self._operation(exchange, actor, name[1:], *place)
            case "PUT", [type_, id_] if type_ in TYPE_NUMBERS and _ID.fullmatch(id_):
                await do.update(exchange, actor, type_, id_)
            case "PUT", [type_] if type_ in TYPE_NUMBERS:
                await do.update(exchange, actor, type_, "")
            case "DELETE", [type_, id_] if type_ in TYPE_NUMBERS and _ID.fullmatch(id_):
                await do.delete(exchange, actor, type_, id_)
            case "DELETE", [type_] if type_ in TYPE_NUMBERS:
                await do.delete(exchange, actor, type_, "")
            case (("GET" | "HEAD"), ["_history"]):
                await do.history(exchange, actor, None, None)
            case (("GET" | "HEAD"), [type_, "_history"]) if type_ in TYPE_NUMBERS:
                await do.history(exchange, actor, type_, None)
            case (("GET" | "HEAD"), [type_, id_, "_history"]) if type_ in TYPE_NUMBERS:
                await do.history(exchange, actor, type_, id_)
            case (("GET" | "HEAD"), [type_, id_, "_history", version]) if type_ in TYPE_NUMBERS:
                await do.vread(exchange, actor, type_, id_, version)
            case _, [type_, *_] if type_ not in TYPE_NUMBERS:
                raise UnknownPlace
            case _:
                raise NoSuchInteraction

    async def _operation(
        self, exchange: Exchange, actor: Actor, name: str, type_: str | None = None, id_: str = ""
    ) -> None:
        known = type_ in TYPE_NUMBERS or type_ in operations.FOREIGN_TYPES
        if (type_ and not known) or (id_ and not _ID.fullmatch(id_)):
            raise UnknownPlace
        level = "instance" if id_ else "type" if type_ else "system"
        operation = operations.find(name, level, type_)
        if operation is None or (operation.by_post_only and exchange.method != "POST"):
            raise NoSuchInteraction
        permit(actor, operation.permission)
        await operation.handle(Call(operation, exchange, actor, self._do, type_, id_ or None))

    def _statement(self) -> bytes:
        return capability.statement(
            self._base, self._settings.facility_name, __version__, self._started
        )


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
