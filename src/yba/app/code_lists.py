"""`yba terminology`: code lists, with the node and its record handed in."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import typer

from yba.app import node
from yba.foundation.record import service as record
from yba.foundation.terminology import cli
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

app = typer.Typer(no_args_is_help=True, help="Code lists with their validity dates.")
_AT_ONCE = 100


async def save(database: Database, resources: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Keep resources in the record by their ids; return what was refused, with the reason.

    Definitions are in force at once, search parameters are indexed while the node runs.
    """
    refused: list[tuple[str, str]] = []
    known = {(one["resourceType"], one["id"]): one for one in resources}
    places = [f"{type_}/{id_}" for type_, id_ in known]
    lines = [record.Line(n, orjson.dumps(one)) for n, one in enumerate(known.values())]
    for start in range(0, len(lines), _AT_ONCE):
        async with database.transaction() as tx:
            aside = await record.load(
                tx,
                lines[start : start + _AT_ONCE],
                actor=Actor.system("cli"),
                at=utc_now(),
                what="terminology.load",
            )
        refused += [(places[one.number], one.refused.text()) for one in aside]
    return refused


cli.add_to(app, node.run_on_database, save)
