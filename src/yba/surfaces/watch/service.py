"""The verbs of the watch: report, decide, flag."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import decode_id, encode_id
from yba.kernel.refusal import Unusable
from yba.plumbing.database import Tx
from yba.surfaces.watch import model, store
from yba.surfaces.watch.model import Known, Look, Person, Relation, Suspicion

_MOST_LOOKS = 200_000
_FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reported:
    """A question with what was decided about it, and the name of the patient where it has one."""

    suspicion: Suspicion
    review: audit.Review | None
    patient_name: str


async def report(
    tx: Tx, *, actor: Actor, since: datetime, until: datetime, at: datetime
) -> list[Reported]:
    """Return every question about the looks of a time, with its review; the look is audited."""
    looks = await tx.rows(Look, store.LOOKS, since, until, _MOST_LOOKS)
    known = await _known(tx, looks, since)
    found = model.suspicions(looks, known)
    reviews = await audit.reviews(tx, suspicions=[one.key for one in found])
    await audit.record(tx, actor=actor, action="R", what="watch.report", at=at)
    return [
        Reported(
            one,
            reviews.get(one.key),
            _name_of(known.persons.get(one.patient_id or "")),
        )
        for one in found
    ]


def _name_of(person: Person | None) -> str:
    return "" if person is None else person.name


async def _known(tx: Tx, looks: list[Look], since: datetime) -> Known:
    accounts = sorted({look.account_id for look in looks})
    patients = {look.patient_id for look in looks if look.patient_id}
    own_rows = await tx.connection.fetch(store.OWN, accounts)
    own: dict[str, str] = {row["account_id"]: row["patient_id"] for row in own_rows}
    persons = await tx.rows(Person, store.PERSONS, sorted(patients | set(own.values())))
    numbers = [number for one in sorted(patients) if (number := decode_id(one)) is not None]
    relations = await tx.connection.fetch(store.RELATIONS, numbers)
    days = model.thresholds_on(since.date()).volume_history_days
    history = await tx.connection.fetch(store.HISTORY, since - timedelta(days=days), since)
    return Known(
        persons={person.patient_id: person for person in persons},
        own=own,
        flagged=await audit.flagged(tx),
        relations=[
            Relation(encode_id(row["patient"]), row["holder"], row["since"], _end(row["until"]))
            for row in relations
        ],
        history={row["role"]: row["counts"] for row in history},
    )


def _end(until: datetime | None) -> datetime:
    """Return a moment that can be compared; without an end it is far away."""
    if until is None:
        return _FAR
    return until if until.tzinfo else until.replace(tzinfo=UTC)


async def decide(
    tx: Tx, *, actor: Actor, suspicion: str, verdict: str, note: str, at: datetime
) -> None:
    """Keep what was decided about a question. A decision against somebody needs a note.

    Raises Unusable for an unknown verdict, a name that is none, or a missing note.
    """
    is_key = len(suspicion) == 24 and set(suspicion) <= set("0123456789abcdef")
    if verdict not in audit.VERDICTS or not is_key or (verdict == "unjustified" and not note):
        raise Unusable
    await audit.keep_review(
        tx, actor=actor, suspicion=suspicion, verdict=verdict, note=note[:500], at=at
    )
    await audit.record(tx, actor=actor, action="U", what="watch.decide", at=at)


async def flag(tx: Tx, *, actor: Actor, patient_id: str, on: bool, at: datetime) -> None:
    """Flag a record as one that draws curiosity, or no longer. Raises Unusable without an id."""
    if not patient_id or len(patient_id) > 64:
        raise Unusable
    await audit.flag(tx, actor=actor, patient_id=patient_id, on=on, at=at)
    await audit.record(tx, actor=actor, action="U", what="watch.flag", at=at, patient_id=patient_id)
