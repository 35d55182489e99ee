"""Writing one resource: create, update, patch, delete, each also by condition.

Standard: FHIR R4 http.html#create, #update, #patch, #delete, #ops (Prefer).
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import unquote

from yba.fhir import r4
from yba.foundation.record import bundle, idempotency, patching
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.operations import Operation, Operations, Outcome
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api import outcomes
from yba.surfaces.fhir_api.exchange import Exchange, Headers, UnsupportedMedia, http_date
from yba.surfaces.fhir_api.formats import JSON_TYPES, XML_TYPES
from yba.surfaces.fhir_api.interactions import WHAT, WRITE, Interactions, permit

_IDEMPOTENCY_KEY = b"idempotency-key"


async def create(do: Interactions, exchange: Exchange, actor: Actor, type_: str) -> None:
    """Store a new resource; with If-None-Exist only if nothing matches."""
    permit(actor, WRITE)
    raw = await _resource(exchange, type_)
    resource = bundle.readable(raw, type_)
    resource.id = new_id()
    operation = Operation(
        "POST", type_, actor, id=resource.id, resource=resource,
        condition=_none_exist(exchange), what=WHAT + "create",
    )  # fmt: skip
    await _carry_out(do, exchange, operation, raw)


async def update(do: Interactions, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
    """Store the next state of a resource, addressed by id or by a condition."""
    permit(actor, WRITE)
    raw = await _resource(exchange, type_, id_)
    resource = bundle.readable(raw, type_)
    if id_ and resource.id != id_:
        raise UnreadableBody(reason="the id in the body must be the id in the address")
    none_match = exchange.header(b"if-none-match")
    operation = Operation(
        "PUT", type_, actor, id=id_, resource=resource,
        condition=None if id_ else _condition(exchange), if_match=_if_match(exchange),
        if_none_match=bool(none_match) and bundle.is_any(none_match), what=WHAT + "update",
    )  # fmt: skip
    await _carry_out(do, exchange, operation, raw)


async def patch(do: Interactions, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
    """Change parts of a resource, addressed by id or by a condition."""
    permit(actor, WRITE)
    media = exchange.media_type
    if media in XML_TYPES or (media in JSON_TYPES and media != "application/json"):
        media = "application/fhir+json"  # the exchange has converted XML already
    elif media != "application/json" and media not in patching.MEDIA_TYPES:
        raise UnsupportedMedia
    exchange.refuse_other_media(exchange.media_type)
    raw = await exchange.body()
    operation = Operation(
        "PATCH", type_, actor, id=id_, patch=patching.read(raw, media),
        condition=None if id_ else _condition(exchange), if_match=_if_match(exchange),
        what=WHAT + "patch",
    )  # fmt: skip
    await _carry_out(do, exchange, operation, raw)


async def delete(do: Interactions, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
    """Delete a resource, addressed by id or by a condition; several only with `_count`."""
    permit(actor, WRITE)
    operation = Operation(
        "DELETE", type_, actor, id=id_, condition=None if id_ else _condition(exchange),
        if_match=_if_match(exchange), what=WHAT + "delete",
    )  # fmt: skip
    await _carry_out(do, exchange, operation, b"")


async def _resource(exchange: Exchange, type_: str, id_: str = "") -> bytes:
    """Return the body as the JSON of a resource; a Binary may also come as it is."""
    media = exchange.media_type
    if type_ != "Binary" or not media or media in JSON_TYPES or media in XML_TYPES:
        exchange.refuse_other_media()
        return await exchange.body()
    content = await exchange.body()
    binary = r4.Binary(
        id=id_ or None, contentType=exchange.header(b"content-type").strip(),
        data=base64.b64encode(content).decode() or None,
    )  # fmt: skip
    context = exchange.header(b"x-security-context")
    if context:
        binary.securityContext = r4.Reference(reference=context)
    return r4.encode(binary)


def _condition(exchange: Exchange) -> str:
    if not exchange.query:
        raise UnreadableBody(reason="the address must hold an id or a condition")
    return unquote(exchange.query) if "%" not in exchange.query else exchange.query


def _none_exist(exchange: Exchange) -> str | None:
    """Return the condition of a create; some clients write it into the address."""
    header = exchange.header(b"if-none-exist")
    if exchange.query and _has_condition(exchange.query):
        if header:
            raise UnreadableBody(reason="a create may have one condition only")
        return exchange.query
    return bundle.condition_in(header) if header else None


def _has_condition(query: str) -> bool:
    """Return whether an address holds more than how to answer."""
    names = {pair.partition("=")[0] for pair in query.split("&")}
    return bool(names - {"", "_format", "_pretty"})


def _if_match(exchange: Exchange) -> int | None:
    match = exchange.header(b"if-match")
    return bundle.tag_number(match) if match else None


# -- carrying out and answering -------------------------------------------------------------------


async def _carry_out(
    do: Interactions, exchange: Exchange, operation: Operation, raw: bytes
) -> None:
    if _IDEMPOTENCY_KEY in exchange.headers:
        await _once(do, exchange, operation, raw)
        return
    await do.writer.carry_out(operation)
    await exchange.answer(*_answer(do, exchange, operation))


async def _once(do: Interactions, exchange: Exchange, operation: Operation, raw: bytes) -> None:
    """Carry out what may be asked for again under the same key, and keep the answer with it."""
    at = do.clock()
    promise = promise_of(exchange, operation.actor, raw)
    async with do.writing.transaction() as tx:
        answer = await idempotency.answer_of(tx, promise)
        if answer is None:
            await Operations(tx, at=at).carry_out([operation])
            if operation.error is not None:
                raise operation.error
            answer = idempotency.Answer(*_answer(do, exchange, operation))
            await idempotency.keep(tx, promise, answer, at=at)
    await exchange.answer(answer.status, answer.body, list(answer.headers))


def promise_of(exchange: Exchange, actor: Actor, raw: bytes) -> idempotency.Promise:
    """Return the key of a request and what it stands for. Raises UnreadableBody."""
    digest = hashlib.sha256()
    condition = exchange.headers.get(b"if-none-exist", b"")
    match = exchange.headers.get(b"if-match", b"")
    for part in (exchange.method, exchange.path, exchange.query, condition, match, raw):
        content = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(b"%d:" % len(content) + content)
    account = actor.account_id
    if actor.scopes is not None:
        # What one program was answered is not shown to another of the same account.
        program = repr((actor.client_id, actor.patient_context, sorted(actor.scopes)))
        account += " " + hashlib.sha256(program.encode()).hexdigest()
    return idempotency.promise(
        account=account, key=exchange.header(_IDEMPOTENCY_KEY), digest=digest.digest()
    )


def _answer(
    do: Interactions, exchange: Exchange, operation: Operation
) -> tuple[int, bytes, Headers]:
    outcome = operation.outcome
    assert outcome is not None
    headers: Headers = []
    if outcome.version:
        headers.append((b"etag", f'W/"{outcome.version}"'.encode()))
    if outcome.updated and outcome.status != 204:
        headers.append((b"last-modified", http_date(outcome.updated)))
    if outcome.status == 201 or outcome.body is not None:
        location = f"{do.base}/{outcome.reference}/_history/{outcome.version}"
        headers.append((b"location", location.encode()))
    status, body = outcome.status, b""
    wanted = exchange.prefers("return")
    if wanted == "OperationOutcome":
        status, body = 200 if status == 204 else status, outcomes.done(_told(outcome))
    elif status != 204 and wanted != "minimal":
        body = outcome.body or b""
    return status, body, headers


def _told(outcome: Outcome) -> str:
    if not outcome.changed:
        return "Nothing was changed: it is so already."
    if outcome.status == 204:
        return "Deleted." if outcome.id else "Nothing was there to be deleted."
    done = "Created" if outcome.status == 201 else "Changed"
    return f"{done}: {outcome.reference}, version {outcome.version}."
