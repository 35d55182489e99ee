"""The code lists that care checks against."""

import pytest

from yba.foundation.terminology import service as terminology
from yba.plumbing.database import Database


@pytest.fixture(scope="session", autouse=True)
async def shipped_lists(database: Database) -> None:
    """Load the lists inside the program; a second call does nothing."""
    async with database.transaction() as tx:
        await terminology.load_shipped(tx)
