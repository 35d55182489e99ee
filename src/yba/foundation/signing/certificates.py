"""Certificates in use: one for each holder, issued on first need, renewed, revoked."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import anyio.to_thread
from cryptography import x509

from yba.foundation.audit import service as audit
from yba.foundation.signing import store
from yba.foundation.signing.errors import CertificateNotValid, MayNotSign
from yba.foundation.signing.installation import Signing
from yba.foundation.signing.model import Holder, HolderKind, KeyRef, SigningCertificate
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_snowflake
from yba.plumbing.database import Tx

_RENEW_BEFORE = timedelta(days=30)


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

    A certificate near its end, or whose key is gone from this machine, is
    retired and replaced. Raises CertificateNotValid if it cannot be.
    """
    key = f"{holder.kind.value}:{holder.holder_id}"
    row = await _in_use(tx, holder)
    if row is not None and _may_sign(signing, row, holder, at):
        return _certificate(row)
    await tx.execute(store.LOCK_HOLDER, key)
    row = await _in_use(tx, holder)
    if row is not None:
        if _may_sign(signing, row, holder, at):
            return _certificate(row)
        await tx.execute(store.RETIRE_CERTIFICATE, row.certificate_id, at, "replaced")
    issued = await _issue(tx, signing=signing, holder=holder, at=at)
    if not issued.valid_from <= at < issued.valid_to:
        raise CertificateNotValid(certificate=issued.fingerprint[:16])
    return issued


async def _in_use(tx: Tx, holder: Holder) -> _CertificateRow | None:
    return await tx.row(
        _CertificateRow, store.CERTIFICATE_IN_USE, holder.kind.value, holder.holder_id
    )


def _may_sign(signing: Signing, row: _CertificateRow, holder: Holder, at: datetime) -> bool:
    if row.key_place == signing.keys.name:
        usable = (
            row.holder_name == holder.name
            and row.licence == holder.licence
            and signing.keys.holds(row.key_label)
            and signing.authority.has_issued(row.der)
        )
        if not usable:
            return False
    return at < row.valid_to - _RENEW_BEFORE


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
    )


async def _issue(tx: Tx, *, signing: Signing, holder: Holder, at: datetime) -> SigningCertificate:
    number = new_snowflake()
    label = f"{holder.kind.value}-{encode_id(number)}"

    def make() -> bytes:
        return signing.authority.issue(holder, signing.keys.create(label), at=at)

    der = await anyio.to_thread.run_sync(make)
    parsed = x509.load_der_x509_certificate(der)
    certificate = SigningCertificate(
        certificate_id=number,
        holder=holder,
        key=KeyRef(signing.keys.name, label),
        der=der,
        fingerprint=hashlib.sha256(der).hexdigest(),
        valid_from=parsed.not_valid_before_utc,
        valid_to=parsed.not_valid_after_utc,
    )
    await tx.execute(
        store.INSERT_CERTIFICATE,
        certificate.certificate_id,
        holder.kind.value,
        holder.holder_id,
        holder.name,
        holder.organisation,
        holder.licence,
        certificate.key.place,
        certificate.key.label,
        der,
        certificate.fingerprint,
        certificate.valid_from,
        certificate.valid_to,
        at,
    )
    return certificate


async def revoke_certificate(
    tx: Tx, *, signing: Signing, actor: Actor, holder: Holder, reason: str, at: datetime
) -> bool:
    """Take a holder's certificate out of use and put it on the list of revocations.

    Return False if the holder has none. The next signature gets a new one.
    The list is written before `tx` commits: rather one revocation too many.
    """
    await tx.execute(store.LOCK_HOLDER, f"{holder.kind.value}:{holder.holder_id}")
    row = await _in_use(tx, holder)
    if row is None:
        return False
    await anyio.to_thread.run_sync(partial(signing.authority.revoke, row.der, at=at))
    await tx.execute(store.RETIRE_CERTIFICATE, row.certificate_id, at, reason)
    await audit.record(tx, actor=actor, action="U", what="signing.revoke_certificate", at=at)
    return True
