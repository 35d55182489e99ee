"""Certificates in use: one for each holder, issued or linked, renewed, revoked.

Without a licensed certificate a holder gets one of this installation's own
authority on first need. One from a licensed authority is linked: it must
lead to a trusted root, be made for signing, bear the holder's name, be in
force (its issuers too), and its holder must show that she has the key.

Source: Decree 23/2025/NĐ-CP (state of subscriber and issuer, titles of
office); RFC 5280 §4.2.1.3 (nonRepudiation).
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import anyio.to_thread
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

from yba.foundation.audit import service as audit
from yba.foundation.signing import store
from yba.foundation.signing.checking import words
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.errors import (
    CertificateNotValid,
    CertificateOfAnother,
    CertificateRevoked,
    CertificateUntrusted,
    CertificateWrongPurpose,
    MayNotSign,
    PossessionNotProven,
)
from yba.foundation.signing.installation import Signing
from yba.foundation.signing.model import Consent, Holder, HolderKind, KeyRef, SigningCertificate
from yba.foundation.signing.status import CertificateStatus, status_of
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_snowflake
from yba.kernel.refusal import Refusal
from yba.kernel.text import fold
from yba.plumbing.database import Tx

_MOST = 1000
_RENEW_BEFORE = timedelta(days=30)
_SHA256 = utils.Prehashed(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class _CertificateRow:
    certificate_id: int
    holder_kind: str
    holder_id: str
    holder_name: str
    organisation: str
    licence: str
    key_place: str
    key_label: str
    der: bytes
    fingerprint: str
    valid_from: datetime
    valid_to: datetime
    chain: list[bytes]
    title: str


def holder_of(actor: Actor, signing: Signing) -> Holder:
    """Return the person behind `actor`. Raises MayNotSign without a licence."""
    if actor.practitioner_id is None or not actor.licence:
        raise MayNotSign
    return Holder(
        kind=HolderKind.PERSON,
        holder_id=actor.practitioner_id,
        name=actor.name,
        organisation=signing.organisation,
        licence=actor.licence,
    )


def seal_of(signing: Signing) -> Holder:
    """Return the organisation as a holder, for its seal."""
    return Holder(
        kind=HolderKind.ORGANISATION,
        holder_id=signing.facility_code,
        name=signing.organisation,
        organisation=signing.organisation,
    )


async def certificate_in_use(
    tx: Tx, *, signing: Signing, holder: Holder, at: datetime
) -> SigningCertificate:
    """Return the certificate that `holder` signs with; issue it if there is none.

    One of our own authority that is near its end, or whose key is gone from
    this machine, is retired and replaced. A linked one is never replaced by
    us: raises CertificateNotValid when it has ended.
    """
    row = await _in_use(tx, holder)
    if row is not None and _may_sign(signing, row, holder, at):
        return _certificate(row)
    await tx.execute(store.LOCK_HOLDER, _lock_name(holder))
    row = await _in_use(tx, holder)
    if row is not None:
        if _may_sign(signing, row, holder, at):
            return _certificate(row)
        await tx.execute(store.RETIRE_CERTIFICATE, row.certificate_id, at, "replaced")
    issued = await _issue(tx, signing=signing, holder=holder, at=at)
    if not issued.valid_from <= at < issued.valid_to:
        raise CertificateNotValid(certificate=issued.fingerprint[:16])
    return issued


async def linked_certificate(tx: Tx, *, holder: Holder) -> SigningCertificate | None:
    """Return the certificate that a holder has now, whatever its state; None without one."""
    row = await _in_use(tx, holder)
    return None if row is None else _certificate(row)


async def certificates_in_use(tx: Tx) -> list[SigningCertificate]:
    """Return every certificate that somebody signs with now, by holder."""
    return [_certificate(row) for row in await tx.rows(_CertificateRow, store.CERTIFICATES, _MOST)]


async def _in_use(tx: Tx, holder: Holder) -> _CertificateRow | None:
    return await tx.row(
        _CertificateRow, store.CERTIFICATE_IN_USE, holder.kind.value, holder.holder_id
    )


def _lock_name(holder: Holder) -> str:
    return f"{holder.kind.value}:{holder.holder_id}"


def _may_sign(signing: Signing, row: _CertificateRow, holder: Holder, at: datetime) -> bool:
    if row.key_place != signing.keys.name or row.chain:
        if not row.valid_from <= at < row.valid_to:
            raise CertificateNotValid(certificate=row.fingerprint[:16])
        return True
    usable = (
        row.holder_name == holder.name
        and row.licence == holder.licence
        and signing.keys.holds(row.key_label)
        and signing.authority.has_issued(row.der)
    )
    return usable and at < row.valid_to - _RENEW_BEFORE


def _certificate(row: _CertificateRow) -> SigningCertificate:
    holder = Holder(
        kind=HolderKind(row.holder_kind),
        holder_id=row.holder_id,
        name=row.holder_name,
        organisation=row.organisation,
        licence=row.licence,
    )
    return SigningCertificate(
        certificate_id=row.certificate_id,
        holder=holder,
        key=KeyRef(row.key_place, row.key_label),
        der=row.der,
        fingerprint=row.fingerprint,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        chain=tuple(row.chain),
        title=row.title,
    )


async def _issue(tx: Tx, *, signing: Signing, holder: Holder, at: datetime) -> SigningCertificate:
    number = new_snowflake()
    label = f"{holder.kind.value}-{encode_id(number)}"

    def make() -> bytes:
        return signing.authority.issue(holder, signing.keys.create(label), at=at)

    der = await anyio.to_thread.run_sync(make)
    return await _keep(tx, holder, KeyRef(signing.keys.name, label), der, (), at)


async def _keep(
    tx: Tx, holder: Holder, key: KeyRef, der: bytes, chain: tuple[bytes, ...], at: datetime
) -> SigningCertificate:
    parsed = x509.load_der_x509_certificate(der)
    certificate = SigningCertificate(
        certificate_id=new_snowflake(),
        holder=holder,
        key=key,
        der=der,
        fingerprint=hashlib.sha256(der).hexdigest(),
        valid_from=parsed.not_valid_before_utc,
        valid_to=parsed.not_valid_after_utc,
        chain=chain,
        title=_named(parsed, NameOID.TITLE),
    )
    await tx.execute(
        store.INSERT_CERTIFICATE,
        certificate.certificate_id,
        holder.kind.value,
        holder.holder_id,
        holder.name,
        holder.organisation,
        holder.licence,
        key.place,
        key.label,
        der,
        certificate.fingerprint,
        certificate.valid_from,
        certificate.valid_to,
        at,
        list(chain),
        certificate.title,
    )
    return certificate


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """A certificate of a licensed authority whose holder showed that she has the key."""

    certificate: bytes
    chain: tuple[bytes, ...]
    key: KeyRef


async def prove_key(
    *,
    signing: Signing,
    holder: Holder,
    certificate: bytes,
    chain: Sequence[bytes],
    key: KeyRef,
    consent: Consent,
    at: datetime,
) -> ProvenKey:
    """Let a key prove itself by signing a fresh random value where it lives.

    `consent` carries the PIN if that place asks for one. May last as long as
    a person needs, so no transaction should be open.

    Raises CertificateNotValid, CertificateRevoked, CertificateUntrusted,
    CertificateWrongPurpose, CertificateOfAnother, PossessionNotProven, and
    what the place refuses.
    """
    try:
        parsed = x509.load_der_x509_certificate(certificate)
    except ValueError as error:
        raise CertificateUntrusted from error
    require_name(parsed, holder)
    found = await usable_status(signing, certificate, chain, at=at)
    challenge = hashlib.sha256(b"yba key possession" + secrets.token_bytes(32)).digest()
    [answer] = await signing.place(key.place).sign(key, [challenge], consent)
    if not fits_key(certificate, challenge, answer):
        raise PossessionNotProven
    # The root is trusted by choice, not by being in a file.
    return ProvenKey(certificate, found.chain[1:-1] or tuple(chain), key)


async def link_proven(
    tx: Tx, *, actor: Actor, holder: Holder, proven: ProvenKey, at: datetime
) -> SigningCertificate:
    """Let `holder` sign with a proven key from now on; the certificate before it is retired."""
    await tx.execute(store.LOCK_HOLDER, _lock_name(holder))
    row = await _in_use(tx, holder)
    if row is not None:
        if row.der == proven.certificate and KeyRef(row.key_place, row.key_label) == proven.key:
            return _certificate(row)
        await tx.execute(store.RETIRE_CERTIFICATE, row.certificate_id, at, "linked another")
    linked = await _keep(tx, holder, proven.key, proven.certificate, proven.chain, at)
    await audit.record(tx, actor=actor, action="C", what="signing.link_certificate", at=at)
    return linked


async def usable_status(
    signing: Signing, certificate: bytes, chain: Sequence[bytes], *, at: datetime
) -> CertificateStatus:
    """Ask the authorities whether a certificate may sign now; see status_of.

    Raises CertificateNotValid, CertificateRevoked, CertificateUntrusted,
    CertificateWrongPurpose. An unknown state is returned, not refused.
    """
    parsed = x509.load_der_x509_certificate(certificate)
    short = hashlib.sha256(certificate).hexdigest()[:16]
    if not _is_for_signing(parsed):
        raise CertificateWrongPurpose
    if not parsed.not_valid_before_utc <= at <= parsed.not_valid_after_utc:
        raise CertificateNotValid(certificate=short)
    found = await status_of(
        certificate, (*chain, *signing.authority.chain()), signing.trust(), at=at
    )
    if found.problem:
        raise _refusal(found.problem, short)
    if found.state is Revocation.REVOKED:
        raise CertificateRevoked(certificate=short)
    return found


def _refusal(problem: str, certificate: str) -> Refusal:
    if problem == words.WRONG_PURPOSE:
        return CertificateWrongPurpose()
    if problem in (words.EXPIRED, words.NOT_VALID_THEN):
        return CertificateNotValid(certificate=certificate)
    return CertificateUntrusted()


def _is_for_signing(certificate: x509.Certificate) -> bool:
    """Return whether a key may bind its holder to a document (nonRepudiation)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.content_commitment


