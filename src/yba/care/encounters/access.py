"""The only way to a visit: who may see it, who may write in it."""

from datetime import datetime

from yba.care.encounters import store
from yba.care.encounters.errors import VisitClosedAlready, VisitNotFound
from yba.care.encounters.model import VisitState
from yba.care.encounters.store import VisitRow
from yba.foundation.access import service as access
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

__all__ = [
    "VisitRow",
    "locked_visit",
    "may_see",
    "require",
    "require_see",
    "visible_visit",
    "writable_visit",
]

_SEE = (
    "chart.read",
    "desk.register",
    "laboratory.read",
    "documents.read",
    "cashier.read",
    "payments.read",
    "pharmacy.read",
)
_OPEN = (VisitState.ARRIVED, VisitState.IN_PROGRESS)


def require(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor's roles grant `permission`."""
    if not actor.may(permission):
        raise AccessRefused


def may_see(actor: Actor, patient_id: str) -> bool:
    """Whether an actor may see a patient's visits: the patient herself, or staff by role."""
    return actor.patient_id == patient_id or any(map(actor.may, _SEE))


def require_see(actor: Actor, patient_id: str) -> None:
    """Raise VisitNotFound for whoever may not know of the visit."""
    if not may_see(actor, patient_id):
        raise VisitNotFound


async def visible_visit(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> VisitRow:
    """Return a visit that the actor may see.

    Raises NotTreating for staff who do not treat the person, and where nothing is; VisitNotFound
    for everybody else.
    """
    row = await store.visit(tx, encounter_id)
    if row is None:
        raise access.unknown(actor, VisitNotFound(), at=at)
    if not may_see(actor, row.patient_id):
        raise VisitNotFound
    await access.require_related(tx, actor=actor, patient_id=row.patient_id, at=at)
    return row


async def writable_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, permission: str, at: datetime
) -> VisitRow:
    """Return an open visit, locked until the end of `tx`.

    Raises AccessRefused, VisitNotFound, NotTreating, VisitClosedAlready.
    """
    row = await locked_visit(
        tx, actor=actor, encounter_id=encounter_id, permission=permission, at=at
    )
    if VisitState(row.state) not in _OPEN:
        raise VisitClosedAlready
    return row


async def locked_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, permission: str, at: datetime
) -> VisitRow:
    """Return a visit in whatever state, locked until the end of `tx`.

    Raises AccessRefused, VisitNotFound, NotTreating.
    """
    require(actor, permission)
    row = await store.locked(tx, encounter_id)
    if row is None:
        raise access.unknown(actor, VisitNotFound(), at=at)
    await access.require_related(tx, actor=actor, patient_id=row.patient_id, at=at)
    return row
