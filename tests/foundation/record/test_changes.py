"""The change feed and history since a moment: nothing that commits late is skipped."""

import asyncio
import random
from datetime import timedelta

import pytest

from yba.fhir import r4
from yba.foundation.record import changes, reading, service
from yba.foundation.record.errors import ResourceNotFound
from yba.foundation.record.keys import row_id
from yba.kernel.clock import micros
from yba.plumbing.database import Tx

WRITERS, ROUNDS, OWN = 8, 25, 3


def basic(id_: str, text: str = "x") -> r4.Basic:
    return r4.Basic(id=id_, code=r4.CodeableConcept(text=text))


async def followed(database, position, *, count=7):
    """Return everything after a position, and where that ends."""
    seen = []
    while True:
        async with database.borrow() as connection:
            versions, position = await changes.after(Tx(connection), position, count=count)
        seen += [(one.type, one.id, one.version) for one in versions]
        if len(versions) < count:
            return seen, position


async def here(database):
    async with database.borrow() as connection:
        return await changes.now(Tx(connection))


async def test_a_transaction_that_commits_late_is_not_skipped_by_the_feed(database, actor, at):
    start = await here(database)
    late, early = service.new_id(), service.new_id()

    async with database.transaction() as slow:
        await service.save(slow, actor=actor, resources=[basic(late)], at=at)
        async with database.transaction() as quick:
            await service.save(quick, actor=actor, resources=[basic(early)], at=at)
        meanwhile, position = await followed(database, start)
    afterwards, _ = await followed(database, position)

    assert meanwhile == []
    assert {id_ for _, id_, _ in afterwards} == {late, early}


async def test_every_version_comes_once_deletions_included(database, actor, at):
    start = await here(database)
    id_ = service.new_id()
    for text in ("one", "two", "three"):
        async with database.transaction() as tx:
            await service.save(tx, actor=actor, resources=[basic(id_, text)], at=at)
    async with database.transaction() as tx:
        await service.delete(tx, actor=actor, type_="Basic", id_=id_, at=at)

    async with database.borrow() as connection:
        versions, _ = await changes.after(Tx(connection), start)

    mine = [one for one in versions if one.id == id_]
    assert [(one.version, one.deleted) for one in mine] == [
        (1, False), (2, False), (3, False), (4, True),
    ]  # fmt: skip


async def test_two_versions_in_one_transaction_both_come_however_small_the_page(
    database, actor, at
):
    start = await here(database)
    id_ = service.new_id()
    async with database.transaction() as tx:
        await service.save(tx, actor=actor, resources=[basic(id_, "one")], at=at)
        await service.save(tx, actor=actor, resources=[basic(id_, "two")], at=at)

    seen, _ = await followed(database, start, count=1)

    assert [version for _, other, version in seen if other == id_] == [1, 2]


async def _write(database, actor, at, dice, mine, shared):
    """Write, sometimes twice in a transaction, sometimes not at all in the end."""
    for _ in range(ROUNDS):
        target = dice.choice([*mine, *shared])
        try:
            async with database.transaction() as tx:
                for _ in range(dice.choice((1, 1, 2))):
                    if dice.random() < 0.15:
                        await service.delete(tx, actor=actor, type_="Basic", id_=target, at=at)
                    else:
                        resource = basic(target, f"{dice.random()}")
                        await service.save(tx, actor=actor, resources=[resource], at=at)
                    for _ in range(dice.randrange(3)):
                        await asyncio.sleep(0)
                if dice.random() < 0.1:
                    raise _Cancelled
        except (_Cancelled, ResourceNotFound):
            pass


