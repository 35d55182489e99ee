"""Signing with evidence: who, by which certificate, what exactly, and when."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from yba.foundation.signing import service
from yba.foundation.signing.errors import FileTooLarge, MayNotSign
from yba.foundation.signing.model import MAX_FILE_BYTES, SignerRole, Verdict


async def put(tx, signing, actor, pdf, at, **more):
    consent = service.confirmed(actor, summary="Phiếu thử", at=at)
    return await service.sign_pdf(
        tx,
        signing=signing,
        actor=actor,
        pdf=pdf,
        document="DocumentReference/d1",
        reason="Thử",
        consent=consent,
        at=at,
        **more,
    )


async def test_a_signature_leaves_evidence_of_exactly_these_bytes(tx, signing, doctor, page, at):
    done = await put(tx, signing, doctor, page, at)

    [evidence] = await service.signatures_of(tx, document="DocumentReference/d1")
    assert evidence.signed_sha256 == hashlib.sha256(done.content).hexdigest() == done.sha256
    assert evidence.input_sha256 == hashlib.sha256(page).hexdigest()
    assert (evidence.signer_name, evidence.account_id) == (doctor.name, doctor.account_id)
    assert (evidence.method, evidence.level) == ("session", "B-B")
    assert evidence.signed_at == at
    found = await service.verify_pdf(done.content, trust=signing.trust(), at=at)
    assert found.verdict is Verdict.VALID


async def test_evidence_cannot_be_changed(tx, signing, doctor, page, at):
    await put(tx, signing, doctor, page, at)

    with pytest.raises(asyncpg.RaiseError):
        await tx.execute("UPDATE signing.signature SET signer_name = 'x'")


async def test_a_person_keeps_one_certificate(tx, signing, doctor, page, at):
    first = await put(tx, signing, doctor, page, at)
    second = await put(tx, signing, doctor, page, at + timedelta(days=1))

    assert first.fingerprint == second.fingerprint


async def test_a_new_name_gets_a_new_certificate(tx, signing, doctor, page, at):
    first = await put(tx, signing, doctor, page, at)
    second = await put(tx, signing, replace(doctor, name="Trần Ngọc Ánh"), page, at)

    assert first.fingerprint != second.fingerprint
    assert second.signer_name == "Trần Ngọc Ánh"


async def test_a_certificate_near_its_end_is_replaced(tx, signing, doctor, page, at):
    first = await put(tx, signing, doctor, page, at)
    second = await put(tx, signing, doctor, page, at + timedelta(days=3 * 365 - 10))

    assert first.fingerprint != second.fingerprint


async def test_a_person_without_licence_may_not_sign(tx, signing, doctor, page, at):
    with pytest.raises(MayNotSign):
        await put(tx, signing, replace(doctor, licence=""), page, at)


async def test_an_account_that_is_no_practitioner_may_not_sign(tx, signing, doctor, page, at):
    with pytest.raises(MayNotSign):
        await put(tx, signing, replace(doctor, practitioner_id=None), page, at)


async def test_the_organisation_puts_its_seal_after_the_author(tx, signing, doctor, page, at):
    authored = await put(tx, signing, doctor, page, at)
    sealed = await put(tx, signing, doctor, authored.content, at, role=SignerRole.ORGANISATION)

    found = await service.verify_pdf(sealed.content, trust=signing.trust(), at=at)
    assert found.is_valid
    assert [finding.who for finding in found.findings] == [doctor.name, signing.organisation]


async def test_a_revoked_signer_gets_a_new_certificate_and_the_old_is_told(
    tx, signing, doctor, page, at
):
    first = await put(tx, signing, doctor, page, at)
    holder = service.holder_of(doctor, signing)

    assert await service.revoke_certificate(
        tx, signing=signing, actor=doctor, holder=holder, reason="lost", at=at
    )
    second = await put(tx, signing, doctor, page, at)

    assert second.fingerprint != first.fingerprint
    old = await service.verify_pdf(first.content, trust=signing.trust(), at=at + timedelta(hours=1))
    new = await service.verify_pdf(
        second.content, trust=signing.trust(), at=at + timedelta(hours=1)
    )
    assert (old.verdict, new.verdict) == (Verdict.UNTRUSTED, Verdict.VALID)


async def test_signing_is_audited(tx, signing, doctor, page, at):
    await put(tx, signing, doctor, page, at)

    traces = await tx.values(
        "SELECT resources[1] FROM audit.event WHERE what = 'signing.sign_pdf' AND account_id = $1",
        doctor.account_id,
    )
    assert traces == ["DocumentReference/d1"]


async def test_no_key_material_reaches_the_database(tx, signing, doctor, page, at):
    done = await put(tx, signing, doctor, page, at)
    label = await tx.value(
        "SELECT key_label FROM signing.certificate WHERE fingerprint = $1", done.fingerprint
    )
    prime = signing.keys.opened(label).private_numbers().p.to_bytes(128, "big")

    rows = await tx.values("SELECT textsend(c::text) || der FROM signing.certificate c")

    assert rows
    assert all(prime not in row for row in rows)


async def test_a_file_beyond_the_limit_is_refused(signing, at):
    with pytest.raises(FileTooLarge):
        await service.verify_pdf(b"%" * (MAX_FILE_BYTES + 1), trust=signing.trust(), at=at)


class TestTimeStamps:
    """A time-stamp authority proves the time; without its answer the paper is signed anyway."""

    async def test_with_an_authority_the_time_is_proven(self, tx, signing, doctor, page, at):
        stamped = replace(signing, timestamper=stamping_authority(signing, at))

        done = await put(tx, stamped, doctor, page, at)

        found = await service.verify_pdf(done.content, trust=signing.trust(), at=at)
        assert done.level == "B-T"
        assert found.is_valid
        assert found.last is not None
        assert found.last.time_is_proven
        assert found.problems == ()

    async def test_what_was_stamped_before_a_revocation_stays_valid(
        self, tx, signing, doctor, page, at
    ):
        stamped = replace(signing, timestamper=stamping_authority(signing, at))
        about = {"actor": doctor, "signing": stamped}
        done = await put(tx, stamped, doctor, page, at)

        await service.revoke_certificate(
            tx,
            holder=service.holder_of(doctor, stamped),
            reason="left",
            at=at + timedelta(days=1),
            **about,
        )

        later = at + timedelta(days=2)
        assert (await service.verify_pdf(done.content, trust=signing.trust(), at=later)).is_valid

    async def test_without_an_answer_the_level_is_told(self, tx, signing, doctor, page, at):
        from yba.foundation.signing.pades import HttpTimeStamper

        silent = replace(signing, timestamper=HttpTimeStamper("http://127.0.0.1:9/", seconds=0.2))

        done = await put(tx, silent, doctor, page, at)

        found = await service.verify_pdf(done.content, trust=signing.trust(), at=at)
        assert done.level == "B-B"
        assert found.is_valid


def stamping_authority(signing, at):
    """Return a time-stamp authority in memory, certified by our issuing authority."""
    from asn1crypto import keys as asn1_keys
    from asn1crypto import x509 as asn1_x509
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from pyhanko.sign.timestamps import DummyTimeStamper
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=Test time-stamp authority"))
        .issuer_name(signing.authority.issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=365))
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
        .sign(signing.keys.opened("issuing"), hashes.SHA256())
    )
    store = SimpleCertificateStore()
    store.register(asn1_x509.Certificate.load(signing.trust().intermediates[0]))
    return DummyTimeStamper(
        tsa_cert=asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
        tsa_key=asn1_keys.PrivateKeyInfo.load(
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        ),
        certs_to_embed=store,
        fixed_dt=at,
    )
