"""Signing what is not a PDF: XML files that are exchanged, entries of the record.

Standards: ETSI EN 319 132-1 (XAdES), ETSI TS 119 182-1 (JAdES), FHIR R4
Signature.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import anyio.to_thread
import structlog

from yba.foundation.audit import service as audit
from yba.foundation.signing import jws, store, xades
from yba.foundation.signing.certificates import certificate_in_use, holder_of, seal_of
from yba.foundation.signing.checking import provenance
from yba.foundation.signing.checking.containers import Unreadable
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.errors import UnsignableResource
from yba.foundation.signing.installation import Signing
from yba.foundation.signing.model import Consent, SignerRole, SigningCertificate
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.plumbing.database import Tx

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedXml:
    """A signed XML file and what is remembered about its signature."""

    content: bytes
    sha256: str
    signature_id: int
    level: str


@dataclass(frozen=True, slots=True)
class ResourceSignature:
    """A signature over one FHIR resource, ready for Provenance.signature.

    `data` is base64 of the JWS, as FHIR R4 Signature.data wants it.
    """

    data: str
    sig_format: str
    target_format: str
    signature_id: int
    level: str
    fingerprint: str


async def sign_xml(
    tx: Tx,
    *,
    signing: Signing,
    actor: Actor,
    content: bytes,
    document: str,
    consent: Consent,
    at: datetime,
    role: SignerRole = SignerRole.ORGANISATION,
    slot: str | None = xades.FACILITY_SLOT,
) -> SignedXml:
    """Sign an XML file as the organisation (or as `actor`, by role); keep the evidence.

    The signature goes into the empty element `slot`. `document` says what is
    signed. With a time-stamp authority that answers the level is B-T, or
    B-LT if our own authority issued the certificate; otherwise B-B. Writes
    audit and evidence inside `tx`.

    Raises UnsignableXml, MayNotSign, KeyNotHere, CertificateNotValid.
    """
    certificate = await _certificate(tx, signing, actor, role, at)
    chain = signing.authority.chain()
    prepared = await anyio.to_thread.run_sync(
        partial(xades.prepare, content, certificate=certificate.der, chain=chain, at=at, slot=slot)
    )
    value = await _value(signing, certificate, prepared.digest, consent)
    token = await _token(signing, xades.stamped(prepared, value))
    kept = _kept(signing, certificate) if token is not None else None
    signed = await anyio.to_thread.run_sync(
        partial(xades.finish, prepared, value, token=token, kept=kept)
    )
    level = "B-B" if token is None else "B-T"
    number = await _remember(tx, certificate, content, signed, document, role, level, consent, at)
    await audit.record(
        tx, actor=actor, action="E", what="signing.sign_xml", at=at, references=[document]
    )
    return SignedXml(signed, hashlib.sha256(signed).hexdigest(), number, level)


async def sign_resource(
    tx: Tx,
    *,
    signing: Signing,
    actor: Actor,
    resource: Mapping[str, Any],
    consent: Consent,
    at: datetime,
    role: SignerRole = SignerRole.AUTHOR,
) -> ResourceSignature:
    """Sign one FHIR resource, given as JSON values, as `actor`; keep the evidence.

    What is signed is its canonical form (`checking.provenance.canonical`):
    everything but `meta` and `text`. Writes audit and evidence inside `tx`.

    Raises UnsignableResource, MayNotSign, KeyNotHere, CertificateNotValid.
    """
    try:
        content = provenance.canonical(dict(resource))
    except Unreadable as error:
        raise UnsignableResource from error
    certificate = await _certificate(tx, signing, actor, role, at)
    prepared = jws.prepare(
        content, certificate=certificate.der, chain=signing.authority.chain(), at=at
    )
    value = await _value(signing, certificate, prepared.digest, consent)
    token = await _token(signing, jws.stamped(prepared, value))
    signed = jws.finish(prepared, value, token=token)
    level = "B-B" if token is None else "B-T"
    name = f"{resource.get('resourceType')}/{resource.get('id')}"
    number = await _remember(tx, certificate, content, signed, name, role, level, consent, at)
    await audit.record(
        tx, actor=actor, action="E", what="signing.sign_resource", at=at, references=[name]
    )
    return ResourceSignature(
        data=base64.b64encode(signed).decode(),
        sig_format=provenance.JOSE,
        target_format=provenance.TARGET_FORMAT,
        signature_id=number,
        level=level,
        fingerprint=certificate.fingerprint,
    )


async def _certificate(
    tx: Tx, signing: Signing, actor: Actor, role: SignerRole, at: datetime
) -> SigningCertificate:
    is_seal = role is SignerRole.ORGANISATION
    holder = seal_of(signing) if is_seal else holder_of(actor, signing)
    return await certificate_in_use(tx, signing=signing, holder=holder, at=at)


async def _value(
    signing: Signing, certificate: SigningCertificate, digest: bytes, consent: Consent
) -> bytes:
    place = signing.place(certificate.key.place)
    [value] = await place.sign(certificate.key, [digest], consent)
    return value


async def _token(signing: Signing, digest: bytes) -> bytes | None:
    """Return a time stamp, or None if nobody is asked or nobody answers."""
    if signing.timestamper is None:
        return None
    try:
        return (await signing.timestamper.async_timestamp(digest, "sha256")).dump()
    # Whatever keeps the authority from answering must not stop the sender;
    # the level says that the time stamp is missing.
    except Exception as error:
        _log.warning("signing.no_time_stamp", error=type(error).__name__)
        return None


def _kept(signing: Signing, certificate: SigningCertificate) -> Evidence | None:
    """Return what a later check needs, where our own authority can tell."""
    if not signing.authority.has_issued(certificate.der):
        return None
    return Evidence(certificates=signing.authority.chain(), crls=(signing.authority.crl(),))


async def _remember(
    tx: Tx,
    certificate: SigningCertificate,
    content: bytes,
    signed: bytes,
    document: str,
    role: SignerRole,
    level: str,
    consent: Consent,
    at: datetime,
) -> int:
    number = new_snowflake()
    await tx.execute(
        store.INSERT_SIGNATURE,
        number,
        document,
        hashlib.sha256(content).hexdigest(),
        hashlib.sha256(signed).hexdigest(),
        role.value,
        level,
        certificate.fingerprint,
        consent.account_id,
        certificate.holder.name,
        consent.summary,
        consent.method,
        at,
    )
    return number
