"""CMS: a signature beside a file or around it."""

import base64

import pytest
from tests.foundation.signing.checking.makers import replaced

from yba.foundation.signing.checking import words
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.verification import verify

CONTENT = "Quyết định số 15".encode()


@pytest.fixture(scope="session")
def detached(maker) -> bytes:
    """Return a signature beside its content."""
    return maker.cms(CONTENT, "doctor")


@pytest.fixture(scope="session")
def enveloping(maker) -> bytes:
    """Return a signature around its content."""
    return maker.cms(CONTENT, "doctor", detached=False)


def test_a_detached_signature_holds_over_its_content(detached, asked):
    found = verify(detached, asked(), content=CONTENT)

    assert found.is_valid, found
    assert found.last.level == "B-B"


def test_a_detached_signature_asks_for_its_content(detached, asked):
    assert verify(detached, asked()).problems == (words.CONTENT_MISSING,)


def test_other_content_is_told(detached, enveloping, asked):
    for token in (detached, enveloping):
        found = verify(token, asked(), content=CONTENT + b".")
        assert found.verdict is Verdict.INVALID
        assert words.CONTENT_CHANGED in found.problems


def test_an_enveloping_signature_needs_nothing_else(enveloping, asked):
    assert verify(enveloping, asked()).is_valid


def test_text_armour_is_read(detached, asked):
    text = base64.encodebytes(detached)
    armoured = b"-----BEGIN PKCS7-----\n" + text + b"-----END PKCS7-----\n"

    assert verify(armoured, asked(), content=CONTENT).is_valid


def test_changed_content_inside_is_told(enveloping, asked):
    found = verify(replaced(enveloping, b"15", b"16"), asked())

    assert words.CONTENT_CHANGED in found.problems


def test_bytes_behind_the_end_are_refused(enveloping, asked):
    assert verify(enveloping + b"\0", asked()).verdict is Verdict.UNREADABLE