class _Cancelled(Exception):
    pass


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_who_follows_many_writers_ends_with_every_version_exactly_once(
    database, actor, at, seed
):
    start = await here(database)
    shared = [service.new_id() for _ in range(OWN)]
    owned = [[service.new_id() for _ in range(OWN)] for _ in range(WRITERS)]
    writers = [
        asyncio.create_task(_write(database, actor, at, random.Random(f"{seed}{n}"), mine, shared))
        for n, mine in enumerate(owned)
    ]

    seen, position = [], start
    while not all(writer.done() for writer in writers):
        more, position = await followed(database, position, count=3)
        seen += more
        await asyncio.sleep(0)
    await asyncio.gather(*writers)
    more, position = await followed(database, position)
    seen += more

    wanted = {id_ for mine in owned for id_ in mine} | set(shared)
    async with database.borrow() as connection:
        stored = await connection.fetch(
            "SELECT type, rid, fid, version, updated, flags, body FROM record.resource"
            " WHERE type = $1 UNION ALL SELECT type, rid, NULL, version, updated, flags, body"
            " FROM record.history WHERE type = $1",
            changes.TYPE_NUMBERS["Basic"],
        )
    there = [reading.version_of(record, record["fid"]) for record in stored]
    mine = sorted((one.type, one.id, one.version) for one in there if one.id in wanted)
    assert sorted(one for one in seen if one[1] in wanted) == mine
    assert len(mine) > WRITERS


async def _since(database, moment):
    async with database.borrow() as connection:
        versions, _ = await reading.history(
            Tx(connection), types=["Basic"], since=moment, count=1000
        )
    return versions


async def test_history_since_waits_for_a_transaction_that_is_still_open(database, actor, at):
    moment = at + timedelta(days=1000)
    late, early = service.new_id(), service.new_id()

    async with database.transaction() as slow:
        await service.save(slow, actor=actor, resources=[basic(late)], at=moment)
        async with database.transaction() as quick:
            later = moment + timedelta(seconds=1)
            await service.save(quick, actor=actor, resources=[basic(early)], at=later)
        meanwhile = await _since(database, micros(moment))

    assert [one.id for one in meanwhile] == []
    assert {one.id for one in await _since(database, micros(moment))} == {late, early}


async def test_asking_again_with_the_newest_stamp_misses_nothing_stamped_earlier(
    database, actor, at
):
    moment = at + timedelta(days=2000)
    late, early = service.new_id(), service.new_id()
    async with database.transaction() as tx:
        later = moment + timedelta(seconds=1)
        await service.save(tx, actor=actor, resources=[basic(early)], at=later)
    newest = max(one.updated for one in await _since(database, micros(moment)))

    async with database.transaction() as tx:
        # Prepared before the other one, written after it.
        await service.save(tx, actor=actor, resources=[basic(late)], at=moment)

    assert late in {one.id for one in await _since(database, newest)}


async def test_history_since_gives_nothing_older_on_a_quiet_server(database, actor, at):
    moment = at + timedelta(days=3000)
    old, new = service.new_id(), service.new_id()
    for id_, seconds in ((old, 0), (new, 5)):
        async with database.transaction() as tx:
            stamp = moment + timedelta(seconds=seconds)
            await service.save(tx, actor=actor, resources=[basic(id_)], at=stamp)

    found = await _since(database, micros(moment + timedelta(seconds=5)))

    assert [one.id for one in found] == [new]


async def test_after_a_restore_what_was_followed_stays_so_and_the_rest_comes_next(
    database, actor, at
):
    old, new = service.new_id(), service.new_id()
    async with database.borrow() as connection:
        outer = connection.transaction()
        await outer.start()
        tx = Tx(connection)
        await service.save(tx, actor=actor, resources=[basic(old), basic(new)], at=at)
        # As they would lie here when they come from a server that counted further.
        for id_, xid in ((old, 10**12), (new, 10**12 + 5)):
            await tx.execute(
                "UPDATE record.resource SET xid = $2::text::xid8 WHERE rid = $1",
                row_id("Basic", id_), str(xid),
            )  # fmt: skip
        await tx.execute("DELETE FROM record.subscription_feed")
        await tx.execute("INSERT INTO record.subscription_feed (xid) VALUES ($1)", 10**12 + 3)

        await changes.begin_anew(tx)

        this = await tx.value("SELECT pg_current_xact_id()::text::bigint")
        stored = {
            row["rid"]: int(row["xid"])
            for row in await connection.fetch("SELECT rid, xid::text FROM record.resource")
        }
        position = await tx.value("SELECT xid FROM record.subscription_feed")
        assert (position, stored[row_id("Basic", new)]) == (this, this)
        assert stored[row_id("Basic", old)] < this
        await outer.rollback()
