"""What a caller wants of a view: which view, over which resources, in which form.

ViewDefinition is no type of R4, so it comes inside the request as it is, or from a Binary that holds its JSON
(`ViewDefinition/x` means `Binary/x`). Standard: SQL on FHIR 2.1, OperationDefinition $viewdefinition-run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import msgspec

from yba.fhir import r4, views
from yba.foundation.record import reading
from yba.foundation.record.errors import ResourceNotFound, UnreadableBody
from yba.foundation.record.model import Version
from yba.foundation.record.query.parse import parse
from yba.kernel.refusal import Refusal
from yba.surfaces.fhir_api.operation import Call

_FORM: Final = "application/x-www-form-urlencoded"
_FORMATS: Final[dict[str, views.Format]] = {
    "csv": "csv", "text/csv": "csv", "json": "json", "application/json": "json",
    "application/fhir+json": "json", "ndjson": "ndjson", "application/ndjson": "ndjson",
    "application/x-ndjson": "ndjson", "application/fhir+ndjson": "ndjson",
}  # fmt: skip
_KNOWN: Final = frozenset({
    "_format", "header", "viewReference", "viewResource", "patient", "group", "source", "_limit", "_since",
    "resource", "_pretty", "exact",
})  # fmt: skip
_AT_ONCE: Final = 500
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class ViewRefused(Refusal):
    """A view that has no meaning, or that a resource does not fit."""

    code = "fhir.view-refused"
    status = 422
    message = "Not run: %(problem)s"


class TableFormatRefused(Refusal):
    """A form of table that is not written here."""

    code = "fhir.table-format-refused"
    status = 406
    message = "Not answered: tables are written as csv, json or ndjson."


@dataclass(frozen=True, slots=True)
class Wish:
    """One request for a table."""

    view: views.CompiledView
    format: views.Format
    header: bool
    exact: bool
    """Whether CSV is for a program: formulas are left as they are."""
    limit: int | None
    since: str
    patients: tuple[str, ...] | None
    """Ids of patients whose resources are meant; None for everyone's."""
    resources: tuple[r4.Resource, ...]
    """Resources given in the request; without any, those of the record are meant."""


class _Input:
    """The parameters as they came, JSON values still plain."""

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {}

    def add(self, name: str, value: Any) -> None:
        if name not in _KNOWN:
            raise UnreadableBody(reason="this operation takes only " + ", ".join(sorted(_KNOWN)))
        self.values.setdefault(name, []).append(value)

    def one(self, name: str) -> Any:
        values = self.values.get(name, [None])
        if len(values) > 1:
            raise UnreadableBody(reason=f"the parameter {name} may be given once only")
        return values[0]

    def flag(self, name: str, default: bool) -> bool:
        match self.one(name):
            case None:
                return default
            case True | "true":
                return True
            case False | "false":
                return False
            case _:
                raise UnreadableBody(reason=f"the parameter {name} must be true or false")

    def references(self, name: str, type_: str) -> list[str]:
        """Return the ids that references to a type name; commas separate those of an address."""
        texts: list[str] = []
        for value in self.values.get(name, []):
            texts += str(
                cast("dict[str, Any]", value).get("reference", "")
                if isinstance(value, dict)
                else value
            ).split(",")
        found = [text.strip().removeprefix(f"{type_}/") for text in texts]
        if any(not id_ or "/" in id_ for id_ in found):
            raise UnreadableBody(reason=f"the parameter {name} must refer to a {type_}")
        return found


async def wish_of(call: Call) -> Wish:
    """Read a request. Raises UnreadableBody, ViewRefused, TableFormatRefused, ResourceNotFound."""
    given = await _input(call)
    if given.one("source") is not None:
        raise UnreadableBody(reason="the parameter source: this server has one source only")
    format_ = _format(call, given)
    definition = await _definition(call, given)
    try:
        compiled = views.compile_view(views.read_view(definition))
    except views.ViewError as problem:
        raise ViewRefused(problem=str(problem)) from None
    limit = given.one("_limit")
    if limit is not None and (
        isinstance(limit, bool)
        or not str(limit).isdecimal()
        or len(str(limit)) > 9
        or int(limit) < 1
    ):
        raise UnreadableBody(reason="the parameter _limit must be a whole number above 0")
    return Wish(
        compiled, format_, given.flag("header", True), given.flag("exact", False), None if limit is None else int(limit),
        str(given.one("_since") or "").replace(" ", "+"), await _patients(call, given),
        tuple(_resource(value) for value in given.values.get("resource", [])),
    )  # fmt: skip


async def resources_of(call: Call, wish: Wish) -> AsyncIterator[list[r4.Resource]]:
    """Yield the resources that a view is made of, some at a time; each reading is noted in the trail."""
    if wish.resources:
        yield list(wish.resources)
        return
    type_ = wish.view.view.resource
    if wish.patients is None:
        async for found in _pages(call, wish, type_, None):
            yield found
        return
    seen: set[str] = set()
    for patient in wish.patients:
        async for found in _pages(call, wish, type_, patient):
            fresh = [one for one in found if one.id not in seen]
            if len(wish.patients) > 1:
                # A resource may belong to several of the patients.
                seen.update(one.id or "" for one in fresh)
            yield fresh


