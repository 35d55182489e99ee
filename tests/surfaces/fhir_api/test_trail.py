"""Reads leave their trace before their answer, whatever happens to the process."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from yba.foundation.audit import jobs, service
from yba.foundation.audit.errors import AuditLogDown
from yba.foundation.audit.model import Trace
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.surfaces.fhir_api.trail import Trail

DOCTOR = Actor("a-trail", "Bs. Lê Thử", frozenset({"doctor"}), client_id="app-1")


async def looks(database: Database, patient_id: str) -> list[Trace]:
    async with database.reading() as tx:
        return await service.who_looked(tx, patient_id=patient_id)


async def test_what_a_killed_process_noted_is_brought_in(database: Database, tmp_path: Path):
    patient_id = new_id()
    trail = Trail(database, service.spool_of_reads(tmp_path))
    await trail.note(DOCTOR, "fhir_api.read", patient_id, ["Observation/a"])
    await trail.note(DOCTOR, "fhir_api.read", patient_id, ["Observation/b"])
    # Killed: its task never runs and its file lock is gone.
    assert trail._task is not None
    trail._task.cancel()
    assert trail._spool is not None
    trail._spool.close()

    assert await jobs.adopt_spools(tmp_path / "audit", database) == 2
    found = await looks(database, patient_id)
    assert sorted(ref for one in found for ref in one.resources) == [
        "Observation/a",
        "Observation/b",
    ]


async def test_a_living_process_writes_its_own_and_leaves_nothing(
    database: Database, tmp_path: Path
):
    patient_id = new_id()
    trail = Trail(database, service.spool_of_reads(tmp_path))
    for reference in ("Observation/a", "Observation/b", "Observation/a"):
        await trail.note(DOCTOR, "fhir_api.read", patient_id, [reference])
    await trail.flush()
    await trail.close()

    (found,) = await looks(database, patient_id)
    assert found.resources == ["Observation/a", "Observation/b"]
    assert list((tmp_path / "audit" / "spool").iterdir()) == []


async def test_programs_of_one_person_are_told_apart(database: Database, tmp_path: Path):
    patient_id = new_id()
    trail = Trail(database, service.spool_of_reads(tmp_path))
    for client in ("app-1", "app-2"):
        actor = Actor("a-trail", "Bs. Lê Thử", client_id=client)
        await trail.note(actor, "fhir_api.read", patient_id, ["Observation/a"])
    await trail.close()

    assert len(await looks(database, patient_id)) == 2


async def test_a_read_that_cannot_be_kept_is_not_answered(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spool = service.spool_of_reads(tmp_path)

    def full(rows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "append", full)
    trail = Trail(database, spool)

    with pytest.raises(AuditLogDown):
        await trail.note(DOCTOR, "fhir_api.read", new_id(), [f"at/{datetime.now(UTC)}"])
    await trail.close()


async def test_reads_of_one_turn_share_one_line(database: Database, tmp_path: Path):
    patients = [new_id() for _ in range(20)]
    spool = service.spool_of_reads(tmp_path)
    trail = Trail(database, spool)

    await asyncio.gather(
        *(trail.note(DOCTOR, "fhir_api.read", one, ["Observation/a"]) for one in patients)
    )
    (kept,) = (tmp_path / "audit" / "spool").iterdir()
    assert kept.read_bytes().count(b"\n") == 1
    await trail.close()

    for one in patients:
        assert len(await looks(database, one)) == 1


async def test_none_of_a_turn_is_answered_when_it_cannot_be_kept(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spool = service.spool_of_reads(tmp_path)
    trail = Trail(database, spool)
    patient_id = new_id()
    with monkeypatch.context() as patch:

        def full(rows: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(spool, "append", full)
        answers = await asyncio.gather(
            *(trail.note(DOCTOR, "fhir_api.read", patient_id, ["Observation/a"]) for _ in "abc"),
            return_exceptions=True,
        )
        assert [type(one) for one in answers] == [AuditLogDown] * 3
    # What was refused is not taken for kept when it is asked again.
    await trail.note(DOCTOR, "fhir_api.read", patient_id, ["Observation/a"])
    assert not spool.is_empty
    await trail.close()
