"""PAdES: a signature inside a PDF, in three steps.

`prepare` writes an empty signature field and returns the digest to sign;
whoever holds the key signs that digest; `finish` puts the answer into the
space that was kept free. Only a digest ever travels to a key.

The space is exactly as large as the signature needs (an RSA signature has a
known length), so no byte of the file is outside the signature and padding
cannot hide anything. With a time stamp, or a key on a curve, the length is
not known beforehand and the rest is filled with zeros, which `verification`
insists on. What makes a signature last is added later, by `lasting`.

Standards: ETSI EN 319 142-1 §6 (baseline B-B, B-T), ISO 32000-2 §12.8.1.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

import httpx
from asn1crypto import cms, parser, tsp
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from yba.foundation.signing.errors import UnreadablePdf
from yba.kernel.clock import local

# Room for a token with its certificates; a token without is about 1.5 kB.
_TIMESTAMP_BYTES = 12 * 1024
# Identifier octets of X.690 §8.1.2, as asn1crypto numbers them.
_UNIVERSAL, _CONTEXT, _CONSTRUCTED = 0, 2, 1


@dataclass(frozen=True, slots=True)
class SigningNote:
    """What the signature dictionary says in words: field, reason, place, name, time."""

    field_name: str
    reason: str
    location: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """A PDF that waits for its signature value."""

    digest: bytes
    output: BytesIO = field(repr=False)
    attributes: bytes = field(repr=False)
    byte_range: PreparedByteRangeDigest = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Container:
    """The CMS container of one certificate, with place-holders for digest and signature.

    A PAdES B-B container of a given RSA key differs in these two values only,
    and both have a fixed length; encoding it anew costs more than signing.
    `place` is the place-holder of the signature; of a key on a curve it is as
    long as the longest signature.
    """

    attributes: bytes
    container: bytes
    place: bytes
    is_fixed: bool

    def attributes_for(self, document_digest: bytes) -> bytes:
        return _replace_once(self.attributes, _NO_DIGEST, document_digest)

    def filled(self, document_digest: bytes, signature: bytes) -> bytes:
        container = _replace_once(self.container, _NO_DIGEST, document_digest)
        return _replace_once(container, self.place, signature)


_NO_DIGEST = hashlib.sha256(b"place of the document digest").digest()


def _place_of(certificate: bytes) -> tuple[bytes, bool]:
    """Return a place-holder for a signature of this certificate's key; is its length fixed?"""
    key = asn1_x509.Certificate.load(certificate).public_key
    is_fixed = key.algorithm == "rsa"
    # ECDSA-Sig-Value: two integers, each perhaps one byte longer, in a sequence.
    length = key.byte_size if is_fixed else 2 * (key.byte_size + 3) + 3
    seed = hashlib.sha256(b"place of the signature").digest()
    return (seed * (length // len(seed) + 1))[:length], is_fixed


def _replace_once(content: bytes, place: bytes, value: bytes) -> bytes:
    if len(value) != len(place) or content.count(place) != 1:
        raise ValueError("the place-holder does not fit")
    return content.replace(place, value)


@lru_cache(maxsize=1024)
def _container(certificate: bytes, chain: tuple[bytes, ...]) -> _Container:
    async def build() -> _Container:
        signer = _signer(certificate, chain, place)
        attributes = await signer.signed_attrs(_NO_DIGEST, "sha256", use_pades=True)
        container = await signer.async_sign_prescribed_attributes("sha256", attributes)
        return _Container(attributes.dump(), container.dump(), place, is_fixed)

    place, is_fixed = _place_of(certificate)
    return asyncio.run(build())


def _signer(certificate: bytes, chain: tuple[bytes, ...], value: bytes) -> ExternalSigner:
    store = SimpleCertificateStore()
    store.register_multiple(asn1_x509.Certificate.load(der) for der in chain)
    return ExternalSigner(
        signing_cert=asn1_x509.Certificate.load(certificate),
        cert_registry=store,
        signature_value=value,
        embed_roots=False,
    )


def prepare(
    pdf: bytes,
    *,
    certificate: bytes,
    chain: tuple[bytes, ...],
    note: SigningNote,
    with_timestamp: bool = False,
) -> Prepared:
    """Add a signature field to `pdf` and return the SHA-256 digest to sign.

    `certificate` is for an RSA key or one on a curve; `chain` are the
    intermediate certificates to embed. Earlier revisions and signatures stay
    byte for byte. Raises UnreadablePdf for anything that is not a whole,
    unencrypted PDF.
    """
    container = _container(certificate, chain)
    reserved = 2 * len(container.container) + (2 * _TIMESTAMP_BYTES if with_timestamp else 0)
    try:
        byte_range, output = asyncio.run(_prepare(pdf, certificate, chain, note, reserved))
    # pyHanko answers malformed files with many kinds of exception, among
    # them KeyError, TypeError and RecursionError; all mean the same here.
    except Exception as error:
        raise UnreadablePdf from error
    attributes = container.attributes_for(byte_range.document_digest)
    return Prepared(
        digest=hashlib.sha256(attributes).digest(),
        output=output,
        attributes=attributes,
        byte_range=byte_range,
        certificate=certificate,
        chain=chain,
    )


async def _prepare(
    pdf: bytes,
    certificate: bytes,
    chain: tuple[bytes, ...],
    note: SigningNote,
    reserved: int,
) -> tuple[PreparedByteRangeDigest, BytesIO]:
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    if writer.prev.encrypted:
        raise UnreadablePdf
    metadata = PdfSignatureMetadata(
        field_name=note.field_name,
        md_algorithm="sha256",
        reason=note.reason,
        location=note.location,
        name=note.name,
        subfilter=fields.SigSeedSubFilter.PADES,
    )
    pdf_signer = PdfSigner(
        metadata,
        signer=_signer(certificate, chain, _place_of(certificate)[0]),
        new_field_spec=fields.SigFieldSpec(note.field_name),
    )
    session = pdf_signer.init_signing_session(writer)
    session.system_time = local(note.at)
    validation = await session.perform_presign_validation(writer)
    document: Any = session.prepare_tbs_document(validation, bytes_reserved=reserved)
    return document.digest_tbs_document(in_place=False)


def finish(
    prepared: Prepared,
    signature: bytes,
    *,
    timestamper: TimeStamper | None = None,
    believed: Callable[[bytes], bool] | None = None,
) -> bytes:
    """Return the signed PDF.

    With a `timestamper` the signature value is stamped (B-T); `believed`
    looks at the token (DER). Raises whatever the time-stamp authority's
    failure is, TimeStampNotBelieved included; the caller decides what to do then.
    """
    template = _container(prepared.certificate, prepared.chain)
    if timestamper is None and template.is_fixed:
        container = template.filled(prepared.byte_range.document_digest, signature)
    else:
        container = asyncio.run(_stamped(prepared, signature, timestamper))
        if timestamper is not None and believed is not None:
            _require_belief(container, believed)
    prepared.byte_range.fill_with_cms(prepared.output, container)
    return prepared.output.getvalue()


class TimeStampNotBelieved(Exception):
    """The authority answered with a stamp that proves nothing here."""


def _require_belief(container: bytes, believed: Callable[[bytes], bool]) -> None:
    signed: Any = cms.ContentInfo.load(container)["content"]
    [signer] = signed["signer_infos"]
    for attribute in signer["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token" and all(
            believed(token.dump()) for token in attribute["values"]
        ):
            return
    raise TimeStampNotBelieved


async def _stamped(prepared: Prepared, signature: bytes, timestamper: TimeStamper | None) -> bytes:
    """Return the template with the values of this signature, and its time stamp.

    What does not change keeps its bytes.
    """
    template = _container(prepared.certificate, prepared.chain)
    message: Any = cms.ContentInfo.load(template.container)
    signed = message["content"]
    signer = signed["signer_infos"][0]
    signer["signed_attrs"] = cms.CMSAttributes.load(prepared.attributes)
    signer["signature"] = signature
    if timestamper is not None:
        digest = hashlib.sha256(signature).digest()
        token = await timestamper.async_timestamp(digest, "sha256")
        attribute = cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [token]})
        signer["unsigned_attrs"] = _settled(cms.CMSAttributes([_settled(attribute)]))
    signed["signer_infos"] = _settled(cms.SignerInfos([_settled(signer)]))
    inner = parser.emit(_CONTEXT, _CONSTRUCTED, 0, signed.untag().dump())
    return parser.emit(
        _UNIVERSAL, _CONSTRUCTED, cms.ContentInfo.tag, message["content_type"].dump() + inner
    )


def _settled(value: Any) -> Any:
    """Return the same value, encoded.

    asn1crypto encodes whatever was changed anew at every level above it,
    several times over: ten times as long as the signature itself.
    """
    return type(value).load(value.dump())


class HttpTimeStamper(TimeStamper):
    """Asks an RFC 3161 authority over HTTP, once, with a time limit."""

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        super().__init__()
        self._url = url
        self._seconds = seconds

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Return the authority's answer to `req`; raises httpx.HTTPError."""
        async with httpx.AsyncClient(timeout=self._seconds) as client:
            answer = await client.post(
                self._url,
                content=req.dump(),
                headers={"Content-Type": "application/timestamp-query"},
            )
            answer.raise_for_status()
        return tsp.TimeStampResp.load(answer.content)
