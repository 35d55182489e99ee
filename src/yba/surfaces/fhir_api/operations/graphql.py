"""`$graphql`: one query over the record, or over one resource and what it refers to.

Standard: FHIR R4 graphql.html.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLSyntaxError, parse

from yba.fhir import r4
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnreadableBody
from yba.surfaces.fhir_api.exchange import UnsupportedMedia
from yba.surfaces.fhir_api.graphql.checking import Checker, Query, choose
from yba.surfaces.fhir_api.graphql.describing import Describer, asks_for_schema
from yba.surfaces.fhir_api.graphql.execution import Execution
from yba.surfaces.fhir_api.graphql.loading import Loader
from yba.surfaces.fhir_api.graphql.problems import Problem, Refused
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Operation

_JSON = b"application/json; charset=utf-8"
_MOST_TOKENS = 20_000
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class Request:
    """What is asked: the document, which of its operations, and the variables."""

    query: str = ""
    operation: str | None = None
    variables: dict[str, Any] = field(default_factory=dict[str, Any])


async def graphql(call: Call) -> None:
    """Answer a query; 400 if it cannot be understood, 200 if it can, whatever fields fail."""
    request = await _request(call)
    try:
        query = _understood(request)
        if asks_for_schema(query):
            variables = _encode(request.variables)
            # The whole schema takes half a second: never where others wait.
            described = await asyncio.to_thread(
                _described, call.type, request.query, request.operation, variables
            )
            await call.exchange.answer(200, described, media=_JSON)
            return
        Checker(query).check(call.type)
        answer = await _executed(call, query, request)
    except Refused as refused:
        await _answer(call, 400, {"errors": [problem.told() for problem in refused.problems]})
        return
    await _answer(call, 200, answer)


@lru_cache(maxsize=4)
def _described(type_: str | None, query: str, operation: str | None, variables: bytes) -> bytes:
    """Return the answer to a query about the schema; tools ask all of it, always in the same words."""
    understood = _understood(Request(query, operation))
    data = Describer(understood, msgspec.json.decode(variables), type_).answer()
    return _encode({"data": data})


async def _executed(call: Call, query: Query, request: Request) -> dict[str, Any]:
    loader = Loader(call.do, call.do.guard(call.actor, "s"))
    resource: r4.Resource | None = None
    if call.type and call.id:
        found = await call.do.reads.read(call.type, call.id, call.do.guard(call.actor))
        if found is None:
            raise ResourceNotFound
        if found.deleted:
            raise ResourceDeleted(reference=f"{call.type}/{call.id}")
        resource = await loader.read(call.type, call.id)
    execution = Execution(query, loader, request.variables)
    try:
        data = await execution.answer(resource)
    except Problem as problem:
        raise Refused(problem) from None
    finally:
        await call.do.note_seen(call.actor, "graphql", *loader.seen.values())
    answer: dict[str, Any] = {"data": data}
    if execution.problems:
        answer["errors"] = [problem.told() for problem in execution.problems]
    return answer


def _understood(request: Request) -> Query:
    if not request.query.strip():
        raise Refused(Problem("There is no query."))
    try:
        document = parse(request.query, max_tokens=_MOST_TOKENS)
    except GraphQLSyntaxError as problem:
        refused = Problem(problem.message)
        refused.node = None
        raise Refused(refused) from None
    except RecursionError:
        raise Refused(Problem("The query is nested too deeply.")) from None
    return choose(document, request.operation)


async def _request(call: Call) -> Request:
    """Read a request from the address or the body. Raises UnreadableBody, UnsupportedMedia."""
    exchange = call.exchange
    given: dict[str, Any] = dict(parse_qsl(exchange.query, keep_blank_values=True))
    if exchange.method == "POST":
        declared = exchange.header(b"content-type").partition(";")[0].strip().lower()
        content = await exchange.body()
        if declared == "application/graphql":
            given["query"] = content.decode()
        elif declared in ("application/json", ""):
            given |= _object(content, "the body")
        elif content.strip():
            raise UnsupportedMedia
    variables = given.get("variables") or {}
    if isinstance(variables, str):
        variables = _object(variables.encode(), "variables")
    query, operation = given.get("query", ""), given.get("operationName")
    if not isinstance(query, str) or not isinstance(variables, dict):
        raise UnreadableBody(reason="query must be a text and variables an object")
    return Request(query, operation or None, cast("dict[str, Any]", variables))


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content or b"{}")
    except (msgspec.DecodeError, RecursionError):
        raise UnreadableBody(reason=f"{what} must be JSON") from None
    if not isinstance(found, dict):
        raise UnreadableBody(reason=f"{what} must be a JSON object")
    return cast("dict[str, Any]", found)


async def _answer(call: Call, status: int, answer: dict[str, Any]) -> None:
    await call.exchange.answer(status, _encode(answer), media=_JSON)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "graphql", "http://hl7.org/fhir/OperationDefinition/Resource-graphql",
        frozenset({"system", "instance"}), READ, graphql, own_formats=True,
    ),
)  # fmt: skip
