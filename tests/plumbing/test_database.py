"""Transactions, the outbox and blobs on a real PostgreSQL."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from yba.kernel.refusal import NotFound
from yba.plumbing import outbox
from yba.plumbing.blobs import BlobDamaged, BlobStore
from yba.plumbing.database import Database, Tx


@dataclass(frozen=True)
class Happened:
    """An event of this test."""

    number: int
    at: datetime


heard: list[Happened] = []


async def listener(tx: Tx, event: Happened) -> None:
    """Remember the event, or fail when told to."""
    if event.number < 0:
        raise ValueError("told to fail")
    heard.append(event)


async def _publish_and_fail(database: Database, event: Happened) -> None:
    with contextlib.suppress(RuntimeError):
        async with database.transaction() as tx:
            await outbox.publish(tx, event)
            raise RuntimeError


async def test_an_event_reaches_its_listener_only_after_commit(database: Database, at: datetime):
    outbox.subscribe(Happened, listener)
    heard.clear()
    await _publish_and_fail(database, Happened(1, at))

    async with database.transaction() as tx:
        await outbox.publish(tx, Happened(2, at))
    assert heard == []
    await outbox.drain(database)

    assert heard == [Happened(2, at)]


async def test_a_failing_listener_is_tried_again_later_and_blocks_nobody(
    database: Database, at: datetime
):
    outbox.subscribe(Happened, listener)
    heard.clear()
    async with database.transaction() as tx:
        await outbox.publish(tx, Happened(-1, at))
        await outbox.publish(tx, Happened(3, at))

    await outbox.drain(database)

    assert heard == [Happened(3, at)]
    async with database.transaction() as tx:
        waits = "FROM plumbing.outbox WHERE done_at IS NULL AND listener LIKE '%test_database%'"
        assert await tx.value(f"SELECT array_agg(attempts) {waits}") == [1]
        assert (await outbox.backlog(tx)).waiting >= 1
        await tx.execute(f"DELETE {waits}")


def test_a_stored_body_is_found_by_its_hash(blobs: BlobStore):
    digest = blobs.put(b"a page")

    assert blobs.get(digest) == b"a page"
    assert blobs.put(b"a page") == digest


def test_a_changed_byte_is_noticed(blobs: BlobStore, tmp_path: Path):
    digest = blobs.put(b"a page")
    next((tmp_path / "blobs").rglob(digest)).write_bytes(b"a pagE")

    with pytest.raises(BlobDamaged):
        blobs.get(digest)


def test_a_name_that_is_no_hash_finds_nothing(blobs: BlobStore):
    with pytest.raises(NotFound):
        blobs.get("../../etc/passwd")


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_who_is_interrupted_leaves_no_transaction_to_the_next(server: str, turns: int):
    database = Database(server, connections=1)
    async with database.transaction() as tx:
        await tx.execute("SELECT 1")

    async def write() -> None:
        async with database.transaction() as tx:
            await tx.value("SELECT pg_current_xact_id()::text")
            await tx.value("SELECT pg_sleep(0)::text")

    task = asyncio.create_task(write())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with database.borrow() as connection:
        assert not connection.is_in_transaction()
    async with database.transaction() as tx:
        written = await tx.value("SELECT pg_current_xact_id()::text")
    async with database.borrow() as connection:
        # What was written is over and done, for everybody.
        status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", written)
    assert status == "committed"
    await database.close()
