"""Transactions and batches: carried out by the record, answered entry by entry.

Main rule: reads, searches and operations of a bundle come after its writes and are answered as if each
had been a request of its own; what they refuse fails their entry, never what is already stored.
Standard: FHIR R4 http.html#transaction.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from yba.foundation.record import bundle as bundles
from yba.foundation.record import idempotency
from yba.foundation.record.bundle import Plan, Planned
from yba.foundation.record.errors import BundleRefused
from yba.foundation.record.operations import Outcome
from yba.foundation.record.processing import aside
from yba.foundation.record.rows import instant_text
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused, Refusal
from yba.plumbing import refusals
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api import outcomes, rendering
from yba.surfaces.fhir_api.exchange import Exchange, InnerExchange, seconds_of
from yba.surfaces.fhir_api.interactions import WHAT, WRITE, Interactions, permit
from yba.surfaces.fhir_api.scoped import LETTERS, refuse_unscoped
from yba.surfaces.fhir_api.writes import promise_of

_READ_AT_ONCE = 8
_PHRASES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


async def bundle(do: Interactions, exchange: Exchange, actor: Actor) -> None:
    """Carry out a transaction or batch."""
    exchange.refuse_other_media()
    body = await exchange.body()
    plan = await aside(len(body), bundles.read, body, base=do.base)
    if any(not entry.inner for entry in plan.entries):
        permit(actor, WRITE)
    _refuse_unscoped(actor, plan)
    if plan.type == "transaction":
        _refuse_calls(plan)
    at = do.clock()
    keeping = _keeping(do, exchange, actor, plan, body) if plan.type == "transaction" else None
    if keeping is None and b"idempotency-key" in exchange.headers:
        raise BundleRefused(entry="-", reason="an Idempotency-Key is for transactions, not batches")
    parts: list[bytes | None]
    try:
        await do.processor.process(plan, actor=actor, at=at, what=WHAT + "bundle", around=keeping)
        parts = await aside(len(body), _written, plan, exchange.prefers("return"))
    except _AnsweredBefore as before:
        parts = before.parts
    answered = await _with_reads(do, actor, plan, parts)
    await exchange.answer(
        200, await aside(len(body), rendering.response_bundle, plan.type, answered)
    )


def _refuse_unscoped(actor: Actor, plan: Plan) -> None:
    """Refuse entries that no scope speaks of: of a batch each, of a transaction all."""
    if actor.scopes is None:
        return
    for entry in plan.entries:
        if entry.inner or entry.error is not None:
            continue
        try:
            refuse_unscoped(actor, LETTERS.get(entry.method, ""), entry.type)
        except AccessRefused as refused:
            if plan.type == "transaction":
                raise
            entry.error = refused


def _refuse_calls(plan: Plan) -> None:
    """Refuse operations by POST in a transaction: they could not be undone with it."""
    for entry in plan.entries:
        if entry.inner and entry.method == "POST" and "$" in entry.url:
            raise BundleRefused(entry=entry.number, reason="operations by POST need a batch")


class _AnsweredBefore(Exception):
    """The same transaction was carried out before; these were its answers."""

    def __init__(self, parts: list[bytes | None]) -> None:
        super().__init__()
        self.parts = parts


class _Keeping:
    """Keeps the answers of a transaction that came with an idempotency key."""

    def __init__(
        self, do: Interactions, plan: Plan, promise: idempotency.Promise, wanted: str
    ) -> None:
        self._do, self._plan, self._promise, self._wanted = do, plan, promise, wanted

    async def before(self, tx: Tx) -> None:
        """Raise _AnsweredBefore, KeyUsedBefore if the key is known."""
        answer = await idempotency.answer_of(tx, self._promise)
        if answer is not None:
            raise _AnsweredBefore(answer.parts)

    async def after(self, tx: Tx) -> None:
        """Keep the answers with what was written."""
        answer = idempotency.Answer(200, parts=_written(self._plan, self._wanted))
        await idempotency.keep(tx, self._promise, answer, at=self._do.clock())


def _keeping(
    do: Interactions, exchange: Exchange, actor: Actor, plan: Plan, body: bytes
) -> _Keeping | None:
    if b"idempotency-key" not in exchange.headers:
        return None
    return _Keeping(do, plan, promise_of(exchange, actor, body), exchange.prefers("return"))


# -- answers --------------------------------------------------------------------------------------


def _written(plan: Plan, wanted: str) -> list[bytes | None]:
    """Return the answer of every entry that wrote or was refused; None for those to be answered."""
    parts: list[bytes | None] = []
    for entry in plan.entries:
        operation = entry.operation
        error = entry.error or (operation.error if operation else None)
        if error is not None:
            parts.append(_refused_entry(error))
        elif operation is not None and operation.outcome is not None:
            parts.append(_written_entry(operation.outcome, wanted))
        else:
            parts.append(None)
    return parts


async def _with_reads(
    do: Interactions, actor: Actor, plan: Plan, parts: list[bytes | None]
) -> list[bytes]:
    """Return all answers; those still missing are asked for, a few at a time."""
    places = asyncio.Semaphore(_READ_AT_ONCE)

    async def answer(entry: Planned) -> bytes:
        async with places:
            return await _inner_entry(do, actor, entry)

    waiting = [
        entry for entry, part in zip(plan.entries, parts, strict=True) if part is None
    ]  # fmt: skip
    found = iter(await asyncio.gather(*map(answer, waiting)) if waiting else ())
    return [part if part is not None else next(found) for part in parts]


async def _inner_entry(do: Interactions, actor: Actor, entry: Planned) -> bytes:
    """Answer a read, a search or an operation inside a bundle."""
    inner = InnerExchange(entry.method, entry.url, entry.headers, entry.content)
    try:
        await do.route(inner, actor)
    except Refusal as refused:
        return _refused_entry(refused)
    assert inner.answered is not None
    status, headers, body = inner.answered
    given = {name.decode(): value.decode("latin-1") for name, value in headers}
    seconds = seconds_of(given.get("last-modified", ""))
    return rendering.answer_entry(
        _PHRASES[status],
        location=given.get("location", ""),
        etag=given.get("etag", "").removeprefix('W/"').removesuffix('"'),
        modified="" if seconds is None else instant_text(seconds * 1_000_000),
        resource=body or None,
    )


def _refused_entry(refused: Refusal) -> bytes:
    refusals.remember(refused)
    return rendering.answer_entry(
        _PHRASES.get(refused.status, str(refused.status)), outcome=outcomes.body(refused)
    )


def _written_entry(outcome: Outcome, wanted: str) -> bytes:
    told = None
    if wanted == "OperationOutcome":
        told = outcomes.done("Done." if outcome.changed else "Nothing was changed.")
    if not outcome.id:
        return rendering.answer_entry(_PHRASES[outcome.status], outcome=told)
    return rendering.answer_entry(
        _PHRASES[outcome.status],
        location=f"{outcome.reference}/_history/{outcome.version}" if outcome.version else "",
        etag=str(outcome.version) if outcome.version else "",
        modified=instant_text(outcome.updated) if outcome.updated else "",
        resource=outcome.body if wanted == "representation" else None,
        outcome=told,
    )
