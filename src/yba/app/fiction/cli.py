"""`yba fiction`: people and visits that never were, for trials, trainings and load tests.

The same seed and number always give the same person and visit.
"""

import json
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from yba.app.fiction import service as fiction

app = typer.Typer(no_args_is_help=True, help="Fictitious people and visits, as many as you like.")

Seed = Annotated[int, typer.Option(help="Another seed, other people.")]
Number = Annotated[int, typer.Argument(help="Which one.", min=0)]
Visits = Annotated[int, typer.Option(help="How many visits.", min=1)]
First = Annotated[int, typer.Option(help="The number of the first visit.", min=0)]
_VISITS_IN_A_BUNDLE = 50


@app.command()
def person(number: Number = 0, seed: Seed = 1) -> None:
    """Print one person as JSON."""
    _print(asdict(fiction.person(seed, number)))


@app.command()
def visit(number: Number = 0, seed: Seed = 1) -> None:
    """Print one visit as JSON."""
    _print(asdict(fiction.visit(seed, number)))


@app.command()
def claims(
    folder: Annotated[Path, typer.Argument(help="Where to write one claim file a visit.")],
    visits: Visits = 1000,
    first: First = 0,
    seed: Seed = 1,
) -> None:
    """Write claim files as another hospital's system would export them (`yba import claims`)."""
    from yba.app.fiction.claims import write_files

    count = write_files(folder, fiction.visits(seed, visits, first=first))
    typer.echo(f"{count:,} claim files in {folder}")


@app.command()
def fhir(
    folder: Annotated[Path, typer.Argument(help="Where to write transaction bundles.")],
    visits: Visits = 1000,
    first: First = 0,
    seed: Seed = 1,
) -> None:
    """Write FHIR transaction bundles of 50 visits each (`yba import fhir`)."""
    from yba.app.fiction.fhir import bundles

    folder.mkdir(parents=True, exist_ok=True)
    made = fiction.visits(seed, visits, first=first)
    files = resources = 0
    for place, (content, count) in enumerate(bundles(made, _VISITS_IN_A_BUNDLE)):
        name = f"fiction-{seed}-{first + place * _VISITS_IN_A_BUNDLE:09}.json"
        (folder / name).write_bytes(content)
        files += 1
        resources += count
    typer.echo(f"{resources:,} resources in {files:,} bundles in {folder}")


def _print(value: dict[str, Any]) -> None:
    content = msgspec.json.encode(value, enc_hook=_plain, order="sorted")
    typer.echo(json.dumps(json.loads(content), ensure_ascii=False, indent=2))


def _plain(value: object) -> str:
    if isinstance(value, date | datetime | Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
