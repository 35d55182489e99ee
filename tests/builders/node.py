"""A real node in processes of its own, for journeys and fault tests."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ASSETS = Path(os.environ.get("YBA_ASSETS_DIR") or Path(__file__).parents[2] / "var" / "assets")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_healthy(port: int) -> bool:
    """Ask in the plainest way: this runs often, beside the start that it waits for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass
class Node:
    """A real node in processes of its own."""

    folder: Path
    command: str = "serve"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    # Empty: a database server of its own, started and filled from nothing.
    database_url: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("YBA_")}
        named = {"YBA_DATABASE_URL": self.database_url} if self.database_url else {}
        return (
            environment
            | named
            | {
                "YBA_DATA_DIR": str(self.folder),
                "YBA_PORT": str(self.port),
                "YBA_PROFILE": "demo" if self.command == "demo" else "hospital",
                "YBA_ASSETS_DIR": str(ASSETS),
                "PYTHONWARNINGS": "default",
            }
        )

    def start(self) -> None:
        log = (self.folder / "node.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "yba.app.cli", self.command],
            env=self.environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if _is_healthy(self.port):
                return
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "node.log").read_text()[-3000:]
            time.sleep(0.05)
        raise AssertionError("the node did not come back")

    def token(self) -> str:
        made = subprocess.run(
            [sys.executable, "-m", "yba.app.cli", "token"],
            env=self.environment(),
            capture_output=True,
            check=True,
        )
        return made.stdout.decode().strip()

    def kill_server(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_database(self) -> None:
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        os.killpg(pid, signal.SIGKILL)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)
