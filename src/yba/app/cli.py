"""The command line: everything an operator does, with help that teaches."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from yba import __version__
from yba.app.lazy import LazyGroup
from yba.foundation.accounts.model import PERMISSIONS
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing import settings
from yba.plumbing.settings import Settings

if TYPE_CHECKING:
    from yba.plumbing.database import Database, Tx

T = TypeVar("T")
console = Console()
errors = Console(stderr=True)

# Heavy machinery is imported by the command that needs it: `yba --help` and
# `yba demo --stop` must not wait for signatures and FHIR types to load.
app = typer.Typer(
    name="yba",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="""
**Yba**: one program for a hospital, a commune station, an insurer, a ministry, the exchange.

Begin with `yba demo` (everything, with fictitious people) or `yba serve` (your own facility).
Settings are `YBA_*` variables; data lives in `./var` unless `YBA_DATA_DIR` says otherwise;
`YBA_DATABASE_URL` uses your own PostgreSQL (15 or newer) instead of the embedded one.
""",
)
user_app = typer.Typer(no_args_is_help=True, help="Who may sign in: add, list, change, cut off.")
app.add_typer(user_app, name="user")


def _say(refusal: Refusal) -> None:
    from yba.plumbing import i18n

    language = i18n.choose(None, os.environ.get("LANG", "").replace("C.", "en.")[:2])
    errors.print(f"[red]{i18n.load().explain(refusal, language)}[/red]  ({refusal.code})")


@app.command()
def serve() -> None:
    """Serve this node until Ctrl-C: database, pages, FHIR base and background worker."""
    _serve(settings.load())


def _serve(config: Settings) -> None:
    from yba.app import control, node

    with control.pid_written(config), node.database_of(config) as ready:
        asyncio.run(node.prepare(ready))
        node.serve(ready)


@app.command()
def worker() -> None:
    """Run only the background worker (events to their listeners). `serve` starts one itself."""
    from yba.app import node
    from yba.plumbing import logs

    config = settings.load()
    logs.configure(config.log_format)
    with node.database_of(config) as ready:
        asyncio.run(node.work(ready))


@app.command()
def migrate() -> None:
    """Bring the database to this program's version. Safe to repeat."""
    from yba.app import node

    with node.database_of(settings.load()) as ready:
        applied = asyncio.run(node.prepare(ready))
    for step in applied:
        console.print(f"applied {step.number:04} {step.name}")
    console.print(f"{len(applied)} migrations applied; the database is up to date.")


@app.command()
def demo(
    detach: Annotated[bool, typer.Option(help="Return when it is ready.")] = False,
    stop: Annotated[bool, typer.Option(help="Stop the demo that runs in the background.")] = False,
) -> None:
    """Start a demonstration hospital with fictitious people; prints addresses and log-ins."""
    from yba.app import control

    os.environ["YBA_PROFILE"] = "demo"
    config = settings.load()
    if stop:
        console.print("stopped." if control.stop_running(config) else "no demo was running.")
        return
    from yba.app import demo_people as demonstration

    if control.running_pid(config) is not None and control.is_ready(config):
        demonstration.announce(config, console)
        return
    if detach:
        control.detach(config, ["demo"], wait_seconds=180)
        demonstration.announce(config, console)
        return
    from yba.app import node

    with control.pid_written(config), node.database_of(config) as ready:
        asyncio.run(node.prepare(ready))
        node.run_apart(ready, "seed-demo")
        demonstration.announce(ready, console)
        node.serve(ready)


@app.command(hidden=True)
def seed_demo() -> None:
    """Fill the demo's data folder (what `demo` runs in a process of its own)."""
    from yba.app import demo as seeded

    asyncio.run(seeded.seed(settings.load(), console))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write, for instance yba.backup")],
) -> None:
    """Write database and stored files into one file that proves itself."""
    from yba.app import backup as backups
    from yba.app import node

    with node.database_of(settings.load()) as ready:
        summary = asyncio.run(backups.backup(ready, target, console))
    console.print(summary)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `yba backup` wrote.")],
) -> None:
    """Restore a backup into this node, which must be empty."""
    from yba.app import backup as backups
    from yba.app import node

    with node.database_of(settings.load()) as ready:
        summary = asyncio.run(backups.restore(ready, source, console))
    console.print(summary)


