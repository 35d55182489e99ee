"""Rows become entries in the order of transactions; nothing is skipped, nothing comes twice."""

from pathlib import Path

import asyncpg
import pytest
from tests.foundation.audit.conftest import DOCTOR, NOON, Log

from yba.foundation.audit import log_store, notes, sequencing, service


async def test_a_round_makes_entries_tiles_and_a_signed_checkpoint(log: Log, tmp_path: Path):
    await log.record(*[f"p{number}" for number in range(300)])

    assert await log.round() == 301
    published = (tmp_path / "checkpoint").read_text()
    checkpoint = notes.open_checkpoint(published, [log.signer.verifier])
    report = await log.check()
    assert report.findings == []
    assert (checkpoint.size, checkpoint.root) == (301, report.root)


async def test_a_log_grows_over_many_rounds_of_every_width(log: Log):
    for width in (1, 254, 1, 1, 300, 3, 500):
        await log.record(*["p"] * width)
        await log.round(most=170)
    while (await log.round()) < 1061:
        pass

    report = await log.check()
    assert report.findings == []
    assert report.size == 1061


async def test_a_late_commit_is_not_skipped(log: Log):
    async with log.database.borrow() as slow:
        late = slow.transaction()
        await late.start()
        await service.record(
            sequencing.Tx(slow), actor=DOCTOR, action="R", what="late", at=NOON, patient_id="p"
        )
        await log.record("q")
        before = await log.round()
        await late.commit()
    after = await log.round()

    assert before <= 1
    assert after == 3
    assert (await log.check()).findings == []


async def test_quiet_rounds_make_no_checkpoint(log: Log):
    await log.round()
    await log.round()

    report = await log.check()
    assert report.checkpoints == 1


async def test_another_sequencer_waits_its_turn(log: Log):
    async with log.database.transaction() as tx:
        await tx.value(log_store.TRY_LOCK, log_store.LOCK)
        assert await log.sequencer.run_round(at=NOON) is None


async def test_after_a_restore_everything_has_one_place(log: Log):
    await log.record("p", "q")
    await log.round()
    await log.record("r")
    # As after a restore into a server that has counted fewer transactions.
    await log.execute("UPDATE audit.event SET xid = (xid::text::bigint + 1000000)::text::xid8")
    await log.execute(
        "UPDATE audit.log SET last_xid = (last_xid::text::bigint + 1000000)::text::xid8"
    )
    async with log.database.transaction() as tx:
        await sequencing.begin_anew(tx)
    restored = await log.check()
    while (await log.sequencer.run_round(at=log.at)).is_full:  # type: ignore[union-attr]
        pass
    await log.record("s")
    await log.round()

    report = await log.check()
    assert (restored.findings, restored.waiting) == ([], 1)
    assert report.findings == []
    assert (report.size, report.waiting) == (5, 0)


async def test_a_restore_that_nobody_told_of_is_noticed(log: Log):
    await log.record("p", "q")
    await log.round()
    await log.execute(
        "UPDATE audit.event SET xid = (xid::text::bigint + 1000000)::text::xid8",
        "UPDATE audit.log SET last_xid = (last_xid::text::bigint + 1000000)::text::xid8",
    )
    await log.record("r")
    await log.round()
    await log.record("s")
    await log.round()

    report = await log.check()
    assert report.findings == []
    assert (report.size, report.waiting) == (5, 0)


async def test_nothing_may_be_changed_without_an_erasure(log: Log):
    await log.record("p")
    async with log.database.borrow() as connection:
        for statement in ("UPDATE audit.event SET what = ''", "DELETE FROM audit.event"):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await connection.execute(statement)
