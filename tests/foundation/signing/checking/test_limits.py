"""What is not judged is said, and does not make a good file bad; what is too weak is refused."""

import json
from datetime import timedelta

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.authority import TestAuthority
from tests.foundation.signing.checking.claims import signed_by
from tests.foundation.signing.checking.makers import NOON, Maker, replaced
from tests.foundation.signing.checking.test_jose import CONTENT
from tests.foundation.signing.checking.test_jose import signed_by as jws_by

from yba.foundation.signing.checking import words
from yba.foundation.signing.checking.jose import padless
from yba.foundation.signing.checking.paths import path_to_root
from yba.foundation.signing.verification import verify

_STAMP = b"MAMCAQE="


def _xades(maker) -> bytes:
    stamp = (
        b'<xades141:ArchiveTimeStamp xmlns:xades141="http://uri.etsi.org/01903/v1.4.1#">'
        b"<xades:EncapsulatedTimeStamp>" + _STAMP + b"</xades:EncapsulatedTimeStamp>"
        b"</xades141:ArchiveTimeStamp>"
    )
    end = b"</xades:UnsignedSignatureProperties>"
    return replaced(signed_by(maker, "seal", tsa="tsa"), end, stamp + end)


def _cades(maker) -> bytes:
    message = cms.ContentInfo.load(maker.cms(CONTENT, "doctor", detached=False))
    signed = message["content"]
    attribute = cms.CMSAttribute(
        {"type": "0.4.0.1733.2.4", "values": cms.SetOfAny([core.Any(core.Null())])}
    )
    signed["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([attribute])
    return message.dump(force=True)


def _jades(maker) -> bytes:
    token = json.loads(jws_by(maker, "seal", tsa="tsa"))
    stamp = {"arcTst": {"tstTokens": [{"val": _STAMP.decode()}]}}
    token["header"]["etsiU"].append(padless(json.dumps(stamp).encode()))
    return json.dumps(token).encode()


@pytest.mark.parametrize("made", [_xades, _cades, _jades])
def test_an_archive_stamp_is_told_and_neither_helps_nor_harms(maker, asked, made):
    content = made(maker)
    detached = CONTENT if made is _jades else None

    found = verify(content, asked(), content=detached)
    later = verify(content, asked(NOON.replace(year=2045)), content=detached)

    assert found.is_valid, found
    assert words.ARCHIVE_STAMP_NOT_JUDGED in found.problems
    assert not later.is_valid, "what is not judged proves nothing"


class _WeakMaker(Maker):
    """Signs with an RSA key of 1024 bits that the issuing authority has certified."""

    def __init__(self, authority: TestAuthority) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        super().__init__(_WeakAuthority(authority, self._key))

    def key(self, label):
        return self._key


class _WeakAuthority(TestAuthority):
    def __init__(self, real: TestAuthority, key) -> None:
        super().__init__(real.folder, real.address)
        model = x509.load_der_x509_certificate(real.certificate("doctor"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(model.subject)
            .issuer_name(model.issuer)
            .public_key(key.public_key())
            .serial_number(0x7FFF)
            .not_valid_before(NOON - timedelta(days=1))
            .not_valid_after(NOON + timedelta(days=365))
        )
        for one in model.extensions:
            if not isinstance(one.value, x509.SubjectKeyIdentifier):
                builder = builder.add_extension(one.value, one.critical)
        made = builder.sign(real.key("issuing"), hashes.SHA256())
        object.__setattr__(self, "_weak", made.public_bytes(serialization.Encoding.DER))

    def certificate(self, label: str) -> bytes:
        return self._weak if label in ("doctor", "seal") else super().certificate(label)


@pytest.fixture(scope="module")
def weak(authority) -> Maker:
    """Return a maker whose key is too short."""
    return _WeakMaker(authority)


@pytest.mark.parametrize("kind", ["pdf", "cms", "xml", "jws"])
def test_a_short_key_is_refused_whoever_certified_it(weak, page, asked, kind):
    content = {
        "pdf": lambda: weak.pdf(page, "doctor"),
        "cms": lambda: weak.cms(CONTENT, "doctor", detached=False),
        "xml": lambda: signed_by(weak, "seal"),
        "jws": lambda: jws_by(weak, "seal"),
    }[kind]()

    found = verify(content, asked(), content=CONTENT if kind == "jws" else None)

    assert not found.is_valid, found
    assert words.WEAK_METHOD in found.problems


def test_a_path_through_a_short_key_is_no_path(authority):
    issuer_key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Khoá ngắn")])
    model = x509.load_der_x509_certificate(authority.certificate("root"))
    leaf_model = x509.load_der_x509_certificate(authority.certificate("doctor"))

    def issued(subject, key, like, *, by) -> x509.Certificate:
        builder = x509.CertificateBuilder(name, subject, key, 77)
        builder = builder.not_valid_before(NOON - timedelta(days=1))
        builder = builder.not_valid_after(NOON + timedelta(days=9))
        named = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
        for one in like.extensions:
            if not isinstance(one.value, named):
                builder = builder.add_extension(one.value, one.critical)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        builder = builder.add_extension(identifier, critical=False)
        own = x509.SubjectKeyIdentifier.from_public_key(key)
        return builder.add_extension(own, critical=False).sign(by, hashes.SHA256())

    long_key = authority.key("issuing")
    for by, is_trusted in ((issuer_key, False), (long_key, True)):
        root = issued(name, by.public_key(), model, by=by)
        leaf = issued(leaf_model.subject, leaf_model.public_key(), leaf_model, by=by)
        found = path_to_root(leaf, [], [root], at=NOON)
        assert isinstance(found, tuple) is is_trusted, found
