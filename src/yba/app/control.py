"""A node seen from outside: does it run, does it answer, start it apart, stop it.

Imports nothing heavy, so that asking costs nothing.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from yba.kernel.refusal import Refusal
from yba.plumbing.settings import Settings

_STOP_SECONDS = 40


class NodeRefused(Refusal):
    """The node cannot be started or stopped."""

    code = "node.refused"
    status = 500
    message = "Not done: %(reason)s"


def is_ready(config: Settings) -> bool:
    """Return whether a node answers at the address of `config`."""
    address = f"http://{config.host}:{config.port}/health"
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return json.load(answer)["status"] == "ok"
    except (OSError, ValueError, KeyError):
        return False


def _pid_file(config: Settings) -> Path:
    return config.data_dir / "node.pid"


@contextmanager
def pid_written(config: Settings) -> Generator[None]:
    """Keep our process id in the data folder while we run."""
    path = _pid_file(config)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(str(os.getpid()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_pid(config: Settings) -> int | None:
    """Return the process id of the node over this data folder, if it really runs."""
    try:
        pid = int(_pid_file(config).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"yba" in command else None


def detach(config: Settings, arguments: list[str], wait_seconds: float) -> None:
    """Start `yba` with `arguments` in the background; return when it answers.

    Raises NodeRefused with the end of its log if it exits or takes too long.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True)
    log = config.data_dir / "node.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "yba.app.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    deadline = time.monotonic() + wait_seconds
    while not is_ready(config):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NodeRefused(reason=f"see {log}: " + log.read_text(errors="replace")[-800:])
        time.sleep(0.1)


def stop_running(config: Settings) -> bool:
    """Stop the node over this data folder gracefully; return whether one ran."""
    pid = running_pid(config)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while running_pid(config) is not None:
        if time.monotonic() > deadline:
            raise NodeRefused(reason=f"process {pid} does not stop")
        time.sleep(0.1)
    return True
