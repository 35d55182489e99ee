"""`yba terminology`: code lists, with the node handed in."""

import typer

from yba.app import node
from yba.foundation.terminology import cli

app = typer.Typer(no_args_is_help=True, help="Code lists with their validity dates.")

cli.add_to(app, node.run_on_database)
