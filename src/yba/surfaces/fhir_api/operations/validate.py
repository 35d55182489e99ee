"""`$validate`: everything that is wrong with a resource, as an OperationOutcome.

The main rule: whatever was sent, the answer is an outcome with places; only what cannot be read as a call at all
is refused.
Standard: FHIR R4 OperationDefinition Resource-validate; OperationOutcome.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from yba.fhir import r4
from yba.fhir.profiles import Packages
from yba.fhir.profiles.packages import read_json
from yba.fhir.validation import Issue, examine, messages
from yba.fhir.validation.issues import issue
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnreadableBody
from yba.plumbing import i18n
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Operation
from yba.surfaces.fhir_api.operations.stored_profiles import Answers, canonicals_of, packages_for

DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
_MODES: Final = ("", "create", "update", "delete", "profile")
_PLAIN_VALUES: Final = ("valueCanonical", "valueUri", "valueUrl", "valueCode", "valueString")


@dataclass(slots=True)
class _Wish:
    """What one call asks for."""

    mode: str = ""
    profiles: list[str] = field(default_factory=list[str])
    body: bytes = b""

    def take(self, name: str, value: str) -> None:
        """Take in a parameter. Raises UnreadableBody for one that does not exist."""
        match name:
            case "mode" if value in _MODES:
                self.mode = value
            case "profile" if value:
                self.profiles.append(value)
            case "mode" | "profile":
                raise UnreadableBody(reason=f"the parameter {name} has no known value")
            case _:
                raise UnreadableBody(reason="this operation takes resource, mode and profile")


class _Parameter(msgspec.Struct):
    name: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    valueCanonical: str = ""  # noqa: N815 - as in JSON
    valueUri: str = ""  # noqa: N815
    valueUrl: str = ""  # noqa: N815
    valueCode: str = ""  # noqa: N815
    valueString: str = ""  # noqa: N815


class _Parameters(msgspec.Struct):
    resourceType: str = ""  # noqa: N815
    parameter: list[_Parameter] = []


async def validate(call: Call) -> None:
    """Answer what is wrong with the resource sent, or with the stored one."""
    wish = _Wish()
    for name, value in parse_qsl(call.exchange.query, keep_blank_values=True):
        if name not in ("_format", "_pretty"):
            wish.take(name, value)
    try:
        if call.exchange.method == "POST":
            await _read_body(call, wish)
        issues = await _issues(call, wish)
    except (ResourceNotFound, ResourceDeleted):
        if wish.mode != "delete":
            raise
        issues = [issue("error", "not-found", "", messages.EXISTS_NOT)]
    await call.answer(outcome(issues, call.exchange.header(b"accept-language")))


async def _read_body(call: Call, wish: _Wish) -> None:
    call.exchange.refuse_other_media()
    try:
        content = await call.exchange.body()
    except UnreadableBody as refused:
        # XML that cannot be read: the outcome says it, as it does for broken JSON.
        content = f'"{refused.code}"'.encode()
    if not content.strip():
        return
    try:
        given = msgspec.json.decode(content, type=_Parameters)
    except (msgspec.DecodeError, RecursionError):
        wish.body = content
        return
    names = {p.name for p in given.parameter}
    if given.resourceType != "Parameters" or not names & {"resource", "mode", "profile"}:
        wish.body = content
        return
    for parameter in given.parameter:
        resource = bytes(parameter.resource)
        if parameter.name == "resource" and resource:
            if wish.body:
                raise UnreadableBody(reason="the parameter resource may be given once only")
            wish.body = resource
        else:
            values = [v for name in _PLAIN_VALUES if (v := getattr(parameter, name))]
            wish.take(parameter.name, values[0] if values else "")


async def _issues(call: Call, wish: _Wish) -> list[Issue]:
    if wish.mode == "delete" or not wish.body:
        stored = await _stored(call) if call.id is not None else None
        if wish.mode == "delete":
            return []
    else:
        stored = None
    body = wish.body or stored
    if not body:
        return [issue("fatal", "required", "", messages.NOTHING_GIVEN)]
    issues = await examined(call, body, wish.profiles)
    return issues + _of_place(call, wish, body)


async def _stored(call: Call) -> bytes | None:
    found = await call.do.reads.read(call.type or "", call.id or "", call.do.guard(call.actor))
    if found is None:
        raise ResourceNotFound
    if found.deleted:
        raise ResourceDeleted(reference=f"{call.type}/{call.id}")
    await call.do.note_seen(call.actor, "validate", found)
    return found.body


async def examined(call: Call, body: bytes, profiles: list[str]) -> list[Issue]:
    """Return the issues of a resource by R4 and by the profiles that are stored here."""
    at = call.do.clock()
    try:
        plain = read_json(body)
    except (ValueError, RecursionError):
        plain = None
    # Read once, at the first call; that takes a moment, too.
    await asyncio.to_thread(Packages.of_r4)
    async with call.do.searches.lend() as pair:
        wanted = [*profiles, *canonicals_of(plain)]
        packages = await packages_for(pair.planning, wanted, at=at)
    answers = Answers(packages)

    # In a thread: a large resource takes seconds, and others are answered meanwhile.
    def run() -> list[Issue]:
        return examine(body, profiles=profiles, packages=packages, terminology=answers, at=at)

    found = await asyncio.to_thread(run)
    async with call.do.searches.lend() as pair:
        learned = await answers.ask(pair.planning)
    return await asyncio.to_thread(run) if learned else found


def _of_place(call: Call, wish: _Wish, body: bytes) -> list[Issue]:
    """Say where the resource does not fit the address or the mode of the call."""
    try:
        plain: Any = read_json(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(plain, dict):
        return []
    found: list[Issue] = []
    type_ = plain.get("resourceType")
    if call.type is not None and isinstance(type_, str) and type_ != call.type:
        found.append(issue("error", "invalid", type_, messages.NOT_THIS_TYPE, type=call.type))
    if wish.mode == "update" and wish.body:
        if not plain.get("id"):
            found.append(issue("error", "required", f"{type_}.id", messages.ID_MISSING))
        elif call.id is not None and plain["id"] != call.id:
            found.append(issue("error", "invalid", f"{type_}.id", messages.ID_OTHER))
    if wish.mode == "create" and plain.get("id"):
        found.append(issue("information", "informational", f"{type_}.id", messages.ID_IN_CREATE))
    return found


def outcome(issues: list[Issue], languages: str) -> r4.OperationOutcome:
    """Return issues as a resource, each said in the language of the reader and in English."""
    translate = _translator("vi" if languages.strip().lower().startswith("vi") else "en")
    listed = issues or [issue("information", "informational", "", messages.ALL_RIGHT)]
    return r4.OperationOutcome(
        issue=[
            r4.OperationOutcomeIssue(
                severity=one.severity,
                code=one.code,  # type: ignore[arg-type]
                details=r4.CodeableConcept(text=one.text(translate)),
                diagnostics=one.diagnostics,
                expression=[one.expression] if one.expression else None,
            )
            for one in listed
        ]
    )


@cache
def _translator(language: str) -> Any:
    return i18n.load().translator(language)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "validate", DEFINITION, frozenset({"system", "type", "instance"}), READ, validate
    ),
)  # fmt: skip
