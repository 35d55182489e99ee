"""`$status`, `$events`, `$get-ws-binding-token`, `$topic-list` of Subscription.

Standard: Subscriptions R5 Backport 1.1, operations.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import msgspec

from yba.fhir import r4
from yba.foundation.record import reading
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.rows import instant_text
from yba.foundation.record.subscriptions import notifying, store, topics
from yba.foundation.record.subscriptions.model import Content, Wanted, read
from yba.foundation.record.subscriptions.notifying import Standing
from yba.foundation.record.subscriptions.permitting import refuse_unheard
from yba.kernel.clock import micros
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations import searchset

WEBSOCKETS = "ws"
_TOKEN_LIFE = timedelta(hours=1)
_MOST_EVENTS = 1000
_MOST = 1000
_STATES = ("requested", "active", "error", "off")


async def status(call: Call) -> None:
    """Answer how subscriptions stand."""
    given = await call.given()
    searchset.refuse_others(given, ("id", "status"))
    states = {part for value in given.all("status") for part in str(value).split(",") if part}
    if states.difference(_STATES):
        raise UnreadableBody(reason="status must be requested, active, error or off")
    async with call.do.database.borrow() as connection:
        tx = Tx(connection)
        ids = [call.id] if call.id else _ids(given)
        standings = await _standings(tx, ids, call)
        wanted = [await _wanted(tx, call, one.id) for one in standings]
    entries = [
        {
            "fullUrl": f"urn:uuid:{new_id()}",
            "resource": notifying.status_parameters(
                one, topic=want.topic if want else "", base=call.do.base, kind="query-status"
            ),
            "search": {"mode": "match"},
        }
        for one, want in zip(standings, wanted, strict=True)
        if not states or one.state in states
    ]
    bundle: dict[str, Any] = {
        "resourceType": "Bundle", "id": new_id(), "type": "searchset", "total": len(entries),
        "timestamp": instant_text(micros(call.do.clock())),
    }  # fmt: skip
    if entries:
        bundle["entry"] = entries
    await call.exchange.answer(200, msgspec.json.encode(bundle))


async def events(call: Call) -> None:
    """Answer events by their numbers."""
    given = await call.given()
    searchset.refuse_others(given, ("eventsSinceNumber", "eventsUntilNumber", "content"))
    first = given.number("eventsSinceNumber", default=1)
    last = given.number("eventsUntilNumber", default=1 << 62)
    async with call.do.database.borrow() as connection:
        tx = Tx(connection)
        [standing] = await _standings(tx, [call.id or ""], call)
        wanted = await _wanted(tx, call, standing.id)
        refuse_unheard(call.actor, wanted.types if wanted else ())
        content = _content(given, wanted)
        found = await notifying.events_between(
            tx, standing.id, first, last, count=_MOST_EVENTS,
            with_bodies=content == "full-resource",
        )  # fmt: skip
    body = notifying.bundle(
        notifying.status_parameters(
            standing, topic=wanted.topic if wanted else "", base=call.do.base,
            kind="query-event", events=found, content=content,
        ),
        found, standing=standing, base=call.do.base, content=content, at=call.do.clock(),
    )  # fmt: skip
    references = [f"Subscription/{standing.id}", *(one.reference for one in found)]
    await call.do.trail.note(call.actor, "fhir_api.subscription-events", None, references)
    await call.exchange.answer(200, body)


def _content(given: Given, wanted: Wanted | None) -> Content:
    asked = given.text("content")
    match asked:
        case "":
            return wanted.content if wanted else "id-only"
        case "empty" | "id-only" | "full-resource":
            return asked
        case _:
            raise UnreadableBody(reason="content must be empty, id-only or full-resource")


async def binding_token(call: Call) -> None:
    """Give a token with which a websocket may be bound to subscriptions."""
    given = await call.given()
    searchset.refuse_others(given, ("id",))
    at = call.do.clock()
    token, expires = secrets.token_urlsafe(32), at + _TOKEN_LIFE
    async with call.do.database.transaction() as tx:
        ids = [call.id] if call.id else _ids(given)
        if not ids:
            raise UnreadableBody(reason="name at least one subscription by id")
        for one in await _standings(tx, ids, call):
            wanted = await _wanted(tx, call, one.id)
            if wanted is None or wanted.channel != "websocket":
                raise UnreadableBody(reason="the subscription has no websocket channel")
            refuse_unheard(call.actor, wanted.types)
        await tx.execute(store.BIND, digest(token), ids, expires)
    url = call.do.base.replace("http", "ws", 1) + "/" + WEBSOCKETS
    parameters = [
        r4.ParametersParameter(name="token", valueString=token),
        r4.ParametersParameter(name="expiration", valueDateTime=instant_text(micros(expires))),
        *(r4.ParametersParameter(name="subscription", valueString=one) for one in ids),
        r4.ParametersParameter(name="websocket-url", valueUrl=url),
    ]
    await call.answer(r4.Parameters(parameter=parameters))


def digest(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def topic_list(call: Call) -> None:
    """Answer the topics that can be subscribed to."""
    searchset.refuse_others(await call.given(), ())
    parameters = [
        r4.ParametersParameter(name="subscription-topic-canonical", valueCanonical=topic.url)
        for topic in topics.OFFERED
    ]
    await call.answer(r4.Parameters(parameter=parameters))


def _ids(given: Given) -> list[str]:
    texts = [part for value in given.all("id") for part in str(value).split(",") if part]
    return list(dict.fromkeys(text.removeprefix("Subscription/") for text in texts))


async def _standings(tx: Tx, ids: list[str], call: Call) -> list[Standing]:
    """Return how subscriptions stand; all that the caller may see without ids.

    Raises ResourceNotFound.
    """
    guard = call.do.guard(call.actor)
    if not ids:
        records = await tx.connection.fetch(store.SOME, _MOST)
        places = [("Subscription", record["id"]) for record in records]
        seen = await reading.read_many(tx.connection, places, guard) if guard else None
        return [
            notifying.standing_of(record)
            for record in records
            if seen is None or ("Subscription", record["id"]) in seen
        ]
    if guard is not None:
        for id_ in ids:
            await reading.current(tx, "Subscription", id_, guard)
    found = {one["id"]: one for one in await tx.connection.fetch(store.FIND, ids)}
    standings: list[Standing] = []
    for id_ in ids:
        if id_ in found:
            standings.append(notifying.standing_of(found[id_]))
            continue
        # Just stored, and the worker has not come to it yet.
        await reading.current(tx, "Subscription", id_)
        standings.append(Standing(id_, 0, "requested", 0, 0, 0, None, None, ""))
    return standings


async def _wanted(tx: Tx, call: Call, id_: str) -> Wanted | None:
    """Return what a subscription asks for, if it can be read."""
    found = (await reading.read_many(tx.connection, [("Subscription", id_)])).get(
        ("Subscription", id_)
    )
    if found is None or found.body is None:
        return None
    resource: Any = r4.decode(found.body)
    try:
        return read(resource, now=call.do.clock())
    except Refusal:
        return None


_CANONICAL = (
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"
)
_TYPE = frozenset({"Subscription"})
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "status", _CANONICAL + "status", frozenset({"type", "instance"}), READ, status, _TYPE
    ),
    Operation("events", _CANONICAL + "events", frozenset({"instance"}), READ, events, _TYPE),
    Operation(
        "get-ws-binding-token", _CANONICAL + "get-ws-binding-token",
        frozenset({"type", "instance"}), READ, binding_token, _TYPE,
    ),
    Operation(
        "topic-list", _CANONICAL + "topic-list", frozenset({"type"}), READ, topic_list, _TYPE
    ),
)  # fmt: skip
