"""A signing folder, a doctor, a page to sign, and an outsider's tools."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typst
from tests.authority import TestAuthority, running_authority

from yba.foundation.signing import pades
from yba.foundation.signing.model import Holder, HolderKind
from yba.foundation.signing.service import Signing, open_signing
from yba.kernel.actor import Actor

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)

Put = Callable[[bytes], bytes]
SignerFor = Callable[[Signing, str], tuple[Put, bytes]]


@pytest.fixture(scope="session")
def authority() -> Iterator[TestAuthority]:
    """Return the running test authority; its clock stands at noon. Whoever breaks it mends it."""
    with running_authority(at=NOON) as running:
        yield running


@pytest.fixture(scope="session")
def doctor() -> Actor:
    """Return a licensed doctor."""
    return Actor(
        account_id="acc-1",
        name="Trần Thị Ngọc Ánh",
        roles=frozenset({"doctor"}),
        permissions=frozenset({"*"}),
        practitioner_id="practitioner-1",
        licence="012345/HNO-GPHN",
    )


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    """Return a freshly founded signing folder."""
    return open_signing(
        tmp_path_factory.mktemp("pki"),
        organisation="Bệnh viện Đa khoa Thử Nghiệm",
        facility_code="99999",
        at=NOON,
        address="https://yba.example",
    )


@pytest.fixture(scope="session")
def page() -> bytes:
    """Return a one-page PDF/A with Vietnamese text."""
    source = '#set text(lang: "vi")\n#set document(title: "Phiếu")\n= Phiếu thử\nNguyễn Văn Ưởng'
    return typst.compile(source.encode(), pdf_standards=["a-2a"], ignore_system_fonts=True)


@pytest.fixture(scope="session")
def signer_for(doctor: Actor) -> SignerFor:
    """Return a maker of signers that need no database: (sign, certificate)."""

    def make(signing: Signing, label: str) -> tuple[Put, bytes]:
        holder = Holder(HolderKind.PERSON, label, doctor.name, signing.organisation, doctor.licence)
        certificate = signing.authority.issue(holder, signing.keys.create(label), at=NOON)
        count = iter(range(1, 100_000))

        def put(pdf: bytes) -> bytes:
            name = f"Signature-{label}-{next(count)}"
            note = pades.SigningNote(name, "Thử", "Hà Nội", doctor.name, NOON)
            chain = signing.authority.chain()
            prepared = pades.prepare(pdf, certificate=certificate, chain=chain, note=note)
            [value] = signing.keys.sign_now(label, [prepared.digest])
            return pades.finish(prepared, value)

        return put, certificate

    return make


@pytest.fixture(scope="session")
def sign(signing: Signing, signer_for: SignerFor) -> Put:
    """Return a function that signs a PDF as one doctor."""
    return signer_for(signing, "doctor-1")[0]


@pytest.fixture(scope="session")
def signed(sign: Put, page: bytes) -> bytes:
    """Return the signed page."""
    return sign(page)


@pytest.fixture(scope="session")
def pdfsig(signing: Signing, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], str]:
    """Return what Debian's pdfsig says of a file, trusting our root as an outsider would."""
    for tool in ("pdfsig", "certutil"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (poppler-utils, libnss3-tools)")
    folder = tmp_path_factory.mktemp("nss")
    root = folder / "root.pem"
    root.write_bytes(signing.authority.root_pem())
    for arguments in (
        ["-N", "--empty-password"],
        ["-A", "-n", "root", "-t", "C,C,C", "-i", str(root)],
    ):
        subprocess.run(
            ["certutil", "-d", f"sql:{folder}", *arguments], check=True, capture_output=True
        )

    def ask(content: bytes) -> str:
        path: Path = folder / "asked.pdf"
        path.write_bytes(content)
        answer = subprocess.run(
            ["pdfsig", "-nssdir", f"sql:{folder}", str(path)],
            check=False,
            capture_output=True,
            timeout=60,
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        )
        return answer.stdout.decode(errors="replace")

    return ask
