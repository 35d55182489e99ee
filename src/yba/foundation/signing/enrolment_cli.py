"""`yba signing`: what an operator does with keys. So far: ask an authority for a certificate."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from yba.foundation.signing import enrolment
from yba.foundation.signing.enrolment import Subject
from yba.foundation.signing.installation import wrapping_of
from yba.foundation.signing.keys import SoftwareKeys
from yba.foundation.signing.tokens import TokenKey, Tokens
from yba.kernel.refusal import Refusal
from yba.plumbing import i18n, settings
from yba.plumbing.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Keys of this installation: ask for a certificate.")
_errors = Console(stderr=True)


@app.callback()
def group() -> None:
    """Keys of this installation: ask for a certificate."""


@app.command()
def request(
    key: Annotated[
        str,
        typer.Argument(help="`pkcs11:token=NAME;object=LABEL`, or the label of a software key."),
    ],
    name: Annotated[str, typer.Option(help="Whom the certificate names (CN).")],
    organisation: Annotated[str, typer.Option(help="Organisation (O).")] = "",
    unit: Annotated[str, typer.Option(help="Department (OU).")] = "",
    identifier: Annotated[
        str, typer.Option(help="Identity or tax number, such as TINVN-0100000000.")
    ] = "",
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; else it is shown.")
    ] = None,
) -> None:
    """Make a certificate request (PKCS#10) that the key itself signs.

    A software key is made if it is not there yet. A token asks for its PIN, which is read from the
    file `YBA_PKCS11_PIN_FILE`, or typed here; it is not kept. Check it with `openssl req -verify`.
    """
    subject = Subject(name, organisation, unit, identifier, email)
    try:
        made = enrolment.as_pem(_made(settings.load(), key, subject))
    except Refusal as refusal:
        told = i18n.load()
        sentences = f"{told.explain(refusal, 'vi')}\n{told.explain(refusal, 'en')}"
        _errors.print(f"[red]{escape(sentences)}[/red]  ({refusal.code})", soft_wrap=True)
        raise typer.Exit(1) from None
    if output is None:
        sys.stdout.write(made)
    else:
        output.write_text(made, encoding="ascii")


def _made(config: Settings, key: str, subject: Subject) -> bytes:
    if key.startswith("pkcs11:"):
        if config.pkcs11_module is None:
            raise settings.BadSetting(name="YBA_PKCS11_MODULE", reason="must name the driver")
        tokens = Tokens(config.pkcs11_module)
        return enrolment.token_request(tokens, TokenKey.parse(key), subject, _pin(config))
    folder = config.data_dir / "pki"
    store = SoftwareKeys(folder / "keys", wrapping_of(folder, config.signing_keyfile))
    return enrolment.software_request(store, key, subject)


def _pin(config: Settings) -> bytes:
    path = config.pkcs11_pin_file
    if path is not None and path.is_file() and not path.stat().st_mode & 0o077:
        return path.read_text().strip().encode()
    if "YBA_PKCS11_PIN" in os.environ:
        # A variable is seen by other programs of this user: never taken.
        raise settings.BadSetting(name="YBA_PKCS11_PIN_FILE", reason="must name a file of mode 600")
    return str(typer.prompt("PIN", hide_input=True, err=True)).encode()
