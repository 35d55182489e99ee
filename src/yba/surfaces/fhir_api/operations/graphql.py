"""`$graphql`: one query over the record, or over one resource and what it refers to.

Standard: FHIR R4 graphql.html.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLSyntaxError, graphql_sync, parse
from graphql.language import FieldNode

from yba.fhir import r4
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnreadableBody
from yba.surfaces.fhir_api.exchange import UnsupportedMedia
from yba.surfaces.fhir_api.graphql.checking import Checker, Query, choose, query_set
from yba.surfaces.fhir_api.graphql.execution import Execution
from yba.surfaces.fhir_api.graphql.loading import Loader
from yba.surfaces.fhir_api.graphql.problems import Problem, Refused
from yba.surfaces.fhir_api.graphql.schema import schema
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Operation
from yba.surfaces.fhir_api.operations import searchset

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
        if _asks_for_schema(query):
            await _answer(call, 200, _described(call.type if call.id else None, request))
            return
        Checker(query).check(call.type)
        answer = await _executed(call, query, request)
    except Refused as refused:
        await _answer(call, 400, {"errors": [problem.told() for problem in refused.problems]})
        return
    await _answer(call, 200, answer)


async def _executed(call: Call, query: Query, request: Request) -> dict[str, Any]:
    loader = Loader(call.do)
    resource: r4.Resource | None = None
    if call.type and call.id:
        found = await call.do.reads.read(call.type, call.id)
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
        searchset.note_seen(call.do, call.actor, "graphql", loader.seen.values())
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


def _asks_for_schema(query: Query) -> bool:
    """Return whether a query asks for the schema and nothing else."""
    nodes = query_set(query).selections
    names = [node.name.value for node in nodes if isinstance(node, FieldNode)]
    return bool(names) and all(n.startswith("__") for n in names) and len(names) == len(nodes)


def _described(type_: str | None, request: Request) -> dict[str, Any]:
    result = graphql_sync(
        schema(type_), request.query, variable_values=request.variables,
        operation_name=request.operation,
    )  # fmt: skip
    if result.errors and result.data is None:
        raise Refused(*(Problem(each.message) for each in result.errors))
    return cast("dict[str, Any]", result.formatted)


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
