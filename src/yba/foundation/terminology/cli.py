"""`yba terminology`: load published code lists, look into them.

`add_to` puts the commands into the program's group; the program hands in how
to reach the node.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from yba.foundation.terminology import packages, readers, service
from yba.foundation.terminology.importing import ImportReport
from yba.kernel.clock import local_date, utc_now
from yba.plumbing.database import Database, Tx
from yba.plumbing.settings import Settings

T = TypeVar("T")

_MISPRINTS_SHOWN = 20

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, like 2026-07-01.")]


class RunOnNode(Protocol):
    """Runs a verb on the node's database, migrated."""

    def __call__(self, verb: Callable[[Settings, Database], Awaitable[T]], /) -> T:
        """Return what the verb returns."""
        ...


def _in_transaction(run_on_node: RunOnNode, verb: Callable[[Tx], Awaitable[T]]) -> T:
    async def go(_: Settings, database: Database) -> T:
        async with database.transaction() as tx:
            return await verb(tx)

    return run_on_node(go)


# Keeps resources in the record, each by its id; a refused one is named with the reason.
Save = Callable[[Database, Sequence[Mapping[str, Any]]], Awaitable[list[tuple[str, str]]]]


def add_to(app: typer.Typer, run_on_node: RunOnNode, save: Save) -> None:
    """Add the commands `import`, `load`, `search` and `lists` to `app`."""
    app.command("load")(_load(run_on_node, save))
    app.command("import")(_import(run_on_node))
    app.command("search")(_search(run_on_node))
    app.command("lists")(_lists(run_on_node))


def _import(run_on_node: RunOnNode) -> Callable[..., Any]:
    def import_(
        file: Annotated[Path, typer.Argument(help="The published list: .xlsx, or text with tabs.")],
        kind: Annotated[str, typer.Option("--list", help="One of: " + ", ".join(readers.KINDS))],
        valid_from: Annotated[
            datetime,
            typer.Option(formats=["%Y-%m-%d"], help="The first day on which the list is in force."),
        ],
        valid_to: Day = None,
        allow_shrink: Annotated[
            bool, typer.Option(help="Accept a complete list that ends most codes in force.")
        ] = False,
    ) -> None:
        """Bring a published list into force, all of it or nothing.

        Codes that changed get a new row and the old one ends the day before;
        diagnoses already recorded are never touched. Repeating an import changes
        nothing.

        Example: yba terminology import icd10.xlsx --list icd10 --valid-from 2026-07-01
        """
        console = Console()
        first_day = valid_from.date()
        last_day = valid_to.date() if valid_to else None
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(f"reading {file.name}", total=None)
            published = readers.read_list(file, kind=kind)
            progress.update(task, description=f"loading {len(published.concepts):,} codes")

            async def load(tx: Tx) -> ImportReport:
                return await service.import_list(
                    tx,
                    published=published,
                    valid_from=first_day,
                    valid_to=last_day,
                    allow_shrink=allow_shrink,
                )

            report = _in_transaction(run_on_node, load)
        _show(console, report, first_day)

    return import_


