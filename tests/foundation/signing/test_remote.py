"""A remote signing service: one confirmation for many hashes, and nothing but those."""

import hashlib
from dataclasses import replace

import httpx
import pytest
from tests.authority import TODAY
from tests.fakes.signing_service import SigningService

from yba.foundation.signing.certificates import fits_key
from yba.foundation.signing.errors import (
    KeyNotHere,
    PinMissing,
    RemoteRefused,
    RemoteUnreachable,
)
from yba.foundation.signing.model import Consent, KeyRef
from yba.foundation.signing.remote import RemoteAccount, RemoteKeys
from yba.foundation.signing.secret import Secret

DIGESTS = [hashlib.sha256(bytes([number])).digest() for number in range(50)]


@pytest.fixture
def service(authority) -> SigningService:
    return SigningService(authority)


@pytest.fixture
async def keys(service):
    transport = httpx.ASGITransport(app=service.application())
    async with httpx.AsyncClient(transport=transport) as client:
        yield RemoteKeys(RemoteAccount("https://ky.example", "benh-vien", "bi-mat"), client=client)


def consent(pin="7391", otp="204816") -> Consent:
    plain = Consent(account_id="a", summary="Ký 50 văn bản", method="otp", at=TODAY)
    return replace(plain, secret=Secret(pin), code=Secret(otp))


@pytest.mark.parametrize("label", ["doctor", "doctor-ec"])
async def test_fifty_hashes_cost_one_confirmation(authority, service, keys, label):
    values = await keys.sign(KeyRef("remote", label), DIGESTS, consent())

    assert service.calls.count("credentials/authorize") == 1
    assert service.descriptions == ["Ký 50 văn bản"]
    certificate = authority.certificate(label)
    assert all(fits_key(certificate, d, v) for d, v in zip(DIGESTS, values, strict=True))


@pytest.mark.parametrize(("pin", "otp"), [("0000", "204816"), ("7391", "000000")])
async def test_a_wrong_pin_or_code_signs_nothing(service, keys, pin, otp):
    with pytest.raises(RemoteRefused):
        await keys.sign(KeyRef("remote", "doctor"), DIGESTS, consent(pin, otp))
    assert "signatures/signHash" not in service.calls


async def test_what_the_service_asks_for_must_be_entered(keys):
    plain = Consent(account_id="a", summary="Ký", method="session", at=TODAY)
    with pytest.raises(PinMissing):
        await keys.sign(KeyRef("remote", "doctor"), DIGESTS, plain)


async def test_activation_data_serve_these_hashes_and_once(service, keys):
    service.mode = "oauth2code"
    known = await keys.credential("doctor", at=TODAY)
    code = service.allow("doctor", DIGESTS[:2], "v" * 43)
    activation = await keys.activation_for(
        code=code, redirect_uri="https://yba.example/back", code_verifier="v" * 43
    )
    with pytest.raises(RemoteRefused):
        await keys.sign_activated(known, DIGESTS[1:3], activation, at=TODAY)
    code = service.allow("doctor", DIGESTS[:2], "w" * 43)
    activation = await keys.activation_for(
        code=code, redirect_uri="https://yba.example/back", code_verifier="w" * 43
    )
    assert len(await keys.sign_activated(known, DIGESTS[:2], activation, at=TODAY)) == 2
    with pytest.raises(RemoteRefused):
        await keys.sign_activated(known, DIGESTS[:2], activation, at=TODAY)


async def test_the_address_of_the_page_names_the_hashes(keys):
    known = await keys.credential("doctor", at=TODAY)
    address = keys.authorisation_address(
        known, DIGESTS[:2], redirect_uri="https://yba.example/back", state="s", code_challenge="c"
    )
    assert "numSignatures=2" in address
    assert "bi-mat" not in address


async def test_a_holder_who_confirms_in_an_app_signs_in_parts(service, keys):
    service.mode, service.most = "implicit", 20
    plain = Consent(account_id="a", summary="Ký", method="app", at=TODAY)
    assert len(await keys.sign(KeyRef("remote", "doctor"), DIGESTS, plain)) == 50
    assert service.calls.count("credentials/authorize") == 3


async def test_a_service_that_is_down_is_told(service, keys):
    service.is_down = True
    with pytest.raises(RemoteUnreachable):
        await keys.sign(KeyRef("remote", "doctor"), DIGESTS, consent())


async def test_an_unknown_credential_is_refused(keys):
    with pytest.raises((KeyNotHere, RemoteRefused)):
        await keys.credential("nobody", at=TODAY)


async def test_the_keys_of_a_person_are_listed(keys, authority):
    found = await keys.credentials("bs-anh", at=TODAY)
    assert [one.certificate for one in found] == [
        authority.certificate("doctor"),
        authority.certificate("doctor-ec"),
    ]


def test_the_secret_of_the_account_is_not_shown():
    account = RemoteAccount("https://ky.example", "benh-vien", "bi-mat")
    assert "bi-mat" not in f"{account} {RemoteKeys(account)!r}"
