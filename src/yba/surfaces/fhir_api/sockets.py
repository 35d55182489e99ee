"""The websocket channel of subscriptions, at `ws` below the FHIR base.

Main rule: a socket hears nothing before it is bound, by a token that somebody with a bearer token
asked for, or (classic) by an id on a connection that was itself opened with a bearer token.
Standard: Subscriptions R5 Backport 1.1, "Websockets"; FHIR R4 Subscription, websocket (`bind`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import structlog

from yba.fhir import r4
from yba.foundation.record import reading
from yba.foundation.record.subscriptions import model, notifying, store
from yba.foundation.record.subscriptions.model import Wanted
from yba.foundation.record.subscriptions.notifying import Kind, Standing
from yba.foundation.record.subscriptions.permitting import refuse_unheard
from yba.kernel.actor import Actor
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.callers import Callers
from yba.surfaces.fhir_api.exchange import Receive, Scope, Send
from yba.surfaces.fhir_api.interactions import READ, Interactions
from yba.surfaces.fhir_api.operations.subscriptions import WEBSOCKETS, digest

_BIND_WITHIN_SECONDS = 30
_LOOKS_EVERY_SECONDS = 5.0
_LONGEST_MESSAGE = 4096
_MOST_BOUND = 100
_REFUSED, _UNKNOWN = 1008, 4404
_log = structlog.get_logger("yba.subscriptions")


@dataclass(slots=True)
class Sockets:
    """All open sockets of one process, and the one ear for events."""

    do: Interactions
    callers: Callers
    root: str
    _bells: set[asyncio.Event] = field(default_factory=set[asyncio.Event])
    _ear: asyncio.Task[None] | None = None

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket from its opening to its end."""
        await receive()
        if scope["path"] != f"{self.root}/{WEBSOCKETS}":
            await send({"type": "websocket.close", "code": _UNKNOWN})
            return
        await send({"type": "websocket.accept"})
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        bell = asyncio.Event()
        socket = _Socket(self.do, send, bell, await self._opened_by(authorization))
        self._bells.add(bell)
        if self._ear is None:
            self._ear = asyncio.get_running_loop().create_task(self._listen())
        telling = asyncio.get_running_loop().create_task(socket.tell())
        try:
            await socket.hear(receive)
        except _Closed as closed:
            with suppress(Exception):
                await send({"type": "websocket.close", "code": closed.code})
        finally:
            self._bells.discard(bell)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _opened_by(self, authorization: str) -> Actor | None:
        """Return who opened the connection itself, if that is somebody who may read."""
        if not authorization:
            return None
        try:
            actor = await self.callers.actor(authorization)
        except Refusal:
            return None
        return actor if actor.may(READ) else None

    async def _listen(self) -> None:
        async for _ in self.do.database.listen("subscription"):
            for bell in self._bells:
                bell.set()

    async def close(self) -> None:
        """Stop listening."""
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.cancel()
            await asyncio.gather(ear, return_exceptions=True)


