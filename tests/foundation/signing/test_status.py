"""The authorities are asked before a signature, and nobody's old or foreign answer is believed."""

from dataclasses import replace

import pytest
from tests.authority import TODAY, a_day_before

from yba.foundation.signing import lasting, pades
from yba.foundation.signing.authority import Trust
from yba.foundation.signing.certificates import usable_status
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.errors import (
    CertificateNotValid,
    CertificateRevoked,
    CertificateUntrusted,
    CertificateWrongPurpose,
)
from yba.foundation.signing.model import Consent, KeyRef, SigningCertificate
from yba.foundation.signing.prolonging import prolong
from yba.foundation.signing.service import Paper, open_signing, prepare_batch, sign_batch
from yba.foundation.signing.status import status_of
from yba.foundation.signing.verification import verify_pdf


@pytest.fixture(autouse=True)
def mended(authority):
    yield
    authority.mend()


@pytest.fixture(scope="module")
def trust(authority) -> Trust:
    return Trust(roots=authority.roots, intermediates=authority.chain)


@pytest.fixture(scope="module")
def licensed(authority, tmp_path_factory):
    """Return an installation that trusts the test authority."""
    folder = tmp_path_factory.mktemp("pki")
    (folder / "trusted").mkdir()
    for label in ("root", "issuing", "withdrawn", "tsa-root"):
        (folder / "trusted" / f"{label}.crt").write_bytes(authority.certificate(label))
    return open_signing(
        folder,
        organisation="Bệnh viện Đa khoa Thử Nghiệm",
        facility_code="99999",
        at=TODAY,
        timestamp_url=authority.tsa_url,
    )


async def test_signer_and_issuer_are_both_asked(authority, trust):
    found = await status_of(authority.certificate("doctor"), (), trust, at=TODAY)

    assert found.state is Revocation.GOOD
    assert len(found.evidence.ocsps) == 1
    assert len(found.evidence.crls) == 2
    assert len(found.chain) == 3


@pytest.mark.parametrize(
    ("label", "refusal"),
    [
        ("revoked", CertificateRevoked),
        ("compromised", CertificateRevoked),
        ("under-withdrawn", CertificateRevoked),
        ("expired", CertificateNotValid),
        ("future", CertificateNotValid),
        ("server", CertificateWrongPurpose),
        ("no-repudiation", CertificateWrongPurpose),
        ("issuing", CertificateWrongPurpose),
        ("stranger", CertificateUntrusted),
    ],
)
async def test_what_must_not_sign_is_refused(authority, licensed, label, refusal):
    with pytest.raises(refusal):
        await usable_status(licensed, authority.certificate(label), authority.chain, at=TODAY)


async def test_revoked_yesterday_is_known_today(authority, trust):
    found = await status_of(authority.certificate("revoked"), (), trust, at=TODAY)

    assert (found.state, found.since) == (Revocation.REVOKED, a_day_before(TODAY))


@pytest.mark.parametrize("ocsp", ["down", "replay", "old", "other", "try-later", "garbage"])
async def test_an_answer_that_proves_nothing_leaves_the_state_unknown(authority, trust, ocsp):
    await status_of(authority.certificate("head"), (), trust, at=TODAY)
    authority.set(ocsp=ocsp, crl="down")

    found = await status_of(authority.certificate("doctor"), (), trust, at=TODAY)

    assert found.state is Revocation.UNKNOWN
    assert not found.is_certain


async def test_an_old_list_proves_nothing_but_a_revocation_in_it_counts(authority, trust):
    authority.set(ocsp="down", crl="old")

    good = await status_of(authority.certificate("doctor"), (), trust, at=TODAY)
    bad = await status_of(authority.certificate("compromised"), (), trust, at=TODAY)

    assert good.state is Revocation.UNKNOWN
    assert bad.state is Revocation.REVOKED


async def test_one_who_answers_is_enough(authority, trust):
    authority.set(ocsp="down")
    found = await status_of(authority.certificate("doctor"), (), trust, at=TODAY)
    assert found.state is Revocation.GOOD


