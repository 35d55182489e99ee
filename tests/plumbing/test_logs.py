"""Nothing that happens to the log happens to whoever is served."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Configures the log as a node does, writes to it, and says at last that it is alive.
PROGRAM = """
import logging, os, resource, sys
from yba.plumbing import logs
import structlog
MODE = sys.argv[1]
if MODE == "size":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
logs.configure("json")
if MODE == "closed":
    sys.stderr.close()
if MODE == "none":
    sys.stderr = None
for number in range(2000):
    structlog.get_logger("t").warning("line", number=number)
    logging.getLogger("library").warning("line %s", number)
os.write(1, b"alive")
os._exit(0)
"""


@pytest.mark.parametrize("mode", ["full", "pipe", "size", "closed", "none"])
def test_a_log_that_cannot_be_written_never_raises(mode: str, tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    target = {"full": "/dev/full", "size": str(tmp_path / "log")}.get(mode, os.devnull)
    with open(target, "wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, mode],
            stdout=subprocess.PIPE,
            stderr=writer if mode == "pipe" else file,
            check=False,
        )
    os.close(writer)

    assert (done.returncode, done.stdout) == (0, b"alive")
    if mode == "size":
        assert (tmp_path / "log").stat().st_size == 200
