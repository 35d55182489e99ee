"""`yba audit`: check the log, prove an event, publish the log, be a witness and ask one.

`add_to` puts the commands into the program's `audit` group; the program hands in how to reach the
node, and how to open a backup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import typer
from cryptography import x509
from rich.console import Console

from yba.foundation.audit import checking, exporting, log_store, notes, proving, witnessing
from yba.foundation.audit.checking import Outside, Report
from yba.foundation.audit.keys import folder_of, witness_key
from yba.foundation.audit.notes import BadNote, VerifierKey
from yba.foundation.audit.sequencing import CHECKPOINT_FILE
from yba.kernel.clock import utc_now
from yba.kernel.ids import decode_id
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


def _add_verify(app: typer.Typer, run_on_node: RunOnNode, run_on_backup: RunOnBackup) -> None:
    @app.command()
    def verify(
        from_backup: Annotated[
            Path | None,
            typer.Option(help="Check a backup file, or a folder that `yba audit export` wrote."),
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
    ) -> None:
        """Compute the whole log again from its rows and say what is not as it was.

        Works while the node is in use. Exit code 1 if anything is wrong.
        """
        outside = Outside(
            tuple(path.read_text(encoding="utf-8") for path in checkpoint or ()),
            _keys(key),
            _keys(witness),
            tuple(x509.load_pem_x509_certificate(path.read_bytes()) for path in authority or ()),
        )
        if from_backup is not None and from_backup.is_dir():
            report = exporting.check_folder(from_backup, keys=outside.keys)
        elif from_backup is not None:
            report = run_on_backup(from_backup, _check(outside, with_file=False))
        else:
            report = run_on_node(_check(outside, with_file=True))
        _tell(report)
        if not report.is_whole:
            raise typer.Exit(1)


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


def _tell(report: Report) -> None:
    for finding in report.findings:
        _console.print(f"[red]✗[/red] {finding}", highlight=False, soft_wrap=True)
    parts = [
        f"{report.size} entries",
        f"{report.checkpoints} checkpoints",
        f"{report.stamps} time stamps",
        f"{report.cosignatures} co-signatures",
    ]
    if report.erased:
        parts.append(f"{report.erased} erased")
    if report.waiting:
        parts.append(f"{report.waiting} newer rows wait for the next second")
    if report.witnessed_size:
        parts.append(f"witnessed up to {report.witnessed_size}")
    mark = (
        "[green]✓ whole[/green]" if report.is_whole else f"[red]{len(report.findings)} wrong[/red]"
    )
    _console.print(f"{mark}: {report.origin}: {', '.join(parts)}", highlight=False, soft_wrap=True)


def _add_giving(app: typer.Typer, run_on_node: RunOnNode) -> None:
    @app.command()
    def proof(
        event: Annotated[str, typer.Argument(help="The id of an event, as AuditEvent shows it.")],
    ) -> None:
        """Print the proof file of one event, for the page that checks it."""
        number = int(event) if event.isdigit() and len(event) > 13 else decode_id(event)

        async def give(_: Settings, database: Database) -> str:
            async with database.reading() as tx:
                made = await proving.proof_of_event(tx, event_id=number or 0)
            return json.dumps(made, ensure_ascii=False, indent=1)

        sys.stdout.write(run_on_node(give) + "\n")

    @app.command()
    def export(
        folder: Annotated[Path, typer.Argument(help="Where to write; may hold an older export.")],
    ) -> None:
        """Write checkpoint, tiles and entries as files that any web server can publish."""

        async def write(_: Settings, database: Database) -> int:
            async with database.reading() as tx:
                return await exporting.export(tx, folder=folder)

        _console.print(f"{run_on_node(write)} entries in {folder}")


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

    @app.command("list")
    def list_all() -> None:
        """List who watches us and whom we watch."""

        async def read(_: Settings, database: Database) -> list[str]:
            async with database.reading() as tx:
                ours = await tx.rows(witnessing.Witness, log_store.WITNESSES)
                watched = await tx.connection.fetch(log_store.ALL_WATCHED)
            lines = [
                f"asked    {one.verifier_key}  confirmed {one.confirmed_size}  {one.problem or ''}"
                for one in ours
            ]
            return lines + [
                f"watched  {row['verifier_key']}  size {row['size']}" for row in watched
            ]

        sys.stdout.write("\n".join(run_on_node(read)) + "\n")

    return app
