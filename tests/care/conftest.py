"""The code lists that care checks against."""

import pytest

from yba.foundation.terminology import service as terminology
from yba.plumbing.database import Database


@pytest.fixture(scope="session", autouse=True)
async def shipped_lists(database: Database) -> None:
    """Load the lists inside the program; a second call does nothing."""
    async with database.transaction() as tx:
        await terminology.load_shipped(tx)


_BEGUN: set[str] = set()


@pytest.fixture(autouse=True)
async def own_certificates(request: pytest.FixtureRequest, database: Database) -> None:
    """Let each file begin without the certificates of others, whose time may be another."""
    if request.module.__name__ not in _BEGUN:
        _BEGUN.add(request.module.__name__)
        async with database.transaction() as tx:
            await tx.execute(
                "UPDATE signing.certificate SET retired_at = now(), retired_why = 'another test'"
                " WHERE retired_at IS NULL"
            )
