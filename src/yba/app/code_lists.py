"""`yba terminology`: code lists, with the node and its record handed in."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import typer

from yba.app import node
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.terminology import cli
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database

app = typer.Typer(no_args_is_help=True, help="Code lists with their validity dates.")
_AT_ONCE = 100


async def save(database: Database, resources: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Keep resources in the record by their ids; return what was refused, with the reason.

    Those that arrive together are kept together; if one of them is refused, each for itself.
    """
    refused: list[tuple[str, str]] = []
    known: dict[tuple[str, str], r4.Resource] = {}
    for one in resources:
        try:
            known[one["resourceType"], one["id"]] = r4.decode(orjson.dumps(one))
        except r4.NotFhir as problem:
            refused.append((f"{one['resourceType']}/{one['id']}", str(problem)))
    readable = list(known.values())
    for start in range(0, len(readable), _AT_ONCE):
        part = readable[start : start + _AT_ONCE]
        try:
            await _save(database, part)
        except Refusal:
            for one in part:
                try:
                    await _save(database, [one])
                except Refusal as problem:
                    refused.append((f"{type(one).__name__}/{one.id}", problem.text()))
    return refused


async def _save(database: Database, resources: Sequence[r4.Resource]) -> None:
    async with database.transaction() as tx:
        await record.save(
            tx,
            actor=Actor.system("cli"),
            resources=resources,
            at=utc_now(),
            note="terminology.load",
        )


cli.add_to(app, node.run_on_database, save)
