"""A real node over loopback, for clients that other people wrote."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import copies
from tests.builders.node import Node


@dataclass(frozen=True)
class Place:
    """Where the FHIR base is, and what lets one in."""

    url: str
    token: str


@pytest.fixture(scope="session")
def place(server: str, shipped: str) -> Generator[Place]:
    """Yield a node of this test process, or the running one that YBA_CLIENTS_URL and YBA_CLIENTS_TOKEN name."""
    if url := os.environ.get("YBA_CLIENTS_URL"):
        yield Place(url, os.environ["YBA_CLIENTS_TOKEN"])
        return
    folder = Path(tempfile.mkdtemp(prefix="yba-clients-"))
    folder.chmod(0o755)
    with copies.copied_for_others(server, shipped) as database_url:
        node = Node(folder, database_url=database_url)
        node.start()
        yield Place(f"{node.base}/fhir", node.token())
        node.stop()
    shutil.rmtree(folder, ignore_errors=True)


class Checks:
    """Things that a client must be able to do, each counted."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.total = 0

    def __call__(self, name: str, check: Callable[[], object]) -> None:
        """Do one thing; what it raises is remembered."""
        self.total += 1
        try:
            check()
        except (Exception, BaseExceptionGroup) as problem:
            told = problem.exceptions if isinstance(problem, BaseExceptionGroup) else [problem]
            self.failed[name] = "\n".join(f"{type(p).__name__}: {p}" for p in told)[:2000]

    def report(self) -> str:
        """Return what failed, one paragraph each."""
        return "\n\n".join(f"{name}: {problem}" for name, problem in self.failed.items())

    @property
    def passed(self) -> int:
        """How many went well."""
        return self.total - len(self.failed)


@pytest.fixture
def can() -> Checks:
    """Return a new list of things done."""
    return Checks()
