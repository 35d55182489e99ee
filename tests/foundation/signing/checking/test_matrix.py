"""Good and broken files: what we say, what pyHanko's validator, pdfsig and xmlsec1 say.

The rule: what is good is good everywhere; what any of the others refuses is
never valid here. The table of `docs/standards/verification-matrix.md` is
written by this test (YBA_WRITE_PAGES=1) and compared with it.
"""

import os
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from tests.foundation.signing.checking.broken import ATTACKS, swapped
from tests.foundation.signing.checking.claims import CLAIM, signed_by
from tests.foundation.signing.checking.makers import NOON, replaced

from yba.foundation.signing.checking.words import CODES, REMARKS
from yba.foundation.signing.verification import verify

_PAGE = Path(__file__).parents[4] / "docs" / "standards" / "verification-matrix.md"
_HEAD = """# Verification: the matrix of good and broken files

Written by `tests/foundation/signing/checking/test_matrix.py`, which fails when a row drifts. "refused" of pdfsig and
pyHanko means: not every signature is valid, trusted and in force over the whole file. Where they accept and we refuse, the
reason column says what we saw. Nothing that one of them refuses is valid here.

| File | Ours | Why | pyHanko | pdfsig |
|---|---|---|---|---|
"""
_XML_HEAD = """
| XML file | Ours | Why | xmlsec1 |
|---|---|---|---|
"""


@pytest.fixture(scope="session")
def pyhanko(authority, maker):
    """Return whether pyHanko's own validator accepts every signature of a file."""

    roots = [asn1_x509.Certificate.load(der) for der in authority.roots]
    lists = [maker.crl(name) for name in ("root", "issuing", "withdrawn", "tsa-root")]

    def ask(content: bytes) -> bool:
        try:
            found = list(PdfFileReader(BytesIO(content), strict=True).embedded_regular_signatures)
            context = ValidationContext(
                trust_roots=roots,
                crls=lists,
                moment=NOON,
                revocation_mode="hard-fail",
            )
            results = [validate_pdf_signature(one, context, context) for one in found]
        # Its refusals are exceptions of many kinds.
        except Exception:
            return False
        last = results[-1] if results else None
        return (
            last is not None
            and all(one.bottom_line for one in results)
            and (
                last.modification_level is not None
                and last.modification_level <= ModificationLevel.LTA_UPDATES
            )
        )

    return ask


@pytest.fixture(scope="session")
def pdfsig(authority, tmp_path_factory):
    """Return whether pdfsig accepts every signature, trusting the test roots."""
    for tool in ("pdfsig", "certutil"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (poppler-utils, libnss3-tools)")
    folder = tmp_path_factory.mktemp("nss")
    commands = [["-N", "--empty-password"]]
    for label, trust in (("root", "C,C,C"), ("tsa-root", "C,C,C")):
        (folder / f"{label}.der").write_bytes(authority.certificate(label))
        commands.append(["-A", "-n", label, "-t", trust, "-i", str(folder / f"{label}.der")])
    for command in commands:
        subprocess.run(
            ["certutil", "-d", f"sql:{folder}", *command], check=True, capture_output=True
        )

    def ask(content: bytes) -> bool:
        path = folder / "asked.pdf"
        path.write_bytes(content)
        answer = subprocess.run(
            ["pdfsig", "-no-ocsp", "-nssdir", f"sql:{folder}", str(path)],
            check=False,
            capture_output=True,
            timeout=60,
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        ).stdout.decode(errors="replace")
        count = answer.count("Signature #")
        last = answer[answer.rfind("Signature #") :]
        return (
            count > 0
            and answer.count("Signature is Valid.") == count
            and answer.count("Certificate is Trusted.") == count
            and "Not total document signed" not in last
        )

    return ask


@pytest.fixture(scope="session")
def pdfs(maker, page) -> dict[str, bytes]:
    """Return the files of the matrix by name."""
    one = maker.pdf(page, "doctor")
    two = maker.pdf(page, "doctor", "head")
    good = {
        "good: one signer": one,
        "good: two signers": two,
        "good: on a curve": maker.pdf(page, "doctor-ec"),
        "good: with a time stamp": maker.pdf(page, "doctor", tsa="tsa"),
    }
    people = {
        f"whose: {label}": maker.pdf(page, label)
        for label in ("revoked", "compromised", "expired", "future", "server", "stranger")
    }
    broken = {name: attack(one) for name, attack in ATTACKS.items()}
    weak = {"weak: SHA-1": maker.pdf(page, "doctor", digest="sha1")}
    return {**good, **people, **weak, **broken, "two signers exchanged": swapped(two)}


@pytest.mark.slow
def test_nothing_that_others_refuse_is_valid_here_and_the_table_is_true(
    pdfs, asked, pyhanko, pdfsig, maker, xmlsec
):
    rows: list[str] = []
    for name, content in pdfs.items():
        found = verify(content, asked())
        others = [pyhanko(content), pdfsig(content)]
        if name.startswith("good"):
            assert (found.is_valid, others) == (True, [True, True]), name
        else:
            assert not found.is_valid, name
        rows.append(_row(name, found, others))
    xml_rows = _xml_rows(maker, asked, xmlsec)
    _compare(_HEAD + "".join(rows) + _XML_HEAD + "".join(xml_rows))


def _xml_rows(maker, asked, xmlsec) -> list[str]:
    good = signed_by(maker, "seal")
    files = {
        "good: sealed claim": good,
        "good: with a time stamp": signed_by(maker, "seal", tsa="tsa"),
        "good: on a curve": signed_by(maker, "doctor-ec"),
        "whose: stranger": signed_by(maker, "stranger"),
        "changed: text": replaced(good, b"99999", b"99998"),
        "changed: white space": replaced(good, b"<SOLUONGHOSO>", b"<SOLUONGHOSO> "),
        "changed: instruction added": replaced(good, b"<GIAMDINHHS", b"<?a?><GIAMDINHHS"),
        "changed: namespace": replaced(good, b"XMLSchema-instance", b"XMLSchema-instancf"),
        "changed: element removed": replaced(good, b"<MACSKCB>99999</MACSKCB>", b""),
        "changed: time of signing": replaced(good, b"SigningTime>2026", b"SigningTime>2025"),
        "changed: digest": replaced(good, b"DigestValue>", b"DigestValue>A"),
        "changed: signature value": replaced(good, b"SignatureValue>", b"SignatureValue>A"),
        "changed: method": replaced(good, b"rsa-sha256", b"rsa-sha512"),
        "taken out: signature": CLAIM,
    }
    rows: list[str] = []
    for name, content in files.items():
        found = verify(content, asked())
        other = xmlsec(content)
        assert found.is_valid == other == name.startswith("good"), (name, found, other)
        rows.append(_row(name, found, [other]))
    return rows


def _row(name: str, found, others: list[bool]) -> str:
    why = [CODES[one] for one in found.problems if one not in REMARKS]
    if name.startswith(("bit", "two signers")):
        # Keys are new each time; what a damaged byte meets differs.
        why = ["differs"]
    told = ["accepted" if one else "refused" for one in others]
    verdict = "not valid" if why == ["differs"] else found.verdict.value
    return f"| {name} | {verdict} | {', '.join(why) or '—'} | {' | '.join(told)} |\n"


def _compare(text: str) -> None:
    if os.environ.get("YBA_WRITE_PAGES"):
        _PAGE.write_text(text)
    assert _PAGE.read_text() == text, "run again with YBA_WRITE_PAGES=1"
