"""Who may read and who may copy a medical record.

Law 15/2023/QH15 art. 69: while the patient is treated, those who treat her; after archiving, who
keeps the archive and whoever was allowed on a named ground until a named day; reading is not
copying. The patient herself reads and gets copies on her written request.
"""

from datetime import datetime

from yba.care.archive import store
from yba.care.archive.errors import CopyNotAllowed, RecordNotFound
from yba.care.archive.model import Record, State
from yba.foundation.access import service as access
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

_UNDER_TREATMENT = frozenset({State.DRAFT, State.ACTIVE, State.CLOSED})


def require(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor's roles grant `permission`."""
    if not actor.may(permission):
        raise AccessRefused


async def readable_record(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime, lock: bool = False
) -> Record:
    """Return a record that the actor may read now. Raises RecordNotFound."""
    found = await store.record(tx, encounter_id, lock=lock)
    if found is None or not await _may_read(tx, actor, found, at):
        raise RecordNotFound
    return found


async def _may_read(tx: Tx, actor: Actor, found: Record, at: datetime) -> bool:
    if actor.may("archive.read"):
        return True
    if found.patient_id and actor.patient_id == found.patient_id:
        return True
    if found.state in _UNDER_TREATMENT and actor.may("chart.read") and found.patient_id:
        return await access.is_related(tx, actor=actor, patient_id=found.patient_id, at=at)
    return await store.may_copy(tx, found.encounter_id, actor.account_id, at) is not None


async def require_copy(tx: Tx, *, actor: Actor, found: Record, at: datetime) -> None:
    """Raise CopyNotAllowed unless the actor may hand over a copy of a record she may read."""
    if actor.may("archive.export") or (found.patient_id and actor.patient_id == found.patient_id):
        return
    if await store.may_copy(tx, found.encounter_id, actor.account_id, at):
        return
    raise CopyNotAllowed