class _Closed(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(slots=True)
class _Bound:
    """One subscription on one socket."""

    standing: Standing
    wanted: Wanted
    with_token: bool
    sent: int
    told_at: datetime


@dataclass(slots=True)
class _Socket:
    do: Interactions
    send: Send
    bell: asyncio.Event
    actor: Actor | None
    bound: dict[str, _Bound] = field(default_factory=dict[str, _Bound])

    async def hear(self, receive: Receive) -> None:
        """Obey what the other side says, until it leaves. Raises _Closed."""
        while True:
            seconds = None if self.bound else _BIND_WITHIN_SECONDS
            try:
                message = await asyncio.wait_for(receive(), seconds)
            except TimeoutError:
                raise _Closed(_REFUSED) from None
            if message["type"] != "websocket.receive":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            if len(text) > _LONGEST_MESSAGE:
                raise _Closed(_REFUSED)
            verb, _, rest = text.strip().partition(" ")
            match verb.rstrip(":"):
                case "bind-with-token":
                    await self._bind_with_token(rest.strip())
                case "bind" if self.actor is not None:
                    await self._bind([rest.strip()], by=self.actor)
                case "unbind":
                    self.bound.pop(rest.strip(), None)
                case _:
                    raise _Closed(_REFUSED)

    async def _bind_with_token(self, token: str) -> None:
        async with self.do.database.borrow() as connection:
            ids = await Tx(connection).value(store.BOUND, digest(token), self.do.clock())
        if not ids:
            raise _Closed(_REFUSED)
        await self._bind(ids)

    async def _bind(self, ids: list[str], *, by: Actor | None = None) -> None:
        """Bind to subscriptions: by a token, whose asker was looked at, or as who `by` may hear."""
        if len(self.bound) + len(ids) > _MOST_BOUND:
            raise _Closed(_REFUSED)
        for id_ in ids:
            async with self.do.database.borrow() as connection:
                found = await _find(Tx(connection), id_, self.do.clock())
            if found is None or found[1].channel != "websocket":
                raise _Closed(_REFUSED)
            standing, wanted = found
            if by is not None and not await self._may_hear(by, id_, wanted):
                raise _Closed(_REFUSED)
            one = _Bound(standing, wanted, by is None, standing.delivered, self.do.clock())
            if by is None:
                await self._notify(one, "handshake")
            else:
                await self._say(f"bound {id_}")
            self.bound[id_] = one
        self.bell.set()

    async def _may_hear(self, actor: Actor, id_: str, wanted: Wanted) -> bool:
        guard = self.do.guard(actor)
        try:
            refuse_unheard(actor, wanted.types)
            async with self.do.database.borrow() as connection:
                await reading.current(Tx(connection), "Subscription", id_, guard)
        except Refusal:
            return False
        return True

    async def tell(self) -> None:
        """Send events as they come."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.bell.wait(), _LOOKS_EVERY_SECONDS)
            self.bell.clear()
            try:
                for one in list(self.bound.values()):
                    await self._catch_up(one)
            except (asyncpg.PostgresError, asyncpg.InterfaceError):
                _log.warning("subscriptions.database-away")

    async def _catch_up(self, one: _Bound) -> None:
        async with self.do.database.borrow() as connection:
            found = await _find(Tx(connection), one.standing.id, self.do.clock())
        if found is None or found[0].state == "off":
            self.bound.pop(one.standing.id, None)
            return
        one.standing, one.wanted = found
        one.sent = max(one.sent, 0)
        while one.sent < one.standing.events:
            await self._events(one)
        pause = one.wanted.heartbeat_seconds
        if pause and one.with_token and (self.do.clock() - one.told_at).total_seconds() >= pause:
            await self._notify(one, "heartbeat")

    async def _events(self, one: _Bound) -> None:
        full = one.wanted.content == "full-resource"
        async with self.do.database.borrow() as connection:
            events = await notifying.events_between(
                Tx(connection), one.standing.id, one.sent + 1, one.standing.events,
                count=one.wanted.at_once, with_bodies=full,
            )  # fmt: skip
        if not events:
            one.sent = one.standing.events
            return
        if one.with_token:
            # Before it is sent: the other side may leave at once.
            async with self.do.database.transaction() as tx:
                await notifying.write_down(tx, one.standing.id, events, at=self.do.clock())
            await self._notify(one, "event-notification", events)
        else:
            for _ in events:
                await self._say(f"ping {one.standing.id}")
        one.sent, one.told_at = events[-1].number, self.do.clock()
        async with self.do.database.transaction() as tx:
            await tx.execute(
                store.ARRIVED, one.standing.id, one.sent, one.told_at, one.standing.version
            )

    async def _notify(
        self, one: _Bound, kind: Kind, events: list[notifying.Event] | None = None
    ) -> None:
        content = one.wanted.content
        status = notifying.status_parameters(
            one.standing, topic=one.wanted.topic, base=self.do.base, kind=kind,
            events=events or [], content=content,
        )  # fmt: skip
        body = notifying.bundle(
            status, events or [], standing=one.standing, base=self.do.base, content=content,
            at=self.do.clock(),
        )  # fmt: skip
        one.told_at = self.do.clock()
        await self._say(body.decode())

    async def _say(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})


async def _find(tx: Tx, id_: str, at: datetime) -> tuple[Standing, Wanted] | None:
    record = await tx.connection.fetchrow(store.FIND, [id_])
    if record is None:
        return None
    found = (await reading.read_many(tx.connection, [("Subscription", id_)])).get(
        ("Subscription", id_)
    )
    if found is None or found.body is None:
        return None
    resource = r4.decode(found.body)
    assert isinstance(resource, r4.Subscription)
    try:
        return notifying.standing_of(record), model.read(resource, now=at)
    except Refusal:
        return None
