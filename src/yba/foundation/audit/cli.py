"""`yba audit`: check the log, prove an event, publish the log, be a witness and ask one.

`add_to` puts the commands into the program's `audit` group; the program hands in how to reach the
node, and how to open a backup.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer
from cryptography import x509
from rich.console import Console
from rich.markup import escape

from yba.foundation.audit import (
    checking,
    exporting,
    log_store,
    notes,
    proofs,
    proving,
    witnessing,
    writing,
)
from yba.foundation.audit.findings import Outside, Report
from yba.foundation.audit.keys import folder_of, witness_key
from yba.foundation.audit.model import Act
from yba.foundation.audit.notes import BadNote, VerifierKey
from yba.foundation.audit.sequencing import CHECKPOINT_FILE
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import decode_id
from yba.plumbing import i18n
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

T = TypeVar("T")
Verb = Callable[[Settings, Database], Awaitable[T]]
_console = Console()


class RunOnNode(Protocol):
    """Runs a verb on the node's database, migrated."""

    def __call__(self, verb: Verb[T], /) -> T:
        """Return what the verb returns."""
        ...


class RunOnBackup(Protocol):
    """Runs a verb on a copy of what a backup file holds, and throws the copy away."""

    def __call__(self, backup: Path, verb: Verb[T], /) -> T:
        """Return what the verb returns."""
        ...


def add_to(app: typer.Typer, run_on_node: RunOnNode, run_on_backup: RunOnBackup) -> None:
    """Add the commands to `app`."""
    _add_verify(app, run_on_node, run_on_backup)
    _add_giving(app, run_on_node)
    app.add_typer(_witness_app(run_on_node), name="witness")


class Exit(IntEnum):
    """What the shell sees."""

    WHOLE = 0
    WRONG = 1
    UNUSABLE = 2
    """A file or a key cannot be read."""


def _add_verify(app: typer.Typer, run_on_node: RunOnNode, run_on_backup: RunOnBackup) -> None:
    @app.command()
    def verify(
        source: Annotated[
            Path | None,
            typer.Argument(
                help="A proof file, a folder of `yba audit export`, or a backup; else this node.",
                metavar="[FILE]",
            ),
        ] = None,
        from_backup: Annotated[
            Path | None, typer.Option(help="The same as FILE, for a backup or a folder.")
        ] = None,
        checkpoint: Annotated[
            list[Path] | None,
            typer.Option(help="A checkpoint kept elsewhere; shows rollbacks and forks."),
        ] = None,
        key: Annotated[
            list[str] | None, typer.Option(help="The log's public key, if you have kept it.")
        ] = None,
        witness: Annotated[
            list[str] | None, typer.Option(help="The public key of a witness that you trust.")
        ] = None,
        authority: Annotated[
            list[Path] | None,
            typer.Option(help="Root certificate (PEM) of a time-stamp authority that you trust."),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Answer with one JSON object for programs.")
        ] = False,
    ) -> None:
        """Compute the whole log, or a proof file, again and say what is not as it was.

        Works while the node is in use; a file is checked without any node. Exit code 0: whole; 1:
        something is wrong or nobody you trust vouches for it; 2: a file or key cannot be read.
        """
        try:
            outside = Outside(
                tuple(path.read_text(encoding="utf-8") for path in checkpoint or ()),
                _keys(key),
                _keys(witness),
                tuple(x509.load_pem_x509_certificate(p.read_bytes()) for p in authority or ()),
            )
            report = _reported(source or from_backup, outside, run_on_node, run_on_backup)
        except (OSError, UnicodeDecodeError) as problem:
            name = escape(str(getattr(problem, "filename", None) or source or ""))
            _console.print(f"[red]Không đọc được · Cannot read[/red]: {name}", soft_wrap=True)
            raise typer.Exit(Exit.UNUSABLE) from None
        if as_json:
            sys.stdout.write(json.dumps(_as_data(report), ensure_ascii=False) + "\n")
        else:
            _tell(report)
        if not report.is_whole:
            raise typer.Exit(Exit.WRONG)


def _reported(
    source: Path | None, outside: Outside, run_on_node: RunOnNode, run_on_backup: RunOnBackup
) -> Report:
    if source is None:
        return run_on_node(_check(outside, with_file=True))
    if source.is_dir():
        return exporting.check_folder(source, keys=outside.keys)
    with source.open("rb") as file:
        is_proof = proofs.is_proof_file(file.read(1))
    if is_proof:
        return proofs.check_file(
            source.read_bytes(), keys=outside.keys, witnesses=outside.witnesses
        )
    return run_on_backup(source, _check(outside, with_file=False))


