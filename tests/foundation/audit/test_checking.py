"""Whatever is changed in the log is found, and the finding says where.

One log is built once; each example changes one thing in a transaction that is rolled back.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.stamps import FakeStampAuthority
from tests.foundation.audit.conftest import DOCTOR, NOON, Log, copy_of, dropped, log_in, named

from yba.foundation.audit import checking, jobs, log_store, notes, proving, service, witnessing
from yba.foundation.audit.checking import Finding, Outside
from yba.foundation.audit.notes import COSIGNATURE_V1, SignerKey
from yba.plumbing.database import Database, Tx

WITNESS = SignerKey(
    "witness.example", COSIGNATURE_V1, Ed25519PrivateKey.from_private_bytes(b"w" * 32)
)


@dataclass
class Built:
    """A log with everything in it, and what was kept of it elsewhere."""

    log: Log
    authority: FakeStampAuthority
    kept: str
    """A witnessed checkpoint of an earlier size."""
    erased: list[int] = field(default_factory=list[int])

    @property
    def outside(self) -> Outside:
        return Outside(
            (self.kept,), (self.log.signer.verifier,), (WITNESS.verifier,), self.authority.roots
        )


@pytest.fixture(scope="module")
async def built(server: str, template: str) -> AsyncGenerator[Built]:
    name = await copy_of(server, template)
    database = Database(named(server, name), connections=4)
    log = await log_in(database, Path(tempfile.mkdtemp(prefix="yba-audit-")))
    for width in (100, 200, 260):
        await log.record(*[f"p{number % 7}" for number in range(width)])
        await log.round()
    authority = FakeStampAuthority()
    authority.now = NOON
    await jobs.stamp_today(database, authority.stamp, at=NOON + timedelta(seconds=5))
    kept = await _witnessed(log)
    async with database.transaction() as tx:
        ids = list(await log.event_ids())[40:43]
        assert await service.erase(tx, actor=DOCTOR, event_ids=ids, at=log.at) == 3
    await log.record("p1", "p2")
    await log.round()
    yield Built(log, authority, kept, ids)
    await database.close()
    await dropped(server, name)


async def _witnessed(log: Log) -> str:
    """Have the newest checkpoint confirmed, as the witness's own node would."""
    async with log.database.transaction() as tx:
        note = await proving.newest_checkpoint(tx)
        text = notes.read_note(note).text
        size = notes.read_checkpoint(text).size
        line = WITNESS.line_for(text.encode(), seconds=int(log.at.timestamp()))
        await witnessing.add_witness(tx, key=WITNESS.verifier, url="http://w.invalid", at=log.at)
        await tx.execute(log_store.PUT_COSIGNATURE, size, str(WITNESS.verifier), line)
        await tx.execute(log_store.CONFIRMED, str(WITNESS.verifier), size, None)
        return await proving.newest_checkpoint(tx)


async def findings_after(
    built: Built, change: Callable[[Tx], Awaitable[None]], outside: Outside | None = None
) -> list[Finding]:
    """Return what a check says after `change`, which is taken back."""
    async with built.log.database.borrow() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute("ALTER TABLE audit.event DISABLE TRIGGER append_only")
            await change(Tx(connection))
            return (await checking.check(Tx(connection), outside or built.outside)).findings
        finally:
            await transaction.rollback()


def sql(statement: str, *args: object) -> Callable[[Tx], Awaitable[None]]:
    async def change(tx: Tx) -> None:
        assert await tx.execute(statement, *args) > 0  # type: ignore[arg-type]

    return change


async def test_an_untouched_log_is_whole(built: Built):
    async with built.log.database.reading() as tx:
        report = await checking.check(tx, built.outside)

    assert report.findings == []
    assert (report.size, report.erased, report.stamps) == (565, 3, 1)
    assert (report.cosignatures, report.witnessed_size) == (1, 561)


BYTEA = {
    "salt": (
        "audit.event",
        "salt",
        "id",
        "salt IS NOT NULL AND id IN (SELECT event_id FROM audit.leaf)",
    ),
    "tile": ("audit.tile", "hashes", "ctid", "true"),
    "entry": ("audit.bundle", "entries", "number", "true"),
    "stamp": ("audit.stamp", "token", "day", "true"),
}