def fits_key(certificate: bytes, digest: bytes, signature: bytes) -> bool:
    """Return whether `signature` over a SHA-256 digest is of the key of `certificate`."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), _SHA256)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(_SHA256))
            return True
    except InvalidSignature:
        return False
    return False


def require_name(certificate: x509.Certificate, holder: Holder) -> None:
    """Raise CertificateOfAnother unless the certificate names `holder`.

    Accents and academic titles before the name do not count: "BS. Trần Thị
    Ngọc Ánh" holds the certificate of "TRAN THI NGOC ANH".
    """
    stated = _words(_named(certificate, NameOID.COMMON_NAME))
    known = _words(holder.name)
    if not stated or known[-len(stated) :] != stated:
        raise CertificateOfAnother


def _words(name: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in fold(name)).split()


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


async def revoke_certificate(
    tx: Tx, *, signing: Signing, actor: Actor, holder: Holder, reason: str, at: datetime
) -> bool:
    """Take a holder's certificate out of use; one of our own authority is also revoked.

    Return False if the holder has none. The next signature gets a new one.
    The list is written before `tx` commits: rather one revocation too many.
    """
    await tx.execute(store.LOCK_HOLDER, _lock_name(holder))
    row = await _in_use(tx, holder)
    if row is None:
        return False
    if signing.authority.has_issued(row.der):
        await anyio.to_thread.run_sync(partial(signing.authority.revoke, row.der, at=at))
    await tx.execute(store.RETIRE_CERTIFICATE, row.certificate_id, at, reason)
    await audit.record(tx, actor=actor, action="U", what="signing.revoke_certificate", at=at)
    return True