def _check(outside: Outside, *, with_file: bool) -> Verb[Report]:
    async def check(config: Settings, database: Database) -> Report:
        given = list(outside.checkpoints)
        # Read before the database: what was published then must still be there now.
        published = folder_of(config) / CHECKPOINT_FILE
        if with_file and published.is_file():
            given.append(published.read_text(encoding="utf-8", errors="replace"))
        everything = Outside(tuple(given), outside.keys, outside.witnesses, outside.roots)
        async with database.reading() as tx:
            await tx.connection.execute("SET LOCAL statement_timeout = 0")
            return await checking.check(tx, everything)

    return check


def _keys(texts: list[str] | None) -> tuple[VerifierKey, ...]:
    try:
        return tuple(notes.verifier_key(text) for text in texts or ())
    except BadNote as problem:
        raise typer.BadParameter(str(problem)) from None


# What is counted: of the report, in Vietnamese and in English.
_COUNTS = (
    ("size", "%s mục", "%s entries"),
    ("proven", "%s lượt được chứng minh", "%s proven"),
    ("checkpoints", "%s điểm kiểm", "%s checkpoints"),
    ("stamps", "%s dấu thời gian", "%s time stamps"),
    ("cosignatures", "%s chữ ký nhân chứng", "%s co-signatures"),
    ("erased", "%s đã xoá nội dung", "%s erased"),
    ("waiting", "%s lượt mới chờ giây sau", "%s newer rows wait for the next second"),
    ("witnessed_size", "nhân chứng xác nhận đến %s", "witnessed up to %s"),
)
_ALWAYS = frozenset({"size", "checkpoints", "stamps", "cosignatures"})


def _tell(report: Report) -> None:
    """Print what was found, each sentence in Vietnamese and in English."""
    vietnamese = i18n.load().translator("vi")
    for finding in report.findings:
        text = f"{escape(finding.text(vietnamese))}\n  {escape(str(finding))}"
        _console.print(f"[red]✗[/red] {text}", highlight=False, soft_wrap=True)
    for number in (1, 2):
        parts = [
            names[number] % getattr(report, names[0])
            for names in _COUNTS
            if getattr(report, names[0]) or names[0] in _ALWAYS
        ]
        mark = _verdict(report, in_vietnamese=number == 1)
        _console.print(
            f"{mark}: {escape(report.origin)}: {', '.join(parts)}", highlight=False, soft_wrap=True
        )


def _verdict(report: Report, *, in_vietnamese: bool) -> str:
    if report.is_whole:
        return f"[green]✓ {'nguyên vẹn' if in_vietnamese else 'whole'}[/green]"
    return f"[red]{len(report.findings)} {'chỗ sai' if in_vietnamese else 'wrong'}[/red]"


def _as_data(report: Report) -> dict[str, Any]:
    """Return a report for programs: counts, and findings by kind and place."""
    vietnamese = i18n.load().translator("vi")
    return {
        "whole": report.is_whole,
        "origin": report.origin,
        "root": report.root.hex(),
        **{name: getattr(report, name) for name, *_ in _COUNTS},
        "findings": [
            {
                "kind": finding.kind,
                "entry": finding.where.entry,
                "tile": finding.where.tile or None,
                "time": finding.where.at.isoformat() if finding.where.at else None,
                "vi": finding.text(vietnamese),
                "en": str(finding),
            }
            for finding in report.findings
        ],
    }


