"""Commands that live in other contexts and are imported only when they are called."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# Name on the command line: module, attribute (an application or one command), help line.
_ELSEWHERE = {
    "agent": (
        "yba.foundation.signing.agent_program",
        "app",
        "Sign with the token plugged into this PC.",
    ),
    "archive": ("yba.app.leaving", "archive_app", "Medical records: hand one over."),
    "audit": ("yba.app.auditing", "app", "The audit trail: check it, prove it, publish it."),
    "export": ("yba.app.leaving", "app", "Take data along: everything, in open formats."),
    "fiction": ("yba.app.fiction.cli", "app", "Fictitious people and visits, as files."),
    "import": ("yba.app.importing", "app", "Bring in data that other systems made."),
    "clients": ("yba.app.programs", "app", "Programs that may ask for access: register, cut off."),
    "signing": (
        "yba.foundation.signing.enrolment_cli",
        "app",
        "Keys of this installation: ask for a certificate.",
    ),
    "terminology": (
        "yba.app.code_lists",
        "app",
        "Code lists with their validity dates: load, look up.",
    ),
    "verify": (
        "yba.foundation.signing.cli",
        "verify",
        "Say who signed a PDF, when, and whether it was changed.",
    ),
}


class LazyGroup(TyperGroup):
    """A group that can name and describe commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return our own commands, then those from elsewhere."""
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; for one from elsewhere, only what help needs to know."""
        if cmd_name in _ELSEWHERE:
            return TyperCommand(cmd_name, help=_ELSEWHERE[cmd_name][2])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is being called, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _imported(name) if name in _ELSEWHERE else command, rest


def _imported(name: str) -> Any:
    module, attribute, _ = _ELSEWHERE[name]
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = name
    return command
