"""When the table refuses traces: care goes on and is brought in later, all else is refused."""

from __future__ import annotations

import resource
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.foundation.audit.conftest import DOCTOR, NOON, Log

from yba.foundation.audit import jobs, service, spool, writing
from yba.foundation.audit.errors import AuditLogDown
from yba.foundation.audit.rows import rows_of
from yba.foundation.audit.spool import Spool
from yba.kernel.actor import Actor

EMERGENCY = DOCTOR.acting_for("ETREAT")
CASHIER = replace(DOCTOR, account_id="a-cashier", purpose="HPAYMT")
REFUSE = "ALTER TABLE audit.event RENAME TO event_away"
TAKE = "ALTER TABLE audit.event_away RENAME TO event"


@pytest.fixture
def own(tmp_path: Path) -> Generator[Spool]:
    """Yield the spool of this process."""
    own = service.open_spool(tmp_path)
    yield own
    own.close()
    writing.Standing.spool = None
    writing.Standing.is_refusing = False


async def act(log: Log, actor: Actor) -> None:
    async with log.database.transaction() as tx:
        await tx.execute("CREATE TABLE IF NOT EXISTS public.done (what text)")
        await tx.execute("INSERT INTO public.done VALUES ('x')")
        await service.record(tx, actor=actor, action="R", what="x", at=log.at, patient_id="p")


async def done(log: Log) -> int:
    async with log.database.reading() as tx:
        return await tx.value("SELECT count(*) FROM public.done")


async def traces(log: Log) -> int:
    async with log.database.reading() as tx:
        return await tx.value("SELECT count(*) FROM audit.event WHERE what = 'x'")


async def run(log: Log, statement: str) -> None:
    async with log.database.transaction() as tx:
        await tx.execute(statement)  # type: ignore[arg-type]


async def test_an_emergency_goes_on_and_its_trace_is_brought_in(log: Log, own: Spool):
    await run(log, REFUSE)
    await act(log, EMERGENCY)
    assert await done(log) == 1
    assert not own.is_empty
    await run(log, TAKE)

    assert await writing.backfill(log.database, own) == 1
    assert await traces(log) == 1
    await log.round()
    assert (await log.check()).findings == []


async def test_planned_care_goes_on_after_its_first_refusal(log: Log, own: Spool):
    await run(log, REFUSE)
    with pytest.raises(AuditLogDown):
        await act(log, DOCTOR)
    await act(log, DOCTOR)
    await run(log, TAKE)

    assert await writing.backfill(log.database, own) == 1
    assert await traces(log) == await done(log) == 1


async def test_everything_else_is_refused_meanwhile(log: Log, own: Spool):
    await act(log, CASHIER)
    await run(log, REFUSE)
    for _ in range(2):
        with pytest.raises(AuditLogDown):
            await act(log, CASHIER)

    assert await done(log) == 1
    assert own.is_empty


async def test_without_a_place_for_the_trace_nothing_goes_on(log: Log):
    await run(log, REFUSE)
    with pytest.raises(AuditLogDown):
        await act(log, EMERGENCY)
    writing.Standing.is_refusing = False


async def test_the_table_is_used_again_as_soon_as_it_takes_traces(log: Log, own: Spool):
    await run(log, REFUSE)
    await act(log, EMERGENCY)
    await run(log, TAKE)
    await act(log, CASHIER)

    assert await traces(log) == 1
    assert not writing.Standing.is_refusing


async def test_break_glass_needs_a_log_that_works(log: Log):
    async with log.database.transaction() as tx:
        await service.require_standing(tx, at=NOON + timedelta(seconds=30))
        with pytest.raises(AuditLogDown):
            await service.require_standing(tx, at=NOON + timedelta(seconds=31))


async def test_break_glass_is_refused_while_the_table_refuses(log: Log, own: Spool):
    await run(log, REFUSE)
    await act(log, EMERGENCY)
    async with log.database.transaction() as tx:
        with pytest.raises(AuditLogDown):
            await service.require_standing(tx, at=NOON)


async def test_break_glass_is_refused_before_there_is_a_log(tx: service.Tx):
    await tx.execute("DELETE FROM audit.log")
    with pytest.raises(AuditLogDown):
        await service.require_standing(tx, at=NOON)
    await service.beat(tx, at=NOON)
    await service.require_standing(tx, at=NOON)


