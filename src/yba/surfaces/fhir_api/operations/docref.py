"""`DocumentReference/$docref`: a patient's documents, and the summary that can be made on demand.

Standard: HL7 US Core OperationDefinition docref; IHE MHD on-demand documents.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from yba.fhir import r4
from yba.fhir.moments import range_of
from yba.foundation.record import everything, settings
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.everything import Position, Wish
from yba.foundation.record.model import Version
from yba.foundation.record.rows import Moment
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.ips import document
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations import searchset

_LOINC, _SUMMARY = "http://loinc.org", "60591-5"
_PARAMETERS = ("patient", "start", "end", "type", "on-demand", "profile")
_MOST = 1000
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
Token = tuple[str | None, str]


async def docref(call: Call) -> None:
    """Answer the documents that may be fetched, newest first."""
    given = await call.given()
    searchset.refuse_others(given, _PARAMETERS)
    patient_id = given.text("patient").removeprefix(call.do.base + "/").removeprefix("Patient/")
    if not patient_id:
        raise UnreadableBody(reason="the parameter patient is missing")
    start, end = _window(given)
    types, profiles = _types(given), {str(one) for one in given.all("profile")}
    only_on_demand = given.flag("on-demand")
    wish = Wish("Patient", patient_id, _MOST, frozenset({"DocumentReference"}), supporting=False)
    async with call.do.searches.lend() as pair:
        found = await everything.step(
            pair.remembering, wish, Position(), base=call.do.base, guard=call.do.guard(call.actor)
        )
    stored: list[tuple[tuple[int, int], r4.DocumentReference, Version]] = []
    for one in reversed(found.members) if not only_on_demand else ():
        reference = cast("r4.DocumentReference", r4.decode(one.body or b""))
        span = _span(reference)
        if _fits(reference, types, profiles) and span[0] <= end and span[1] >= start:
            stored.append((span, reference, one))
    stored.sort(key=lambda each: each[0], reverse=True)
    if "start" not in given and "end" not in given:
        stored = _newest_of_each_type(stored)
    await call.do.note_seen(call.actor, "docref", *(one for _, _, one in stored))
    entries = [searchset.entry(call.do.base, one, "match") for _, _, one in stored]
    at = Moment(call.do.clock())
    if _makes_summary(types, profiles) and start <= at.micros <= end:
        entries.insert(0, _on_demand(call.do.base, patient_id, at))
    asked = [(name, str(value)) for name in given.names for value in given.all(name)
             if isinstance(value, str | int)]  # fmt: skip
    body = searchset.bundle(
        entries, total=len(entries), address=f"{call.do.base}/DocumentReference/$docref",
        query=[(name, {"True": "true", "False": "false"}.get(text, text)) for name, text in asked],
    )  # fmt: skip
    await call.exchange.answer(200, body)


def _window(given: Given) -> tuple[int, int]:
    """Return the dates of care asked for, in microseconds. Raises UnreadableBody."""
    limits = [_EARLIEST, _LATEST]
    for side, name in enumerate(("start", "end")):
        text = given.text(name).replace(" ", "+")
        if text:
            try:
                limits[side] = range_of(text, settings.zone())[side]
            except ValueError:
                raise UnreadableBody(reason=f"the parameter {name} must be a date") from None
    return limits[0], limits[1]


def _types(given: Given) -> list[Token]:
    """Return the types of document asked for, as (system or None, code)."""
    found: list[Token] = []
    for value in given.all("type"):
        if isinstance(value, str):
            system, bar, code = value.rpartition("|")
            found.append((system if bar else None, code))
        elif isinstance(value, r4.CodeableConcept):
            found += [(c.system, c.code) for c in value.coding or () if c.code]
        elif isinstance(value, r4.Coding) and value.code:
            found.append((value.system, value.code))
        else:
            raise UnreadableBody(reason="the parameter type must be a code")
    return found


def _is_of(concept: r4.CodeableConcept | None, types: list[Token]) -> bool:
    codings = concept.coding or () if concept else ()
    return not types or any(
        coding.code == code and (system is None or (coding.system or "") == system)
        for coding in codings
        for system, code in types
    )


def _fits(one: r4.DocumentReference, types: list[Token], profiles: set[str]) -> bool:
    if one.status != "current" or not _is_of(one.type, types):
        return False
    formats = {c.format.code for c in one.content or () if c.format and c.format.code}
    return not profiles or not profiles.isdisjoint(formats)


def _span(one: r4.DocumentReference) -> tuple[int, int]:
    """Return from when to when the care was that a document tells of, or when it was written."""
    period = one.context.period if one.context else None
    zone = settings.zone()
    if period is not None and (period.start or period.end):
        return (
            range_of(period.start, zone)[0] if period.start else _EARLIEST,
            range_of(period.end, zone)[1] if period.end else _LATEST,
        )
    return range_of(one.date, zone) if one.date else (_EARLIEST, _LATEST)


def _newest_of_each_type(stored: list[Any]) -> list[Any]:
    """Return the first of each type: without dates only the most recent document is meant."""
    seen: set[object] = set()
    kept: list[Any] = []
    for each in stored:
        codings = (each[1].type.coding or ()) if each[1].type else ()
        kind = (codings[0].system, codings[0].code) if codings else None
        if kind not in seen:
            seen.add(kind)
            kept.append(each)
    return kept


def _makes_summary(types: list[Token], profiles: set[str]) -> bool:
    own = r4.CodeableConcept(coding=[r4.Coding(system=_LOINC, code=_SUMMARY)])
    asked = {profile.partition("|")[0] for profile in profiles}
    ours = {document.COMPOSITION, document.BUNDLE}
    return _is_of(own, types) and (not asked or not asked.isdisjoint(ours))


def _on_demand(base: str, patient_id: str, at: Moment) -> bytes:
    """Return the entry of a document that is made when it is fetched, so it is not stored."""
    place = f"Patient/{patient_id}"
    reference = r4.DocumentReference(
        status="current",
        type=r4.CodeableConcept(
            coding=[r4.Coding(system=_LOINC, code=_SUMMARY, display="Patient summary Document")]
        ),
        subject=r4.Reference(reference=place),
        date=at.text,
        content=[
            r4.DocumentReferenceContent(
                attachment=r4.Attachment(
                    contentType="application/fhir+json", url=f"{base}/{place}/$summary"
                ),
                format=r4.Coding(system="urn:ietf:rfc:3986", code=document.BUNDLE),
            )
        ],
    )
    urn = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{base}/{place}/$summary#{at.text}')}"
    return b"".join((
        b'{"fullUrl":"', urn.encode(), b'","resource":', r4.encode(reference),
        b',"search":{"mode":"match"}}',
    ))  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "docref", "http://hl7.org/fhir/us/core/OperationDefinition/docref", frozenset({"type"}),
        READ, docref, frozenset({"DocumentReference"}),
    ),
)  # fmt: skip
