"""`yba verify FILE`: check a signed PDF in plain words, Vietnamese and English."""

from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from yba.foundation.signing.authority import Trust, trust_in
from yba.foundation.signing.model import (
    MAX_FILE_BYTES,
    VERDICT_WORDS,
    Finding,
    Verdict,
    Verification,
)
from yba.foundation.signing.verification import verify_pdf
from yba.kernel.clock import local, utc_now
from yba.plumbing import i18n, settings


class Exit(IntEnum):
    """What the shell sees."""

    VALID = 0
    NOT_VALID = 1
    NO_FILE = 2


_COLOUR = {Verdict.VALID: "green", Verdict.UNTRUSTED: "yellow", Verdict.UNSIGNED: "yellow"}
_LABELS = {
    "who": ("Người ký", "Signed by"),
    "licence": ("Giấy phép hành nghề", "Licence"),
    "organisation": ("Đơn vị", "Organisation"),
    "when": ("Thời điểm ký", "Signed at"),
    "issuer": ("Đơn vị chứng thực", "Authority"),
    "sha256": ("Mã băm SHA-256", "SHA-256"),
}


def verify(
    file: Annotated[Path, typer.Argument(help="The PDF to check.")],
    root: Annotated[
        list[Path] | None,
        typer.Option(help="A root certificate to trust (PEM or DER), besides this installation's."),
    ] = None,
) -> None:
    """Say who signed a PDF, when, and whether it was changed.

    Exit code 0: valid; 1: not valid, not trusted or unsigned; 2: no such file.
    """
    console = Console()
    try:
        size = file.stat().st_size
        content = file.read_bytes() if size <= MAX_FILE_BYTES else None
    except OSError:
        console.print(f"[red]Không đọc được tệp · Cannot read the file[/red]: {escape(str(file))}")
        raise typer.Exit(Exit.NO_FILE) from None
    if content is None:
        console.print("[red]Tệp lớn quá 20 MB · The file is larger than 20 MB[/red]")
        raise typer.Exit(Exit.NO_FILE)
    found = verify_pdf(content, _trust(root or []), at=utc_now())
    report(console, found)
    raise typer.Exit(Exit.VALID if found.is_valid else Exit.NOT_VALID)


def _trust(more: list[Path]) -> Trust:
    return trust_in(settings.load().data_dir / "pki", more)


def report(console: Console, found: Verification) -> None:
    """Print what was found, each sentence in both languages."""
    vietnamese = i18n.load().translator("vi")

    def both(message: str) -> str:
        return f"{vietnamese(message)}\n  {message}"

    colour = _COLOUR.get(found.verdict, "red")
    console.print(f"[bold {colour}]{escape(both(VERDICT_WORDS[found.verdict]))}[/]")
    for number, finding in enumerate(found.findings, start=1):
        console.print(f"\n[bold]{number}.[/bold]")
        for label, value in _facts(finding):
            console.print(f"   {' · '.join(_LABELS[label])}: {escape(value)}", soft_wrap=True)
        for problem in finding.problems:
            console.print(f"   ! {escape(both(problem))}", soft_wrap=True)
    if not found.findings:
        for problem in found.problems:
            console.print(f"   ! {escape(both(problem))}", soft_wrap=True)
    console.print(f"\n{' · '.join(_LABELS['sha256'])}: {found.sha256}", soft_wrap=True)


def _facts(finding: Finding) -> list[tuple[str, str]]:
    facts = [("who", finding.who or "?")]
    if finding.certificate is not None:
        facts += [
            ("licence", finding.certificate.licence),
            ("organisation", finding.certificate.organisation),
            ("issuer", finding.certificate.issuer),
        ]
    if finding.when is not None:
        facts.append(("when", local(finding.when).strftime("%d/%m/%Y %H:%M:%S")))
    return [(label, value) for label, value in facts if value]
