"""The audit trail within a node: its job, its spool, and `yba audit`."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console

from yba.app import backup as backups
from yba.app import node
from yba.foundation.audit import cli, jobs, service
from yba.foundation.audit.keys import folder_of
from yba.foundation.audit.stamps import Stamper
from yba.plumbing import settings
from yba.plumbing.database import Database
from yba.plumbing.postgres import EmbeddedPostgres
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState

T = TypeVar("T")


def stamper_of(config: Settings) -> Stamper | None:
    """Return who stamps checkpoints: the time-stamp authority of signing, if one is named."""
    url = config.timestamp_url
    if url is None:
        return None

    async def stamp(digest: bytes) -> bytes:
        from yba.foundation.signing.pades import HttpTimeStamper

        token = await HttpTimeStamper(url).async_timestamp(digest, "sha256")
        return token.dump()

    return stamp


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Keep the log of this node: what the worker runs."""
    await jobs.work(config, database, stop, stamper_of(config))


@asynccontextmanager
async def spooling(state: AppState) -> AsyncGenerator[None]:
    """Let this process keep traces of care while the table refuses them, and bring them in."""
    spool = service.open_spool(folder_of(state.settings))
    task = asyncio.create_task(jobs.backfill_for_ever(state.database, spool))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        spool.close()


def run_on_backup(source: Path, verb: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Restore a backup into a server of its own, run `verb` on it, and throw it away."""
    with tempfile.TemporaryDirectory(prefix="yba-audit-") as folder:
        place = Path(folder)
        # The embedded server may run as another user.
        place.chmod(0o755)
        postgres = EmbeddedPostgres(place / "postgres", extra={"fsync": "off"})
        postgres.start()
        try:
            config = replace(settings.load(), data_dir=place, database_url=postgres.dsn)

            async def go() -> T:
                await backups.restore(config, source, Console(quiet=True))
                database = Database(postgres.dsn, connections=2)
                try:
                    return await verb(config, database)
                finally:
                    await database.close()

            return asyncio.run(go())
        finally:
            postgres.stop()


app = typer.Typer(no_args_is_help=True, help="The audit trail: check it, prove it, publish it.")


@app.callback()
def group() -> None:
    """The audit trail: check it, prove it, publish it."""


cli.add_to(app, node.run_on_database, run_on_backup)
