"""`yba import claims`: reading the claim files that other systems made.

`add_to` puts the command into the program's `import` group; the program
hands in how to reach the node.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.money.insurance import service
from yba.money.insurance.importing import FileOutcome, ImportSummary, Place, claim_files
from yba.money.insurance.report import summary_text, write_report
from yba.plumbing import i18n
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

Verb = Callable[[Settings, Database], Awaitable[ImportSummary]]
RunOnNode = Callable[[Verb], ImportSummary]


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def add_to(app: typer.Typer, run_on_node: RunOnNode) -> None:
    """Add the command `claims` to `app`."""
    console = Console()

    @app.command("claims")
    def read_claims(
        paths: Annotated[
            list[Path],
            typer.Argument(help="Folders or files, e.g. the folder your system exports to."),
        ],
        only_shape: Annotated[
            bool,
            typer.Option(
                help="Set files aside for their shape only; keep what other rules find as notes."
            ),
        ] = False,
    ) -> None:
        """Read claim files (check-in, XML1 to XML15) of any system into the record.

        Every table is checked; each error names file, table, row, field and rule. Good files
        are kept, bad ones are set aside with a report. Running it twice changes nothing, and a
        corrected file of the same episode corrects the record.
        """

        async def verb(config: Settings, database: Database) -> ImportSummary:
            return await _read(config, database, paths, only_shape, console)

        summary = run_on_node(verb)
        language = i18n.choose(None, os.environ.get("LANG", "").replace("C.", "en.")[:2])
        console.print(summary_text(summary, i18n.load().translator(language)))
        console.print(f"{summary.folder / f'report.{language}.html'}", soft_wrap=True)
        if summary.count("set-aside"):
            raise typer.Exit(2)


async def _read(
    config: Settings, database: Database, paths: list[Path], only_shape: bool, console: Console
) -> ImportSummary:
    at = utc_now()
    place = Place(
        database=database,
        blobs=BlobStore(config.blob_dir),
        facility=config.facility_code,
        folder=config.data_dir / "imports",
    )
    async with database.transaction() as tx:
        known = await service.reference(tx, at=at)
    with _bar(console) as bar:
        task = bar.add_task("XML", total=len(claim_files(paths)), note="")
        aside = 0

        def advance(outcome: FileOutcome) -> None:
            nonlocal aside
            aside += outcome.state == "set-aside"
            bar.update(task, advance=1, note=f"✗ {aside}" if aside else "")

        summary = await service.import_claims(
            place,
            actor=Actor.system("import", "HPAYMT"),
            paths=paths,
            at=at,
            reference=known,
            only_shape=only_shape,
            progress=advance,
        )
    write_report(summary, i18n.load())
    return summary
