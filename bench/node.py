"""PostgreSQL and the server, as child processes, durable, with the settings that are shipped."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from yba.plumbing import migrations
from yba.plumbing.postgres import EmbeddedPostgres


class Node:
    """One database and one server of some workers."""

    def __init__(self, *, workers: int) -> None:
        self.workers = workers
        self.folder = Path(tempfile.mkdtemp(prefix="record-bench-"))
        self.folder.chmod(0o755)
        self.postgres = EmbeddedPostgres(self.folder / "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Node:
        self.postgres.start()
        asyncio.run(migrations.migrate(self.dsn))
        (self.folder / "memory.json").write_bytes(b"{}")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_server()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def dsn(self) -> str:
        return self.postgres.dsn

    def start_server(self) -> None:
        environment = {
            **os.environ, "BENCH_DSN": self.dsn, "BENCH_DIR": str(self.folder),
            "BENCH_URL": f"http://127.0.0.1:{self.port}", "PYTHONPATH": os.pathsep.join((os.path.join(os.getcwd(), "src"), os.getcwd())),
        }  # fmt: skip
        self.server = subprocess.Popen(
            [
                sys.executable, "-m", "granian", "--interface", "asgi", "--factory",
                "--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.workers),
                "--loop", "uvloop", "--no-access-log", "--log-level", "warning",
                "bench.server:create",
            ],
            env=environment,
        )  # fmt: skip
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds used so far by the server and by PostgreSQL."""
        parents: dict[int, int] = {}
        used: dict[int, float] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                pid = int(entry.name)
                parents[pid] = int(fields[1])
                # Own time, and that of children that have ended.
                used[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

        def tree(root: int) -> float:
            below = sum(tree(pid) for pid, parent in parents.items() if parent == root)
            return used.get(root, 0.0) + below

        server = tree(self.server.pid) if self.server else 0.0
        return server, tree(self.postgres.pid)

    def stop_server(self) -> None:
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.server = None