def _add_giving(app: typer.Typer, run_on_node: RunOnNode) -> None:
    @app.command()
    def proof(
        event: Annotated[
            str | None, typer.Argument(help="The id of an event, as AuditEvent shows it.")
        ] = None,
        patient: Annotated[
            str | None, typer.Option(help="All entries on this patient (Patient id) in one file.")
        ] = None,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="Where to write it; else it is shown.")
        ] = None,
    ) -> None:
        """Write the proof file of one event, or of everything on one patient.

        It holds entries, their paths, the signed checkpoint and the co-signatures of witnesses, and
        is checked anywhere by `yba audit verify FILE --key KEY` or the page /audit/check.html. It
        shows who looked at the patient's record: give it to her alone. The look is audited.
        """
        if (event is None) == (patient is None):
            raise typer.BadParameter("name one event, or --patient")
        text = json.dumps(run_on_node(_proof(event, patient)), ensure_ascii=False, indent=1) + "\n"
        if output is None:
            sys.stdout.write(text)
            return
        # A record of somebody: readable by who asked for it alone.
        with open(output, "w", encoding="utf-8", opener=_for_one_reader) as file:
            file.write(text)
        _console.print(f"{output}", highlight=False, soft_wrap=True)

    @app.command()
    def export(
        folder: Annotated[Path, typer.Argument(help="Where to write; may hold an older export.")],
    ) -> None:
        """Write checkpoint, tiles and entries as files that any web server can publish."""

        async def write(_: Settings, database: Database) -> int:
            async with database.reading() as tx:
                return await exporting.export(tx, folder=folder)

        _console.print(f"{run_on_node(write)} entries in {folder}")


def _proof(event: str | None, patient: str | None) -> Verb[dict[str, Any]]:
    async def give(_: Settings, database: Database) -> dict[str, Any]:
        async with database.transaction() as tx:
            if patient is not None:
                made = await proving.proof_of_patient(tx, patient_id=patient, most=2**31 - 2)
            else:
                made = await proving.proof_of_event(tx, event_id=_number_of(event or ""))
            act = Act(Actor.system("console"), "R", "audit.proof", utc_now(), patient)
            await writing.write(tx, [act])
        return made

    return give


def _number_of(event: str) -> int:
    return (int(event) if event.isdigit() and len(event) > 13 else decode_id(event)) or 0


def _for_one_reader(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _standing(one: witnessing.Witness) -> str:
    return f"asked    {one.verifier_key}  confirmed {one.confirmed_size}  {one.problem or ''}"


def _witness_app(run_on_node: RunOnNode) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Be a witness for other nodes, and ask them.")

    @app.command()
    def key() -> None:
        """Print this node's public keys: of its log, and as a witness."""

        async def read(config: Settings, database: Database) -> list[str]:
            async with database.reading() as tx:
                signers = await tx.values(log_store.SIGNERS)
            return [
                *(f"log      {signer}" for signer in signers),
                f"witness  {witness_key(config).verifier}",
                f"address  {config.base_url}/audit/witness",
            ]

        sys.stdout.write("\n".join(run_on_node(read)) + "\n")

    @app.command()
    def watch(key: Annotated[str, typer.Argument(help="The public key of a log.")]) -> None:
        """Confirm checkpoints of this log from now on."""
        (known,) = _keys([key])

        async def begin(_: Settings, database: Database) -> None:
            async with database.transaction() as tx:
                await witnessing.watch(tx, key=known)

        run_on_node(begin)
        _console.print(f"watching {known.name}")

    @app.command()
    def ask(
        key: Annotated[str, typer.Argument(help="The public key of a witness.")],
        url: Annotated[str, typer.Argument(help="Its address, before /add-checkpoint.")],
    ) -> None:
        """Have this witness confirm our checkpoints from now on."""
        (known,) = _keys([key])

        async def begin(_: Settings, database: Database) -> None:
            async with database.transaction() as tx:
                await witnessing.add_witness(tx, key=known, url=url, at=utc_now())

        run_on_node(begin)
        _console.print(f"asking {known.name}")

    @app.command()
    def confirm() -> None:
        """Have every witness confirm the newest checkpoint now; exit code 1 if one does not.

        The worker of the node does the same every few seconds. A witness that says "rolled back"
        or "forked" has seen another history of this log: find out what happened before going on.
        """

        async def ask_now(_: Settings, database: Database) -> list[witnessing.Witness]:
            return await witnessing.ask_all(database, again=True)

        found = run_on_node(ask_now)
        for one in found:
            sys.stdout.write(f"{_standing(one)}\n")
        if not found or any(one.problem for one in found):
            raise typer.Exit(Exit.WRONG)

    @app.command("list")
    def list_all() -> None:
        """List who watches us and whom we watch."""

        async def read(_: Settings, database: Database) -> list[str]:
            async with database.reading() as tx:
                ours = await tx.rows(witnessing.Witness, log_store.WITNESSES)
                watched = await tx.connection.fetch(log_store.ALL_WATCHED)
            lines = [_standing(one) for one in ours]
            return lines + [
                f"watched  {row['verifier_key']}  size {row['size']}" for row in watched
            ]

        sys.stdout.write("\n".join(run_on_node(read)) + "\n")

    return app
