"""The verbs of the audit trail: record an act, tell who looked."""

from collections.abc import Sequence
from datetime import datetime

from yba.foundation.audit import store
from yba.foundation.audit.model import Act, Action, Trace
from yba.foundation.audit.rows import Place, row_of
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx


def set_facility(name: str) -> None:
    """Name the facility that this node's acts happen in."""
    Place.facility = name


async def record(
    tx: Tx,
    *,
    actor: Actor,
    action: Action,
    what: str,
    at: datetime,
    patient_id: str | None = None,
    references: Sequence[str] = (),
    purpose: str | None = None,
) -> None:
    """Write one trace inside `tx`.

    `what` names the verb (`encounters.open_visit`), never a value. `references`
    are FHIR references; beyond 500 only the first are kept.
    """
    act = Act(actor, action, what, at, patient_id, references, purpose)
    await tx.execute(store.INSERT, *row_of(act))


async def record_many(tx: Tx, acts: Sequence[Act]) -> None:
    """Write several traces inside `tx` in one round trip."""
    if acts:
        await tx.execute_many(store.INSERT, [row_of(act) for act in acts])


async def who_looked(
    tx: Tx, *, patient_id: str, limit: int = 50, before: int | None = None
) -> list[Trace]:
    """Return the traces on one patient's record, newest first.

    `before` continues below the id of the last trace shown.
    """
    return await tx.rows(Trace, store.WHO_LOOKED, patient_id, before, limit)
