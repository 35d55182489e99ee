"""A database with a log of its own: rounds commit, so no test may share one."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yba.foundation.audit import checking, sequencing, service
from yba.foundation.audit.model import Act
from yba.foundation.audit.notes import ED25519, SignerKey
from yba.foundation.audit.sequencing import Sequencer
from yba.kernel.actor import Actor
from yba.plumbing.database import Database, connect

ORIGIN = "hospital.example/audit/log"
NOON = datetime.fromisoformat("2026-09-15T05:00:00+00:00")
DOCTOR = Actor("a-doctor", "Bs. Trần Thị Minh Hoạ", frozenset({"doctor"}), purpose="TREAT")


@dataclass
class Log:
    """A log on a database of its own."""

    database: Database
    signer: SignerKey
    sequencer: Sequencer
    at: datetime = NOON

    async def record(self, *patients: str | None, what: str = "record.read") -> None:
        acts = [
            Act(DOCTOR, "R", what, self.at, patient, [f"Patient/{patient}"] if patient else [])
            for patient in patients
        ]
        async with self.database.transaction() as tx:
            await service.record_many(tx, acts)

    async def round(self, most: int = 10_000) -> int:
        """Run a round a second later and return the size of the log."""
        self.at += timedelta(seconds=1)
        done = await self.sequencer.run_round(at=self.at, most=most)
        assert done is not None
        return done.size

    async def check(self, outside: checking.Outside | None = None) -> checking.Report:
        async with self.database.reading() as tx:
            return await checking.check(tx, outside)

    async def execute(self, *statements: str) -> None:
        """Tamper: run statements as somebody who owns the database."""
        async with self.database.borrow() as connection:
            await connection.execute("ALTER TABLE audit.event DISABLE TRIGGER append_only")
            for statement in statements:
                await connection.execute(statement)
            await connection.execute("ALTER TABLE audit.event ENABLE TRIGGER append_only")

    async def event_ids(self) -> Sequence[int]:
        async with self.database.borrow() as connection:
            rows = await connection.fetch("SELECT event_id FROM audit.leaf ORDER BY position")
        return [row["event_id"] for row in rows]


@pytest.fixture(scope="session")
def template(migrated: str) -> str:
    """Return the name of a migrated database that others are copied from."""
    return migrated


def named(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path="/" + name))


async def copy_of(server: str, template: str) -> str:
    """Return the name of a new database like `template`."""
    name = "audit_" + secrets.token_hex(6)
    connection = await connect(server)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    await connection.close()
    return name


async def dropped(server: str, name: str) -> None:
    connection = await connect(server)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def log_in(database: Database, folder: Path) -> Log:
    """Return a log that begins in an empty database."""
    signer = SignerKey(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    async with database.transaction() as tx:
        await sequencing.begin_log(tx, origin=ORIGIN, at=NOON)
        await sequencing.admit_signer(tx, signer=signer, at=NOON)
    return Log(database, signer, Sequencer(database, signer, folder))


@pytest.fixture
async def log(server: str, template: str, tmp_path: Path) -> AsyncGenerator[Log]:
    """Yield an empty log (its signer's event waits)."""
    name = await copy_of(server, template)
    database = Database(named(server, name), connections=4)
    yield await log_in(database, tmp_path)
    await database.close()
    await dropped(server, name)
