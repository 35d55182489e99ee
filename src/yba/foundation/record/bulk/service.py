"""The verbs of bulk jobs: ask, look, cancel, clear away. Running them is the worker's."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Act
from yba.foundation.record.bulk import store
from yba.foundation.record.bulk.errors import NoSuchJob, TooManyJobs
from yba.foundation.record.bulk.model import ExportWish, ImportWish, Job, Kind, Outcome, Progress
from yba.kernel.actor import Actor
from yba.kernel.ids import decode_id, encode_id, new_snowflake
from yba.plumbing.database import Tx

KEPT_FOR = timedelta(hours=24)
MOST_AT_ONCE = 5
# Up to so many patients, each finds the disclosure in their own trail.
_MOST_TRACES = 10_000


async def ask(
    tx: Tx, *, actor: Actor, wish: ExportWish | ImportWish, request: str, at: datetime
) -> str:
    """Accept a job and return its name. Raises TooManyJobs."""
    if await tx.value(store.OPEN_OF, actor.account_id) >= MOST_AT_ONCE:
        raise TooManyJobs(most=MOST_AT_ONCE)
    kind: Kind = "export" if isinstance(wish, ExportWish) else "import"
    number = new_snowflake()
    who = {
        "account_id": actor.account_id, "name": actor.name, "roles": sorted(actor.roles),
        "purpose": actor.purpose, "permissions": sorted(actor.permissions),
        "client_id": actor.client_id,
    }  # fmt: skip
    await tx.execute(
        store.ASK, number, kind, actor.account_id, who, request, msgspec.to_builtins(wish), at
    )
    await tx.execute(store.TELL)
    await audit.record(tx, actor=actor, action="E", what=f"fhir_api.{kind}", at=at)
    return encode_id(number)


async def find(tx: Tx, *, actor: Actor, job_id: str, at: datetime) -> Job:
    """Return a job of the actor's own. Raises NoSuchJob."""
    number = decode_id(job_id)
    record = None
    if number is not None:
        record = await tx.connection.fetchrow(store.FIND, number, actor.account_id, at)
    if record is None:
        raise NoSuchJob
    return job_of(record)


async def cancel(tx: Tx, *, actor: Actor, job_id: str, at: datetime) -> None:
    """Cancel a job of the actor's own, or clear away what it made. Raises NoSuchJob."""
    job = await find(tx, actor=actor, job_id=job_id, at=at)
    await tx.execute(store.CANCEL, job.number, at)
    await tx.execute(store.TELL)
    await audit.record(tx, actor=actor, action="D", what=f"fhir_api.{job.kind}", at=at)


async def clear_away(tx: Tx, *, folder: Path, at: datetime) -> int:
    """Remove the files of jobs that are over; return how many jobs that were."""
    numbers = await tx.values(store.OVER, at)
    for number in numbers:
        shutil.rmtree(folder / encode_id(number), ignore_errors=True)
    if numbers:
        await tx.execute(store.FORGET, numbers)
    return len(numbers)


async def disclose(
    tx: Tx, *, job: Job, patient_ids: list[str], references: list[str], at: datetime
) -> None:
    """Write down what an export gave away: once, and for each patient where they are few."""
    what = "fhir_api.export"
    acts = [Act(job.actor, "R", what, at, None, references, None)]
    if len(patient_ids) <= _MOST_TRACES:
        acts += [
            Act(job.actor, "R", what, at, one, [f"Patient/{one}"], None) for one in patient_ids
        ]
    await audit.record_many(tx, acts)


def job_of(record: Mapping[str, Any]) -> Job:
    """Return the job that a row holds."""
    actor = record["actor"]
    return Job(
        id=encode_id(record["job_id"]),
        number=record["job_id"],
        kind=record["kind"],
        state=record["state"],
        actor=Actor(
            actor["account_id"], actor["name"], roles=frozenset(actor["roles"]),
            purpose=actor["purpose"], permissions=frozenset(actor.get("permissions", ())),
            client_id=actor.get("client_id"),
        ),
        request=record["request"],
        wish=record["wish"],
        asked_at=record["asked_at"],
        attempts=record["attempts"],
        transaction_time=record["transaction_time"],
        progress=msgspec.convert(record["progress"], Progress),
        outcome=msgspec.convert(record["outcome"] or {}, Outcome),
        failure=record["failure"] or "",
        expires_at=record["expires_at"],
    )  # fmt: skip
