"""`yba import fhir`: bringing in FHIR resources from files, without a server.

`add_to` puts the command into the program's `import` group; the program hands in how to reach the
node.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import asyncpg
import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from yba.foundation.record import bundle, loading, settings, upkeep
from yba.foundation.record.loading import Line, SetAside
from yba.foundation.record.processing import Processor
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

T = TypeVar("T")
_ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz", ".json.bz2", ".ndjson.bz2")
_AT_ONCE = 200
_WHAT = "record.import"
_SHOWN = 20


class RunOnNode(Protocol):
    """Runs a verb on the node's database, migrated."""

    def __call__(self, verb: Callable[[Settings, Database], Awaitable[T]], /) -> T:
        """Return what the verb returns."""
        ...


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Any(msgspec.Struct):
    resourceType: str = ""  # noqa: N815
    type: str = ""
    entry: list[_Entry] = []


_ANY = msgspec.json.Decoder(_Any)


@dataclass(slots=True)
class Tally:
    """What became of everything."""

    stored: int = 0
    refused: int = 0


def add_to(app: typer.Typer, run_on_node: RunOnNode) -> None:
    """Add the command `fhir` to `app`."""
    console = Console()

    @app.command("fhir")
    def read_fhir(
        paths: Annotated[
            list[Path],
            typer.Argument(help="Folders or files: .json or .ndjson, also packed as .gz or .bz2."),
        ],
        errors: Annotated[
            Path | None, typer.Option(help="Where to write what was refused (ndjson).")
        ] = None,
    ) -> None:
        """Bring in FHIR R4 resources: one a line, or bundles of any kind.

        Ids are kept; what is stored already in the same shape stays untouched, so an import that
        was broken off is simply repeated. Transactions are carried out as such.

        Example: yba import fhir synthea/
        """
        files = _files(paths)
        if not files:
            console.print("[red]nothing to read[/red]: no .json or .ndjson file there")
            raise typer.Exit(1)
        columns = (
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console, transient=True) as progress:
            total = sum(file.stat().st_size for file in files)
            task = progress.add_task("reading", total=total)

            async def go(config: Settings, database: Database) -> Tally:
                settings.set_zone(config.zoneless_dates_in)
                settings.file_content(on=config.full_text)
                loader = FileLoader(database, config.base_url + "/fhir", errors, console)
                for file in files:
                    progress.update(task, description=file.name[:40])
                    await loader.load(file)
                    progress.advance(task, file.stat().st_size)
                await upkeep.analyze(database.dsn)
                return loader.tally

            tally = run_on_node(go)
        console.print(f"{tally.stored} resources from {len(files)} files; {tally.refused} refused.")
        if tally.refused:
            raise typer.Exit(1)


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [one for one in inside if one.is_file() and one.name.endswith(_ENDINGS)]
    return found


class FileLoader:
    """Loads files one after the other."""

    def __init__(
        self, database: Database, base: str, errors: Path | None, console: Console
    ) -> None:
        self.tally = Tally()
        self._database = database
        self._processor = Processor(database, base=base)
        self._errors = errors
        self._console = console
        self._actor = Actor.system("import")

    async def load(self, path: Path) -> None:
        """Load one file; what is refused is told and counted."""
        try:
            if ".ndjson" in path.name:
                await self._lines(path)
            else:
                await self._document(path.name, b"".join(loading.pieces_of(path)))
        except (OSError, EOFError) as problem:
            self._tell(path.name, f"cannot be read ({type(problem).__name__})")
        except Refusal as refused:
            self._tell(path.name, refused.text())

    async def _lines(self, path: Path) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in loading.pieces_of(path):
                yield piece
                await asyncio.sleep(0)

        batch: list[Line] = []
        async for line in loading.lines_in(pieces()):
            if b'"Bundle"' in line.content[:200]:
                await self._document(f"{path.name} line {line.number}", line.content)
                continue
            batch.append(line)
            if len(batch) >= _AT_ONCE:
                await self._store(path.name, batch)
                batch = []
        await self._store(path.name, batch)

    async def _document(self, name: str, content: bytes) -> None:
        """Load a resource, a transaction or batch, or the resources of another Bundle."""
        try:
            found = _ANY.decode(content)
        except (msgspec.DecodeError, RecursionError):
            self._tell(name, "is not FHIR JSON")
            return
        if found.resourceType != "Bundle":
            await self._store(name, [Line(1, content)])
        elif found.type in ("transaction", "batch"):
            await self._bundle(name, content)
        else:
            lines = [Line(n, bytes(e.resource)) for n, e in enumerate(found.entry, 1) if e.resource]
            for start in range(0, len(lines), _AT_ONCE):
                await self._store(name, lines[start : start + _AT_ONCE])

    async def _bundle(self, name: str, content: bytes) -> None:
        try:
            plan: Any = bundle.read(content, base=self._processor.base)
            await self._processor.process(plan, actor=self._actor, at=utc_now(), what=_WHAT)
        except Refusal as refused:
            self._tell(name, refused.text())
            return
        for entry in plan.entries:
            problem = entry.error or (entry.operation.error if entry.operation else None)
            if problem is not None:
                self._tell(name, problem.text())
            elif entry.operation is not None:
                self.tally.stored += 1

    async def _store(self, name: str, lines: Sequence[Line]) -> None:
        if not lines:
            return
        given = {"actor": self._actor, "at": utc_now(), "what": _WHAT}
        try:
            async with self._database.transaction() as tx:
                refused = await loading.load(tx, lines, **given)  # type: ignore[arg-type]
        except asyncpg.PostgresError:
            async with self._database.transaction() as tx:
                refused = await loading.load_one_by_one(tx, lines, **given)  # type: ignore[arg-type]
        self.tally.stored += len(lines) - len(refused)
        for one in refused:
            self._set_aside(name, one)

    def _set_aside(self, name: str, one: SetAside) -> None:
        if self._errors is not None:
            with self._errors.open("ab") as file:
                file.write(loading.outcome_of(one, name) + b"\n")
        self._tell(f"{name} line {one.number}", one.refused.text())

    def _tell(self, name: str, problem: str) -> None:
        self.tally.refused += 1
        if self.tally.refused <= _SHOWN:
            self._console.print(f"[yellow]{name}[/yellow]: {problem}", markup=True, highlight=False)