async def _pages(
    call: Call, wish: Wish, type_: str, patient: str | None
) -> AsyncIterator[list[r4.Resource]]:
    do = call.do
    query = f"_count={_AT_ONCE}&_total=none" + (
        f"&_lastUpdated=ge{wish.since}" if wish.since else ""
    )
    following = ""
    while True:
        search = parse(
            type_, query.replace("+", "%2B") + following,
            compartment=None if patient is None else ("Patient", patient),
        )  # fmt: skip
        async with do.searches.lend() as pair:
            page = await reading.find(
                pair.planning, search, now=do.clock(), secret=do.secret, base=do.base,
                remembering=pair.remembering, guard=do.guard(call.actor, "s"),
            )  # fmt: skip
        await _note(call, page.matches)
        yield [r4.decode(one.body) for one in page.matches if one.body]
        if not page.next_cursor:
            return
        following = f"&_cursor={page.next_cursor}"


async def _note(call: Call, found: Iterable[Version]) -> None:
    await call.do.note_seen(call.actor, "view", *found)


async def _input(call: Call) -> _Input:
    given = _Input()
    for name, value in parse_qsl(call.exchange.query, keep_blank_values=True):
        given.add(name, value)
    if call.exchange.method != "POST":
        return given
    content = await call.exchange.body()
    declared = call.exchange.header(b"content-type").partition(";")[0].strip().lower()
    if declared == _FORM:
        for name, value in parse_qsl(content.decode(), keep_blank_values=True):
            given.add(name, value)
        return given
    call.exchange.refuse_other_media()
    if content.strip():
        _read_body(given, _json(content))
    return given


def _read_body(given: _Input, body: Any) -> None:
    if not isinstance(body, dict):
        raise UnreadableBody(reason="the body must be Parameters or a ViewDefinition")
    resource = cast("dict[str, Any]", body)
    if resource.get("resourceType") == "ViewDefinition":
        given.add("viewResource", resource)
        return
    parameters = resource.get("parameter", [])
    if resource.get("resourceType") != "Parameters" or not isinstance(parameters, list):
        raise UnreadableBody(reason="the body must be Parameters or a ViewDefinition")
    for parameter in cast("list[Any]", parameters):
        if not isinstance(parameter, dict):
            raise UnreadableBody(reason="a parameter must be an object")
        item = cast("dict[str, Any]", parameter)
        values = [v for k, v in item.items() if k == "resource" or k.startswith("value")]
        if len(values) != 1:
            raise UnreadableBody(reason="a parameter must have one value or resource")
        given.add(str(item.get("name", "")), values[0])


def _json(content: bytes) -> Any:
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise UnreadableBody(reason="this is not JSON") from None


def _format(call: Call, given: _Input) -> views.Format:
    wanted = given.one("_format")
    if wanted is not None:
        found = _FORMATS.get(str(wanted).partition(";")[0].strip().replace(" ", "+"))
        if found is None:
            raise TableFormatRefused
        return found
    accepted = call.exchange.header(b"accept")
    for part in accepted.split(","):
        media = part.partition(";")[0].strip().lower()
        if media in _FORMATS:
            return _FORMATS[media]
    if accepted and "*/*" not in accepted:
        raise TableFormatRefused
    return "ndjson"


async def _definition(call: Call, given: _Input) -> Any:
    inline, reference = given.one("viewResource"), given.one("viewReference")
    if isinstance(reference, dict):
        reference = cast("dict[str, Any]", reference).get("reference")
    if call.id is not None:
        if inline is not None or reference is not None:
            raise UnreadableBody(reason="the view is named by the address already")
        reference = f"Binary/{call.id}"
    if (inline is None) == (reference is None):
        raise UnreadableBody(reason="one of viewResource and viewReference is needed")
    if inline is not None:
        return _json(inline.encode()) if isinstance(inline, str) else inline
    type_, _, id_ = str(reference).removeprefix(f"{call.do.base}/").partition("/")
    if type_ not in ("ViewDefinition", "Binary"):
        raise UnreadableBody(reason="the parameter viewReference must refer to a ViewDefinition")
    found = await call.do.reads.read("Binary", id_, call.do.guard(call.actor))
    if found is None or found.deleted or not found.body:
        raise ResourceNotFound
    await _note(call, [found])
    data = r4.decode_as(r4.Binary, found.body).data
    return _json(_decoded(data or ""))


def _decoded(data: str) -> bytes:
    try:
        return msgspec.convert(data, bytes)
    except msgspec.ValidationError:
        raise UnreadableBody(reason="the Binary holds no ViewDefinition") from None


async def _patients(call: Call, given: _Input) -> tuple[str, ...] | None:
    groups = given.references("group", "Group")
    found = dict.fromkeys(given.references("patient", "Patient"))
    if not groups:
        return tuple(found) or None
    for id_ in groups:
        group = await call.do.reads.read("Group", id_, call.do.guard(call.actor))
        if group is None or group.deleted or not group.body:
            raise ResourceNotFound
        await _note(call, [group])
        for member in r4.decode_as(r4.Group, group.body).member or ():
            reference = (member.entity.reference if member.entity else None) or ""
            kind, _, patient = reference.removeprefix(f"{call.do.base}/").partition("/")
            if kind == "Patient" and not member.inactive:
                found[patient] = None
    return tuple(found)


def _resource(value: Any) -> r4.Resource:
    try:
        return r4.decode(value if isinstance(value, str) else _ENCODER.encode(value))
    except r4.NotFhir as problem:
        raise UnreadableBody(reason=str(problem)) from None
