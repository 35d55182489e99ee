"""`$summary`: the International Patient Summary of one patient, made when it is asked for.

Standard: IPS 2.0.0 OperationDefinition summary.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from yba.fhir import r4
from yba.foundation.record import everything, reading
from yba.foundation.record.errors import (
    ResourceNotFound,
    SeveralMatches,
    UnreadableBody,
)
from yba.foundation.record.everything import Position, Wish
from yba.foundation.record.query.parse import parse
from yba.kernel.actor import Actor
from yba.surfaces.fhir_api.interactions import READ, Interactions
from yba.surfaces.fhir_api.ips import conforming, document, sections
from yba.surfaces.fhir_api.ips.document import Summary
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations import searchset

DEFINITION = "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"
_SUPPORTED = (document.COMPOSITION, document.BUNDLE)
_MOST = 20_000


async def summary(call: Call) -> None:
    """Answer the summary of the patient named by id or by identifier."""
    given = await call.given()
    searchset.refuse_others(given, ("identifier", "profile", "_language"))
    wanted = given.text("profile").partition("|")[0]
    if wanted and wanted not in _SUPPORTED:
        raise UnreadableBody(reason="summaries are made by the profile Composition-uv-ips only")
    id_ = call.id or await _identified(call, given)
    made = await make(call.do, call.actor, id_, given.text("_language"))
    await call.exchange.answer(200, made.body)


async def make(do: Interactions, actor: Actor, patient_id: str, language: str) -> Summary:
    """Make the summary of a patient, and note that it was seen.

    Raises ResourceNotFound, ResourceDeleted.
    """
    types = frozenset(sections.TYPES)
    wish = Wish("Patient", patient_id, _MOST, types, supporting=False)
    at = do.clock()
    async with do.searches.lend() as pair:
        tx = pair.remembering
        found = await everything.step(tx, wish, Position(), base=do.base, guard=do.guard(actor))
        patient = r4.decode(found.focus.body or b"")
        assert isinstance(patient, r4.Patient)
        read: list[Any] = [r4.decode(one.body or b"") for one in reversed(found.members)]
        # Of one's own compartment only what is about oneself, not what one only took part in.
        about = [one for one in read if _is_about(one, patient_id, do.base)]
        about += _uses(about, patient_id)
        chosen = document.chosen_sections(about, at)
        kept = {(type(one).__name__, one.id) for _, ones in chosen for one in ones}
        bodies = [one for one in found.members if (one.type, one.id) in kept]
        supporting = await everything.supporting_of(
            tx, wish, found.focus, bodies, frozenset(), do.base, do.guard(actor)
        )
    used = {
        use.device.reference
        for _, ones in chosen for use in ones
        if isinstance(use, r4.DeviceUseStatement) and use.device
    }  # fmt: skip
    beside = [r4.decode(one.body or b"") for one in supporting.values()]
    beside += [one for one in about if f"{type(one).__name__}/{one.id}" in used]
    made = document.build(
        patient, chosen, beside, base=do.base,
        language=document.language_of(patient, language), at=at,
    )  # fmt: skip
    await do.trail.note(actor, "fhir_api.summary", patient_id, made.references)
    return made


def _is_about(resource: Any, patient_id: str, base: str) -> bool:
    subject = getattr(resource, "subject", None) or getattr(resource, "patient", None)
    place = f"Patient/{patient_id}"
    return isinstance(subject, r4.Reference) and subject.reference in (place, f"{base}/{place}")


def _uses(resources: list[Any], patient_id: str) -> list[r4.DeviceUseStatement]:
    """Return a statement for each device of the patient that no statement mentions."""
    stated = {
        one.device.reference
        for one in resources
        if isinstance(one, r4.DeviceUseStatement) and one.device
    }
    patient = r4.Reference(reference=f"Patient/{patient_id}")
    return [
        conforming.device_use(one, f"{(one.id or '')[:60]}.use", patient)
        for one in resources
        if isinstance(one, r4.Device)
        and one.status not in ("inactive", "entered-in-error")
        and f"Device/{one.id}" not in stated
    ]


async def _identified(call: Call, given: Given) -> str:
    """Return the id of the only patient with the identifier given."""
    identifier = given.text("identifier")
    if not identifier:
        if call.actor.patient_id:
            return call.actor.patient_id
        raise UnreadableBody(reason="the parameter identifier is missing")
    search = reading.limited(parse("Patient", f"identifier={quote(identifier, safe='|')}"), 2)
    async with call.do.searches.lend() as pair:
        page = await reading.find(
            pair.planning, search, now=call.do.clock(), guard=call.do.guard(call.actor, "s")
        )
    if len(page.matches) > 1:
        raise SeveralMatches(type="Patient")
    if not page.matches:
        raise ResourceNotFound
    return page.matches[0].id


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "summary", DEFINITION, frozenset({"type", "instance"}), READ, summary,
        frozenset({"Patient"}),
    ),
)  # fmt: skip
