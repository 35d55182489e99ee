"""Numbered SQL migrations, one global order, applied once each.

Files are `migrations/NNNN_<context>_<what>.sql`. All pending ones run in one
transaction under one lock, so a node is either at the old or at the new
version. The text that was applied is remembered by hash: editing a migration
after it has run somewhere is refused.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from yba.kernel.refusal import Refusal
from yba.plumbing.database import connect

_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_LOCK = 7_203_041
_TABLE = """
    CREATE SCHEMA IF NOT EXISTS plumbing;
    CREATE TABLE IF NOT EXISTS plumbing.migration (
        number int PRIMARY KEY,
        name text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


class MigrationRefused(Refusal):
    """The migrations at hand do not fit the database."""

    code = "migrations.refused"
    status = 500
    message = "Not migrated: %(reason)s"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step."""

    number: int
    name: str
    sql: str = field(repr=False)

    @property
    def sha256(self) -> str:
        """Return the hash of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def folder() -> Path:
    """Return where the migrations are: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parents[1] / "migrations"


def available(path: Path | None = None) -> list[Migration]:
    """Return every migration in order; refuses doubtful names and double numbers."""
    found: dict[int, Migration] = {}
    for file in sorted((path or folder()).glob("*.sql")):
        match = _NAME.match(file.name)
        if match is None:
            raise MigrationRefused(reason=f"{file.name} is not named NNNN_context_what.sql")
        number = int(match[1])
        if number in found:
            raise MigrationRefused(reason=f"number {number:04} is used twice")
        found[number] = Migration(number, match[2], file.read_text(encoding="utf-8"))
    return [found[number] for number in sorted(found)]


async def migrate(dsn: str, path: Path | None = None) -> list[Migration]:
    """Bring the database to the newest version and return what was applied.

    Raises MigrationRefused if an applied migration was edited or is missing.
    """
    steps = available(path)
    connection = await connect(dsn, {"statement_timeout": "0", "lock_timeout": "60s"})
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_TABLE)
            done = {
                row["number"]: row["sha256"]
                for row in await connection.fetch("SELECT number, sha256 FROM plumbing.migration")
            }
            by_number = {step.number: step for step in steps}
            for number, digest in done.items():
                if number not in by_number:
                    raise MigrationRefused(
                        reason=f"the database is newer: it has migration {number:04}"
                    )
                if by_number[number].sha256 != digest:
                    raise MigrationRefused(reason=f"migration {number:04} was edited after it ran")
            pending = [step for step in steps if step.number not in done]
            for step in pending:
                await _apply(connection, step)
            return pending
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection, step: Migration) -> None:
    try:
        await connection.execute(step.sql)
    except asyncpg.PostgresError as problem:
        raise MigrationRefused(reason=f"{step.number:04}_{step.name}: {problem}") from problem
    await connection.execute(
        "INSERT INTO plumbing.migration (number, name, sha256) VALUES ($1, $2, $3)",
        step.number,
        step.name,
        step.sha256,
    )
