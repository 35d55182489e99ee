"""The verbs of the audit trail: record an act, tell who looked, prove it, erase what was told."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from yba.foundation.audit import (
    keys,
    log_store,
    proving,
    searching,
    sequencing,
    store,
    writing,
)
from yba.foundation.audit.errors import AuditLogDown
from yba.foundation.audit.health import STALLED_AFTER, LogHealth, health
from yba.foundation.audit.model import Act, Action, StoredEvent, Trace
from yba.foundation.audit.reviewing import VERDICTS, Review, flag, flagged, reviews
from yba.foundation.audit.reviewing import keep as keep_review
from yba.foundation.audit.rows import MOST_RESOURCES, Place, Row, rows_by_patient, rows_of
from yba.foundation.audit.searching import Question
from yba.foundation.audit.spool import Spool, SpoolPart
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

__all__ = [
    "VERDICTS",
    "Act",
    "LogHealth",
    "Question",
    "Review",
    "Row",
    "Spool",
    "SpoolPart",
    "flag",
    "flagged",
    "health",
    "keep_review",
    "reviews",
    "rows_by_patient",
]


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
    are FHIR references; beyond 500 they take several traces. Raises AuditLogDown if it can be kept
    nowhere (docs/standards/audit.md says what goes on meanwhile).
    """
    await writing.write(tx, [Act(actor, action, what, at, patient_id, references, purpose)])


async def record_many(tx: Tx, acts: Sequence[Act]) -> None:
    """Write several traces inside `tx` in one round trip. Raises AuditLogDown as `record` does."""
    await writing.write(tx, acts)


async def record_rows(tx: Tx, rows: Sequence[Row]) -> None:
    """Write traces that `rows_by_patient` made. Raises AuditLogDown."""
    await writing.write_rows(tx, rows)


async def search(tx: Tx, question: Question) -> list[StoredEvent]:
    """Return the events that fit, newest first, at most 200. Whoever asks is audited by the caller."""
    return await searching.search(tx, question)


async def who_looked(
    tx: Tx, *, patient_id: str, limit: int = 50, before: int | None = None
) -> list[Trace]:
    """Return the traces on one patient's record, newest first.

    `before` continues below the id of the last trace shown.
    """
    return await tx.rows(Trace, store.WHO_LOOKED, patient_id, before, limit)


def spool_of_reads(folder: Path) -> Spool:
    """Return where this process keeps the traces of reads until they are in the table."""
    return Spool(folder / keys.FOLDER, "reads")


def open_spool(folder: Path) -> Spool:
    """Let this process keep traces of care in `folder` while the table refuses them."""
    writing.Standing.spool = Spool(folder, "care")
    return writing.Standing.spool


async def is_standing(tx: Tx, *, at: datetime) -> bool:
    """Return whether the log works: the table takes traces and the sequencer has just run."""
    state = await sequencing.state_of(tx)
    if writing.Standing.is_refusing or state is None or state.beat_at is None:
        return False
    return at - state.beat_at <= STALLED_AFTER


async def require_standing(tx: Tx, *, at: datetime) -> None:
    """Raise AuditLogDown unless the log works; for acts that are only allowed because of it."""
    if not await is_standing(tx, at=at):
        raise AuditLogDown


async def beat(tx: Tx, *, at: datetime) -> None:
    """Give the sign of life of a sequencer, beginning a log if there is none (for tests)."""
    await sequencing.begin_log(tx, origin="test.invalid/audit/log", at=at)
    await sequencing.beat(tx, at=at)


async def begin_anew(tx: Tx) -> None:
    """Go on after a restore; nothing else may be writing."""
    await sequencing.begin_anew(tx)


async def proof_bundle(tx: Tx, *, patient_id: str) -> dict[str, Any]:
    """Return the file with which a citizen checks that her entries are in the log.

    It holds her entries with the salts that open them, their paths, and the newest checkpoint that
    a witness has confirmed (else the newest). Raises NotInLog before the first checkpoint.
    """
    return await proving.proof_of_patient(tx, patient_id=patient_id)


async def proof_of_event(tx: Tx, *, event_id: int) -> dict[str, Any]:
    """Return the proof file of one event. Raises NotInLog if it is unknown or too new."""
    return await proving.proof_of_event(tx, event_id=event_id)


async def erase(tx: Tx, *, actor: Actor, event_ids: Sequence[int], at: datetime) -> int:
    """Empty the private part of events that are in the log, for ever; return how many.

    Their entries stay and the tree stays valid; a check counts them as erased. The erasure is an
    event itself that names them and stays for good. At most 500 at a time.
    """
    ids = list(dict.fromkeys(event_ids))
    if len(ids) > MOST_RESOURCES:
        raise ValueError("too many at once")
    act = Act(actor, "D", "audit.erase", at, None, [f"AuditEvent/{one}" for one in ids], None)
    [row] = rows_of(act)
    await writing.insert(tx, [row])
    await tx.execute(log_store.ALLOW_ERASING)
    count = await tx.execute(log_store.ERASE, ids, row[0])
    await tx.execute(log_store.FORBID_ERASING)
    return count
