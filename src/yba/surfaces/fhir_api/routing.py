"""From method and address to the interaction.

Standard: FHIR R4 http.html, "Summary".
"""

from __future__ import annotations

import re

from yba.foundation.record.plans import TYPE_NUMBERS
from yba.kernel.actor import Actor
from yba.kernel.refusal import NotFound
from yba.surfaces.fhir_api import (
    audit_events,
    bundles,
    histories,
    operations,
    reading,
    searches,
    writes,
)
from yba.surfaces.fhir_api.exchange import Exchange
from yba.surfaces.fhir_api.interactions import Interactions, NoSuchInteraction, permit
from yba.surfaces.fhir_api.operation import Call
from yba.surfaces.fhir_api.scoped import LETTERS, refuse_operation, refuse_unscoped

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
# Whose compartments can be searched.
COMPARTMENTS = frozenset(("Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"))
_READING = ("GET", "HEAD")
_WORDS = frozenset(
    ("", "metadata", "_history", "_search", *("$" + operation.name for operation in operations.ALL))
)


class UnknownPlace(NotFound):
    """An address below the FHIR base that means nothing."""

    code = "fhir.unknown-place"
    message = "Not found: this address means nothing below the FHIR base."


def pattern_of(path: str) -> str:
    """Return the pattern of an address below the base: what is no word of ours becomes "{}"."""
    parts = [part if part in _WORDS or part in TYPE_NUMBERS else "{}" for part in path.split("/")]
    return "fhir:" + "/".join(parts[:5])


async def route(do: Interactions, exchange: Exchange, actor: Actor) -> None:
    """Answer one request. Raises UnknownPlace, NoSuchInteraction, and what interactions raise."""
    parts = exchange.path.split("/") if exchange.path else []
    method = "GET" if exchange.method == "HEAD" else exchange.method
    match parts:
        case [type_, id_] if type_ in TYPE_NUMBERS and id_[:1] not in ("_", "$"):
            await _instance(do, exchange, actor, method, type_, _checked(id_))
        case [type_] if type_ in TYPE_NUMBERS:
            await _type(do, exchange, actor, method, type_)
        case []:
            await _system(do, exchange, actor, method)
        case [*place, name] if name[:1] == "$" and len(place) <= 4:
            await _operation(do, exchange, actor, name[1:], place)
        case [*place, "_history"] if len(place) <= 2:
            _allow(method, "GET")
            type_, id_ = _place(place)
            refuse_unscoped(actor, "r" if id_ else "rs", type_)
            await histories.history(do, exchange, actor, type_, id_)
        case [type_, id_, "_history", version]:
            _allow(method, "GET")
            _place([type_, id_])
            refuse_unscoped(actor, "r", type_)
            await reading.vread(do, exchange, actor, type_, id_, version)
        case [*place, "_search"] if len(place) in (0, 1, 3):
            _allow(method, "POST")
            await _search(do, exchange, actor, place)
        case [_, _, _]:
            _allow(method, "GET")
            await _search(do, exchange, actor, parts)
        case _:
            raise UnknownPlace


async def _instance(
    do: Interactions, exchange: Exchange, actor: Actor, method: str, type_: str, id_: str
) -> None:
    refuse_unscoped(actor, LETTERS.get(method, ""), type_)
    match method:
        case "GET":
            if type_ == audit_events.TYPE and (event := await audit_events.read(do, actor, id_)):
                await exchange.answer(200, event)
                return
            await reading.read(do, exchange, actor, type_, id_)
        case "PUT":
            await writes.update(do, exchange, actor, type_, id_)
        case "PATCH":
            await writes.patch(do, exchange, actor, type_, id_)
        case "DELETE":
            await writes.delete(do, exchange, actor, type_, id_)
        case _:
            raise NoSuchInteraction("GET, HEAD, PUT, PATCH, DELETE")


async def _type(
    do: Interactions, exchange: Exchange, actor: Actor, method: str, type_: str
) -> None:
    refuse_unscoped(actor, "s" if method == "GET" else LETTERS.get(method, ""), type_)
    match method:
        case "GET":
            if type_ == audit_events.TYPE and audit_events.is_asked(actor, exchange.query):
                await audit_events.search(do, exchange, actor)
                return
            await searches.search(do, exchange, actor, type_)
        case "POST":
            await writes.create(do, exchange, actor, type_)
        case "PUT":
            await writes.update(do, exchange, actor, type_, "")
        case "PATCH":
            await writes.patch(do, exchange, actor, type_, "")
        case "DELETE":
            await writes.delete(do, exchange, actor, type_, "")
        case _:
            raise NoSuchInteraction("GET, HEAD, POST, PUT, PATCH, DELETE")


async def _system(do: Interactions, exchange: Exchange, actor: Actor, method: str) -> None:
    match method:
        case "GET":
            refuse_unscoped(actor, "s", None)
            await searches.search(do, exchange, actor, None)
        case "POST":
            await bundles.bundle(do, exchange, actor)
        case _:
            raise NoSuchInteraction("GET, HEAD, POST, OPTIONS")


async def _search(do: Interactions, exchange: Exchange, actor: Actor, place: list[str]) -> None:
    match place:
        case []:
            refuse_unscoped(actor, "s", None)
            await searches.search(do, exchange, actor, None)
        case [type_] if type_ in TYPE_NUMBERS:
            refuse_unscoped(actor, "s", type_)
            await searches.search(do, exchange, actor, type_)
        case [whose, id_, type_] if whose in COMPARTMENTS and (
            type_ == "*" or type_ in TYPE_NUMBERS
        ):
            wanted = None if type_ == "*" else type_
            refuse_unscoped(actor, "s", wanted)
            await searches.search(do, exchange, actor, wanted, (whose, _checked(id_)))
        case _:
            raise UnknownPlace


async def _operation(
    do: Interactions, exchange: Exchange, actor: Actor, name: str, place: list[str]
) -> None:
    match place:
        case []:
            level, type_, id_ = "system", None, None
        case [type_]:
            level, id_ = "type", None
        case [type_, id_] | [type_, id_, "_history", _]:
            level = "instance"
            _checked(id_)
        case _:
            raise UnknownPlace
    if type_ is not None and type_ not in TYPE_NUMBERS and type_ not in operations.FOREIGN_TYPES:
        raise UnknownPlace
    operation = operations.find(name, level, type_)
    if operation is None or (len(place) == 4 and not operation.of_versions):
        raise NoSuchInteraction
    _allow(exchange.method, "POST" if operation.by_post_only else "GET, HEAD, POST")
    refuse_operation(actor, name, type_)
    permit(actor, operation.permission)
    await operation.handle(Call(operation, exchange, actor, do, type_, id_))


def _place(place: list[str]) -> tuple[str | None, str | None]:
    type_ = place[0] if place else None
    if type_ is not None and type_ not in TYPE_NUMBERS:
        raise UnknownPlace
    return type_, _checked(place[1]) if len(place) > 1 else None


def _checked(id_: str) -> str:
    if not _ID.fullmatch(id_):
        raise UnknownPlace
    return id_


def _allow(method: str, methods: str) -> None:
    if method not in methods.split(", "):
        raise NoSuchInteraction("GET, HEAD" if methods == "GET" else methods)
