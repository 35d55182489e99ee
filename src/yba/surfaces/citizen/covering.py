"""Which entries of the record a visit, a kind of data or one entry stands for.

What is hidden is hidden row by row. Entries that come later are added as soon as the worker hears
of them (VisitClosed, OrderPlaced, ResultReleased, DocumentSigned, PrescriptionIssued).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args

from yba.care.documents.events import DocumentSigned
from yba.care.encounters.events import VisitClosed
from yba.care.laboratory.events import ResultReleased
from yba.care.orders.events import OrderPlaced, PrescriptionIssued
from yba.fhir import r4
from yba.fhir.generated.types import AnyResource
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import NothingNamed
from yba.foundation.consent.model import HIDING_KINDS
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.ids import row_id
from yba.plumbing.database import Tx

# All types, in the order by which the record numbers them (a test holds them together).
_NAMES = sorted(struct.__name__ for struct in get_args(AnyResource))
_NUMBERS = {name: number for number, name in enumerate(_NAMES, start=1)}
_HIDEABLE: tuple[type[Any], ...] = (
    r4.Encounter, r4.Condition, r4.Observation, r4.DiagnosticReport, r4.MedicationRequest,
    r4.ServiceRequest, r4.DocumentReference, r4.Procedure, r4.AllergyIntolerance,
    r4.ClinicalImpression, r4.Composition, r4.CarePlan, r4.Communication, r4.Task, r4.Specimen,
)  # fmt: skip
_SYSTEM = Actor.system("consent")
Row = tuple[int, int]


def number_of(type_name: str) -> int:
    """Return the number under which the record files a type."""
    return _NUMBERS[type_name]


def _row(resource: Any) -> Row:
    name = type(resource).__name__
    return number_of(name), row_id(name, resource.id)


async def rows_of(
    tx: Tx, *, actor: Actor, patient_id: str, scope: str, target: str, at: datetime
) -> list[Row]:
    """Return the (type number, row number) of what is to be hidden; empty for everything.

    `target` is an Encounter id, a name of HIDING_KINDS, or a reference. Raises NothingNamed if
    nothing of hers is meant.
    """
    if scope == "everything":
        return []
    chart = await record.chart(tx, actor=actor, patient_id=patient_id, types=list(_HIDEABLE), at=at)
    resources = [one for type_ in _HIDEABLE for one in chart.of(type_)]
    found = [_row(one) for one in _meant(resources, scope, target)]
    if not found and scope != "category":
        raise NothingNamed(fields={"what": NothingNamed.message})
    return found


def _meant(resources: Iterable[Any], scope: str, target: str) -> Iterable[Any]:
    if scope == "visit":
        visit = f"Encounter/{target}"
        return (one for one in resources if visit in _visits_of(one))
    if scope == "entry":
        return (one for one in resources if f"{type(one).__name__}/{one.id}" == target)
    return (one for one in resources if _is_of_kind(one, target))


def _visits_of(resource: Any) -> list[str]:
    """Return the visits that a resource belongs to, as references."""
    if type(resource) is r4.Encounter:
        return [f"Encounter/{resource.id}"]
    links = [getattr(resource, "encounter", None)]
    context = getattr(resource, "context", None)
    links += list(getattr(context, "encounter", None) or ())
    return [link.reference for link in links if link is not None and link.reference]


def _is_of_kind(resource: Any, kind: str) -> bool:
    if type(resource).__name__ in HIDING_KINDS.get(kind, ()):
        return True
    if kind != "laboratory" or type(resource) is not r4.Observation:
        return False
    codes = {coding.code for concept in resource.category or () for coding in concept.coding or ()}
    return "laboratory" in codes


async def _follow(tx: Tx, patient_id: str, at: datetime) -> None:
    growing = await consent.growing_restrictions(tx, patient_id=patient_id, at=at)
    if not growing:
        return
    chart = await record.chart(
        tx, actor=_SYSTEM, patient_id=patient_id, types=list(_HIDEABLE), at=at
    )
    resources = [one for type_ in _HIDEABLE for one in chart.of(type_)]
    for one in growing:
        rows = [_row(each) for each in _meant(resources, one.scope, one.target)]
        await consent.add_rows(tx, restriction_id=one.restriction_id, rows=rows)


async def follow_visit(tx: Tx, event: VisitClosed) -> None:
    """Hide what a visit has brought, where it is to be hidden."""
    await _follow(tx, event.patient_id, event.at)


async def follow_order(tx: Tx, event: OrderPlaced) -> None:
    """Hide new orders, where they are to be hidden."""
    await _follow(tx, event.patient_id, event.at)


async def follow_result(tx: Tx, event: ResultReleased) -> None:
    """Hide a new result, where it is to be hidden."""
    await _follow(tx, event.patient_id, event.at)


async def follow_document(tx: Tx, event: DocumentSigned) -> None:
    """Hide a new paper, where it is to be hidden."""
    await _follow(tx, event.patient_id, event.at)


async def follow_prescription(tx: Tx, event: PrescriptionIssued) -> None:
    """Hide a new prescription, where it is to be hidden."""
    await _follow(tx, event.patient_id, event.at)
