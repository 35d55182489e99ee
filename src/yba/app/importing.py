"""`yba import`: bring in data that other systems made."""

import typer

from yba.app import node
from yba.foundation.record import cli as record
from yba.money.insurance import cli as insurance

app = typer.Typer(no_args_is_help=True, help="Bring in data that other systems made.")


@app.callback()
def group() -> None:
    """Bring in data that other systems made."""


insurance.add_to(app, node.run_on_database)
record.add_to(app, node.run_on_database)
