"""Signed files of every kind, made under the test authority, by pyHanko where it can."""

import asyncio
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.x509 import ocsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore
from tests.authority import TestAuthority

from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.pades import HttpTimeStamper

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
_SHA256 = utils.Prehashed(hashes.SHA256())
# Whose private key a certificate belongs to, where that is not its own label.
_SPARE = {
    "revoked",
    "compromised",
    "expired",
    "future",
    "under-withdrawn",
    "no-repudiation",
    "server",
    "stranger",
}


class _PdfSignerAt(PdfSigner):
    """A signer of pyHanko whose clock stands still."""

    def __init__(self, now: datetime, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        self._now = now

    def init_signing_session(self, pdf_out, existing_fields_only=False):
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._now
        return session


class _QuickSigner(SimpleSigner):
    """A signer of pyHanko that does not load and check its key for each signature."""

    def __init__(self, key, **more) -> None:
        super().__init__(signing_key=None, **more)
        self._key = key

    def sign_raw(self, data, digest_algorithm):
        algorithm = getattr(hashes, digest_algorithm.upper())()
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(algorithm))
        return self._key.sign(data, padding.PKCS1v15(), algorithm)


class Maker:
    """Signs files as anybody in the test authority."""

    def __init__(self, authority: TestAuthority) -> None:
        self.authority = authority
        self.now = NOON
        self._told: dict[tuple[str, str, datetime], bytes] = {}

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Let everything be made at another moment."""
        self.authority.set(now=moment.isoformat())
        self.now = moment
        try:
            yield
        finally:
            self.now = NOON
            self.authority.set(now=NOON.isoformat())

    def key(self, label: str):
        """Return the private key behind a certificate."""
        return self.authority.key("spare" if label in _SPARE else label)

    def value(self, label: str, digest: bytes) -> bytes:
        """Return a signature over a SHA-256 digest."""
        key = self.key(label)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(digest, ec.ECDSA(_SHA256))
        return key.sign(digest, padding.PKCS1v15(), _SHA256)

    def chain(self, label: str = "doctor") -> tuple[bytes, ...]:
        """Return the certificates above a person's."""
        if label == "stranger":
            return ()
        return (self.authority.certificate("withdrawn" if "withdrawn" in label else "issuing"),)

    def signer(self, label: str) -> _QuickSigner:
        """Return a signer of pyHanko."""
        store = SimpleCertificateStore()
        store.register_multiple(asn1_x509.Certificate.load(der) for der in self.chain(label))
        certificate = asn1_x509.Certificate.load(self.authority.certificate(label))
        return _QuickSigner(self.key(label), signing_cert=certificate, cert_registry=store)

    def token(self, digest: bytes, *, tsa: str = "tsa") -> bytes:
        """Return a time stamp over a SHA-256 digest."""
        stamper = HttpTimeStamper(self.authority.tsa(tsa))
        return asyncio.run(stamper.async_timestamp(digest, "sha256")).dump()

    def crl(self, issuer: str) -> bytes:
        """Return the list of an authority as of the clock of the authority."""
        known = ("crl", issuer, self.now)
        if known not in self._told:
            address = f"{self.authority.address}/vn/crls/{issuer}/latest.crl"
            self._told[known] = _fetched(address)
        return self._told[known]

    def answer(self, label: str) -> bytes:
        """Return what the OCSP responder says of a certificate now."""
        known = ("ocsp", label, self.now)
        if known not in self._told:
            self._told[known] = self._asked(label)
        return self._told[known]

    def _asked(self, label: str) -> bytes:
        leaf = x509.load_der_x509_certificate(self.authority.certificate(label))
        issuer = x509.load_der_x509_certificate(self.authority.certificate("issuing"))
        asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).build()
        return _fetched(
            f"{self.authority.address}/vn/ocsp/issuing",
            asked.public_bytes(serialization.Encoding.DER),
        )

    def evidence(self, label: str = "doctor", *, crl: bool = True) -> Evidence:
        """Return what a check of a person's signature needs."""
        lists = [self.crl("root"), self.crl("tsa-root")]
        if crl:
            lists.append(self.crl("issuing"))
        return Evidence(
            certificates=self.chain(label),
            crls=tuple(lists),
            ocsps=() if crl else (self.answer(label),),
        )

    def pdf(
        self,
        page: bytes,
        *labels: str,
        tsa: str | None = None,
        keep: bool = False,
        archive: bool = False,
        digest: str = "sha256",
        subfilter: fields.SigSeedSubFilter = fields.SigSeedSubFilter.PADES,
    ) -> bytes:
        """Return a PDF signed by each of `labels` in turn, to the level that is asked for."""
        for number, label in enumerate(labels, start=1):
            context = self._context(label) if keep or archive else None
            metadata = PdfSignatureMetadata(
                field_name=f"Signature{number}-{label}",
                md_algorithm=digest,
                subfilter=subfilter,
                embed_validation_info=keep or archive,
                use_pades_lta=archive,
                validation_context=context,
            )
            stamper = HttpTimeStamper(self.authority.tsa(tsa)) if tsa else None
            signer = _PdfSignerAt(
                self.now, metadata, signer=self.signer(label), timestamper=stamper
            )
            output = BytesIO()
            signer.sign_pdf(
                IncrementalPdfFileWriter(BytesIO(page), strict=False), output=output, in_place=False
            )
            page = output.getvalue()
        return page

    def archived(self, signed: bytes, *, tsa: str = "tsa") -> bytes:
        """Return a signed PDF under one more time stamp."""
        output = BytesIO()
        PdfTimeStamper(HttpTimeStamper(self.authority.tsa(tsa))).timestamp_pdf(
            IncrementalPdfFileWriter(BytesIO(signed)),
            "sha256",
            validation_context=self._context("doctor"),
            output=output,
            validation_paths=None,
        )
        return output.getvalue()

    def cms(self, content: bytes, label: str, *, detached: bool = True) -> bytes:
        """Return a CMS signature over `content`."""
        signer = self.signer(label)
        settings = PdfCMSSignedAttributes(signing_time=self.now)
        made = signer.async_sign_general_data(
            content, "sha256", detached=detached, use_cades=True, signed_attr_settings=settings
        )
        return asyncio.run(made).dump()

    def _context(self, label: str) -> ValidationContext:
        return ValidationContext(
            trust_roots=[asn1_x509.Certificate.load(der) for der in self.authority.roots],
            other_certs=[asn1_x509.Certificate.load(der) for der in self.chain(label)],
            crls=[self.crl(name) for name in ("root", "issuing", "tsa-root")],
            ocsps=[asn1_ocsp.OCSPResponse.load(self.answer(label))],
            moment=self.now,
            allow_fetching=False,
            revocation_mode="soft-fail",
        )


def _fetched(address: str, body: bytes | None = None) -> bytes:
    headers = {"content-type": "application/ocsp-request"} if body else {}
    asked = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read()


def replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    """Return `content` with one occurrence of `old` changed; the test fails if there is none."""
    assert old in content
    return content.replace(old, new, 1)


def joined(parts: Sequence[bytes]) -> bytes:
    """Return parts put together."""
    return b"".join(parts)


__all__ = ["NOON", "Maker", "joined", "replaced", "signers"]
