"""What a citizen hides from everybody, from one person or from one department."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yba.foundation.audit import service as audit
from yba.foundation.consent import showing_store as store
from yba.foundation.consent.access import require_see, require_self
from yba.foundation.consent.errors import NothingNamed, TermUnusable
from yba.foundation.consent.model import SCOPES, Restriction
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake, row_id
from yba.kernel.refusal import Conflict, NotFound
from yba.plumbing.database import Tx

_MOST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True, slots=True)
class Hiding:
    """What is hidden: `scope` everything, category, visit or entry, `target` which one.

    Nobody named: from everybody. `rows` are the (type number, row number) it stands for now.
    """

    scope: str
    target: str = ""
    rows: Sequence[tuple[int, int]] = ()
    from_account: str | None = None
    from_department: str | None = None
    from_name: str = ""
    until: datetime | None = None


async def hide(tx: Tx, *, actor: Actor, patient_id: str, hiding: Hiding, at: datetime) -> int:
    """Hide something from this moment on; return the number of the restriction.

    Emergency access goes over it, and the person is told. Raises NothingNamed, TermUnusable.
    """
    require_self(actor, patient_id)
    everything = hiding.scope == "everything"
    if hiding.scope not in SCOPES or everything != (hiding.target == ""):
        raise NothingNamed
    if hiding.until is not None and hiding.until <= at:
        raise TermUnusable(days=_MOST_DAYS, fields={"until": TermUnusable.message})
    restriction_id = new_snowflake()
    await tx.execute(
        store.HIDE, restriction_id, patient_id, row_id("Patient", patient_id), hiding.scope,
        hiding.target, hiding.from_account, hiding.from_department, hiding.from_name, at,
        hiding.until, actor.account_id,
    )  # fmt: skip
    if not everything:
        await add_rows(tx, restriction_id=restriction_id, rows=hiding.rows)
    await audit.record(
        tx, actor=actor, action="C", what="consent.hide", at=at, patient_id=patient_id
    )
    return restriction_id


async def add_rows(tx: Tx, *, restriction_id: int, rows: Sequence[tuple[int, int]]) -> None:
    """Let a visit's or a category's restriction cover entries that came later."""
    if rows:
        types, numbers = [type_ for type_, _ in rows], [rid for _, rid in rows]
        await tx.execute(store.HIDE_ROWS, restriction_id, types, numbers)


async def show_again(tx: Tx, *, actor: Actor, restriction_id: int, at: datetime) -> None:
    """End a restriction. Raises NotFound, Conflict."""
    found = await tx.row(Restriction, store.RESTRICTION, restriction_id)
    if found is None or found.patient_id != actor.patient_id:
        raise NotFound
    if not await tx.execute(store.END_RESTRICTION, restriction_id, at):
        raise Conflict
    await audit.record(
        tx, actor=actor, action="U", what="consent.show_again", at=at,
        patient_id=found.patient_id,
    )  # fmt: skip


async def restrictions_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Restriction]:
    """Return what a person hides and has hidden, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Restriction, store.RESTRICTIONS, patient_id)


async def growing_restrictions(tx: Tx, *, patient_id: str, at: datetime) -> list[Restriction]:
    """Return a person's standing restrictions that new entries may fall under."""
    return await tx.rows(Restriction, store.GROWING, patient_id, at)