@app.command()
def token(
    login: Annotated[str, typer.Option(help="The account that the token acts for.")] = "api",
) -> None:
    """Print a bearer token for scripts (valid for 30 days), creating the account if needed."""
    from yba.app import node
    from yba.foundation.accounts import service as accounts

    async def make(_config: Settings, database: "Database") -> str:
        async with database.transaction() as tx:
            account = await accounts.account_by_login(tx, login=login)
            if account is None:
                if login != "api":
                    raise NotFound
                account = await accounts.create(
                    tx,
                    actor=Actor.system("cli"),
                    login="api",
                    password=os.urandom(24).hex(),
                    name="Program access",
                    roles=["api"],
                    at=utc_now(),
                )
            return await accounts.open_session(
                tx, account_id=account.id, kind="bearer", at=utc_now()
            )

    sys.stdout.write(node.run_on_database(make) + "\n")


@user_app.command("add")
def user_add(
    login: Annotated[str, typer.Argument(help="The name to sign in with.")],
    name: Annotated[str, typer.Option(help="Full name, as it is signed.")],
    role: Annotated[list[str], typer.Option(help="One of: " + ", ".join(PERMISSIONS))],
    licence: Annotated[str, typer.Option(help="Practising licence number.")] = "",
) -> None:
    """Add somebody; the password is asked for, never given on the command line."""
    from yba.app import staff

    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def add(tx: "Tx") -> None:
        await staff.add(
            tx,
            actor=Actor.system("cli"),
            login=login,
            password=password,
            name=name,
            roles=role,
            licence=licence,
            at=utc_now(),
        )

    _in_transaction(add)
    console.print(f"added {login}")


@user_app.command("list")
def user_list() -> None:
    """List everybody who may sign in."""
    from yba.foundation.accounts import service as accounts

    table = Table("login", "name", "roles", "state")
    for account in _in_transaction(accounts.all_accounts):
        state = "disabled" if account.disabled_at else "active"
        table.add_row(account.login, account.name, ", ".join(account.roles), state)
    console.print(table)


@user_app.command("password")
def user_password(login: str) -> None:
    """Set a new password and end every session of that account."""
    from yba.foundation.accounts import service as accounts

    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def change(tx: "Tx") -> None:
        await accounts.set_password(
            tx,
            actor=Actor.system("cli"),
            account_id=await _account_id(tx, login),
            password=password,
            at=utc_now(),
        )

    _in_transaction(change)
    console.print("changed.")


@user_app.command("breached")
def user_breached(file: Path, at_least: int = 1) -> None:
    """Load a list of leaked passwords: lines "SHA1:times" in rising order; it replaces the last.

    Digests that were seen fewer than `at-least` times are left out.
    """
    from yba.foundation.accounts.service import LeakedList

    target = settings.load().data_dir / "leaked-passwords"
    try:
        with file.open() as lines:
            count = LeakedList(target).load(lines, at_least=at_least)
    except ValueError as problem:
        console.print(f"not loaded: {problem}; the list that was there stays.")
        raise typer.Exit(1) from None
    console.print(f"{count} leaked passwords will be refused.")


@user_app.command("disable")
def user_disable(login: str) -> None:
    """Cut an account off at once: every open session ends."""
    from yba.foundation.accounts import service as accounts

    async def cut(tx: "Tx") -> None:
        await accounts.disable(
            tx, actor=Actor.system("cli"), account_id=await _account_id(tx, login), at=utc_now()
        )

    _in_transaction(cut)
    console.print("disabled.")


async def _account_id(tx: "Tx", login: str) -> str:
    from yba.foundation.accounts import service as accounts

    account = await accounts.account_by_login(tx, login=login)
    if account is None:
        raise NotFound
    return account.id


def _in_transaction(verb: "Callable[[Tx], Awaitable[T]]") -> T:
    from yba.app import node

    async def go(_config: Settings, database: "Database") -> T:
        async with database.transaction() as tx:
            return await verb(tx)

    return node.run_on_database(go)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(__version__ + "\n")


def main() -> None:
    """Run the command line; a refusal becomes one clear line and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        _say(refusal)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