@pytest.mark.parametrize("kind", BYTEA)
async def test_any_flipped_bit_is_found_and_located(built: Built, kind: str):
    table, column, key, where = BYTEA[kind]
    async with built.log.database.borrow() as connection:
        rows = await connection.fetch(
            f"SELECT {key}::text AS key, {column} AS value FROM {table} WHERE {where}"
        )

    for row, bit in _samples(rows, 40 if kind != "stamp" else 60):
        value = bytearray(row["value"])
        value[bit // 8] ^= 1 << bit % 8
        found = await findings_after(
            built,
            sql(
                f"UPDATE {table} SET {column} = $1 WHERE {key}::text = $2", bytes(value), row["key"]
            ),
        )
        assert kind in {one.kind for one in found}, (kind, row["key"], bit, found)


def _samples(rows: list[Any], count: int) -> list[tuple[Any, int]]:
    """Return rows with a bit each, spread evenly over everything."""
    total = sum(len(row["value"]) * 8 for row in rows)
    chosen: list[tuple[Any, int]] = []
    step, at, begun = max(total // count, 1) | 1, 0, 0
    for row in rows:
        size = len(row["value"]) * 8
        while at < begun + size:
            chosen.append((row, at - begun))
            at += step
        begun += size
    return chosen


ROW_CHANGES = {
    "at": "at + interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "account_id": "account_id || 'x'",
    "actor_name": "actor_name || ' '",
    "actor_roles": "'{}'",
    "facility": "facility || ' '",
    "client_id": "''",
    "purpose": "'ETREAT'",
    "action": "'U'",
    "what": "upper(what)",
    "patient_id": "'another'",
    "resources": "resources || '{Patient/x}'",
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=st.sampled_from(sorted(ROW_CHANGES)), place=st.integers(50, 560))
async def test_any_changed_column_of_any_row_is_found_at_its_entry(
    built: Built, column: str, place: int
):
    found = await findings_after(
        built,
        sql(
            f"UPDATE audit.event SET {column} = {ROW_CHANGES[column]} "
            "WHERE id = (SELECT event_id FROM audit.leaf WHERE position = $1)",
            place,
        ),
    )

    assert [one.kind for one in found] in (["row"], ["stamp"], ["row", "stamp"])
    if column != "resources" or found[0].kind == "row":
        assert found[0].place.startswith(f"entry {place} ")


CUTS = {
    "a dropped row": ("DELETE FROM audit.event WHERE id = (SELECT event_id FROM audit.leaf WHERE position = 77)", "row", "entry 77"),
    "a dropped link": ("DELETE FROM audit.leaf WHERE position = 78", "position", "entry 78"),
    "a dropped tile": ("DELETE FROM audit.tile WHERE level = 1", "tile", "tile/1/000.p/2"),
    "a dropped bundle": ("DELETE FROM audit.bundle WHERE number = 1", "entry", "tile/entries/001"),
    "a dropped checkpoint": ("DELETE FROM audit.checkpoint WHERE size = 301", "checkpoint", "checkpoint at size 561"),
    "a dropped newest checkpoint": ("DELETE FROM audit.checkpoint WHERE size = 565", "checkpoint", "size 565"),
    "a note of another size": ("UPDATE audit.checkpoint SET note = (SELECT note FROM audit.checkpoint WHERE size = 101) WHERE size = 301", "checkpoint", "checkpoint at size 301"),
    "a changed root": ("UPDATE audit.checkpoint SET note = replace(note, split_part(note, chr(10), 3), 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=') WHERE size = 301", "checkpoint", "checkpoint at size 301"),
    "a lost salt": ("UPDATE audit.event SET salt = NULL WHERE id = (SELECT event_id FROM audit.leaf WHERE position = 60)", "salt", "entry 60"),
    "a pretended erasure": ("UPDATE audit.event SET salt = NULL, account_id = '', actor_name = '', purpose = '', what = '', patient_id = NULL, resources = '{}', at = date_trunc('second', at), erased_by = (SELECT id FROM audit.event WHERE what = 'audit.erase') WHERE id = (SELECT event_id FROM audit.leaf WHERE position = 60)", "row", "entry 60"),
    "a co-signature of another": ("UPDATE audit.cosignature SET line = replace(line, 'witness', 'wetness')", "cosignature", "co-signature of witness.example"),
    "a stamp of another day": ("UPDATE audit.stamp SET day = day - 1", "stamp", "time stamp of 2026-09-14"),
    "a row slipped in": ("INSERT INTO audit.event (id, at, account_id, actor_name, actor_roles, purpose, action, what, resources, xid) VALUES (1, now(), 'x', 'x', '{}', 'TREAT', 'R', 'x', '{}', '3')", "position", "event 1"),
    "a foreign signer": ("UPDATE audit.signer SET verifier_key = 'x+00000000+AAAA'", "log", "signer x"),
    "a shorter log": ("UPDATE audit.log SET size = 301", "checkpoint", "checkpoint at size 561"),
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
async def test_what_is_dropped_moved_or_slipped_in_is_found(built: Built, name: str):
    statement, kind, place = CUTS[name]

    found = await findings_after(built, sql(statement))

    assert any(one.kind == kind and one.place.startswith(place) for one in found), found


async def test_exchanged_rows_are_named_as_such(built: Built):
    async def exchange(tx: Tx) -> None:
        await tx.execute("UPDATE audit.leaf SET position = -1 WHERE position = 90")
        await tx.execute("UPDATE audit.leaf SET position = 90 WHERE position = 190")
        await tx.execute("UPDATE audit.leaf SET position = 190 WHERE position = -1")

    found = await findings_after(built, exchange)

    assert [(one.kind, one.place) for one in found] == [
        ("position", "entry 90"),
        ("position", "entry 190"),
    ]
    assert "position 190" in found[0].sentence


async def _forget_after(tx: Tx, size: int) -> None:
    await tx.execute("DELETE FROM audit.event WHERE id IN (SELECT event_id FROM audit.leaf WHERE position >= $1)", size)  # fmt: skip
    for table in ("leaf WHERE position", "checkpoint WHERE size -1", "cosignature WHERE size -1", "stamp WHERE size -1"):  # fmt: skip
        await tx.execute(f"DELETE FROM audit.{table} >= $1", size)  # type: ignore[arg-type]


async def test_a_perfect_rollback_is_shown_by_a_checkpoint_kept_elsewhere(built: Built):
    async def roll_back(tx: Tx) -> None:
        await _forget_after(tx, 101)
        await tx.execute("DELETE FROM audit.bundle WHERE number > 0")
        await tx.execute("DELETE FROM audit.tile WHERE level > 0 OR number > 0")
        await tx.execute("UPDATE audit.tile SET hashes = substr(hashes, 1, 101 * 32)")
        content = await tx.value("SELECT entries FROM audit.bundle")
        shorter = checking.tiles.bundle_of_width(content, 101)
        await tx.execute("UPDATE audit.bundle SET entries = $1", shorter)
        await tx.execute("UPDATE audit.log SET size = 101")

    alone = await findings_after(built, roll_back, Outside(keys=(built.log.signer.verifier,)))
    with_kept = await findings_after(built, roll_back)

    # Alone it is perfect, but for rows that were emptied by an erasure that is gone.
    assert [one for one in alone if "without an erasure" not in one.sentence] == []
    assert any("rolled back" in one.sentence for one in with_kept)


async def test_a_fork_signed_with_our_own_key_is_shown_by_a_checkpoint_kept_elsewhere(
    built: Built,
):
    checkpoint = notes.Checkpoint(built.log.signer.name, 300, b"f" * 32)
    line = built.log.signer.line_for(checkpoint.text.encode())
    forked = Outside((f"{checkpoint.text}\n{line}",), (built.log.signer.verifier,))

    async with built.log.database.reading() as tx:
        found = (await checking.check(tx, forked)).findings

    assert [one.kind for one in found] == ["checkpoint"]
    assert "forked" in found[0].sentence
