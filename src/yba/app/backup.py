"""Backup and restore: one file, complete, checked before it is trusted.

The file is a tar: the database as `pg_dump` wrote it, every blob, and a
manifest with the hash of each part and the row count of every table. Restore
checks the hashes first, refuses a node that already holds records, and
compares the row counts afterwards.
"""

import asyncio
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

from rich.console import Console
from rich.progress import Progress

from yba.foundation.audit import service as audit
from yba.foundation.record import changes
from yba.kernel.refusal import Refusal
from yba.plumbing.blobs import BlobStore, sha256_hex
from yba.plumbing.database import Connection, Tx, connect
from yba.plumbing.postgres import binaries
from yba.plumbing.settings import Settings

_FORMAT = 1
_TABLES: LiteralString = """
    SELECT format('%I.%I', schemaname, tablename)
      FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
     ORDER BY 1
"""


class BackupRefused(Refusal):
    """The backup cannot be written, or is not what it claims to be."""

    code = "backup.refused"
    status = 500
    message = "Not done: %(reason)s"


async def _tool(name: str, *arguments: str) -> None:
    program = binaries() / name
    process = await asyncio.create_subprocess_exec(
        str(program), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, problem = await process.communicate()
    if process.returncode != 0:
        raise BackupRefused(reason=f"{name}: {problem.decode(errors='replace').strip()[-400:]}")


async def _count_rows(connection: Connection) -> dict[str, int]:
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    counts: dict[str, int] = {}
    for table in tables:
        row = await connection.fetchrow(f"SELECT count(*) AS n FROM {table}")
        assert row is not None
        counts[table] = row["n"]
    return counts


async def row_counts(dsn: str) -> dict[str, int]:
    """Return how many rows each table has, in one consistent view."""
    connection = await connect(dsn, {"statement_timeout": "0"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _count_rows(connection)
    finally:
        await connection.close()


async def _dump(dsn: str, target: Path) -> dict[str, int]:
    """Dump the database and count its rows, both seeing the same moment."""
    connection = await connect(
        dsn, {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            await _tool(
                "pg_dump",
                "--format=custom",
                "--compress=gzip:3",
                f"--snapshot={snapshot}",
                f"--file={target}",
                dsn,
            )
            return await _count_rows(connection)
    finally:
        await connection.close()


def _blobs(config: Settings) -> Iterator[Path]:
    for path in sorted(config.blob_dir.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path


# Beside the blobs: what was written for others to fetch, certificates, and signing keys as they
# are stored, encrypted. The key that opens them is never in a backup.
_FOLDERS = ("claims", "imports", "pki")
_NEVER = ("keyfile",)


def _others(config: Settings) -> Iterator[Path]:
    for folder in _FOLDERS:
        for path in sorted((config.data_dir / folder).rglob("*")):
            if path.is_file() and path.name not in _NEVER:
                yield path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def backup(config: Settings, target: Path, console: Console) -> str:
    """Write everything of this node to `target`; the file appears only when complete.

    Blobs are written after the dump, so every blob that a dumped row names is there.
    """
    assert config.database_url is not None
    draft = target.with_name(target.name + ".part")
    with tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
        work = Path(folder)
        task = progress.add_task("database", total=None)
        counts = await _dump(config.database_url, work / "database")
        blobs = list(_blobs(config))
        others = {str(path.relative_to(config.data_dir)): path for path in _others(config)}
        progress.update(task, total=len(blobs) + 1, completed=1, description="files")
        manifest = {
            "format": _FORMAT,
            "database_sha256": _digest(work / "database"),
            "rows": counts,
            "blobs": [path.name for path in blobs],
            "files": {name: _digest(path) for name, path in others.items()},
        }
        with tarfile.open(draft, "w") as archive:
            content = json.dumps(manifest).encode()
            head = tarfile.TarInfo("manifest.json")
            head.size = len(content)
            archive.addfile(head, io.BytesIO(content))
            archive.add(work / "database", "database")
            for path in blobs:
                archive.add(path, f"blobs/{path.name}")
                progress.advance(task)
            for name, path in others.items():
                archive.add(path, f"files/{name}")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    rows = sum(counts.values())
    return f"{target}: {rows} rows in {len(counts)} tables, {len(blobs) + len(others)} files"


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    try:
        file = archive.extractfile("manifest.json")
        manifest: dict[str, Any] = json.loads(file.read()) if file else {}
    except (KeyError, ValueError) as problem:
        raise BackupRefused(reason="this file is not a backup of Yba") from problem
    if manifest.get("format") != _FORMAT:
        raise BackupRefused(reason="this backup was written by another version")
    return manifest


def _restore_files(archive: tarfile.TarFile, digests: dict[str, str], folder: Path) -> None:
    for name, digest in digests.items():
        part = archive.extractfile(f"files/{name}")
        target = (folder / name).resolve()
        content = b"" if part is None else part.read()
        if not target.is_relative_to(folder.resolve()) or sha256_hex(content) != digest:
            raise BackupRefused(reason=f"file {name} of the backup is damaged")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


async def restore(config: Settings, source: Path, console: Console) -> str:
    """Restore `source` into this empty node; nothing is kept if a check fails before the end.

    Raises BackupRefused if the file is damaged or the node is not empty.
    """
    assert config.database_url is not None
    present = await row_counts(config.database_url)
    if present:
        raise BackupRefused(reason="this node already holds data; restore into a new data folder")
    try:
        archive = tarfile.open(source)  # noqa: SIM115
    except (OSError, tarfile.TarError) as problem:
        raise BackupRefused(reason=f"{source} cannot be read") from problem
    with archive, tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
        manifest = _manifest(archive)
        work = Path(folder)
        task = progress.add_task("checking", total=len(manifest["blobs"]) + 2)
        archive.extract("database", work, filter="data")
        if _digest(work / "database") != manifest["database_sha256"]:
            raise BackupRefused(reason="the database part of the backup is damaged")
        progress.advance(task)
        store = BlobStore(config.blob_dir)
        for name in manifest["blobs"]:
            part = archive.extractfile(f"blobs/{name}")
            if part is None or store.put(part.read()) != name:
                raise BackupRefused(reason=f"file {name} of the backup is damaged")
            progress.advance(task)
        _restore_files(archive, manifest["files"], config.data_dir)
        progress.update(task, description="database")
        await _tool(
            "pg_restore",
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            f"--dbname={config.database_url}",
            f"{work}/database",
        )
        progress.advance(task)
    counts = await row_counts(config.database_url)
    if counts != manifest["rows"]:
        raise BackupRefused(reason="row counts differ from the backup; do not use this node")
    connection = await connect(config.database_url, {"statement_timeout": "0"})
    try:
        async with connection.transaction():
            await changes.begin_anew(Tx(connection))
            await audit.begin_anew(Tx(connection))
    finally:
        await connection.close()
    return f"restored {sum(counts.values())} rows in {len(counts)} tables and " + (
        f"{len(manifest['blobs']) + len(manifest['files'])} files; all checks passed"
    )
