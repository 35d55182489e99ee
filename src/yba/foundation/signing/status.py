"""Is a certificate in force right now? Asked of its authority, before and after signing.

Decree 23/2025/NĐ-CP wants the state of the subscriber's certificate and of
its issuer's looked at before every signature. The addresses are those of
the certificates themselves, and they are asked only when the path leads to
a root that this installation trusts. OCSP and CRL are both asked, so that
the evidence can be kept with the signature (PAdES B-LT).

An answer is believed if the authority signed it, it is about this very
certificate, its window holds the moment, and its nonce is ours or absent
(RFC 6960 §4.4.1). Nobody answering leaves the state unknown: the signature
is made, marked and looked at again by a job.

Standards: RFC 5280 §6, RFC 6960, RFC 5019 (size and time limits are ours).
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import httpx
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking.authority import trusted
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.checking.paths import Purpose, path_to_root
from yba.foundation.signing.checking.revocation import Evidence, standing_of_path

_log = structlog.get_logger(__name__)

_SECONDS = 5.0
_MOST_BYTES = 20 * 1024 * 1024
_MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What is known of a certificate and its issuers at one moment.

    `problem` is a sentence when there is no path to a trusted root or the
    certificate is made for something else; then nothing was asked. `chain`
    are the certificates from the holder to the root, `evidence` what was
    answered.
    """

    state: Revocation
    chain: tuple[bytes, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    since: datetime | None = None
    problem: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether everybody who had to answer has answered."""
        return not self.problem and self.state is not Revocation.UNKNOWN


async def status_of(
    certificate: bytes,
    chain: Iterable[bytes],
    trust: Trust,
    *,
    at: datetime,
    purpose: Purpose = Purpose.SIGNING,
) -> CertificateStatus:
    """Ask the authorities of `certificate` about it and about its issuers.

    `chain` are intermediates that may help. Raises nothing: who does not
    answer, or answers nonsense, leaves the state unknown.
    """
    leaf = x509.load_der_x509_certificate(certificate)
    whom = trusted(trust)
    helpers = [*whom.intermediates, *map(x509.load_der_x509_certificate, chain)]
    path = path_to_root(leaf, helpers, whom.roots, at=at, purpose=purpose)
    if not isinstance(path, tuple):
        return CertificateStatus(Revocation.UNKNOWN, problem=path.problem)
    asked = await _asked(path, whom.evidence)
    standing = standing_of_path(path, asked + whom.evidence, at=at)
    kept = _kept(path, asked, trust)
    return CertificateStatus(
        standing.state,
        tuple(one.public_bytes(serialization.Encoding.DER) for one in path),
        kept,
        standing.since,
    )


def _kept(path: tuple[x509.Certificate, ...], asked: Evidence, trust: Trust) -> Evidence:
    """Return what belongs into a file: the answers, our own lists, the certificates."""
    own = tuple(
        one
        for one in trust.crls
        if any(x509.load_der_x509_crl(one).issuer == issuer.subject for issuer in path[1:])
    )
    certificates = tuple(one.public_bytes(serialization.Encoding.DER) for one in path)
    return Evidence(certificates=certificates, crls=asked.crls + own, ocsps=asked.ocsps)


async def _asked(path: tuple[x509.Certificate, ...], own: Evidence) -> Evidence:
    """Ask about every certificate of a path whose issuer keeps no list here."""
    known = {x509.load_der_x509_crl(one).issuer for one in own.standing_lists}
    pairs = [pair for pair in pairwise(path) if pair[1].subject not in known]
    if not pairs:
        return Evidence()
    limits = httpx.Limits(max_connections=8)
    async with httpx.AsyncClient(timeout=_SECONDS, limits=limits) as client:
        answers = await asyncio.gather(*(_about(client, *pair) for pair in pairs))
    return sum(answers, Evidence())


async def _about(
    client: httpx.AsyncClient, certificate: x509.Certificate, issuer: x509.Certificate
) -> Evidence:
    responders, lists = _addresses(certificate)
    ocsps, crls = await asyncio.gather(
        _first(_ocsp(client, url, certificate, issuer) for url in responders),
        _first(_crl(client, url) for url in lists),
    )
    return Evidence(crls=crls, ocsps=ocsps)


async def _first(attempts: Iterable[Coroutine[None, None, bytes | None]]) -> tuple[bytes, ...]:
    """Return the first answer of several places that hold the same."""
    found: tuple[bytes, ...] = ()
    for attempt in attempts:
        if found:
            attempt.close()
            continue
        try:
            answer = await attempt
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            _log.warning("signing.no_answer", error=type(error).__name__)
            continue
        if answer is not None:
            found = (answer,)
    return found


async def _ocsp(
    client: httpx.AsyncClient, url: str, certificate: x509.Certificate, issuer: x509.Certificate
) -> bytes | None:
    nonce = secrets.token_bytes(32)
    request = (
        ocsp.OCSPRequestBuilder()
        # RFC 5019 §2.1.1 fixes SHA-1 for names of certificates; it protects nothing here.
        .add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
        .add_extension(x509.OCSPNonce(nonce), critical=False)
        .build()
    )
    content = await _fetched(
        client.stream(
            "POST",
            url,
            content=request.public_bytes(serialization.Encoding.DER),
            headers={"content-type": "application/ocsp-request"},
        )
    )
    answer = ocsp.load_der_ocsp_response(content)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return None
    try:
        returned = answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return content
    # An answer to somebody else's question: played again.
    return content if returned == nonce else None


async def _crl(client: httpx.AsyncClient, url: str) -> bytes | None:
    content = await _fetched(client.stream("GET", url))
    x509.load_der_x509_crl(content)
    return content


async def _fetched(opening: AbstractAsyncContextManager[httpx.Response]) -> bytes:
    parts: list[bytes] = []
    size = 0
    async with opening as answer:
        answer.raise_for_status()
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > _MOST_BYTES:
                raise ValueError("an answer of this size is no answer")
            parts.append(part)
    return b"".join(parts)


def _addresses(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """Return where OCSP answers and where lists are, HTTP only."""
    responders: list[str] = []
    lists: list[str] = []
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.AuthorityInformationAccess):
            responders += [
                str(one.access_location.value)
                for one in value
                if one.access_method == AuthorityInformationAccessOID.OCSP
            ]
        elif isinstance(value, x509.CRLDistributionPoints):
            lists += [str(name.value) for point in value for name in point.full_name or ()]
    return _over_http(responders), _over_http(lists)


def _over_http(addresses: list[str]) -> list[str]:
    return [one for one in addresses if one.startswith(("http://", "https://"))][:_MOST_ADDRESSES]
