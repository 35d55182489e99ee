"""Other people's tools agree: Debian's pdfsig (NSS) and pyHanko's own validator."""

import random
from datetime import UTC, datetime
from io import BytesIO

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


def test_pdfsig_says_valid_and_trusted(pdfsig, signed, doctor):
    answer = pdfsig(signed)

    assert "Signature is Valid." in answer
    assert "Certificate is Trusted." in answer
    assert "Total document signed" in answer
    assert "ETSI.CAdES.detached" in answer
    assert f"CN={doctor.name}" in answer


@pytest.mark.slow
def test_pdfsig_sees_every_flipped_byte(pdfsig, signed):
    start = signed.rindex(b"/Contents <")
    end = signed.index(b">", start)
    # The last 512 digits of the container are the signature value itself.
    covered = [*range(start), *range(end - 512, end), *range(end + 2, len(signed))]
    chance = random.Random(815)

    for position in chance.sample(covered, 60):
        broken = bytearray(signed)
        broken[position] ^= 1 << chance.randrange(5)
        assert "Signature is Valid." not in pdfsig(bytes(broken)), position


def test_pyhanko_validates_it_as_an_outsider_would(signing, signed):
    [signature] = PdfFileReader(BytesIO(signed)).embedded_regular_signatures
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(signing.trust().roots[0])], moment=NOON
    )

    status = validate_pdf_signature(signature, context)

    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"


def test_the_file_stays_a_tagged_archive_file(signed):
    assert b"pdfaid:part>2<" in signed
    assert b"/StructTreeRoot" in signed