def rows(count: int) -> list[tuple[object, ...]]:
    act = service.Act(DOCTOR, "R", "x", NOON, "p", ["Patient/p"])
    return [row for _ in range(count) for row in rows_of(act)]


def test_no_resource_of_a_large_act_is_left_out():
    names = [f"Observation/{n}" for n in range(1203)]
    found = list(rows_of(service.Act(DOCTOR, "R", "x", NOON, "p", names)))
    assert [name for row in found for name in row[10]] == names
    assert len(found) == 3
    assert len({row[0] for row in found}) == 3


async def test_a_spool_without_its_process_is_brought_in_once(log: Log, tmp_path: Path):
    dead = Spool(tmp_path, "reads")
    dead.append(rows(3))
    part = dead.rotate()
    assert part is not None
    assert spool.orphans(tmp_path) == []
    # The process is killed after its rows reached the table, and before it forgot the spool.
    async with log.database.transaction() as tx:
        await writing.bring_in(tx, dead.rows_of(part))
    part.abandon()

    assert await jobs.adopt_spools(tmp_path, log.database) == 3
    assert await traces(log) == 3
    assert await jobs.adopt_spools(tmp_path, log.database) == 0


async def test_a_changed_spool_is_kept_aside_from_there_on(log: Log, tmp_path: Path):
    dead = Spool(tmp_path, "care")
    for row in rows(3):
        dead.append([row])
    part = dead.rotate()
    assert part is not None
    lines = part.path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"Patient/p", b"Patient/q")
    part.path.write_bytes(b"\n".join(lines))
    part.abandon()

    assert await jobs.adopt_spools(tmp_path, log.database) == 1
    assert [path.suffix for path in (tmp_path / "spool").iterdir()] == [".damaged"]
    async with log.database.reading() as tx:
        assert await tx.value("SELECT count(*) FROM audit.event WHERE what = 'audit.spool_damaged'")


def test_a_half_written_last_line_was_never_answered_for(tmp_path: Path):
    dead = Spool(tmp_path, "care")
    dead.append(rows(1))
    dead.append(rows(2))
    part = dead.rotate()
    assert part is not None
    part.path.write_bytes(part.path.read_bytes()[:-20])

    assert len(spool.read_rows(part.path, spool.key_of(tmp_path))[0]) == 1
    part.forget()


def test_what_a_full_disk_takes_of_a_line_is_told_and_taken_back(tmp_path: Path):
    own = Spool(tmp_path, "care")
    first, last = rows(1), rows(3)
    own.append(first)
    (file,) = tmp_path.rglob("*.spool")
    whole = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for room in (30, 0):  # the beginning of the line fits, then nothing of it
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + room, hard))
            with pytest.raises(OSError, match=r"No space left|File too large"):
                own.append(rows(2))
            assert file.read_bytes() == whole
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    own.append(last)
    own.close()

    assert spool.read_rows(file, spool.key_of(tmp_path)) == ([*first, *last], True)


async def test_a_full_disk_refuses_the_act_and_the_log_goes_on_when_there_is_room(
    log: Log, own: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await act(log, CASHIER)
    await run(log, REFUSE)
    await act(log, EMERGENCY)
    (file,) = tmp_path.rglob("*.spool")
    whole = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    append = own.append

    def with_little_room(rows: Sequence[tuple[object, ...]]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 30, hard))
        try:
            append(rows)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with monkeypatch.context() as full:
        full.setattr(own, "append", with_little_room)
        with pytest.raises(AuditLogDown) as refused:
            await act(log, EMERGENCY)
    assert refused.value.status == 503
    assert file.read_bytes() == whole
    assert await done(log) == 2  # what left no trace was not done

    await act(log, EMERGENCY)
    await run(log, TAKE)
    assert await writing.backfill(log.database, own) == 2
    assert await traces(log) == await done(log) == 3
    await log.round()
    assert (await log.check()).findings == []


async def test_nothing_secret_lies_in_the_open(tmp_path: Path):
    own = Spool(tmp_path, "care")
    own.append(rows(1))
    own.close()
    modes = {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*") if path.is_file()}

    assert modes == {0}
