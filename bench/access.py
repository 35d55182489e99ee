"""What the guard costs: the same reads and searches with and without, in one run, as ratios.

    python -m bench.access            (uses YBA_DATABASE_URL, or a server of its own)

Prints the plan of the guarded chart, so that it can be seen that it stays one indexed statement.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from yba.fhir import r4
from yba.foundation.access import service as access
from yba.foundation.record import reading, store
from yba.foundation.record import service as record
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.guard import put_into
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.permitting import guard_for
from yba.kernel.actor import Actor
from yba.kernel.ids import row_id
from yba.plumbing import migrations
from yba.plumbing.database import Database, Tx
from yba.plumbing.postgres import EmbeddedPostgres

PATIENTS, EACH, ROUNDS = 300, 40, 150
AT = datetime(2026, 9, 15, tzinfo=UTC)
SYSTEM = Actor.system("bench")
DOCTOR = Actor(
    "doctor", "Doctor", roles=frozenset({"doctor"}), departments=frozenset({"K01"}),
)  # fmt: skip
PROGRAM = Actor("program", "Program", roles=frozenset({"api"}))


async def fill(database: Database) -> list[str]:
    """Store patients with observations; all are related to one department."""
    ids: list[str] = []
    for _ in range(PATIENTS):
        patient = r4.Patient(id=record.new_id())
        subject = r4.Reference(reference=f"Patient/{patient.id}")
        code = r4.CodeableConcept(coding=[r4.Coding(system="http://loinc.org", code="8480-6")])
        found = [
            r4.Observation(
                id=record.new_id(), status="final", subject=subject, code=code,
                effectiveDateTime=f"2026-0{1 + n % 8}-01",
            )
            for n in range(EACH)
        ]  # fmt: skip
        async with database.transaction() as tx:
            await record.save(tx, actor=SYSTEM, resources=[patient, *found], at=AT)
            await access.relate(
                tx, patient_id=patient.id or "", kind="visit", department="K01",
                why=f"Encounter/{patient.id}", at=AT,
            )  # fmt: skip
        ids.append(patient.id or "")
    return ids


async def milliseconds(run: Callable[[str], Awaitable[object]], ids: list[str]) -> float:
    """Return the median of some rounds, in milliseconds."""
    pick, took = random.Random(1), list[float]()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await run(pick.choice(ids))
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) // 2] * 1000


async def measure(database: Database) -> None:
    """Print the ratios and the plan of the guarded chart."""
    ids = await fill(database)
    async with database.transaction() as tx:
        for name in ("record.resource", "access.relation"):
            await tx.connection.execute(f"ANALYZE {name}")
    async with database.borrow() as connection:
        tx = Tx(connection)
        numbers = [TYPE_NUMBERS["Observation"]]

        def chart(actor: Actor) -> Callable[[str], Awaitable[object]]:
            async def run(id_: str) -> object:
                given = (row_id("Patient", id_), numbers, TYPE_NUMBERS["Patient"], 20_000)
                sql, arguments = put_into(store.CHART, guard_for(actor, at=AT), given)
                return await connection.fetch(sql, *arguments)

            return run

        def search(actor: Actor) -> Callable[[str], Awaitable[object]]:
            async def run(id_: str) -> object:
                wanted = parse("Observation", f"patient={id_}&code=8480-6&_count=20")
                return await reading.find(tx, wanted, now=AT, guard=guard_for(actor, at=AT))

            return run

        print(
            f"{PATIENTS} patients with {EACH} observations each; median of {ROUNDS}, one connection"
        )
        for what, make in (("chart", chart), ("search", search)):
            plain = await milliseconds(make(SYSTEM), ids)
            for who, actor in (("program", PROGRAM), ("doctor", DOCTOR)):
                guarded = await milliseconds(make(actor), ids)
                print(
                    f"{what:8} {who:8} {guarded:6.2f} ms, without {plain:6.2f}: x {guarded / plain:.2f}"
                )
        given = (row_id("Patient", ids[0]), numbers, TYPE_NUMBERS["Patient"], 20_000)
        sql, arguments = put_into(store.CHART, guard_for(replace(DOCTOR), at=AT), given)
        for line in await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}", *arguments):
            print("   ", line[0])


async def main() -> None:
    """Run against the given database, or one of its own."""
    given = os.environ.get("YBA_DATABASE_URL")
    if given:
        database = Database(given, connections=2)
        await measure(database)
        await database.close()
        return
    with tempfile.TemporaryDirectory(prefix="yba-bench-") as folder:
        os.chmod(folder, 0o755)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            await migrations.migrate(postgres.dsn)
            database = Database(postgres.dsn, connections=2)
            await measure(database)
            await database.close()
        finally:
            postgres.stop()


if __name__ == "__main__":
    asyncio.run(main())
