"""One node: its database server, its schema, its web server and its worker."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from yba.app import seeding
from yba.kernel.refusal import Refusal
from yba.plumbing import migrations, settings
from yba.plumbing.database import Database
from yba.plumbing.migrations import Migration
from yba.plumbing.postgres import EmbeddedPostgres
from yba.plumbing.settings import Settings

T = TypeVar("T")

_STOP_SECONDS = 30


@contextmanager
def database_of(config: Settings) -> Generator[Settings]:
    """Yield the settings with a database that answers; our own server if none is named.

    A server that already runs over the data folder is used and left running.
    """
    if config.database_url is not None:
        yield config
        return
    postgres = EmbeddedPostgres(config.data_dir / "postgres")
    postgres.start()
    stopping = threading.Event()
    watcher = threading.Thread(target=_keep_running, args=(postgres, stopping), daemon=True)
    watcher.start()
    try:
        yield replace(config, database_url=postgres.dsn)
    finally:
        stopping.set()
        watcher.join()
        postgres.stop()


def _keep_running(postgres: EmbeddedPostgres, stopping: threading.Event) -> None:
    """Start our database server again whenever it dies under us."""
    while not stopping.wait(0.5):
        if postgres.has_died():
            with contextlib.suppress(Refusal):
                postgres.start()


async def prepare(config: Settings) -> list[Migration]:
    """Bring schema and shipped data up to date; return the migrations applied."""
    assert config.database_url is not None
    applied = await migrations.migrate(config.database_url)
    database = Database(config.database_url, connections=1)
    try:
        async with database.transaction() as tx:
            await seeding.load_shipped(tx, facility_code=config.facility_code)
    finally:
        await database.close()
    return applied


def run_on_database(verb: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Run `verb` on this node's database, migrated, and close everything afterwards."""

    async def go(ready: Settings) -> T:
        await prepare(ready)
        assert ready.database_url is not None
        database = Database(ready.database_url, connections=4)
        try:
            return await verb(ready, database)
        finally:
            await database.close()

    with database_of(settings.load()) as ready:
        return asyncio.run(go(ready))


def environment_of(config: Settings) -> dict[str, str]:
    """Return the variables that give a child process the same settings."""
    return {
        **os.environ,
        "YBA_PROFILE": config.profile,
        "YBA_DATA_DIR": str(config.data_dir),
        "YBA_DATABASE_URL": config.database_url or "",
        "YBA_BASE_URL": config.base_url,
        "YBA_HOST": config.host,
        "YBA_PORT": str(config.port),
    }


def run_apart(config: Settings, *arguments: str) -> None:
    """Run a command of ours in a process of its own, to its end.

    The web server forks its workers from this process, and libraries with
    threads of their own (the typesetter) do not survive a fork once used.
    """
    command = [sys.executable, "-m", "yba.app.cli", *arguments]
    subprocess.run(command, env=environment_of(config), check=True)  # noqa: S603


class _Worker:
    """Keeps one background process running until told to stop."""

    def __init__(self, config: Settings) -> None:
        self._environment = environment_of(config)
        self._stopping = threading.Event()
        self._process = self._spawn()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "yba.app.cli", "worker"], env=self._environment
        )

    def _watch(self) -> None:
        while not self._stopping.wait(1.0):
            if self._process.poll() is not None and not self._stopping.is_set():
                self._process = self._spawn()

    def stop(self) -> None:
        self._stopping.set()
        self._watcher.join(5)
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(config: Settings, *, with_worker: bool = True) -> None:
    """Serve until interrupted. The database must answer and be up to date."""
    os.environ.update(environment_of(config))
    worker = _Worker(config) if with_worker else None
    server = Granian(
        "yba.app.asgi:create",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        # The proxy speaks HTTP/1.1; the time for headers counts for that alone.
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        workers=config.workers,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        websockets=True,
        # A sender who does not finish the headers in time gives up the connection.
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=128 * 1024),
        log_level=LogLevels.error,
        ssl_cert=config.tls_certificate,
        ssl_key=config.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    try:
        server.serve()
    finally:
        if worker is not None:
            worker.stop()


async def work(config: Settings) -> None:
    """Deliver events and run jobs until SIGINT or SIGTERM."""
    from yba.app import wiring
    from yba.foundation.audit import service as audit
    from yba.foundation.record import service as record
    from yba.plumbing import outbox

    assert config.database_url is not None
    audit.set_facility(config.facility_name)
    wiring.subscribe(config)
    record.set_zone(config.zoneless_dates_in)
    record.file_content(on=config.full_text)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    database = Database(config.database_url, connections=6)
    parent = asyncio.create_task(_stop_with_parent(stop))
    try:
        jobs = (job(config, database, stop) for job in wiring.JOBS)
        await asyncio.gather(outbox.deliver_for_ever(database, stop), *jobs)
    finally:
        parent.cancel()
        with contextlib.suppress(OSError):
            await database.close()


async def _stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when the process that started us is gone; nobody would restart us."""
    parent = os.getppid()
    # Nothing announces the end of a parent to its child, so we look.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(1)
    stop.set()
