"""CAdES and PKCS#7: a container beside a file or around it.

Standards: RFC 5652, ETSI EN 319 122-1.
"""

import base64
import binascii
import hashlib
from typing import Any, cast

from asn1crypto import parser, pem

from yba.foundation.signing.checking import claims, containers, words
from yba.foundation.signing.checking.claims import Asked, Claim
from yba.foundation.signing.checking.containers import Container, Unreadable
from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification
from yba.foundation.signing.checking.verdicts import answer

_PEM_NAMES = frozenset({"PKCS7", "CMS"})


def check(data: bytes, asked: Asked, content: bytes | None = None) -> Verification:
    """Return what is found in a container; `content` is what a detached one signs.

    If the container has content of its own, `content` must be the same bytes.
    """
    digest = hashlib.sha256(data).hexdigest()
    try:
        whole = _binary(data)
        container = containers.opened(whole)
    except Unreadable:
        return _plain(digest, Verdict.UNREADABLE, words.NOT_READABLE)
    inner = container.content
    if inner is None and content is None:
        return _plain(digest, Verdict.UNREADABLE, words.CONTENT_MISSING)
    signed = content if inner is None else inner
    assert signed is not None
    differs = content is not None and inner is not None and content != inner
    findings = tuple(
        _finding(container, signer, signed, asked, differs=differs) for signer in container.signers
    )
    return answer(digest, Format.CMS, findings)


def _plain(digest: str, verdict: Verdict, problem: str) -> Verification:
    return Verification(digest, verdict, problems=(problem,), format=Format.CMS)


def _binary(data: bytes) -> bytes:
    """Return the DER bytes, with nothing after them. Raises Unreadable."""
    try:
        if data.startswith(b"-----BEGIN"):
            name, _, content = cast("tuple[str, Any, bytes]", pem.unarmor(data))
            if name not in _PEM_NAMES:
                raise Unreadable
            data = content
        parsed: Any = parser.parse(data, strict=True)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Unreadable from error
    assert parsed
    return data


def _finding(
    container: Container, signer: Any, content: bytes, asked: Asked, *, differs: bool
) -> Finding:
    try:
        certificate = containers.certificate_of(
            signer, container.evidence.certificates + asked.evidence.certificates
        )
        held = containers.integrity(
            signer, certificate, container.content_type, containers.digest_of(content, signer)
        )
        value = signer["signature"].native
        tokens = containers.attribute_values(signer, "unsigned_attrs", "signature_time_stamp_token")
        problems = held.problems() or ([words.CONTENT_CHANGED] if differs else [])
        return claims.finding(
            Claim(
                certificate=certificate,
                evidence=container.evidence,
                intact=held.holds and not differs,
                problems=tuple(problems),
                stated=containers.stated_time(signer),
                tokens=tuple((token.dump(), value) for token in tokens),
                is_advanced=containers.is_cades(signer),
                keeps_evidence=bool(container.evidence.crls or container.evidence.ocsps),
                has_archive_stamp=containers.has_archive_stamp(signer),
            ),
            asked,
        )
    except Unreadable as error:
        return claims.unreadable(error.problem)
    # A container can be anything.
    except Exception:
        return claims.unreadable()


def from_base64(text: bytes) -> bytes:
    """Return the bytes behind base64 text. Raises Unreadable."""
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable from error
