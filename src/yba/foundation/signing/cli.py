"""`yba verify FILE…`: check signed files in plain words, Vietnamese and English, or as JSON."""

import asyncio
import json
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console
from rich.markup import escape

from yba.foundation.signing.authority import Trust, trust_in
from yba.foundation.signing.checking.words import CODES, REMARKS
from yba.foundation.signing.guard import guarded_verification
from yba.foundation.signing.model import (
    MAX_FILE_BYTES,
    VERDICT_WORDS,
    Finding,
    Revocation,
    Verdict,
    Verification,
)
from yba.foundation.signing.verification import Evidence
from yba.kernel.clock import VIETNAM, local, utc_now
from yba.plumbing import i18n, settings


class Exit(IntEnum):
    """What the shell sees; the worst of several files counts."""

    VALID = 0
    NOT_VALID = 1
    NO_FILE = 2


_COLOUR = {Verdict.VALID: "green", Verdict.UNTRUSTED: "yellow", Verdict.UNSIGNED: "yellow"}
_LABELS = {
    "who": ("Người ký", "Signed by"),
    "licence": ("Giấy phép hành nghề", "Licence"),
    "organisation": ("Đơn vị", "Organisation"),
    "when": ("Thời điểm ký", "Signed at"),
    "stamp": ("Dấu thời gian của", "Time stamp by"),
    "issuer": ("Đơn vị chứng thực", "Authority"),
    "root": ("Gốc tin cậy", "Under the root"),
    "covered": ("Phần được ký", "Signed part"),
    "level": ("Mức chữ ký", "Level"),
    "revoked": ("Thu hồi lúc", "Revoked at"),
    "sha256": ("Mã băm SHA-256", "SHA-256"),
}
# A signature in a file of its own lies beside what it signs.
_BESIDE = frozenset({".p7s", ".p7m", ".sig", ".jws"})


def verify(
    files: Annotated[list[Path], typer.Argument(help="The files to check.", metavar="FILE…")],
    root: Annotated[
        list[Path] | None,
        typer.Option(help="A root certificate to trust (PEM or DER), besides this installation's."),
    ] = None,
    revocations: Annotated[
        list[Path] | None,
        typer.Option(help="A list of revocations (CRL) or an OCSP answer to consider."),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option(help="The signed file, where FILE holds only the signature."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Check as of this moment, e.g. 2026-09-15T12:00+07:00.")
    ] = None,
    without_revocation: Annotated[
        bool, typer.Option(help="Accept signers whose revocation cannot be found out.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with one JSON object a line.")
    ] = False,
) -> None:
    """Say who signed a file (PDF, XML, CMS, JWS, FHIR), when, and whether it was changed.

    Nothing is fetched. Exit code 0: valid; 1: not valid, not trusted or
    unsigned; 2: a file cannot be read.
    """
    console = Console()
    try:
        trust = _trust(root or [])
        evidence = _evidence(revocations or [])
        moment = _moment(at)
        beside = None if content is None else _read(content)
    except (OSError, ValueError) as error:
        console.print(f"[red]Không đọc được · Cannot read[/red]: {escape(str(error))}")
        raise typer.Exit(Exit.NO_FILE) from None
    worst = Exit.VALID
    for file in files:
        try:
            data, signed = _read(file), beside if beside is not None else _lying_beside(file)
        except (OSError, ValueError) as error:
            _unreadable(console, file, error, as_json=as_json)
            worst = Exit.NO_FILE
            continue
        found = asyncio.run(
            guarded_verification(
                data,
                trust=trust,
                at=moment,
                content=signed,
                evidence=evidence,
                mind_revocation=not without_revocation,
            )
        )
        if as_json:
            typer.echo(json.dumps(as_data(found, file=str(file)), ensure_ascii=False))
        else:
            if len(files) > 1:
                console.print(f"\n[bold]== {escape(str(file))}[/bold]", soft_wrap=True)
            report(console, found)
        worst = max(worst, Exit.VALID if found.is_valid else Exit.NOT_VALID)
    raise typer.Exit(worst)


def _read(file: Path) -> bytes:
    if file.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{file}: lớn quá 20 MB · larger than 20 MB")
    return file.read_bytes()


def _unreadable(console: Console, file: Path, error: Exception, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"file": str(file), "verdict": "no-file"}, ensure_ascii=False))
    else:
        told = f"{file}: {error}"
        console.print(f"[red]Không đọc được tệp · Cannot read the file[/red]: {escape(told)}")


def _lying_beside(file: Path) -> bytes | None:
    """Return the file that a signature file is named after, if it is there."""
    if file.suffix.lower() not in _BESIDE:
        return None
    signed = file.with_suffix("")
    return _read(signed) if signed.is_file() else None


def _trust(more: list[Path]) -> Trust:
    for path in more:
        if not path.is_file():
            raise ValueError(str(path))
    return trust_in(settings.load().data_dir / "pki", more)


def _evidence(paths: list[Path]) -> Evidence:
    crls: list[bytes] = []
    ocsps: list[bytes] = []
    for path in paths:
        content = path.read_bytes()
        if content.startswith(b"-----BEGIN X509 CRL"):
            crls.append(x509.load_pem_x509_crl(content).public_bytes(Encoding.DER))
        else:
            # Which of the two it is shows when it is read; the other does not parse.
            crls.append(content)
            ocsps.append(content)
    return Evidence(crls=tuple(crls), ocsps=tuple(ocsps))


def _moment(text: str | None) -> datetime:
    if text is None:
        return utc_now()
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)


def as_data(found: Verification, *, file: str = "") -> dict[str, Any]:
    """Return an answer for machines; problems are codes of `checking.words`."""
    return {
        **({"file": file} if file else {}),
        "sha256": found.sha256,
        "format": found.format.value,
        "verdict": found.verdict.value,
        "signatures": [_finding_data(finding) for finding in found.findings],
        "problems": [CODES.get(problem, problem) for problem in found.problems],
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    certificate = finding.certificate
    return {
        "who": finding.who,
        "organisation": certificate.organisation if certificate else "",
        "licence": certificate.licence if certificate else "",
        "when": _iso(finding.when),
        "timeIsProven": finding.time_is_proven,
        "stampedBy": finding.stamped_by,
        "issuer": certificate.issuer if certificate else "",
        "authority": finding.authority,
        "certificateSha256": certificate.fingerprint if certificate else "",
        "level": finding.level,
        "covered": finding.covered,
        "coversWholeDocument": finding.covers_whole_document,
        "intact": finding.intact,
        "changedAfter": finding.changed_after,
        "trusted": finding.trusted,
        "revocation": finding.revocation.value,
        "revokedAt": _iso(finding.revoked_at),
        "problems": [
            {"code": CODES.get(problem, problem), "isRemark": problem in REMARKS, "text": problem}
            for problem in finding.problems
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


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
    told = {problem for finding in found.findings for problem in finding.problems}
    for problem in found.problems:
        if problem not in told:
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
    facts += [
        ("root", finding.authority),
        ("when", _told(finding.when)),
        ("stamp", finding.stamped_by),
        ("covered", finding.covered),
        ("level", finding.level),
    ]
    if finding.revocation is Revocation.REVOKED:
        facts.append(("revoked", _told(finding.revoked_at)))
    return [(label, value) for label, value in facts if value]


def _told(moment: datetime | None) -> str:
    return "" if moment is None else local(moment).strftime("%d/%m/%Y %H:%M:%S")
