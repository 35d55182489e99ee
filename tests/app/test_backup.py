"""A backup proves itself: restored elsewhere it is the same, damaged it is refused."""

import asyncio
import io
import json
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from tests import copies

from yba.app import backup, node
from yba.foundation.audit import jobs as audit_jobs
from yba.foundation.audit import service as audit
from yba.foundation.audit.checking import Report, check
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.postgres import EmbeddedPostgres
from yba.plumbing.settings import Settings

pytestmark = [pytest.mark.slow]
AT = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def elsewhere() -> Generator[str]:
    """Yield the address of a server of the restored nodes alone."""
    folder = Path(tempfile.mkdtemp(prefix="yba-backup-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres", extra={"shared_buffers": "64MB", "fsync": "off"})
    server.start()
    yield server.dsn
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nodes(
    server: str, shipped: str, elsewhere: str, tmp_path: Path
) -> Generator[tuple[Settings, Settings]]:
    """Yield a node with data and an empty one, on two servers."""
    name = "backup_" + secrets.token_hex(6)
    addresses = [copies.address(one, name) for one in (server, elsewhere)]
    asyncio.run(copies.create(server, name, like=shipped))
    asyncio.run(copies.create(elsewhere, name))
    source, target = (
        Settings(data_dir=tmp_path / place, database_url=address, secret=b"only for tests")
        for place, address in zip(("from", "into"), addresses, strict=True)
    )
    for one in (source, target):
        one.data_dir.mkdir()
    asyncio.run(_fill(source))
    yield source, target
    for one in (server, elsewhere):
        asyncio.run(copies.drop(one, name))


async def _fill(config: Settings) -> None:
    await node.prepare(config)
    assert config.database_url is not None
    database = Database(config.database_url, connections=1)
    async with database.transaction() as tx:
        for _ in range(25):
            await audit.record(tx, actor=Actor.system("test"), action="C", what="x", at=AT)
    sequencer = await audit_jobs.open_sequencer(config, database)
    await sequencer.run_round(at=AT)
    async with database.transaction() as tx:
        await audit.record(tx, actor=Actor.system("test"), action="C", what="waits", at=AT)
    await database.close()
    BlobStore(config.blob_dir).put(b"a signed page")
    claim = config.data_dir / "claims" / "2026" / "09" / "claim.xml"
    claim.parent.mkdir(parents=True)
    claim.write_text("<GIAMDINHHS/>")
    keys = config.data_dir / "pki"
    keys.mkdir()
    (keys / "root.crt").write_text("a certificate")
    (keys / "keyfile").write_text("never leaves")


def test_a_backup_restores_into_an_empty_node_and_nowhere_else(nodes: tuple[Settings, Settings]):
    source, target = nodes
    file = source.data_dir / "yba.backup"
    asyncio.run(backup.backup(source, file, QUIET))

    asyncio.run(backup.restore(target, file, QUIET))

    assert source.database_url is not None
    assert target.database_url is not None
    before = asyncio.run(backup.row_counts(source.database_url))
    assert before == asyncio.run(backup.row_counts(target.database_url))
    # The new signer of the log is an event, too.
    assert before["audit.event"] == 27
    assert before["audit.leaf"] == 26
    digest = BlobStore(source.blob_dir).put(b"a signed page")
    assert BlobStore(target.blob_dir).get(digest) == b"a signed page"
    assert (target.data_dir / "claims/2026/09/claim.xml").read_text() == "<GIAMDINHHS/>"
    assert (target.data_dir / "pki/root.crt").exists()
    assert b"never leaves" not in file.read_bytes()
    with pytest.raises(backup.BackupRefused):
        asyncio.run(backup.restore(target, file, QUIET))


async def _check_and_go_on(config: Settings) -> tuple[Report, Report]:
    """Return what a check says after a restore, and once the log has gone on."""
    assert config.database_url is not None
    database = Database(config.database_url, connections=1)
    try:
        async with database.reading() as tx:
            restored = await check(tx)
        sequencer = await audit_jobs.open_sequencer(config, database)
        for _ in range(3):
            await sequencer.run_round(at=AT)
        async with database.reading() as tx:
            return restored, await check(tx)
    finally:
        await database.close()


def test_a_restored_log_is_whole_and_goes_on_with_a_key_of_its_own(
    nodes: tuple[Settings, Settings],
):
    source, target = nodes
    file = source.data_dir / "yba.backup"
    asyncio.run(backup.backup(source, file, QUIET))
    asyncio.run(backup.restore(target, file, QUIET))

    restored, later = asyncio.run(_check_and_go_on(target))

    assert (restored.findings, restored.size, restored.waiting) == ([], 26, 1)
    # What waited, and the event of the new key; the old one is in no backup.
    assert (later.findings, later.size, later.waiting) == ([], 28, 0)


def test_a_damaged_backup_is_refused_and_nothing_is_restored(nodes: tuple[Settings, Settings]):
    source, target = nodes
    file, damaged = source.data_dir / "yba.backup", source.data_dir / "damaged.backup"
    asyncio.run(backup.backup(source, file, QUIET))
    with tarfile.open(file) as old, tarfile.open(damaged, "w") as new:
        for member in old:
            part = old.extractfile(member)
            content = part.read() if part else b""
            if member.name == "database":
                content = content[:500] + bytes([content[500] ^ 1]) + content[501:]
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))

    with pytest.raises(backup.BackupRefused):
        asyncio.run(backup.restore(target, damaged, QUIET))

    assert target.database_url is not None
    assert asyncio.run(backup.row_counts(target.database_url)) == {}


def test_a_file_that_is_no_backup_is_refused(nodes: tuple[Settings, Settings]):
    _, target = nodes
    file = target.data_dir / "other.tar"
    with tarfile.open(file, "w") as archive:
        content = json.dumps({"format": 99}).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))

    with pytest.raises(backup.BackupRefused):
        asyncio.run(backup.restore(replace(target), file, QUIET))
