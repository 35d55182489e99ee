"""Fixtures that every test may use: a real PostgreSQL, a transaction, actors."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from tests import conformance_report, copies, scheduling

from yba.app import seeding
from yba.foundation.accounts import passwords
from yba.kernel.actor import Actor
from yba.plumbing import logs, migrations
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database, Tx
from yba.plumbing.postgres import EmbeddedPostgres
from yba.plumbing.settings import Settings

# No test depends on how fast the machine is. Every run tries the same examples, so that a red
# build is about the change; YBA_EXPLORE=1 looks for new ones.
hypothesis.settings.register_profile(
    "yba",
    deadline=None,
    derandomize=not os.environ.get("YBA_EXPLORE"),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("yba")

# As a node writes them: one line each. The library's own way prints every local value.
logs.configure("json")

# What is real about a password's cost is shown by tests of a running node.
passwords.use(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    scheduling.long_ones_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.ByFile:
    """Keep the tests of a file in one process."""
    return scheduling.ByFile(config, log)


@pytest.fixture(scope="session")
def server() -> Generator[str]:
    """Yield the address of an empty PostgreSQL server of this test process."""
    given = os.environ.get("YBA_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="yba-test-"))
    folder.chmod(0o755)
    # Durability is not what unit tests prove; tests/faults run with it on.
    postgres = EmbeddedPostgres(
        folder / "postgres",
        extra={"fsync": "off", "synchronous_commit": "off", "shared_buffers": "128MB"},
    )
    postgres.start()
    yield postgres.dsn
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def migrated(server: str) -> str:
    """Return the name of an empty database of today's shape, that others are copied from."""
    await copies.create(server, "migrated")
    await migrations.migrate(copies.address(server, "migrated"))
    return "migrated"


@pytest.fixture(scope="session")
async def shipped(server: str, migrated: str) -> str:
    """Return the name of a database that holds the lists inside the program, and no more."""
    await copies.create(server, "shipped", like=migrated)
    database = Database(copies.address(server, "shipped"), connections=1)
    async with database.transaction() as tx:
        await seeding.load_shipped(tx)
    await database.close()
    return "shipped"


@pytest.fixture(scope="module")
async def database(server: str, shipped: str) -> AsyncGenerator[Database]:
    """Yield a database of this file's own, so that no file sees what another one left."""
    async with copies.copied(server, shipped) as database:
        yield database


@pytest.fixture
async def tx(database: Database) -> AsyncGenerator[Tx]:
    """Yield a transaction that is rolled back after the test."""
    async with database.borrow() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield Tx(connection)
        finally:
            await transaction.rollback()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings that write below the test's own folder."""
    return Settings(profile="demo", data_dir=tmp_path, secret=b"only for tests, never elsewhere")


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """Return an empty blob store."""
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def score() -> conformance_report.Score:
    """Return how a suite's test says what it showed (docs/standards/conformance.md)."""
    return conformance_report.score


@pytest.fixture
def actor() -> Actor:
    """Return an actor who may do anything."""
    return Actor.system("test")


@pytest.fixture
def at() -> datetime:
    """Return noon in Vietnam on a working day."""
    return NOON
