"""XML signatures and XAdES: what was covered is what is read.

A signature is judged only when nothing about it is open: no entities of the
file's own, unique names of parts, references inside the file only, no
transform that could show something else. The element that was covered is
handed back; whoever reads a signed file reads that element and no other, so
a signature cannot be wrapped around a stranger's content.

Standards: XML Signature 1.1, ETSI EN 319 132-1 (XAdES).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.foundation.signing.checking import claims, containers, methods, words
from yba.foundation.signing.checking.cades import from_base64
from yba.foundation.signing.checking.canonical import (
    DSIG,
    METHODS,
    canonical,
    inclusive_prefixes,
    referenced,
)
from yba.foundation.signing.checking.claims import Asked, Claim
from yba.foundation.signing.checking.containers import Unreadable
from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.checking.verdicts import answer

XADES = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
_DS = {"ds": DSIG, "xades": XADES, "xades141": "http://uri.etsi.org/01903/v1.4.1#"}
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_NEWER = "http://www.w3.org/2007/05/xmldsig-more#"
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    _MORE + "sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
_METHODS = {
    _MORE + "rsa-sha256": "RS256",
    _MORE + "rsa-sha384": "RS384",
    _MORE + "rsa-sha512": "RS512",
    _MORE + "ecdsa-sha256": "EX256",
    _MORE + "ecdsa-sha384": "EX384",
    _MORE + "ecdsa-sha512": "EX512",
    _NEWER + "sha256-rsa-MGF1": "PS256",
    _NEWER + "sha384-rsa-MGF1": "PS384",
    _NEWER + "sha512-rsa-MGF1": "PS512",
    "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519": "EdDSA",
}
_WEAK = ("sha1", "md5", "dsa-sha1", "ripemd160", "sha224", "hmac")
_IDS = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_MOST_REFERENCES = 64
_MOST_SIGNATURES = 50


@dataclass(frozen=True, slots=True)
class Covered:
    """One judged signature and what its references covered, if it is intact.

    `elements` are where they stand in the document; `contents` are the very
    bytes that were digested, without comments and without the signature:
    what is parsed from them is what was signed.
    """

    finding: Finding
    elements: tuple[Any, ...] = ()
    contents: tuple[bytes, ...] = ()


def check(data: bytes, asked: Asked) -> Verification:
    """Return what is found in an XML file; never raises."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        root = parsed(data)
    except Unreadable as error:
        return Verification(
            digest, Verdict.UNREADABLE, problems=(error.problem,), format=Format.XML
        )
    found = judged(root, asked)
    if not found:
        return Verification(
            digest, Verdict.UNSIGNED, problems=(words.NO_SIGNATURE,), format=Format.XML
        )
    return answer(digest, Format.XML, tuple(one.finding for one in found))


def parsed(data: bytes) -> Any:
    """Return the root element. Raises Unreadable for malformed or dangerous XML."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(words.NOT_READABLE) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(words.DANGEROUS_XML)
    return root


def judged(root: Any, asked: Asked) -> list[Covered]:
    """Return every signature of a parsed document, in document order, judged."""
    signatures = [one for one in root.iter(f"{{{DSIG}}}Signature") if not _is_within_signature(one)]
    if len(signatures) > _MOST_SIGNATURES:
        return [Covered(claims.unreadable(words.NOT_READABLE))]
    names = _names(root)
    return [_judged(root, names, one, asked) for one in signatures]


def _is_within_signature(element: Any) -> bool:
    """Return whether a signature lies in another one's object, as a counter-signature does."""
    return any(ancestor.tag == f"{{{DSIG}}}Signature" for ancestor in element.iterancestors())


def _names(root: Any) -> dict[str, list[Any]]:
    """Return the elements of each Id; a name that occurs twice names nothing."""
    names: dict[str, list[Any]] = {}
    for element in root.iter(etree.Element):
        for attribute in _IDS:
            value = element.get(attribute)
            if value is not None:
                names.setdefault(value, []).append(element)
    return names


def _judged(root: Any, names: dict[str, list[Any]], signature: Any, asked: Asked) -> Covered:
    try:
        return _Signature(root, names, signature).judged(asked)
    except Unreadable as error:
        return Covered(claims.unreadable(error.problem))
    # A signature element can contain anything at all.
    except Exception:
        return Covered(claims.unreadable())


