"""XAdES: a signature inside an XML document, in three steps.

`prepare` computes what is to be signed and returns its digest; whoever holds
the key signs that digest; `finish` puts the signature into its place. The
document's own bytes stay as they are: the signature is inserted, nothing is
reformatted. Canonicalisation is the inclusive one, in place, so the
signature holds as long as the document is not cut out of itself.

Standards: ETSI EN 319 132-1 (baseline B-B, B-T, B-LT), XML Signature 1.1.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.foundation.signing.checking.canonical import DSIG, ENVELOPED, INCLUSIVE, canonical
from yba.foundation.signing.checking.containers import Unreadable
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.checking.xml import SIGNED_PROPERTIES, XADES, parsed
from yba.foundation.signing.errors import UnsignableXml
from yba.kernel.clock import local

# Where claim files and check-ins carry the facility's signature (letter 1245).
FACILITY_SLOT = "CHUKYDONVI"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_NS = {"ds": DSIG, "xades": XADES}


@dataclass(frozen=True, slots=True)
class Prepared:
    """An XML document that waits for its signature value."""

    digest: bytes
    content: bytes = field(repr=False)
    slot: str | None = None
    info: str = field(default="", repr=False)
    behind: str = field(default="", repr=False)
    is_curve: bool = False
    curve_bytes: int = 0


def prepare(
    content: bytes,
    *,
    certificate: bytes,
    chain: tuple[bytes, ...] = (),
    at: datetime,
    slot: str | None = FACILITY_SLOT,
) -> Prepared:
    """Return the SHA-256 digest to sign over the whole document `content`.

    `content` is UTF-8 and holds the empty element `slot` exactly once, which
    takes the signature; without a `slot` it becomes the last child of the
    root. `certificate` and `chain` are in DER. Raises UnsignableXml.
    """
    root = _parsed(content)
    _place(content, slot)
    mark = hashlib.sha256(content + certificate + at.isoformat().encode()).hexdigest()[:16]
    whole = _digest(canonical(root, is_document=True))
    key = x509.load_der_x509_certificate(certificate).public_key()
    is_curve = isinstance(key, ec.EllipticCurvePublicKey)
    behind = _behind(certificate, chain, mark, at)
    draft = _assembled(content, slot, _info(mark, "", "", is_curve=is_curve), "", behind)
    properties = _only(_parsed(draft), "xades:SignedProperties")
    info = _info(mark, whole, _digest(canonical(properties)), is_curve=is_curve)
    drafted = _parsed(_assembled(content, slot, info, "", behind))
    return Prepared(
        digest=hashlib.sha256(canonical(_only(drafted, "ds:SignedInfo"))).digest(),
        content=content,
        slot=slot,
        info=info,
        behind=behind,
        is_curve=is_curve,
        curve_bytes=(key.curve.key_size + 7) // 8
        if isinstance(key, ec.EllipticCurvePublicKey)
        else 0,
    )


def stamped(prepared: Prepared, signature: bytes) -> bytes:
    """Return the SHA-256 digest that a time stamp of the signature covers."""
    whole = _assembled(
        prepared.content, prepared.slot, prepared.info, _value(prepared, signature), prepared.behind
    )
    return hashlib.sha256(canonical(_only(_parsed(whole), "ds:SignatureValue"))).digest()


def finish(
    prepared: Prepared,
    signature: bytes,
    *,
    token: bytes | None = None,
    kept: Evidence | None = None,
) -> bytes:
    """Return the signed document.

    `signature` is PKCS#1 v1.5 or, for a curve, DER. `token` is a time stamp
    over `stamped` (B-T); `kept` are the certificates, lists and answers that
    let the signature be checked years later (B-LT, only with a token).
    """
    behind = prepared.behind
    if token is not None:
        behind = behind.replace(
            "</xades:QualifyingProperties>",
            f"{_unsigned(token, kept)}</xades:QualifyingProperties>",
        )
    value = _value(prepared, signature)
    return _assembled(prepared.content, prepared.slot, prepared.info, value, behind)


def _parsed(content: bytes) -> Any:
    try:
        root = parsed(content)
    except Unreadable as error:
        raise UnsignableXml from error
    encoding = root.getroottree().docinfo.encoding
    if encoding is not None and encoding.upper() not in ("UTF-8", "ASCII", "US-ASCII"):
        raise UnsignableXml
    return root


def _place(content: bytes, slot: str | None) -> tuple[bytes, bytes]:
    """Return what stands before and behind the signature."""
    if slot is None:
        end = content.rfind(b"</")
        if end < 0:
            raise UnsignableXml
        return content[:end], content[end:]
    empty = f"<{slot}/>".encode()
    if content.count(empty) != 1:
        raise UnsignableXml
    before, behind = content.split(empty)
    return before + f"<{slot}>".encode(), f"</{slot}>".encode() + behind


def _assembled(content: bytes, slot: str | None, info: str, value: str, behind: str) -> bytes:
    first, last = _place(content, slot)
    name = behind.partition(' Target="#')[2].partition('"')[0]
    signature = (
        f'<ds:Signature xmlns:ds="{DSIG}" Id="{name}">{info}'
        f"<ds:SignatureValue>{value}</ds:SignatureValue>{behind}</ds:Signature>"
    )
    return first + signature.encode() + last


def _info(mark: str, whole: str, properties: str, *, is_curve: bool) -> str:
    method = _MORE + ("ecdsa-sha256" if is_curve else "rsa-sha256")
    way = f'Algorithm="{INCLUSIVE}"'
    return (
        f"<ds:SignedInfo><ds:CanonicalizationMethod {way}/>"
        f'<ds:SignatureMethod Algorithm="{method}"/>'
        f'<ds:Reference Id="content-{mark}" URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform {way}/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{_SHA256}"/><ds:DigestValue>{whole}</ds:DigestValue>'
        f'</ds:Reference><ds:Reference Type="{SIGNED_PROPERTIES}" URI="#signed-{mark}">'
        f"<ds:Transforms><ds:Transform {way}/></ds:Transforms>"
        f'<ds:DigestMethod Algorithm="{_SHA256}"/><ds:DigestValue>{properties}</ds:DigestValue>'
        "</ds:Reference></ds:SignedInfo>"
    )


def _behind(certificate: bytes, chain: tuple[bytes, ...], mark: str, at: datetime) -> str:
    """Return KeyInfo and the signed properties (EN 319 132-1 §5.2)."""
    certificates = "".join(
        f"<ds:X509Certificate>{_base64(one)}</ds:X509Certificate>" for one in (certificate, *chain)
    )
    moment = local(at).isoformat(timespec="seconds")
    return (
        f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo><ds:Object>"
        f'<xades:QualifyingProperties xmlns:xades="{XADES}" Target="#xades-{mark}">'
        f'<xades:SignedProperties Id="signed-{mark}"><xades:SignedSignatureProperties>'
        f"<xades:SigningTime>{moment}</xades:SigningTime>"
        f'<xades:SigningCertificateV2><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="'
        f'{_SHA256}"/><ds:DigestValue>{_digest(certificate)}</ds:DigestValue></xades:CertDigest>'
        "</xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties>"
        "<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="
        f'"#content-{mark}"><xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat>'
        "</xades:SignedDataObjectProperties></xades:SignedProperties>"
        "</xades:QualifyingProperties></ds:Object>"
    )


def _unsigned(token: bytes, kept: Evidence | None) -> str:
    """Return the properties that nobody signs: time stamp and evidence (§5.3 to §5.5)."""
    parts = [
        f'<xades:SignatureTimeStamp><ds:CanonicalizationMethod Algorithm="{INCLUSIVE}"/>'
        f"<xades:EncapsulatedTimeStamp>{_base64(token)}</xades:EncapsulatedTimeStamp>"
        "</xades:SignatureTimeStamp>"
    ]
    if kept is not None:
        certificates = _each("EncapsulatedX509Certificate", kept.certificates)
        lists = _each("EncapsulatedCRLValue", kept.crls)
        answers = _each("EncapsulatedOCSPValue", kept.ocsps)
        parts += [
            f"<xades:CertificateValues>{certificates}</xades:CertificateValues>",
            "<xades:RevocationValues>",
            f"<xades:CRLValues>{lists}</xades:CRLValues>" if lists else "",
            f"<xades:OCSPValues>{answers}</xades:OCSPValues>" if answers else "",
            "</xades:RevocationValues>",
        ]
    inner = "".join(parts)
    return (
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
        f"{inner}</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
    )


def _each(name: str, values: tuple[bytes, ...]) -> str:
    return "".join(f"<xades:{name}>{_base64(one)}</xades:{name}>" for one in values)


def _only(root: Any, name: str) -> Any:
    prefix, _, local_name = name.partition(":")
    # The last one: a signature is put behind those that are there already.
    *_, found = root.iter(etree.QName(_NS[prefix], local_name).text)
    return found


def _value(prepared: Prepared, signature: bytes) -> str:
    if not prepared.is_curve:
        return _base64(signature)
    # XML Signature §6.4.3: both numbers side by side instead of DER.
    r, s = utils.decode_dss_signature(signature)
    width = prepared.curve_bytes
    return _base64(r.to_bytes(width, "big") + s.to_bytes(width, "big"))


def _digest(content: bytes) -> str:
    return _base64(hashlib.sha256(content).digest())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
