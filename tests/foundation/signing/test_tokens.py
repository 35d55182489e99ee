"""Keys on a token: found without a PIN, used with one, gone when it is pulled out."""

import hashlib
import os
from collections.abc import Generator
from dataclasses import replace

import pytest
from tests.authority import TODAY
from tests.fakes.token import MODULE, make_token

from yba.foundation.signing import tokens
from yba.foundation.signing.certificates import fits_key
from yba.foundation.signing.errors import (
    KeyNotHere,
    PinMissing,
    PinWrong,
    TokenModuleMissing,
    TokenRemoved,
)
from yba.foundation.signing.model import Consent, KeyRef
from yba.foundation.signing.secret import Secret, SecretUsed
from yba.foundation.signing.tokens import TokenKey, TokenKeys, TokenPool, Tokens

PIN = "482913"
DIGESTS = [hashlib.sha256(bytes([number])).digest() for number in range(50)]
CONSENT = Consent(account_id="a", summary="Ký 50 văn bản", method="pin", at=TODAY)


@pytest.fixture(scope="module")
def soft(authority, tmp_path_factory) -> Generator[object]:
    token = make_token(
        tmp_path_factory.mktemp("token"),
        authority,
        ["doctor", "doctor-ec"],
        name="THE-BAC-SI",
        pin=PIN,
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
    yield token
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(scope="module")
def driver(soft) -> Tokens:
    return Tokens(MODULE)


def test_certificates_are_found_without_a_pin(driver, authority):
    found = {one.key.label: one for one in driver.found()}

    assert found["doctor"].certificate == authority.certificate("doctor")
    assert TokenKey.parse(found["doctor"].key.uri) == found["doctor"].key


@pytest.mark.parametrize("label", ["doctor", "doctor-ec"])
def test_a_basket_is_signed_with_one_pin(driver, authority, label):
    values = driver.sign(TokenKey("THE-BAC-SI", label), DIGESTS, PIN.encode())

    certificate = authority.certificate(label)
    assert all(
        fits_key(certificate, digest, value) for digest, value in zip(DIGESTS, values, strict=True)
    )


def test_a_wrong_pin_is_told_and_signs_nothing(driver):
    with pytest.raises(PinWrong):
        driver.sign(TokenKey("THE-BAC-SI", "doctor"), DIGESTS[:1], b"000000")


def test_another_key_is_not_here(driver):
    with pytest.raises(KeyNotHere):
        driver.sign(TokenKey("THE-BAC-SI", "nobody"), DIGESTS[:1], PIN.encode())


@pytest.mark.parametrize("label", ["doctor", "doctor-ec"])
def test_a_token_pulled_out_in_the_middle_leaves_nothing(driver, soft, monkeypatch, label):
    made = []
    really = tokens.signature

    def pulling(private, digest, *, pin=None):
        if len(made) == 7:
            soft.pull_out()
        made.append(digest)
        return really(private, digest, pin=pin)

    monkeypatch.setattr(tokens, "signature", pulling)
    try:
        with pytest.raises(TokenRemoved):
            driver.sign(TokenKey("THE-BAC-SI", label), DIGESTS, PIN.encode())
    finally:
        soft.plug_in()
    monkeypatch.undo()

    assert len(made) == 8
    assert len(driver.sign(TokenKey("THE-BAC-SI", label), DIGESTS[:3], PIN.encode())) == 3


async def test_a_person_gives_her_pin_for_every_act(driver):
    place = TokenKeys(driver)
    key = KeyRef("pkcs11", TokenKey("THE-BAC-SI", "doctor").uri)
    with pytest.raises(PinMissing):
        await place.sign(key, DIGESTS[:1], CONSENT)
    once = replace(CONSENT, secret=Secret(PIN))

    assert len(await place.sign(key, DIGESTS[:2], once)) == 2

    with pytest.raises(PinMissing):
        await place.sign(key, DIGESTS[:1], once)


class TestPool:
    """A seal in a module: the PIN lies in a file that only the service may read."""

    def test_it_stays_logged_in_and_comes_back(self, driver, soft, tmp_path, authority):
        secret = tmp_path / "pin"
        secret.write_text(PIN + "\n")
        secret.chmod(0o600)
        pool = TokenPool(driver, "THE-BAC-SI", secret)
        key = TokenKey("THE-BAC-SI", "doctor")
        assert len(pool.sign(key, DIGESTS)) == 50
        soft.pull_out()
        try:
            with pytest.raises(TokenRemoved):
                pool.sign(key, DIGESTS[:1])
        finally:
            soft.plug_in()

        [value] = pool.sign(key, DIGESTS[:1])

        assert fits_key(authority.certificate("doctor"), DIGESTS[0], value)
        assert PIN not in repr(vars(pool))
        pool.close()

    def test_a_file_that_others_may_read_is_refused(self, driver, tmp_path):
        secret = tmp_path / "pin"
        secret.write_text(PIN)
        secret.chmod(0o644)

        with pytest.raises(PinMissing):
            TokenPool(driver, "THE-BAC-SI", secret).sign(TokenKey("THE-BAC-SI", "doctor"), DIGESTS)


def test_a_missing_driver_is_told(tmp_path):
    with pytest.raises(TokenModuleMissing):
        Tokens(tmp_path / "none.so").found()


@pytest.mark.parametrize("uri", ["", "file:/x", "pkcs11:", "pkcs11:object=x"])
def test_what_names_no_token_is_refused(uri):
    with pytest.raises(KeyNotHere):
        TokenKey.parse(uri)


def test_a_secret_serves_once_and_shows_nothing():
    secret = Secret(PIN)

    assert PIN not in f"{secret!r} {secret}"
    assert secret.take() == PIN.encode()
    with pytest.raises(SecretUsed):
        secret.take()
