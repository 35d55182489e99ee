"""`yba agent`: sign with the token plugged into this PC.

    yba agent pair https://benhvien.example --module /usr/lib/token.so
    yba agent run

`pair` asks for the code that the page "My signatures" shows; `run` waits for
papers, shows what is to be signed, asks for the PIN and signs. The PIN goes
from the keyboard (or the PIN window of `--pinentry`) to the token; it is not
kept, not written down and not sent anywhere.
"""

import base64
import getpass
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from yba.foundation.signing.errors import PinMissing, SignerDeclined
from yba.foundation.signing.tokens import TokenKey, Tokens
from yba.kernel.refusal import Refusal
from yba.plumbing import i18n

app = typer.Typer(help="Sign with the token plugged into this PC.", no_args_is_help=True)

_WAIT = httpx.Timeout(30.0)
_PAUSE_SECONDS = 3.0
_HOME = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "yba-agent.json"
_SHOWN = 60

AskPin = Callable[[str], str]


@dataclass(frozen=True)
class Pairing:
    """What this program remembers: the server, its own token, the driver. Never a PIN."""

    server: str
    token: str
    module: str

    def save(self, path: Path) -> None:
        """Write it so that only this user can read it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(self), file)

    @staticmethod
    def load(path: Path) -> "Pairing":
        """Read it."""
        return Pairing(**json.loads(path.read_text()))


@app.command()
def pair(
    server: Annotated[str, typer.Argument(help="The address of the hospital's Yba.")],
    module: Annotated[Path, typer.Option(help="The PKCS#11 driver of the token.")],
    code: Annotated[str, typer.Option(help="The code of the page “My signatures”.")] = "",
    config: Annotated[Path, typer.Option(help="Where to remember the pairing.")] = _HOME,
) -> None:
    """Pair this PC with your account, by the code that the page shows."""
    shown = code or typer.prompt("Mã ghép nối · Pairing code")
    with httpx.Client(timeout=_WAIT) as client:
        answer = client.post(server.rstrip("/") + "/agent/pair", json={"code": shown})
        if answer.status_code != 200:
            typer.echo("Mã không đúng hoặc quá hạn · The code is wrong or too old", err=True)
            raise typer.Exit(1)
        pairing = Pairing(server.rstrip("/"), answer.json()["token"], str(module))
        pairing.save(config)
        found = _tell_certificates(client, pairing, Tokens(pairing.module))
    typer.echo(f"Đã ghép nối · Paired. Chứng thư số · Certificates: {found}")


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="Where the pairing is remembered.")] = _HOME,
    pinentry: Annotated[
        Path | None, typer.Option(help="A pinentry program that asks for the PIN in a window.")
    ] = None,
    once: Annotated[bool, typer.Option(help="End after one task.")] = False,
) -> None:
    """Wait for papers to sign."""
    pairing = Pairing.load(config)
    tokens = Tokens(pairing.module)
    ask = _by_window(pinentry) if pinentry else _by_keyboard
    console = Console()
    with httpx.Client(timeout=_WAIT, headers=_bearer(pairing)) as client:
        _tell_certificates(client, pairing, tokens)
        console.print("Sẵn sàng ký · Ready to sign")
        while True:
            try:
                answer = client.post(pairing.server + "/agent/task", json={})
            except httpx.HTTPError:
                time.sleep(_PAUSE_SECONDS)
                continue
            if answer.status_code in (401, 403):
                console.print("[red]Chương trình đã bị ngắt · This program was cut off[/red]")
                raise typer.Exit(1)
            if answer.status_code != 200:
                time.sleep(0 if answer.status_code == 204 else _PAUSE_SECONDS)
                continue
            _serve(client, pairing, tokens, answer.json(), ask, console)
            if once:
                return


def _serve(
    client: httpx.Client,
    pairing: Pairing,
    tokens: Tokens,
    task: dict[str, Any],
    ask: AskPin,
    console: Console,
) -> None:
    """Show one task, sign it, and send the signatures or the reason."""
    lines = [str(line) for line in task["lines"]]
    digests = [base64.b64decode(one) for one in task["digests"]]
    shown = [str(task["summary"]), f"Số văn bản · Papers: {len(digests)}", *lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"… +{len(lines) - _SHOWN}")
    for line in shown:
        console.print(escape(line), soft_wrap=True)
    answer: dict[str, Any] = {"task": task["task"]}
    try:
        key = TokenKey.parse(str(task["key"]))
        pin = ask("\n".join(shown))
        if not pin:
            raise PinMissing
        signatures = tokens.sign(key, digests, pin.encode())
        answer["signatures"] = [base64.b64encode(one).decode() for one in signatures]
        console.print("Đã ký · Signed")
    except Refusal as refusal:
        answer["refused"] = refusal.code
        console.print(f"[red]{escape(_vietnamese(refusal))}[/red]")
    client.post(pairing.server + "/agent/answer", json=answer)


def _vietnamese(refusal: Refusal) -> str:
    return i18n.load().explain(refusal, "vi")


def _bearer(pairing: Pairing) -> dict[str, str]:
    return {"authorization": f"Bearer {pairing.token}"}


def _tell_certificates(client: httpx.Client, pairing: Pairing, tokens: Tokens) -> int:
    found = [
        {"key": one.key.uri, "certificate": base64.b64encode(one.certificate).decode()}
        for one in tokens.found()
    ]
    client.post(
        pairing.server + "/agent/certificates",
        json={"certificates": found},
        headers=_bearer(pairing),
    )
    return len(found)


def _by_keyboard(_: str) -> str:
    return getpass.getpass("PIN: ")


def _by_window(program: Path) -> AskPin:
    """Return how to ask with a pinentry program (the Assuan protocol of GnuPG)."""

    def ask(description: str) -> str:
        said = "%0A".join(line.replace("%", "%25") for line in description.splitlines())
        commands = f"SETTITLE Yba\nSETDESC {said}\nSETPROMPT PIN:\nGETPIN\nBYE\n"
        window = subprocess.run(  # noqa: S603 - the program that the user named
            [str(program)], input=commands.encode(), stdout=subprocess.PIPE, check=False
        )
        for line in window.stdout.decode(errors="replace").splitlines():
            if line.startswith("D "):
                return line[2:].replace("%0A", "\n").replace("%25", "%")
        raise SignerDeclined

    return ask
