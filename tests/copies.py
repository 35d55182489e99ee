"""Databases made in a moment: each is a copy of one that was migrated once."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit, urlunsplit

from yba.foundation.record import parameters, terms
from yba.plumbing.database import Database, connect


def address(server: str, name: str) -> str:
    """Return the address of the database `name` on `server`."""
    return urlunsplit(urlsplit(server)._replace(path="/" + name))


async def create(server: str, name: str, like: str = "template1") -> None:
    """Create the database `name` as a copy of `like`, to which nobody may be connected."""
    connection = await connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
    await connection.close()


async def drop(server: str, name: str) -> None:
    """Drop the database `name`, whoever is still connected."""
    connection = await connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.close()


@asynccontextmanager
async def copied(server: str, like: str) -> AsyncGenerator[Database]:
    """Yield a new database like `like`, which is dropped afterwards."""
    name = "test_" + secrets.token_hex(6)
    await create(server, name, like)
    # What this process remembers of another database is not true of this one.
    terms.forget()
    parameters.forget()
    database = Database(address(server, name), connections=6)
    try:
        yield database
    finally:
        await database.close()
        await drop(server, name)


@contextmanager
def copied_for_others(server: str, like: str) -> Generator[str]:
    """Yield the address of a new database like `like` that processes of their own will use."""
    name = "node_" + secrets.token_hex(6)
    asyncio.run(create(server, name, like))
    yield address(server, name)
    asyncio.run(drop(server, name))