class _Signature:
    """One ds:Signature element and the document around it."""

    def __init__(self, root: Any, names: dict[str, list[Any]], element: Any) -> None:
        self._root = root
        self._names = names
        self._element = element
        self._info = self._only("ds:SignedInfo")
        self._value = self._only("ds:SignatureValue")
        self._properties = element.findall(
            "ds:Object/xades:QualifyingProperties/xades:SignedProperties", _DS
        )

    def _only(self, path: str) -> Any:
        found = self._element.findall(path, _DS)
        if len(found) != 1:
            raise Unreadable
        return found[0]

    def judged(self, asked: Asked) -> Covered:
        """Return the judgement. Raises Unreadable if it cannot be decided."""
        leaf, certificates = self._certificate()
        targets, contents, changed = self._references()
        is_advanced = self._names_certificate(leaf, targets)
        fits = self._value_fits(leaf)
        problems = [words.CONTENT_CHANGED] if changed else [] if fits else [words.VALUE_BROKEN]
        parts = [
            (one, content)
            for one, content in zip(targets, contents, strict=True)
            if not self._is_own(one)
        ]
        covered = [one for one, _ in parts]
        if not covered:
            raise Unreadable(words.OUTSIDE_REFERENCE)
        is_whole = _is_whole(self._root, covered)
        evidence = self._evidence()
        claim = Claim(
            certificate=leaf,
            evidence=evidence + Evidence(certificates=certificates),
            intact=not problems,
            problems=(*problems, *(() if is_whole else (words.PART_ONLY,))),
            stated=self._stated_time(is_advanced),
            tokens=self._tokens(),
            covers_all=is_whole,
            covered="" if self._root in covered else ", ".join(_place(one) for one in covered),
            is_advanced=is_advanced,
            keeps_evidence=bool(evidence.crls or evidence.ocsps),
            has_archive_stamp=self._has_archive_stamp(),
        )
        found = claims.finding(claim, asked)
        if not found.intact:
            return Covered(found)
        return Covered(found, tuple(covered), tuple(content for _, content in parts))

    def _is_own(self, target: Any) -> bool:
        """Return whether a covered part is the signature's own bookkeeping."""
        return self._element in target.iterancestors() and target in (
            *self._properties,
            *self._element.findall("ds:KeyInfo", _DS),
            *self._element.findall("ds:Object/ds:SignatureProperties", _DS),
        )

    def _certificate(self) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the signer's certificate and the others of KeyInfo."""
        texts = self._element.findall("ds:KeyInfo/ds:X509Data/ds:X509Certificate", _DS)
        found = tuple(from_base64((text.text or "").encode()) for text in texts)
        if not found:
            raise Unreadable(words.NO_CERTIFICATE)
        if not containers.has_safe_key(containers.loaded(found[0])):
            raise Unreadable(words.WEAK_METHOD)
        # The signer's may stand anywhere; XAdES says by its hash which it is.
        for certificate in found:
            if self._value_fits(certificate):
                return certificate, tuple(one for one in found if one is not certificate)
        return found[0], found[1:]

    def _value_fits(self, certificate: bytes) -> bool:
        method = self._info.find("ds:SignatureMethod", _DS)
        name = "" if method is None else method.get("Algorithm", "")
        if name not in _METHODS:
            raise Unreadable(_unknown(name))
        leaf = containers.loaded(certificate)
        if not containers.has_safe_key(leaf):
            raise Unreadable(words.WEAK_METHOD)
        way = self._info.find("ds:CanonicalizationMethod", _DS)
        if way is None:
            raise Unreadable
        content = canonical(self._info, way.get("Algorithm", ""), prefixes=inclusive_prefixes(way))
        value = from_base64((self._value.text or "").encode())
        return methods.fits(leaf, _METHODS[name], value, content)

    def _references(self) -> tuple[list[Any], list[bytes], bool]:
        """Return what the references point at, its bytes, and whether any was changed."""
        references = self._info.findall("ds:Reference", _DS)
        if not 0 < len(references) <= _MOST_REFERENCES:
            raise Unreadable
        targets: list[Any] = []
        contents: list[bytes] = []
        changed = False
        for reference in references:
            target = self._target(reference.get("URI"))
            transforms = reference.findall("ds:Transforms/ds:Transform", _DS)
            content = referenced(
                self._root,
                target,
                self._element,
                transforms,
                is_document=reference.get("URI") == "",
            )
            changed = changed or not _has_digest(reference, content)
            targets.append(target)
            contents.append(content)
        return targets, contents, changed

    def _target(self, address: str | None) -> Any:
        """Return the one element that an address names. Raises Unreadable."""
        if address == "":
            return self._root
        if address is None or not address.startswith("#") or address.startswith("#xpointer("):
            raise Unreadable(words.OUTSIDE_REFERENCE)
        found = self._names.get(address[1:], [])
        if len(found) > 1:
            raise Unreadable(words.AMBIGUOUS)
        if not found:
            raise Unreadable(words.OUTSIDE_REFERENCE)
        return found[0]

    def _names_certificate(self, leaf: bytes, targets: list[Any]) -> bool:
        """Return whether the signed properties name this certificate by its hash (XAdES).

        Raises Unreadable if they are there and are not signed, or name another.
        """
        if not self._properties:
            return False
        if len(self._properties) > 1 or self._properties[0] not in targets:
            raise Unreadable(words.VALUE_BROKEN)
        own = "xades:SignedSignatureProperties/xades:SigningCertificate"
        [properties] = self._properties
        named = [
            *properties.findall(f"{own}V2/xades:Cert/xades:CertDigest", _DS),
            *properties.findall(f"{own}/xades:Cert/xades:CertDigest", _DS),
        ]
        if not named:
            return False
        if not _has_digest(named[0], leaf):
            raise Unreadable(words.VALUE_BROKEN)
        return True

    def _stated_time(self, is_advanced: bool) -> datetime | None:
        if not is_advanced:
            return None
        [properties] = self._properties
        text = properties.findtext("xades:SignedSignatureProperties/xades:SigningTime", "", _DS)
        try:
            stated = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        return stated if stated.tzinfo else stated.replace(tzinfo=UTC)

    def _unsigned(self, path: str) -> list[Any]:
        return self._element.findall(
            "ds:Object/xades:QualifyingProperties/xades:UnsignedProperties/"
            f"xades:UnsignedSignatureProperties/{path}",
            _DS,
        )

    def _tokens(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return each signature time stamp with the bytes it stamps (EN 319 132-1 §5.3)."""
        found: list[tuple[bytes, bytes]] = []
        for stamp in self._unsigned("xades:SignatureTimeStamp"):
            way = stamp.find("ds:CanonicalizationMethod", _DS)
            method = next(iter(METHODS)) if way is None else way.get("Algorithm", "")
            stamped = canonical(self._value, method)
            tokens = stamp.findall("xades:EncapsulatedTimeStamp", _DS)
            found.extend((from_base64((token.text or "").encode()), stamped) for token in tokens)
        return tuple(found)

    def _has_archive_stamp(self) -> bool:
        """Return whether EN 319 132-1 §5.5.2 was used, or its predecessor."""
        return bool(
            self._unsigned("xades141:ArchiveTimeStamp") or self._unsigned("xades:ArchiveTimeStamp")
        )

    def _evidence(self) -> Evidence:
        """Return the certificates, lists and answers kept beside the signature."""
        values = "xades:EncapsulatedX509Certificate"
        revocations = "xades:RevocationValues/xades:"
        return Evidence(
            certificates=self._values(f"xades:CertificateValues/{values}"),
            crls=self._values(f"{revocations}CRLValues/xades:EncapsulatedCRLValue"),
            ocsps=self._values(f"{revocations}OCSPValues/xades:EncapsulatedOCSPValue"),
        )

    def _values(self, path: str) -> tuple[bytes, ...]:
        return tuple(from_base64((one.text or "").encode()) for one in self._unsigned(path))


def _has_digest(reference: Any, content: bytes) -> bool:
    """Return whether a DigestMethod and DigestValue fit `content`. Raises Unreadable."""
    method = reference.find("ds:DigestMethod", _DS)
    name = "" if method is None else method.get("Algorithm", "")
    if name not in _DIGESTS:
        raise Unreadable(_unknown(name))
    stated = from_base64((reference.findtext("ds:DigestValue", "", _DS) or "").encode())
    return hashlib.new(_DIGESTS[name], content).digest() == stated


def _unknown(method: str) -> str:
    weak = any(name in method.lower() for name in _WEAK)
    return words.WEAK_METHOD if weak else words.UNKNOWN_METHOD


def _is_whole(root: Any, covered: list[Any]) -> bool:
    """Return whether nothing but signatures and empty wrappers lies outside what is covered."""
    if root in covered:
        return True
    allowed = set(_IDS)
    todo = [root]
    while todo:
        element = todo.pop()
        if element in covered:
            continue
        if element.tag == f"{{{DSIG}}}Signature":
            # An enveloping signature holds its content in objects of its own.
            objects = element.findall("ds:Object", _DS)
            plain = [one for one in objects if one.find("xades:QualifyingProperties", _DS) is None]
            if any(one not in covered for one in plain):
                return False
            continue
        if not isinstance(element.tag, str) or not allowed.issuperset(element.attrib):
            return False
        texts = [element.text, *(child.tail for child in element)]
        if any(text and text.strip() for text in texts):
            return False
        todo.extend(child for child in element if isinstance(child.tag, str))
    return True


def _place(element: Any) -> str:
    """Return where an element stands, without namespaces: for people to read."""
    steps = [element, *element.iterancestors()]
    return "/" + "/".join(etree.QName(one).localname for one in reversed(steps))
