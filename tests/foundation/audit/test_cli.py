"""`yba audit`, run as an operator runs it: on her node's database, with exit codes for the shell."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import cbor2
import pytest
from tests.foundation.audit.conftest import Log
from typer.testing import CliRunner, Result

from yba.app import auditing
from yba.foundation.audit import leaves, notes, proving, tree

pytestmark = pytest.mark.slow
Run = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="session")
def template(shipped: str) -> str:
    """Return a database as a node leaves it, so that no command has to fill it first."""
    return shipped


@pytest.fixture
async def written(
    log: Log, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Log, Path]:
    """Return a log of 301 entries that the environment leads to, and a checkpoint kept of it."""
    async with log.database.borrow() as connection:
        name = await connection.fetchval("SELECT current_database()")
    monkeypatch.setenv("YBA_DATABASE_URL", urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
    monkeypatch.setenv("YBA_DATA_DIR", str(tmp_path / "node"))
    await log.record(*[f"p{number % 7}" for number in range(300)])
    await log.round()
    kept = tmp_path / "kept"
    async with log.database.reading() as tx:
        kept.write_text(await proving.newest_checkpoint(tx))
    return log, kept


@pytest.fixture
def run() -> Run:
    async def go(*arguments: str | Path) -> Result:
        given = [str(argument) for argument in arguments]
        return await asyncio.to_thread(CliRunner().invoke, auditing.app, given)

    return go


async def test_a_whole_log_ends_with_0_in_a_process_of_its_own(written: tuple[Log, Path]):
    _, kept = written
    command = [sys.executable, "-m", "yba.app.cli", "audit", "verify", "--checkpoint", str(kept)]

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "whole" in done.stdout
    assert "301 entries" in done.stdout


AT = "(SELECT event_id FROM audit.leaf WHERE position = {})"
TAMPERED = {
    "a flipped byte": (
        ["UPDATE audit.event SET patient_id = 'q' || substr(patient_id, 2) WHERE id = " + AT.format(20)],
        ["entry 20 "],
    ),
    "a dropped row": (["DELETE FROM audit.event WHERE id = " + AT.format(77)], ["entry 77"]),
    "exchanged rows": (
        [
            "UPDATE audit.leaf SET position = -1 WHERE position = 90",
            "UPDATE audit.leaf SET position = 90 WHERE position = 190",
            "UPDATE audit.leaf SET position = 190 WHERE position = -1",
        ],
        ["entry 90", "entry 190"],
    ),
    "a cut end": (
        [
            "DELETE FROM audit.event WHERE id IN"
            " (SELECT event_id FROM audit.leaf WHERE position >= 280)",
            "DELETE FROM audit.leaf WHERE position >= 280",
        ],
        ["entry 280"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
async def test_what_was_changed_is_located_and_ends_with_1(
    written: tuple[Log, Path], run: Run, name: str
):
    log, kept = written
    statements, places = TAMPERED[name]
    await log.execute(*statements)

    done = await run("verify", "--checkpoint", kept)

    assert done.exit_code == 1, done.output
    for place in places:
        assert place in done.output


async def test_a_fork_is_told_from_a_checkpoint_kept_elsewhere(
    written: tuple[Log, Path], run: Run, tmp_path: Path
):
    log, _ = written
    text = notes.Checkpoint(log.signer.name, 200, b"f" * 32).text
    other = tmp_path / "other"
    other.write_text(f"{text}\n{log.signer.line_for(text.encode())}")

    done = await run("verify", "--checkpoint", other, "--key", str(log.signer.verifier))

    assert done.exit_code == 1
    assert "forked" in done.output


async def test_a_changed_byte_ends_with_1_in_a_process_and_a_proof_of_it_does_not_check(
    written: tuple[Log, Path],
):
    log, kept = written
    event = str((await log.event_ids())[20])

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        given = [sys.executable, "-m", "yba.app.cli", "audit", *arguments]
        return subprocess.run(given, capture_output=True, text=True, check=False)

    def is_proved(text: str) -> bool:
        proof = json.loads(text)
        checkpoint = notes.open_checkpoint(proof["checkpoint"], [log.signer.verifier])
        (entry,) = proof["entries"]
        fields = entry["fields"].values()
        commitments = [leaves.commitment(bytes.fromhex(f["salt"]), f["value"]) for f in fields]
        content = cbor2.dumps([1, entry["seconds"], entry["action"], commitments], canonical=True)
        return tree.is_included(
            tree.leaf_hash(content),
            index=entry["index"],
            size=checkpoint.size,
            proof=[b64decode(step) for step in entry["proof"]],
            root=checkpoint.root,
        )

    assert is_proved((await asyncio.to_thread(command, "proof", event)).stdout)
    await log.execute(*TAMPERED["a flipped byte"][0])

    done = await asyncio.to_thread(command, "verify", "--checkpoint", str(kept))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "entry 20 " in done.stdout
    assert not is_proved((await asyncio.to_thread(command, "proof", event)).stdout)


async def test_what_is_exported_and_proved_can_be_checked_without_the_node(
    written: tuple[Log, Path], run: Run, tmp_path: Path
):
    log, _ = written
    folder = tmp_path / "published"

    assert (await run("export", folder)).exit_code == 0
    assert (await run("verify", "--from-backup", folder)).exit_code == 0
    event = str((await log.event_ids())[5])
    assert json.loads((await run("proof", event)).output)

    entries = next(path for path in (folder / "tile" / "entries").rglob("*") if path.is_file())
    content = bytearray(entries.read_bytes())
    content[40] ^= 1
    entries.write_bytes(content)
    assert (await run("verify", "--from-backup", folder)).exit_code == 1


async def test_everything_on_one_patient_is_one_file_that_is_checked_without_the_node(
    written: tuple[Log, Path], run: Run, tmp_path: Path
):
    log, _ = written
    file = tmp_path / "proof.json"
    key = str(log.signer.verifier)

    assert (await run("proof", "--patient", "p3", "-o", file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    entries = json.loads(file.read_text())["entries"]
    assert len(entries) == 43
    assert {entry["fields"]["patient"]["value"] for entry in entries} == {"p3"}
    async with log.database.reading() as tx:
        traced = "SELECT count(*) FROM audit.event WHERE what = 'audit.proof' AND patient_id = 'p3'"
        assert await tx.value(traced) == 1

    done = await run("verify", file, "--key", key)
    assert done.exit_code == 0, done.output
    assert "nguyên vẹn" in done.output
    assert "43 proven" in done.output
    assert (await run("verify", file)).exit_code == 1
    file.write_text(file.read_text().replace('"p3"', '"p4"', 1))
    broken = await run("verify", file, "--key", key, "--json")
    assert broken.exit_code == 1
    (finding,) = json.loads(broken.output)["findings"]
    assert finding["entry"] == entries[0]["index"]
    assert finding["vi"].startswith("mục ")
    assert (await run("verify", tmp_path / "nothing")).exit_code == 2
    assert (await run("proof")).exit_code == 2


async def test_witnesses_are_named_and_a_bad_key_ends_with_2(written: tuple[Log, Path], run: Run):
    log, _ = written
    keys = (await run("witness", "key")).output
    witness = next(line.split()[1] for line in keys.splitlines() if line.startswith("witness"))

    assert (await run("witness", "watch", str(log.signer.verifier))).exit_code == 0
    assert (await run("witness", "ask", witness, "http://127.0.0.1:9/audit/witness")).exit_code == 0

    told = (await run("witness", "list")).output
    assert witness in told
    assert str(log.signer.verifier) in told
    assert (await run("witness", "watch", "nonsense")).exit_code == 2
