"""The whole application, in this process, on the real database."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests import copies
from tests.builders.node import ASSETS

from yba.app import asgi
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings


@pytest.fixture(scope="package")
async def database(server: str, shipped: str) -> AsyncGenerator[Database]:
    """Yield one database for all files of this folder: the application starts once."""
    async with copies.copied(server, shipped) as database:
        yield database


@pytest.fixture(scope="package")
async def shell(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[asgi.Shell]:
    """Yield the running application."""
    folder: Path = tmp_path_factory.mktemp("node")
    config = replace(
        Settings(secret=b"only for tests, never elsewhere", bank_secret=b"bank of the tests"),
        data_dir=folder,
        database_url=database.dsn,
        base_url="http://yba.test",
        connections=4,
        body_limit=2_000_000,
    )
    assert ASSETS is not None
    shell = asgi.build(config)
    async with shell.running():
        yield shell


@pytest.fixture
async def stranger(shell: asgi.Shell) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client without a session."""
    transport = httpx.ASGITransport(app=shell)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://yba.test") as client:
        yield client
