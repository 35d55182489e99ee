"""Two nodes on one machine: B confirms what A's log grew to, and refuses every other history of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from tests import copies
from tests.builders.node import ASSETS, free_port
from tests.foundation.audit.conftest import Log
from typer.testing import CliRunner, Result

from yba.app import auditing
from yba.foundation.audit import notes
from yba.foundation.audit.witnessing import Submission

pytestmark = pytest.mark.slow
PROGRAM = """
from yba.app import node
from yba.plumbing import settings
node.serve(settings.load(), with_worker=False)
"""
Run = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="session")
def template(shipped: str) -> str:
    """Return a database as a node leaves it, so that no command has to fill it first."""
    return shipped


@pytest.fixture
async def witness(server: str, shipped: str, tmp_path: Path) -> AsyncGenerator[dict[str, str]]:
    """Yield the environment of node B, which serves in a process of its own."""
    folder, port = tmp_path / "b", free_port()
    folder.mkdir()
    async with copies.copied(server, shipped) as database:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("YBA_")} | {
            "YBA_DATA_DIR": str(folder), "YBA_DATABASE_URL": database.dsn, "YBA_PORT": str(port),
            "YBA_ASSETS_DIR": str(ASSETS),
        }  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], env=environment, stdout=log, stderr=log
            )
        try:
            deadline = time.monotonic() + 60
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                while time.monotonic() < deadline:
                    assert process.poll() is None, (folder / "log").read_text()[-2000:]
                    try:
                        if (await client.get("/health")).status_code == 200:
                            break
                    except httpx.HTTPError:
                        await asyncio.sleep(0.05)
            yield environment
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
async def own(log: Log, server: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment of node A, whose log is `log`."""
    async with log.database.borrow() as connection:
        name = await connection.fetchval("SELECT current_database()")
    address = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    return {"YBA_DATABASE_URL": address, "YBA_DATA_DIR": str(tmp_path / "a")}


async def run(environment: dict[str, str], *arguments: str) -> Result:
    """Run `yba audit …` on the node of an environment."""
    runner = CliRunner(env={k: v for k, v in environment.items() if k.startswith("YBA_")})
    return await asyncio.to_thread(runner.invoke, auditing.app, list(arguments))


async def test_a_node_has_its_log_confirmed_by_another_and_cannot_tell_it_a_second_story(
    log: Log, own: dict[str, str], witness: dict[str, str]
):
    await log.record(*["p"] * 2)
    first = await log.round()
    assert (await run(witness, "witness", "watch", str(log.signer.verifier))).exit_code == 0
    keys = (await run(witness, "witness", "key")).output.splitlines()
    key, address = (line.split()[1] for line in keys[-2:])
    assert (await run(own, "witness", "ask", key, address)).exit_code == 0

    confirmed = await run(own, "witness", "confirm")
    assert confirmed.exit_code == 0, confirmed.output
    await log.record(*["q"] * 5)
    size = await log.round()
    command = [sys.executable, "-m", "yba.app.cli", "audit", "witness", "confirm"]
    apart = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | own, capture_output=True, text=True
    )
    assert apart.returncode == 0, apart.stdout + apart.stderr
    assert f"confirmed {size}" in apart.stdout
    whole = await run(own, "verify", "--witness", key)
    assert whole.exit_code == 0, whole.output
    assert f"witnessed up to {size}" in whole.output
    assert f"size {size}" in (await run(witness, "witness", "list")).output

    # The key of A itself signs another history: of the same size, then ones that grow from it.
    def signed(other: int) -> str:
        text = notes.Checkpoint(log.signer.name, other, b"f" * 32).text
        return f"{text}\n{log.signer.line_for(text.encode())}"

    put = "INSERT INTO audit.checkpoint (size, previous, at, note) VALUES ($1, $2, $3, $4)"
    for other, word in ((size, "forked"), (size + 1, "damaged")):
        async with log.database.transaction() as tx:
            await tx.execute("DELETE FROM audit.cosignature WHERE size > $1", first)
            await tx.execute("DELETE FROM audit.checkpoint WHERE size > $1", first)
            await tx.execute(put, other, first, log.at, signed(other))
        told = await run(own, "witness", "confirm")
        assert told.exit_code == 1
        assert word in told.output, told.output
    async with httpx.AsyncClient() as client:
        for proof in ((), (b"f" * 32,), (b"f" * 32,) * 5):
            body = Submission(size, proof, signed(size + 4)).encode()
            answer = await client.post(address + "/add-checkpoint", content=body)
            assert answer.status_code == 422

    # It shrinks to what it was before, whatever it remembers of its witness.
    for remembered in (size, 0):
        await log.execute(
            f"DELETE FROM audit.checkpoint WHERE size > {first}",
            f"UPDATE audit.witness SET confirmed_size = {remembered}",
        )
        told = await run(own, "witness", "confirm")
        assert told.exit_code == 1
        assert f"rolled back: it has confirmed {size} entries" in told.output, told.output
    assert f"size {size}" in (await run(witness, "witness", "list")).output
