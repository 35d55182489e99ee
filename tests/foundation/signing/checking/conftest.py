"""The test authority, a maker of signed files, and what to check them by."""

import subprocess
from collections.abc import Callable

import pytest
import typst
from tests.authority import TestAuthority
from tests.foundation.signing.checking.claims import signed_by
from tests.foundation.signing.checking.makers import NOON, Maker

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking.claims import Asked
from yba.foundation.signing.checking.revocation import Evidence

Asking = Callable[..., Asked]


@pytest.fixture(scope="session")
def maker(authority: TestAuthority) -> Maker:
    """Return a maker of signed files."""
    return Maker(authority)


@pytest.fixture(scope="session")
def evidence(maker: Maker) -> Evidence:
    """Return the lists of every authority as of noon."""
    return maker.evidence()


@pytest.fixture(scope="session")
def asked(authority: TestAuthority, evidence: Evidence) -> Asking:
    """Return a function that says how a check is made: roots, moment, evidence at hand."""

    def ask(at=NOON, *, evidence=evidence, roots=authority.roots, mind_revocation=True) -> Asked:
        return Asked(Trust(roots=roots), at, evidence or Evidence(), mind_revocation)

    return ask


@pytest.fixture(scope="session")
def page() -> bytes:
    """Return a one-page PDF/A."""
    source = '#set text(lang: "vi")\n#set document(title: "Phiếu")\n= Phiếu thử'
    return typst.compile(source.encode(), pdf_standards=["a-2a"], ignore_system_fonts=True)


@pytest.fixture(scope="session")
def claim(maker) -> bytes:
    """Return a claim file under the facility's seal."""
    return signed_by(maker, "seal")


@pytest.fixture(scope="session")
def xmlsec(authority, tmp_path_factory):
    """Return whether xmlsec1 accepts a document, trusting our root."""
    folder = tmp_path_factory.mktemp("xmlsec")
    (folder / "root.der").write_bytes(authority.certificate("root"))

    def ask(content: bytes) -> bool:
        path = folder / "asked.xml"
        path.write_bytes(content)
        command = [
            "xmlsec1",
            "--verify",
            "--trusted-der",
            str(folder / "root.der"),
            "--id-attr:Id",
            "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
            "--verification-gmt-time",
            "2026-09-15 05:00:00",
            str(path),
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    return ask
