"""A full disk below the sequencer: nothing that was kept is lost, and the tree goes on afterwards."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.foundation.audit.conftest import Log

from yba.foundation.audit import jobs, sequencing, service

# What PostgreSQL answers when a file cannot grow (53100), at the very statement that writes tiles.
FULL = """
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON audit.tile
        FOR EACH ROW EXECUTE FUNCTION public.full_disk();
"""
ROOM = "DROP TRIGGER full_disk ON audit.tile; DROP FUNCTION public.full_disk()"


async def run(log: Log, script: str) -> None:
    async with log.database.borrow() as connection:
        await connection.execute(script)


async def health(log: Log) -> service.LogHealth:
    async with log.database.reading() as tx:
        return await service.health(tx, at=log.at)


@pytest.mark.parametrize("table", ["tile", "bundle", "checkpoint", "leaf"])
async def test_what_was_kept_enters_the_tree_when_there_is_room_again(log: Log, table: str):
    await log.record(*["p"] * 300)
    before = await log.round()
    await run(log, FULL.replace("audit.tile", f"audit.{table}"))
    await log.record(*["q"] * 300)
    for _ in range(3):
        with pytest.raises(asyncpg.DiskFullError):
            await log.round()
    meanwhile = await log.check()
    await run(log, ROOM.replace("audit.tile", f"audit.{table}"))

    assert (meanwhile.findings, meanwhile.size, meanwhile.waiting) == ([], before, 300)
    assert await log.round() == before + 300
    assert (await log.check()).findings == []


async def test_the_state_is_seen_while_it_lasts(log: Log):
    await log.record("p")
    await log.round()
    assert (await health(log)).status == "ok"

    await run(log, FULL)
    await log.record("q")
    stop = asyncio.Event()
    task = asyncio.create_task(jobs.sequence_for_ever(log.sequencer, log.database, stop))
    async with asyncio.timeout(10):
        while (await health(log)).status != "problem":
            await asyncio.sleep(0)
    found = await health(log)
    assert (found.problem, found.waiting) == ("DiskFullError", 1)

    await run(log, ROOM)
    stop.set()
    await task
    log.at += timedelta(minutes=1)
    assert (await health(log)).status == "stalled"
    await log.round()
    found = await health(log)
    assert (found.status, found.waiting, found.size) == ("ok", 0, 3)


async def test_a_checkpoint_without_room_for_its_file_is_published_later(log: Log, tmp_path: Path):
    folder = tmp_path / "published"
    folder.write_text("in the way")
    log.sequencer = sequencing.Sequencer(log.database, log.signer, folder)
    await log.record("p")

    done = await log.sequencer.run_round(at=log.at)
    assert done is not None
    assert (done.size, done.problem) == (2, "EEXIST")

    folder.unlink()
    done = await log.sequencer.run_round(at=log.at + timedelta(seconds=1))
    assert done is not None
    assert (done.added, done.problem) == (0, "")
    assert "\n2\n" in (folder / sequencing.CHECKPOINT_FILE).read_text()