def _load(run_on_node: RunOnNode, save: Save) -> Callable[..., Any]:
    def load(
        files: Annotated[
            list[Path],
            typer.Argument(help="FHIR packages (.tgz), resources (.json, .ndjson), tables (.csv)."),
        ],
        system: Annotated[str, typer.Option(help="Of a table: the URL of the code system.")] = "",
        version: Annotated[str, typer.Option(help="Of a table: its version.")] = "",
        name: Annotated[str, typer.Option(help="Of a table: its name.")] = "",
        language: Annotated[str, typer.Option(help="Of a table: vi, en …")] = "vi",
        code: Annotated[str, typer.Option(help="Of a table: the heading of the codes.")] = "",
        display: Annotated[str, typer.Option(help="Of a table: the heading of the names.")] = "",
        parent: Annotated[str, typer.Option(help="Of a table: the heading of the parents.")] = "",
    ) -> None:
        """Load code systems, value sets, maps, profiles and search parameters.

        Packages and resources go into the record and are in force at once; loading them again
        changes nothing. A table becomes a code system: columns code, display, parent, and every
        other column as a property.

        Example: yba terminology load hl7.terminology.r4.tgz

        Example: yba terminology load tests.csv --system https://example.org/tests
        """
        console = Console()
        columns = service.TableColumns(code=code, display=display, parent=parent)
        refused: list[tuple[str, str]] = []
        for file in files:
            if file.suffix.lower() in (".csv", ".tsv", ".txt"):
                if not system:
                    raise typer.BadParameter("a table needs --system")

                async def table(tx: Tx, file: Path = file) -> tuple[int, int]:
                    return await service.load_table(
                        tx, path=file, url=system, version=version, name=name,
                        language=language, columns=columns,
                    )  # fmt: skip

                count, pairs = _in_transaction(run_on_node, table)
                console.print(f"{file.name}: {count:,} concepts, {pairs:,} pairs above and below")
                continue
            found = list(packages.resources(file))

            async def keep(
                _: Settings, database: Database, found: list[dict[str, Any]] = found
            ) -> list[tuple[str, str]]:
                return await save(database, found)

            problems = run_on_node(keep)
            refused += problems
            console.print(f"{file.name}: {len(found) - len(problems):,} resources")
        for place, reason in refused:
            console.print(f"  [red]{escape(place)}[/]: {escape(reason)}")
        if refused:
            raise typer.Exit(2)

    return load


def _show(console: Console, report: ImportReport, first_day: date) -> None:
    table = Table(title=f"{report.system} from {first_day:%d/%m/%Y}")
    for heading in ("added", "changed", "corrected", "closed", "unchanged", "misprints"):
        table.add_column(heading, justify="right")
    counts = (report.added, report.changed, report.corrected, report.closed, report.unchanged)
    table.add_row(*(f"{count:,}" for count in (*counts, len(report.misprints))))
    console.print(table)
    for misprint in report.misprints[:_MISPRINTS_SHOWN]:
        colour = "yellow" if misprint.is_repaired else "red"
        console.print(
            f"  [{colour}]line {misprint.line}[/]: {escape(misprint.code)}: {misprint.reason}"
        )
    if len(report.misprints) > _MISPRINTS_SHOWN:
        console.print(f"  … and {len(report.misprints) - _MISPRINTS_SHOWN} more")
    if not report.has_changes:
        console.print("Nothing changed: this list was already in force.")


def _search(run_on_node: RunOnNode) -> Callable[..., Any]:
    def search(
        system: Annotated[str, typer.Argument(help="icd10, service, drug, commune, ma_khoa …")],
        text: Annotated[str, typer.Argument(help="Words in any order without accents, or a code.")],
        on: Day = None,
        limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    ) -> None:
        """Look up codes in force on a day, today if none is given.

        Example: yba terminology search icd10 "sot xuat huyet"
        """
        day = on.date() if on else local_date(utc_now())
        console = Console()

        async def find(tx: Tx) -> list[service.Concept]:
            return await service.search_concepts(tx, system=system, text=text, on=day, limit=limit)

        for concept in _in_transaction(run_on_node, find):
            console.print(f"[bold]{escape(concept.code)}[/]  {escape(concept.name_vi)}")

    return search


def _lists(run_on_node: RunOnNode) -> Callable[..., Any]:
    def lists() -> None:
        """Show every list that was loaded, newest first."""
        console = Console()
        table = Table("system", "rows", "from", "source")

        async def loaded(tx: Tx) -> list[service.Edition]:
            return await service.editions(tx)

        for edition in _in_transaction(run_on_node, loaded):
            start = f"{edition.valid_from:%d/%m/%Y}" if edition.valid_from else "as each row says"
            table.add_row(edition.system, f"{edition.row_count:,}", start, edition.source)
        console.print(table)

    return lists
