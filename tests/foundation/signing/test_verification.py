"""What the check says of whole, changed, extended and hostile files."""

import random
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from pyhanko.pdf_utils.generic import NameObject, NumberObject, StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from yba.foundation.signing import verification
from yba.foundation.signing.authority import Trust
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.verification import verify_pdf

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


def container_of(content: bytes) -> range:
    """Return where the hexadecimal signature container lies, brackets included."""
    start = content.rindex(b"/Contents <") + len(b"/Contents ")
    return range(start, content.index(b">", start) + 1)


def flipped(content: bytes, position: int, bit: int) -> bytes:
    """Return a copy with one bit changed."""
    copy = bytearray(content)
    copy[position] ^= 1 << bit
    return bytes(copy)


def test_a_signed_page_is_valid_and_names_the_signer(signing, signed, doctor):
    found = verify_pdf(signed, signing.trust(), at=NOON)

    assert found.is_valid
    assert found.last is not None
    assert found.last.who == doctor.name
    assert found.last.when == NOON
    assert found.last.certificate is not None
    assert found.last.certificate.licence == doctor.licence
    assert found.last.covers_whole_document
    assert found.problems == (verification.TIME_NOT_PROVEN,)


def test_two_signatures_are_both_checked(signing, signed, sign):
    found = verify_pdf(sign(signed), signing.trust(), at=NOON)

    assert found.is_valid
    assert [finding.covers_whole_document for finding in found.findings] == [False, True]


@pytest.mark.slow
def test_no_flipped_bit_outside_the_container_goes_unseen(signing, signed):
    container = container_of(signed)
    outside = [i for i in range(len(signed)) if i not in container]
    chance = random.Random(20260915)

    for position in chance.sample(outside, 150):
        broken = flipped(signed, position, chance.randrange(8))
        assert not verify_pdf(broken, signing.trust(), at=NOON).is_valid, position


@pytest.mark.slow
def test_no_flipped_bit_inside_the_container_goes_unseen(signing, signed):
    container = container_of(signed)
    chance = random.Random(1509)

    for position in chance.sample(container, 300):
        broken = flipped(signed, position, chance.randrange(8))
        assert not verify_pdf(broken, signing.trust(), at=NOON).is_valid, position


def test_bytes_after_the_end_make_it_invalid(signing, signed):
    found = verify_pdf(signed + b"\n% more\n", signing.trust(), at=NOON)

    assert not found.is_valid


def test_a_later_change_of_the_page_is_told(signing, signed):
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page[NameObject("/Rotate")] = NumberObject(90)
    writer.update_container(page)
    output = BytesIO()
    writer.write(output)

    found = verify_pdf(output.getvalue(), signing.trust(), at=NOON)

    assert found.verdict is Verdict.INVALID
    assert verification.CHANGED_AFTER in found.problems


def test_a_stranger_is_intact_but_not_trusted(signed):
    found = verify_pdf(signed, Trust(roots=()), at=NOON)

    assert found.verdict is Verdict.UNTRUSTED
    assert verification.UNKNOWN_AUTHORITY in found.problems


def test_a_revoked_certificate_is_told(signing, signer_for, page):
    put, certificate = signer_for(signing, "revoked-1")
    content = put(page)
    signing.authority.revoke(certificate, at=NOON + timedelta(hours=1))

    found = verify_pdf(content, signing.trust(), at=NOON + timedelta(hours=2))

    assert found.verdict is Verdict.UNTRUSTED
    assert verification.REVOKED in found.problems


def test_a_revoked_certificate_stays_revoked_when_the_list_grows_old(signing, signer_for, page):
    put, certificate = signer_for(signing, "revoked-2")
    content = put(page)
    signing.authority.revoke(certificate, at=NOON + timedelta(hours=3))

    found = verify_pdf(content, signing.trust(), at=NOON + timedelta(days=90))

    assert found.verdict is Verdict.UNTRUSTED
    assert verification.REVOKED in found.problems


def test_a_good_signature_stays_valid_when_the_list_grows_old(signing, signed):
    assert verify_pdf(signed, signing.trust(), at=NOON + timedelta(days=400)).is_valid


def test_an_expired_certificate_is_told(signing, signed):
    found = verify_pdf(signed, signing.trust(), at=NOON + timedelta(days=5 * 365))

    assert found.verdict is Verdict.UNTRUSTED
    assert verification.EXPIRED in found.problems


def test_an_unsigned_page_is_said_to_be_unsigned(signing, page):
    assert verify_pdf(page, signing.trust(), at=NOON).verdict is Verdict.UNSIGNED


def test_a_file_with_a_password_is_said_to_be_protected(signing):
    writer = PdfFileWriter()
    writer.insert_page(
        PageObject(contents=writer.add_object(_empty_stream()), media_box=(0, 0, 9, 9))
    )
    writer.encrypt("owner", "user")
    output = BytesIO()
    writer.write(output)

    found = verify_pdf(output.getvalue(), signing.trust(), at=NOON)

    assert found.verdict is Verdict.UNREADABLE
    assert found.problems == (verification.ENCRYPTED,)


def _empty_stream():
    return StreamObject(stream_data=b"")


@pytest.mark.parametrize("length", [0, 1, 5, 9, 100, 1_000, 10_000])
def test_a_truncated_file_never_raises(signing, signed, length):
    assert not verify_pdf(signed[:length], signing.trust(), at=NOON).is_valid


@pytest.mark.slow
def test_garbage_never_raises(signing, signed):
    chance = random.Random(42)
    for _ in range(60):
        content = bytearray(signed)
        for _ in range(chance.randrange(1, 400)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        cut = bytes(content[: chance.randrange(len(content))])
        for hostile in (bytes(content), cut, chance.randbytes(500), b"%PDF-1.7\n" + cut[-300:]):
            assert not verify_pdf(hostile, signing.trust(), at=NOON).is_valid


def test_the_body_of_another_signed_file_does_not_fit(signing, sign, signed, page):
    other = sign(page.replace(b"/Title", b"/Titel", 1))
    mine, theirs = container_of(signed), container_of(other)
    mixed = other[: theirs.start] + signed[mine.start : mine.stop] + other[theirs.stop :]

    found = verify_pdf(mixed, signing.trust(), at=NOON)

    assert found.verdict is Verdict.INVALID
    assert verification.CONTENT_CHANGED in found.problems
