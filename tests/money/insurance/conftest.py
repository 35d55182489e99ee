"""A place to import into, on the real database, emptied of what each test wrote."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from yba.kernel.actor import Actor
from yba.money.insurance.importing import ImportSummary, Place, import_files
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database

AT = datetime(2026, 9, 20, 3, 0, tzinfo=UTC)
Import = Callable[..., object]

# Persons that an import registered, then what it noted.
_CLEAN = (
    "DELETE FROM parties.identifier WHERE patient_id IN (SELECT patient_id FROM insurance.person_link)",
    "DELETE FROM parties.person_search WHERE patient_id IN (SELECT patient_id FROM insurance.person_link)",
    "DELETE FROM insurance.episode",
    "DELETE FROM insurance.person_link",
    "DELETE FROM insurance.import_file",
    "DELETE FROM insurance.import_batch",
)


@pytest.fixture
async def place(database: Database, blobs: BlobStore, tmp_path: Path) -> AsyncGenerator[Place]:
    """Yield a node to import into. Imports commit, so the tables are emptied afterwards."""
    yield Place(database=database, blobs=blobs, facility="00001", folder=tmp_path / "imports")
    async with database.transaction() as tx:
        for statement in _CLEAN:
            await tx.connection.execute(statement)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return the folder that the other system exports to."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def read_inbox(place: Place, inbox: Path) -> Callable[..., object]:
    """Return the verb that imports the inbox."""

    async def read(**options: object) -> ImportSummary:
        return await import_files(
            place,
            actor=Actor.system("import"),
            paths=[inbox],
            at=AT,
            **options,  # type: ignore[arg-type]
        )

    return read