class _FileKeys:
    name = "file"

    def __init__(self, key) -> None:
        self._key = key

    async def sign(self, key, digests, consent):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

        sha = utils.Prehashed(hashes.SHA256())
        if isinstance(self._key, rsa.RSAPrivateKey):
            return [self._key.sign(one, padding.PKCS1v15(), sha) for one in digests]
        return [self._key.sign(one, ec.ECDSA(sha)) for one in digests]


async def _signed(licensed, authority, page, label, doctor, *, tsa="tsa"):
    signing = replace(
        licensed,
        places={"file": _FileKeys(authority.key(label))},
        timestamper=pades.HttpTimeStamper(authority.tsa(tsa)),
    )
    from yba.foundation.signing.certificates import holder_of

    certificate = SigningCertificate(
        1, holder_of(doctor, signing), KeyRef("file", label), authority.certificate(label),
        "f" * 64, TODAY, TODAY, authority.chain,
    )  # fmt: skip
    consent = Consent(account_id="a", summary="Ký", method="pin", at=TODAY)
    ready = await prepare_batch(
        signing=signing, certificate=certificate, papers=[Paper(page, "Phiếu", "Phiếu")], at=TODAY
    )
    [done] = await sign_batch(
        signing=signing, certificate=certificate, ready=ready, consent=consent, at=TODAY
    )
    return signing, done


@pytest.mark.parametrize("label", ["doctor", "doctor-ec"])
async def test_every_level_is_reached_and_holds_with_everything_off(
    authority, licensed, page, doctor, label
):
    signing, done = await _signed(licensed, authority, page, label, doctor)
    assert done.level == "B-T"
    made = await prolong(signing, done.content, at=TODAY)
    assert (made.level, made.why) == ("B-LTA", "")
    again = await prolong(signing, made.content, at=TODAY)
    assert again.content.startswith(made.content)
    authority.set(ocsp="down", crl="down", tsa="down")

    in_six_years = TODAY.replace(year=TODAY.year + 6)
    found = verify_pdf(again.content, licensed.trust(), at=in_six_years)

    assert found.is_valid, found
    assert [one.level for one in found.findings] == ["B-LTA"]


@pytest.mark.parametrize("tsa", ["expired", "wrong-purpose", "stranger"])
async def test_a_stamp_that_proves_nothing_is_not_kept(authority, licensed, page, doctor, tsa):
    _, done = await _signed(licensed, authority, page, "doctor", doctor, tsa=tsa)

    assert done.level == "B-B"
    assert not any(one.is_time_stamp for one in lasting.signers_of(done.content))


@pytest.mark.parametrize("fault", ["down", "slow-clock", "garbage"])
async def test_an_authority_at_fault_is_asked_again_later(authority, licensed, page, doctor, fault):
    authority.set(tsa=fault)
    signing, done = await _signed(licensed, authority, page, "doctor", doctor)
    assert done.level == "B-B"
    assert (await prolong(signing, done.content, at=TODAY)).why == "no-time-stamp"
    authority.mend()

    made = await prolong(signing, done.content, at=TODAY)

    assert made.level == "B-LTA"


async def test_without_revocation_answers_the_moment_is_proven_and_the_rest_waits(
    authority, licensed, page, doctor
):
    authority.set(ocsp="down", crl="down", tsa="down")
    signing, done = await _signed(licensed, authority, page, "doctor", doctor)
    authority.set(tsa="up")

    made = await prolong(signing, done.content, at=TODAY)

    assert (made.level, made.why) == ("B-T", "no-answer")
    authority.mend()
    assert (await prolong(signing, made.content, at=TODAY)).level == "B-LTA"


async def test_a_stamp_near_its_end_says_until_when(authority, licensed, page, doctor):
    signing, done = await _signed(licensed, authority, page, "doctor", doctor, tsa="ending")
    made = await prolong(signing, done.content, at=TODAY)
    assert made.stamped_until is not None
    assert (made.stamped_until - TODAY).days < 90
