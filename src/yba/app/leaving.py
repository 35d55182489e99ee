"""Leaving with everything: the whole of a facility's data in open formats, any day.

`yba export all DIR` writes FHIR resources with every version (NDJSON), the signed files, the claim
files, the tables beside the record, the audit trail, what each column is, and a checksum of every
file. One moment of the database; nothing secret (passwords, tokens, keys, seeds) is in it.
Law: Circular 13/2025/TT-BYT (a facility takes data and schema along when a contract ends).
"""

import asyncio
import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, LiteralString

import orjson
import typer

from yba import __version__
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Connection, Tx, connect
from yba.plumbing.settings import Settings

if TYPE_CHECKING:
    from yba.plumbing.database import Database

app = typer.Typer(no_args_is_help=True, help="Take data along: everything, in open formats.")
archive_app = typer.Typer(no_args_is_help=True, help="Medical records: hand one over.")


@archive_app.callback()
def _archive() -> None:
    """Medical records: hand one over."""


@app.callback()
def _export() -> None:
    """Take data along: everything, in open formats."""


# What lies beside the record and belongs to the facility. Accounts, tokens and keys stay.
_SCHEMAS = (
    "access", "archive", "charging", "consent", "documents", "encounters", "insurance",
    "laboratory", "orders", "parties", "payments", "scheduling", "signing", "terminology", "work",
)  # fmt: skip
# Columns that open something. Told in the schema as left out.
_SECRET = ("secret", "token", "pin", "salt", "hash", "seed", "private")
_TABLES: LiteralString = """
    SELECT c.table_schema, c.table_name, c.column_name, c.data_type
      FROM information_schema.columns c
      JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE t.table_type = 'BASE TABLE' AND c.table_schema = ANY($1::text[])
     ORDER BY c.table_schema, c.table_name, c.ordinal_position
"""
_CURRENT: LiteralString = """
    SELECT body FROM record.resource WHERE type = $1 AND flags & 1 = 0 ORDER BY rid
"""
_HISTORY: LiteralString = """
    SELECT body FROM record.history WHERE type = $1 AND flags & 1 = 0 ORDER BY rid, version
"""
_TYPES: LiteralString = "SELECT DISTINCT type FROM record.resource ORDER BY type"
_AUDIT: LiteralString = """
    SELECT row_to_json(e)::text AS line FROM (
        SELECT id, at, recorded_at, account_id, actor_name, actor_roles, facility, purpose, action,
               what, patient_id, resources FROM audit.event ORDER BY id) e
"""
_FILES: LiteralString = """
    SELECT d.sha256, d.kind, d.short_id, 1 AS number FROM documents.document d
     UNION ALL
    SELECT r.sha256, d.kind, d.short_id, r.number
      FROM documents.revision r JOIN documents.document d USING (document_id)
     ORDER BY 3, 4
"""


class ExportRefused(Refusal):
    """The folder cannot be used."""

    code = "export.refused"
    status = 409
    message = "Not exported: the folder must be new or empty."


