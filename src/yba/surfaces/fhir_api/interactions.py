"""What each FHIR interaction does: read the request, call the record, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlencode

from yba.fhir.moments import range_of
from yba.foundation.record import bundle, reading, settings
from yba.foundation.record.errors import (
    ResourceDeleted,
    ResourceNotFound,
    UnreadableBody,
    UnsearchableQuery,
)
from yba.foundation.record.model import Version
from yba.foundation.record.operations import Operation, Outcome
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.processing import GroupWriter, Processor
from yba.foundation.record.query.parse import parse
from yba.foundation.record.rows import Moment, instant_text
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_id
from yba.kernel.refusal import AccessRefused, NotFound, Refusal
from yba.plumbing.database import Database, Tx
from yba.surfaces.fhir_api import outcomes, rendering
from yba.surfaces.fhir_api.connections import SearchConnections
from yba.surfaces.fhir_api.exchange import Exchange, Headers, http_date, seconds_of
from yba.surfaces.fhir_api.reads import CoalescedReads
from yba.surfaces.fhir_api.trail import Trail

READ, WRITE = "fhir.read", "fhir.write"
_WHAT = "fhir_api."
_LARGEST_HISTORY = 1000


class NoSuchInteraction(Refusal):
    """A method that this place does not know."""

    code = "fhir.no-such-interaction"
    status = 405
    message = "Not done: this interaction does not exist here. See /fhir/metadata."


@dataclass(slots=True)
class Interactions:
    """The interactions of one FHIR base."""

    database: Database
    base: str
    secret: bytes
    clock: Callable[[], datetime]
    reads: CoalescedReads
    searches: SearchConnections
    writer: GroupWriter
    processor: Processor
    trail: Trail
    # Where the files of bulk jobs lie.
    data_dir: Path

    # -- one resource -------------------------------------------------------------------------

    async def read(self, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
        """Answer the current state of one resource."""
        permit(actor, READ)
        found = await self.reads.read(type_, id_)
        if found is None:
            raise ResourceNotFound
        if found.deleted:
            raise ResourceDeleted(reference=f"{type_}/{id_}")
        self._seen(actor, "read", found)
        await self._show(exchange, found)

    async def _show(self, exchange: Exchange, found: Version) -> None:
        headers = exchange.headers
        tag = found.etag
        if b"if-none-match" in headers and tag in exchange.header(b"if-none-match"):
            await exchange.answer(304, headers=[(b"etag", tag.encode())])
            return
        if b"if-modified-since" in headers:
            since = seconds_of(exchange.header(b"if-modified-since"))
            if since is not None and found.updated // 1_000_000 <= since:
                await exchange.answer(304, headers=[(b"etag", tag.encode())])
                return
        body = found.body or b""
        elements = exchange.parameter("_elements")
        summary = exchange.parameter("_summary")
        if elements or summary in ("true", "text", "data"):
            body = rendering.subset(body, tuple(e for e in elements.split(",") if e), summary)
        await exchange.answer(
            200, body,
            [(b"etag", tag.encode()), (b"last-modified", http_date(found.updated))],
        )  # fmt: skip

    async def vread(
        self, exchange: Exchange, actor: Actor, type_: str, id_: str, version: str
    ) -> None:
        """Answer one state of one resource."""
        permit(actor, READ)
        if not version.isascii() or not version.isdigit() or len(version) > 9:
            raise ResourceNotFound
        async with self.database.borrow() as connection:
            found = await reading.version(Tx(connection), type_, id_, int(version))
        self._seen(actor, "vread", found)
        await self._show(exchange, found)

    async def create(self, exchange: Exchange, actor: Actor, type_: str) -> None:
        """Store a new resource; with If-None-Exist only if nothing matches."""
        permit(actor, WRITE)
        exchange.refuse_other_media()
        resource = bundle.readable(await exchange.body(), type_)
        resource.id = new_id()
        condition = exchange.header(b"if-none-exist")
        operation = Operation(
            "POST", type_, actor, id=resource.id, resource=resource,
            condition=unquote_condition(condition) if condition else None, what=_WHAT + "create",
        )  # fmt: skip
        await self.writer.carry_out(operation)
        await self._written(exchange, operation)

    async def update(self, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
        """Store the next state of a resource, addressed by id or by a condition."""
        permit(actor, WRITE)
        exchange.refuse_other_media()
        resource = bundle.readable(await exchange.body(), type_)
        if id_ and resource.id != id_:
            raise UnreadableBody(reason="the id in the body must be the id in the address")
        match = exchange.header(b"if-match")
        operation = Operation(
            "PUT", type_, actor, id=id_, resource=resource,
            condition=None if id_ else _condition(exchange),
            if_match=bundle.tag_number(match) if match else None,
            if_none_match=exchange.header(b"if-none-match") == "*", what=_WHAT + "update",
        )  # fmt: skip
        await self.writer.carry_out(operation)
        await self._written(exchange, operation)

    async def delete(self, exchange: Exchange, actor: Actor, type_: str, id_: str) -> None:
        """Delete a resource, addressed by id or by a condition."""
        permit(actor, WRITE)
        match = exchange.header(b"if-match")
        operation = Operation(
            "DELETE", type_, actor, id=id_, condition=None if id_ else _condition(exchange),
            if_match=bundle.tag_number(match) if match else None, what=_WHAT + "delete",
        )  # fmt: skip
        await self.writer.carry_out(operation)
        await self._written(exchange, operation)

    async def _written(self, exchange: Exchange, operation: Operation) -> None:
        outcome = operation.outcome
        assert outcome is not None
        headers: Headers = []
        if outcome.version:
            headers.append((b"etag", f'W/"{outcome.version}"'.encode()))
        if outcome.status == 201 or outcome.body is not None:
            location = f"{self.base}/{outcome.reference}/_history/{outcome.version}"
            headers.append((b"location", location.encode()))
        body = b""
        if outcome.status != 204 and "return=minimal" not in exchange.header(b"prefer"):
            body = outcome.body or b""
            if operation.row is not None:
                headers.append((b"last-modified", http_date(operation.row.updated)))
        await exchange.answer(outcome.status, body, headers)

    # -- several resources ----------------------------------------------------------------------

    async def search(self, exchange: Exchange, actor: Actor, type_: str) -> None:
        """Answer one page of a search."""
        permit(actor, READ)
        query = exchange.query
        if exchange.method == "POST":
            exchange.refuse_other_media("application/x-www-form-urlencoded")
            form = (await exchange.body()).decode("utf-8", "strict")
            query = "&".join(part for part in (query, form) if part)
        body = await self.search_body(
            actor, type_, query, lenient="handling=lenient" in exchange.header(b"prefer")
        )
        await exchange.answer(200, body)

    async def search_body(self, actor: Actor, type_: str, query: str, *, lenient: bool) -> bytes:
        """Return the searchset Bundle for a query string."""
        search = parse(type_, query, lenient=lenient)
        async with self.searches.lend() as pair:
            page = await reading.find(
                pair.planning, search, now=self.clock(), secret=self.secret, base=self.base,
                remembering=pair.remembering,
            )  # fmt: skip
        self._seen(actor, "search", *page.matches, *page.included)
        if not page.matches:
            self.trail.note(actor, _WHAT + "search", None, (type_,))
        notes = None
        if search.ignored:
            texts = [f"Ignored because it is not known: {name}" for name in search.ignored]
            notes = rendering.r4.encode(outcomes.notes(texts))
        return rendering.search_page(page, base=self.base, notes=notes)

    async def history(
        self, exchange: Exchange, actor: Actor, type_: str | None, id_: str | None
    ) -> None:
        """Answer the states of one resource, one type or everything, newest first."""
        permit(actor, READ)
        count = exchange.parameter("_count") or "100"
        if not count.isascii() or not count.isdigit() or len(count) > 6:
            raise UnsearchableQuery(reason="_count must be a whole number")
        since, position = self._since(exchange), self._position(exchange)
        async with self.database.borrow() as connection:
            versions, following = await reading.history(
                Tx(connection), types=[type_] if type_ else TYPE_NAMES, id_=id_, since=since,
                position=position, count=max(1, min(int(count), _LARGEST_HISTORY)),
            )  # fmt: skip
        self._seen(actor, "history", *versions)
        url = "/".join(part for part in (self.base, type_, id_, "_history") if part)
        pairs = [("_count", count)]
        if exchange.parameter("_since"):
            pairs.append(("_since", exchange.parameter("_since")))
        next_url = ""
        if following:
            at = "-".join(encode_id(part & ((1 << 63) - 1)) for part in following)
            next_url = f"{url}?{urlencode([*pairs, ('_at', at + _sign(following[1]))])}"
        await exchange.answer(
            200,
            rendering.history_page(
                versions, base=self.base, self_url=f"{url}?{urlencode(pairs)}", next_url=next_url
            ),
        )

    def _since(self, exchange: Exchange) -> int:
        text = exchange.parameter("_since")
        if not text:
            return -(1 << 62)
        try:
            return range_of(text.replace(" ", "+"), settings.zone())[0]
        except ValueError:
            raise UnsearchableQuery(reason="_since must be an instant") from None

    def _position(self, exchange: Exchange) -> tuple[int, int, int]:
        text = exchange.parameter("_at")
        if not text:
            return (1 << 62, 1 << 62, 1 << 30)
        try:
            updated, rid, version = (int(part, 32) for part in text.rstrip("~").split("-"))
        except ValueError:
            raise UnsearchableQuery(reason="the page cannot be found") from None
        if max(updated, rid, version) >= 1 << 63:
            raise UnsearchableQuery(reason="the page cannot be found")
        if text.endswith("~"):
            rid -= 1 << 63
        return updated, rid, version

    # -- bundles --------------------------------------------------------------------------------

    async def bundle(self, exchange: Exchange, actor: Actor) -> None:
        """Carry out a transaction or batch."""
        permit(actor, WRITE)
        exchange.refuse_other_media()
        body = await exchange.body()
        at = self.clock()
        plan = await self.processor.process(body, actor=actor, at=at, what=_WHAT + "bundle")
        full = "return=representation" in exchange.header(b"prefer")
        modified = Moment(at).text
        entries: list[bytes] = []
        for entry in plan.entries:
            error = entry.error or (entry.operation.error if entry.operation else None)
            if error is not None:
                entries.append(_refused_entry(error))
            elif entry.method in ("GET", "HEAD"):
                entries.append(await self._read_entry(actor, entry.url, plan.type))
            else:
                assert entry.operation is not None
                assert entry.operation.outcome is not None
                entries.append(_written_entry(entry.operation.outcome, modified, full))
        await exchange.answer(200, rendering.response_bundle(plan.type, entries))

    async def _read_entry(self, actor: Actor, url: str, bundle_type: str) -> bytes:
        """Answer a GET inside a bundle."""
        try:
            permit(actor, READ)
            path, _, query = url.partition("?")
            parts = path.strip("/").split("/")
            if parts[0] not in TYPE_NUMBERS or len(parts) > 2:
                raise NoSuchInteraction
            if len(parts) == 1:
                body = await self.search_body(actor, parts[0], query, lenient=False)
                return rendering.answer_entry("200 OK", resource=body)
            found = await self.reads.read(parts[0], parts[1])
            if found is None:
                raise ResourceNotFound
            if found.deleted:
                raise ResourceDeleted(reference=f"{found.type}/{found.id}")
            self._seen(actor, "read", found)
            return rendering.answer_entry(
                "200 OK", etag=str(found.version), modified=instant_text(found.updated),
                resource=found.body,
            )  # fmt: skip
        except Refusal as refused:
            if bundle_type == "transaction" and not isinstance(refused, NotFound):
                raise
            return _refused_entry(refused)

    def note_seen(self, actor: Actor, what: str, *found: Version) -> None:
        """Note in the trail that the actor saw these; for operations."""
        self._seen(actor, what, *found)

    def _seen(self, actor: Actor, what: str, *found: Version) -> None:
        by_patient: dict[int | None, list[str]] = {}
        for one in found:
            by_patient.setdefault(one.patient, []).append(f"{one.type}/{one.id}")
        for patient, references in by_patient.items():
            self.trail.note(actor, _WHAT + what, _patient_id(patient), references)


@lru_cache(maxsize=65_536)
def _patient_id(row: int | None) -> str | None:
    return None if row is None or row < 0 else encode_id(row)


def _sign(number: int) -> str:
    return "~" if number < 0 else ""


def permit(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor may do this."""
    if not actor.may(permission):
        raise AccessRefused


def unquote_condition(text: str) -> str:
    """Return the query part of an If-None-Exist header."""
    return text.partition("?")[2] if "?" in text else text


def _condition(exchange: Exchange) -> str:
    if not exchange.query:
        raise UnreadableBody(reason="the address must hold an id or a condition")
    return unquote(exchange.query) if "%" not in exchange.query else exchange.query


def _refused_entry(refused: Refusal) -> bytes:
    return rendering.answer_entry(
        f"{refused.status} {refused.code}", outcome=outcomes.body(refused)
    )


_STATUS = {200: "200 OK", 201: "201 Created", 204: "204 No Content"}


def _written_entry(outcome: Outcome, modified: str, full: bool) -> bytes:
    if not outcome.id:
        return rendering.answer_entry(_STATUS[outcome.status])
    return rendering.answer_entry(
        _STATUS[outcome.status],
        location=f"{outcome.reference}/_history/{outcome.version}",
        etag=str(outcome.version),
        modified=modified if outcome.changed else "",
        resource=outcome.body if full else None,
    )
