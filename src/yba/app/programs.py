"""`yba clients`: programs that may ask persons for access, or act for themselves."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing.settings import Settings

if TYPE_CHECKING:
    from yba.foundation.authorization.model import Client
    from yba.plumbing.database import Database

console = Console()
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Programs: register, list, give a new secret, cut off. See `docs/how-to/connect-a-program.md`.",
)
_BY = "cli"


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="As people read it when they are asked.")],
    redirect: Annotated[
        list[str] | None, typer.Option(help="An address that answers go to; may be repeated.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="The most it may ever get; may be repeated, or several in quotes."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(help="none, client_secret_basic, client_secret_post or private_key_jwt."),
    ] = "none",
    jwks: Annotated[Path | None, typer.Option(help="File with its public keys (JWKS).")] = None,
    jwks_uri: Annotated[str | None, typer.Option(help="Address of its public keys.")] = None,
    launch: Annotated[str | None, typer.Option(help="Address to open it from a chart.")] = None,
    logout: Annotated[
        list[str] | None, typer.Option(help="An address after signing out; may be repeated.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option(help="Staff are not asked each time: the facility has decided.")
    ] = False,
    introspects: Annotated[
        bool, typer.Option(help="It may ask about tokens of other programs.")
    ] = False,
    client_id: Annotated[
        str | None, typer.Option(help="Its identifier; made up if absent.")
    ] = None,
) -> None:
    """Register a program; prints its identifier, and its secret this once."""
    from yba.app import node
    from yba.foundation.authorization import service as authorization
    from yba.foundation.authorization.model import Method

    scopes = [one for text in scope or () for one in text.split()]
    grants = ["authorization_code", "refresh_token"] if redirect else []
    if any(one.startswith("system/") for one in scopes):
        grants.append("client_credentials")
    if introspects:
        grants.append("introspect")
    keys: Any = json.loads(jwks.read_text()) if jwks else None
    wanted = authorization.Wanted(
        name, cast(Method, method), redirect or (), scopes, grants, keys, jwks_uri, launch,
        logout or (), trusted, client_id,
    )  # fmt: skip

    async def make(_: Settings, database: "Database") -> "tuple[Client, str | None]":
        async with database.transaction() as tx:
            return await authorization.register(
                tx, actor=Actor.system(_BY), wanted=wanted, at=utc_now()
            )

    made, secret = node.run_on_database(make)
    typer.echo(json.dumps({"client_id": made.id} | ({"client_secret": secret} if secret else {})))


@app.command("list")
def list_() -> None:
    """List all programs, those cut off last."""
    from yba.app import node
    from yba.foundation.authorization import service as authorization

    async def look(_: Settings, database: "Database") -> "list[Client]":
        async with database.reading() as tx:
            return await authorization.clients(tx)

    table = Table("client_id", "name", "proves itself by", "at most", "state")
    for one in node.run_on_database(look):
        state = "cut off" if one.disabled_at else "active"
        table.add_row(one.id, one.name, one.method, " ".join(one.scopes), state)
    console.print(table)


@app.command("secret")
def secret(client_id: Annotated[str, typer.Argument(help="The program.")]) -> None:
    """Give a program a new secret; the old one is worth nothing from now on."""
    from yba.app import node
    from yba.foundation.authorization import service as authorization

    async def renew(_: Settings, database: "Database") -> str:
        async with database.transaction() as tx:
            return await authorization.renew_secret(
                tx, actor=Actor.system(_BY), client_id=client_id, at=utc_now()
            )

    typer.echo(node.run_on_database(renew))


@app.command("remove")
def remove(client_id: Annotated[str, typer.Argument(help="The program.")]) -> None:
    """Cut a program off at once, with everything it was granted."""
    from yba.app import node
    from yba.foundation.authorization import service as authorization

    async def cut(_: Settings, database: "Database") -> None:
        async with database.transaction() as tx:
            await authorization.disable(
                tx, actor=Actor.system(_BY), client_id=client_id, at=utc_now()
            )

    node.run_on_database(cut)


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Sign identity tokens with a new key from now on; the old one is shown for two more days."""
    from yba.app import node
    from yba.foundation.authorization import service as authorization

    async def rotate(config: Settings, database: "Database") -> str:
        async with database.transaction() as tx:
            return await authorization.rotate(tx, secret=config.secret, at=utc_now())

    typer.echo(node.run_on_database(rotate))
