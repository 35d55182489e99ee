"""Whoever loads much and searches at once is not served by the statistics of an empty table."""

from datetime import UTC, datetime

import pytest

from yba.fhir import r4
from yba.foundation.record import upkeep
from yba.foundation.record.query.estimate import statistics
from yba.foundation.record.service import new_id, save
from yba.kernel.actor import Actor
from yba.plumbing.database import Database

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
_KNOWN = "SELECT reltuples FROM pg_class WHERE oid = 'record.resource'::regclass"
_GROWTH = (
    "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relid = 'record.resource'::regclass"
)


def _observations(count: int) -> list[r4.Observation]:
    code = r4.CodeableConcept(coding=[r4.Coding(system="http://loinc.org", code="8302-2")])
    return [r4.Observation(id=new_id(), status="final", code=code) for _ in range(count)]


async def _write(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        await save(tx, actor=Actor.system("test"), resources=_observations(count), at=NOON)
        # What this connection did is told to the statistics now, not within a second.
        await tx.connection.execute("SELECT pg_stat_force_next_flush()")


async def test_after_the_table_has_grown_by_half_its_statistics_are_renewed(database: Database):
    await upkeep.analyze(database.dsn)
    async with database.reading() as tx:
        before = max(await tx.value(_KNOWN), 0)
    await _write(database, int(before) + 50)

    await upkeep.analyze(database.dsn)

    async with database.reading() as tx:
        assert await tx.value(_KNOWN) >= before * 2 + 50
        assert await tx.value(_GROWTH) == 0
    assert statistics.rows >= before * 2 + 50


async def test_a_process_looks_again_once_it_has_written_as_much_as_it_knew(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    looks: list[str] = []

    async def look(dsn: str) -> None:
        looks.append(dsn)

    monkeypatch.setattr(upkeep, "analyze", look)
    monkeypatch.setattr(statistics, "rows", 3000.0)
    keeper = upkeep.Upkeep(database)

    for written, expected in ((2999, 0), (3000, 1)):
        monkeypatch.setattr(statistics, "written", written)
        keeper.consider()
        await keeper.finished()
        assert len(looks) == expected
    assert statistics.written == 0
