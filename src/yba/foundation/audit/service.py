"""The verbs of the audit trail: record an act, tell who looked."""

from collections.abc import Sequence
from datetime import datetime

from yba.foundation.audit import store
from yba.foundation.audit.model import Act, Action, Trace
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.plumbing.database import Tx

_MAX_RESOURCES = 500


class _Place:
    """The facility this node writes into its traces; set once at start."""

    facility = ""


def set_facility(name: str) -> None:
    """Name the facility that this node's acts happen in."""
    _Place.facility = name


def row_of(act: Act) -> tuple[object, ...]:
    """Return the columns of audit.event for `act`, in the order of `store.INSERT`."""
    actor = act.actor
    return (
        new_snowflake(),
        act.at,
        actor.account_id,
        actor.name,
        sorted(actor.roles),
        _Place.facility,
        act.purpose or actor.purpose,
        act.action,
        act.what,
        act.patient_id,
        list(act.references[:_MAX_RESOURCES]),
    )


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