@app.command("all")
def export_all(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write everything of this facility into a folder, with checksums."""
    from yba.app import node
    from yba.plumbing import settings

    with node.database_of(settings.load()) as ready:
        files = asyncio.run(write_all(ready, folder))
    sys.stdout.write(f"{files} files in {folder}; check them with: sha256sum -c SHA256SUMS\n")


@archive_app.command("export")
def export_one(
    encounter_id: Annotated[str, typer.Argument(help="The visit whose record is handed over.")],
    request: Annotated[str, typer.Option(help="Number and date of the written request.")],
    form: Annotated[str, typer.Option(help="xml or json")] = "xml",
) -> None:
    """Print one medical record as HoSoBenhAn; the written request is kept with the trace."""
    from yba.app import node
    from yba.care.archive import exporting

    async def go(_config: Settings, database: "Database") -> bytes:
        async with database.transaction() as tx:
            _, content = await exporting.exported(
                tx,
                actor=Actor.system("cli"),
                encounter_id=encounter_id,
                form="json" if form == "json" else "xml",
                request=request,
                at=utc_now(),
            )
            return content

    sys.stdout.buffer.write(node.run_on_database(go))


async def write_all(config: Settings, folder: Path) -> int:
    """Write the export of one moment; return how many files.

    The checksums are written last: a folder without them is not complete. Raises ExportRefused.
    """
    _make_ready(folder)
    assert config.database_url is not None
    waits = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
    connection = await connect(config.database_url, waits)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await _write_record(connection, folder)
            await _write_files(connection, config, folder)
            columns = await _write_tables(connection, folder)
            await _write_lines(connection, folder / "audit" / "events.ndjson", _AUDIT)
            from yba.foundation.audit import service as audit

            await audit.record(
                Tx(connection), actor=Actor.system("cli"), action="E", what="export.all",
                at=utc_now(),
            )  # fmt: skip
    finally:
        await connection.close()
    _copy_claims(config, folder)
    _write_schema(config, folder, columns)
    return _checksums(folder)


def _make_ready(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ExportRefused
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def _copy_claims(config: Settings, folder: Path) -> None:
    claims = config.data_dir / "claims"
    if claims.is_dir():
        shutil.copytree(claims, folder / "claims")


async def _write_record(connection: Connection, folder: Path) -> None:
    from yba.foundation.record.body import unpack
    from yba.foundation.record.plans import TYPE_NAMES

    for row in await connection.fetch(_TYPES):
        name = TYPE_NAMES[row["type"] - 1]
        for statement, place in ((_CURRENT, "fhir"), (_HISTORY, "fhir-earlier-versions")):
            path = folder / place / f"{name}.ndjson"
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as file:
                async for one in connection.cursor(statement, row["type"], prefetch=500):
                    file.write(orjson.dumps(orjson.Fragment(unpack(one["body"]))) + b"\n")
            if not path.stat().st_size:
                path.unlink()


async def _write_files(connection: Connection, config: Settings, folder: Path) -> None:
    from yba.plumbing.blobs import BlobStore

    blobs = BlobStore(config.blob_dir)
    place = folder / "documents"
    place.mkdir()
    for row in await connection.fetch(_FILES):
        if row["sha256"] in blobs:
            name = f"{row['kind']}-{row['short_id']}-{row['number']}.pdf"
            (place / name).write_bytes(blobs.get(row["sha256"]))


async def _write_tables(
    connection: Connection, folder: Path
) -> dict[str, list[tuple[str, str, bool]]]:
    """Write each table as lines of JSON; return its columns with type and whether it was kept."""
    columns: dict[str, list[tuple[str, str, bool]]] = {}
    for row in await connection.fetch(_TABLES, list(_SCHEMAS)):
        name, column = f"{row['table_schema']}.{row['table_name']}", row["column_name"]
        parts = column.split("_")
        kept = column == "content_hash" or not any(word in parts for word in _SECRET)
        columns.setdefault(name, []).append((column, row["data_type"], kept))
    for name, shape in columns.items():
        # Names come from the catalogue and are quoted; nothing that a person typed is in them.
        chosen = ", ".join(_quoted(column) for column, _, kept in shape if kept)
        schema, _, table = name.partition(".")
        source = f"{_quoted(schema)}.{_quoted(table)}"
        statement = f"SELECT row_to_json(t)::text AS line FROM (SELECT {chosen} FROM {source}) t"
        await _write_lines(connection, folder / "tables" / f"{name}.ndjson", statement)
    return columns


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _write_lines(connection: Connection, path: Path, statement: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        async for row in connection.cursor(statement, prefetch=500):
            file.write(row["line"] + "\n")


def _write_schema(
    config: Settings, folder: Path, columns: dict[str, list[tuple[str, str, bool]]]
) -> None:
    lines = [
        f"# Data of {config.facility_name} ({config.facility_code})", "",
        f"Written by Yba {__version__} at {utc_now().isoformat(timespec='seconds')}.", "",
        "- `fhir/`: every resource in force, HL7 FHIR R4, one JSON object a line, one file a type.",
        "- `fhir-earlier-versions/`: what these replaced, oldest first.",
        "- `documents/`: signed files with each later signature or time stamp (PDF/A, PAdES). Register: `tables/documents.document.ndjson`.",
        "- `claims/`: claim files as they were issued.",
        "- `audit/events.ndjson`: who did what; resources by reference.",
        "- `tables/`: what lies beside the record, one JSON object a line.",
        "- `SHA256SUMS`: a checksum of every file; `sha256sum -c SHA256SUMS`.", "",
        "Passwords, tokens, seeds and keys are not here; columns marked so were left out.", "",
    ]  # fmt: skip
    for name, shape in columns.items():
        lines += [f"## {name}", "", "| Column | Type | |", "|---|---|---|"]
        lines += [
            f"| {column} | {kind} | {'' if kept else 'left out'} |" for column, kind, kept in shape
        ]
        lines.append("")
    (folder / "SCHEMA.md").write_text("\n".join(lines), encoding="utf-8")


def _checksums(folder: Path) -> int:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    lines: list[str] = []
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder)}\n")
    target = folder / "SHA256SUMS"
    with target.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    return len(paths) + 1
