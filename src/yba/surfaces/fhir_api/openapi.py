"""The OpenAPI document: made of the CapabilityStatement and the list of operations, so it promises no more than they do.

It is some megabytes for all types, so it is built once, on another thread, and kept compressed.
Standard: OpenAPI 3.1; FHIR R4 http.html.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any, Final

import msgspec

from yba.fhir import r4
from yba.fhir.json_schema import schemas
from yba.surfaces.fhir_api import operations
from yba.surfaces.fhir_api.exchange import Exchange, Headers
from yba.surfaces.fhir_api.operation import Level, Operation

FILE: Final = "openapi.json"
_MEDIA: Final = b"application/json"
_JSON: Final = "application/fhir+json"
_ENCODER: Final = msgspec.json.Encoder()
Object = dict[str, Any]
# What any request below the base may be refused with.
_ALWAYS: Final = (400, 401, 403, 404, 406)
_WRITTEN: Final = (*_ALWAYS, 409, 410, 412, 413, 415, 422)
_READ: Final = (*_ALWAYS, 410)
_SEARCHED: Final = (*_ALWAYS, 413, 415, 422)
_REFUSALS: Final = {
    400: "The request cannot be read, or asks for what is not searched.",
    401: "Nobody is signed in.",
    403: "This account may not do that.",
    404: "There is no such resource.",
    405: "This place does not know the method.",
    406: "The answer is not given in that format.",
    409: "It contradicts what is stored.",
    410: "The resource was deleted.",
    412: "The version or the condition does not hold.",
    413: "The request is larger than this server takes.",
    415: "The body is in a format that is not read.",
    422: "The rules of FHIR or of this server refuse it.",
    429: "Too many at once; try again later.",
    501: "Not done by this server.",
}
_CONTROLS: Final = {
    "_count": "Resources on a page.", "_sort": "Parameters to sort by; - in front for descending.",
    "_total": "none, estimate or accurate.", "_summary": "true, text, data, count or false.",
    "_elements": "Elements to keep.", "_include": "References to follow.", "_revinclude": "References to follow back.",
    "_contained": "true, both or false.", "_containedType": "container or contained.",
}  # fmt: skip


class Document:
    """The document of one base, built when first asked for."""

    def __init__(self, statement: Callable[[], bytes]) -> None:
        self._statement = statement
        self._building: asyncio.Future[tuple[bytes, bytes, bytes]] | None = None

    async def answer(self, exchange: Exchange) -> None:
        """Answer the document, or 304 if the client has it."""
        if self._building is None:
            self._building = asyncio.ensure_future(asyncio.to_thread(_packed, self._statement()))
        plain, packed, tag = await asyncio.shield(self._building)
        head: Headers = [(b"etag", tag)]
        if exchange.header(b"if-none-match") == tag.decode():
            await exchange.answer(304, headers=head)
        elif exchange.method == "HEAD":
            await exchange.answer(200, headers=[*head, (b"content-type", _MEDIA)])
        elif "gzip" in exchange.header(b"accept-encoding"):
            head += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
            await exchange.stream(_whole(packed), _MEDIA, headers=head)
        else:
            await exchange.stream(_whole(plain), _MEDIA, headers=head)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _packed(statement: bytes) -> tuple[bytes, bytes, bytes]:
    plain = _ENCODER.encode(document(r4.decode_as(r4.CapabilityStatement, statement)))
    tag = f'"{hashlib.sha256(plain).hexdigest()[:24]}"'.encode()
    return plain, gzip.compress(plain, 6), tag


def document(statement: r4.CapabilityStatement) -> Object:
    """Return the document that a CapabilityStatement makes."""
    assert statement.rest is not None
    rest = statement.rest[0]
    software, place = statement.software, statement.implementation
    paths: dict[str, Object] = {
        "/metadata": {"get": _call("metadata", "What is on", {200: "CapabilityStatement"}, (406,))}
    }
    paths["/metadata"]["get"]["security"] = []
    for interaction in rest.interaction or ():
        _add_system(paths, interaction.code or "")
    for resource in rest.resource or ():
        _add_type(paths, resource)
    for operation in operations.ALL:
        _add_operation(paths, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "FHIR R4", "version": (software.version if software else None) or "0"},
        "servers": [{"url": (place.url if place else None) or "/fhir"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas(), "Any": {"type": "object"}},
            "responses": {str(status): _refusal(text) for status, text in _REFUSALS.items()},
            "parameters": _parameters(),
            "headers": {
                "ETag": {"schema": {"type": "string", "pattern": '^W/"[0-9]+"$'}},
                "Last-Modified": {"schema": {"type": "string"}},
                "Location": {"schema": {"type": "string"}},
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _add_system(paths: dict[str, Object], code: str) -> None:
    match code:
        case "transaction" | "batch":
            call = _call(
                "system.bundle", "Carry out a transaction or batch", {200: "Bundle"}, _WRITTEN
            )
            paths.setdefault("/", {})["post"] = call | _body("Bundle")
        case "history-system":
            paths.setdefault("/_history", {})["get"] = _history("system.history", [])
        case "search-system":
            found = _call("system.search", "Search several types", {200: "Bundle"}, _SEARCHED)
            found["parameters"] = [_query("_type", "Types to search."), *_controls()]
            paths.setdefault("/", {})["get"] = found
        case _:
            pass


def _add_type(paths: dict[str, Object], resource: r4.CapabilityStatementRestResource) -> None:
    type_ = resource.type or ""
    codes = {i.code for i in resource.interaction or ()}
    whole, one = paths.setdefault(f"/{type_}", {}), paths.setdefault(f"/{type_}/{{id}}", {})
    if "search-type" in codes:
        found = _call(f"{type_}.search", f"Search {type_}", {200: "Bundle"}, _SEARCHED)
        named = [_query(p.name or "", f"{p.type} parameter") for p in resource.searchParam or ()]
        taken = {p["name"] for p in named}
        found["parameters"] = named + [
            c for c, name in zip(_controls(), _CONTROLS, strict=True) if name not in taken
        ]
        whole["get"] = found
        posted = _call(f"{type_}.searchByPost", f"Search {type_}", {200: "Bundle"}, _SEARCHED)
        posted["requestBody"] = {
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
        }
        paths[f"/{type_}/_search"] = {"post": posted}
    if "create" in codes:
        made = _call(
            f"{type_}.create",
            f"Create a {type_}",
            {201: type_, 200: type_},
            _WRITTEN,
            versioned=True,
        )
        made["parameters"] = [_ref("If-None-Exist")]
        whole["post"] = made | _body(type_)
    if "read" in codes:
        one["get"] = _call(
            f"{type_}.read", f"Read a {type_}", {200: type_}, _READ, versioned=True, unchanged=True
        )
        one["get"]["parameters"] = [_ref("id")]
    if "update" in codes:
        one["put"] = _call(
            f"{type_}.update",
            f"Write a {type_}",
            {200: type_, 201: type_},
            _WRITTEN,
            versioned=True,
        )
        one["put"] |= {"parameters": [_ref("id"), _ref("If-Match")], **_body(type_)}
        if resource.conditionalUpdate:
            whole["put"] = _call(
                f"{type_}.updateWhere",
                f"Write the {type_} that matches",
                {200: type_, 201: type_},
                _WRITTEN,
                versioned=True,
            )
            whole["put"] |= _body(type_)
    if "patch" in codes:
        one["patch"] = _call(
            f"{type_}.patch", f"Change a {type_}", {200: type_}, _WRITTEN, versioned=True
        )
        one["patch"] |= {"parameters": [_ref("id"), _ref("If-Match")], **_patch_body()}
    if "delete" in codes:
        one["delete"] = _call(
            f"{type_}.delete", f"Delete a {type_}", {204: None, 200: "OperationOutcome"}, _WRITTEN
        )
        one["delete"]["parameters"] = [_ref("id"), _ref("If-Match")]
        if resource.conditionalDelete:
            whole["delete"] = _call(
                f"{type_}.deleteWhere",
                f"Delete the {type_} that matches",
                {204: None, 200: "OperationOutcome"},
                _WRITTEN,
            )
    if "history-type" in codes:
        paths[f"/{type_}/_history"] = {"get": _history(f"{type_}.history", [])}
    if "history-instance" in codes:
        paths[f"/{type_}/{{id}}/_history"] = {"get": _history(f"{type_}.historyOf", [_ref("id")])}
    if "vread" in codes:
        version = _call(
            f"{type_}.vread",
            f"Read a version of a {type_}",
            {200: type_},
            _READ,
            versioned=True,
            unchanged=True,
        )
        version["parameters"] = [_ref("id"), _ref("version")]
        paths[f"/{type_}/{{id}}/_history/{{version}}"] = {"get": version}


def _add_operation(paths: dict[str, Object], operation: Operation) -> None:
    for level in sorted(operation.levels):
        for type_ in ("",) if level == "system" else sorted(operation.types) or ("{type}",):
            place = _place(level, type_) + f"/${operation.name}"
            found = paths.setdefault(place, {})
            parameters = [_ref("id")] if level == "instance" else []
            if type_ == "{type}":
                parameters.append(
                    {"name": "type", "in": "path", "required": True, "schema": {"type": "string"}}
                )
            for method in ("post",) if operation.by_post_only else ("get", "post"):
                key = ".".join(
                    part
                    for part in (type_.strip("{}") or "system", level, operation.name, method)
                    if part
                )
                call = _operation_call(key, operation)
                call["parameters"] = parameters
                found[method] = call if method == "get" else call | _operation_body()


def _operation_call(key: str, operation: Operation) -> Object:
    answered: dict[int, str | None] = {200: "Resource", 202: None}
    call = _call(
        key, f"${operation.name} ({operation.definition})", answered, (*_WRITTEN, 405, 429, 501)
    )
    if operation.own_formats:
        said = {"description": "As the operation says", "content": {"*/*": {}}}
        call["responses"] |= {"200": said, "400": said}
    return call


def _place(level: Level, type_: str) -> str:
    return {"system": "", "type": f"/{type_}", "instance": f"/{type_}/{{id}}"}[level]


def _call(
    key: str, summary: str, answers: dict[int, str | None], refusals: tuple[int, ...],
    *, versioned: bool = False, unchanged: bool = False,
) -> Object:  # fmt: skip
    responses: Object = {}
    for status, schema in answers.items():
        response: Object = {"description": summary}
        if schema is not None:
            response["content"] = _content(schema)
        if versioned:
            response["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", "Last-Modified")
            }
        responses[str(status)] = response
    if unchanged:
        responses["304"] = {"description": "Not changed since the version that the client has."}
    for status in refusals:
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"operationId": key, "summary": summary, "responses": responses}


def _history(key: str, parameters: list[Object]) -> Object:
    found = _call(key, "States, newest first", {200: "Bundle"}, _READ)
    found["parameters"] = [
        *parameters,
        _query("_count", "States on a page."),
        _query("_since", "Only from this moment."),
    ]
    return found


def _body(type_: str) -> Object:
    return {"requestBody": {"required": True, "content": _content(type_)}}


def _operation_body() -> Object:
    return {"requestBody": {"required": False, "content": _content("Parameters")}}


def _patch_body() -> Object:
    step = {
        "type": "object",
        "required": ["op", "path"],
        "properties": {"op": {"type": "string"}, "path": {"type": "string"}},
    }
    content = {
        "application/json-patch+json": {"schema": {"type": "array", "items": step}},
        **_content("Parameters"),
    }
    return {"requestBody": {"required": True, "content": content}}


def _content(type_: str) -> Object:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{type_}"}}}


def _refusal(text: str) -> Object:
    return {"description": text, "content": _content("OperationOutcome")}


def _query(name: str, text: str) -> Object:
    return {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}


def _controls() -> list[Object]:
    return [_ref(name) for name in _CONTROLS]


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/parameters/{name}"}


@cache
def _parameters() -> Object:
    key = {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}
    header = {"in": "header", "schema": {"type": "string"}}
    return {
        "id": {"name": "id", "in": "path", "required": True, "schema": key},
        "version": {"name": "version", "in": "path", "required": True, "schema": key},
        "If-Match": {"name": "If-Match", "description": "The version to be changed.", **header},
        "If-None-Exist": {
            "name": "If-None-Exist",
            "description": "Create only if nothing matches.",
            **header,
        },
        **{name: _query(name, text) for name, text in _CONTROLS.items()},
    }
