"""The verbs of signing: sign a PDF, check a PDF, revoke a certificate.

`Signing` holds what one process needs: the keys, the authority, the address
of a time-stamp authority. Build it once with `open_signing`. Heavy work runs
in worker threads, so the event loop stays free.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import anyio.to_thread
import structlog
from cryptography import x509
from pyhanko.sign.timestamps import TimeStamper

from yba.foundation.audit import service as audit
from yba.foundation.signing import pades, store, verification
from yba.foundation.signing.authority import Authority, Trust
from yba.foundation.signing.errors import (
    CertificateNotValid,
    FileTooLarge,
    KeyNotHere,
    KeyPlaceLocked,
    MayNotSign,
)
from yba.foundation.signing.guard import guarded_verification
from yba.foundation.signing.keys import SoftwareKeys, wrapping_key
from yba.foundation.signing.model import (
    MAX_FILE_BYTES,
    Consent,
    Holder,
    HolderKind,
    KeyPlace,
    KeyRef,
    SignedPdf,
    SignerRole,
    SigningCertificate,
    Verification,
)
from yba.kernel.actor import Actor
from yba.kernel.clock import local, utc_now
from yba.kernel.ids import encode_id, new_snowflake
from yba.plumbing.database import Tx
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState

_RENEW_BEFORE = timedelta(days=30)
_KEY = "signing"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys, the authority and the time-stamp authority of one installation."""

    authority: Authority
    keys: SoftwareKeys
    organisation: str
    facility_code: str
    timestamper: TimeStamper | None = None

    def trust(self) -> Trust:
        """Return whom this installation believes."""
        return self.authority.trust()

    def place(self, name: str) -> KeyPlace:
        """Return the place where keys of that name live. Raises KeyNotHere."""
        if name != self.keys.name:
            raise KeyNotHere(certificate=name)
        return self.keys


@dataclass(frozen=True, slots=True)
class SignatureEvidence:
    """What is kept of one signature."""

    signature_id: int
    document: str
    input_sha256: str
    signed_sha256: str
    role: str
    level: str
    fingerprint: str
    account_id: str
    signer_name: str
    shown: str
    method: str
    signed_at: datetime


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


def open_signing(
    folder: Path,
    *,
    organisation: str,
    facility_code: str,
    at: datetime,
    address: str = "",
    keyfile: Path | None = None,
    timestamp_url: str | None = None,
) -> Signing:
    """Open the signing folder, making the demonstration authority on first use.

    `folder` is `pki` of the data directory, `keyfile` holds the wrapping key
    (default: in `folder`), `address` is where the CRL can be fetched. Reads
    and writes files: call it at start, not in a request.

    Raises KeyPlaceLocked if the keys do not open, or if a key file was named
    and is not there although keys are.
    """
    keys = SoftwareKeys(folder / "keys", _wrapping(folder, keyfile))
    authority = Authority(folder, keys, at=at, address=address)
    authority.refresh(at=at)
    return Signing(
        authority=authority,
        keys=keys,
        organisation=organisation,
        facility_code=facility_code,
        timestamper=pades.HttpTimeStamper(timestamp_url) if timestamp_url else None,
    )


def _wrapping(folder: Path, keyfile: Path | None) -> bytes:
    """Return the wrapping key; keys that nothing can open any more are put aside."""
    known = folder / "keys"
    path = keyfile or folder / "keyfile"
    if not path.exists() and known.is_dir() and any(known.glob("*.key")):
        if keyfile is not None:
            raise KeyPlaceLocked
        known.rename(folder / f"keys-lost-{encode_id(new_snowflake())}")
    return wrapping_key(path)


def signing_from(settings: Settings, *, at: datetime) -> Signing:
    """Open the signing folder of an installation; see open_signing."""
    return open_signing(
        settings.data_dir / "pki",
        organisation=settings.facility_name,
        facility_code=settings.facility_code,
        at=at,
        address=settings.base_url,
        keyfile=settings.signing_keyfile,
        timestamp_url=settings.timestamp_url,
    )


def open_at_start(state: AppState, at: datetime) -> Signing:
    """Open the signing folder for this process; again is harmless.

    The very first time in an installation makes keys and takes a second, so
    call it from a worker thread.
    """
    if _KEY not in state.extras:
        state.extras[_KEY] = signing_from(state.settings, at=at)
    return state.extras[_KEY]


def signing_of(state: AppState) -> Signing:
    """Return the signing of this process, opened at its start."""
    return open_at_start(state, utc_now())


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


async def sign_pdf(
    tx: Tx,
    *,
    signing: Signing,
    actor: Actor,
    pdf: bytes,
    document: str,
    reason: str,
    consent: Consent,
    at: datetime,
    role: SignerRole = SignerRole.AUTHOR,
) -> SignedPdf:
    """Sign `pdf` as `actor` (or as the organisation, by role) and keep the evidence.

    `document` is the FHIR reference of what is signed, `reason` stands in the
    signature. A first certificate is issued when the holder has none. With a
    time-stamp authority the level is B-T; when it does not answer, the
    signature is B-B and says so. Writes audit and evidence inside `tx`.

    Raises MayNotSign, UnreadablePdf, KeyNotHere, CertificateNotValid.
    """
    is_seal = role is SignerRole.ORGANISATION
    holder = seal_of(signing) if is_seal else holder_of(actor, signing)
    certificate = await certificate_in_use(tx, signing=signing, holder=holder, at=at)
    content, level = await _signed(signing, certificate, pdf, reason, consent, at)
    signature_id = new_snowflake()
    digest = hashlib.sha256(content).hexdigest()
    await tx.execute(
        store.INSERT_SIGNATURE,
        signature_id,
        document,
        hashlib.sha256(pdf).hexdigest(),
        digest,
        role.value,
        level,
        certificate.fingerprint,
        consent.account_id,
        certificate.holder.name,
        consent.summary,
        consent.method,
        at,
    )
    await audit.record(
        tx, actor=actor, action="E", what="signing.sign_pdf", at=at, references=[document]
    )
    return SignedPdf(
        content=content,
        sha256=digest,
        signature_id=signature_id,
        signer_name=certificate.holder.name,
        fingerprint=certificate.fingerprint,
        level=level,
        signed_at=at,
    )


async def _signed(
    signing: Signing,
    certificate: SigningCertificate,
    pdf: bytes,
    reason: str,
    consent: Consent,
    at: datetime,
) -> tuple[bytes, str]:
    note = pades.SigningNote(
        field_name=f"Signature-{encode_id(new_snowflake())}",
        reason=reason,
        location=signing.organisation,
        name=certificate.holder.name,
        at=at,
    )
    prepared = await anyio.to_thread.run_sync(
        partial(
            pades.prepare,
            pdf,
            certificate=certificate.der,
            chain=signing.authority.chain(),
            note=note,
            with_timestamp=signing.timestamper is not None,
        )
    )
    place = signing.place(certificate.key.place)
    [signature] = await place.sign(certificate.key, [prepared.digest], consent)
    if signing.timestamper is not None:
        stamped = partial(pades.finish, prepared, signature, timestamper=signing.timestamper)
        try:
            return await anyio.to_thread.run_sync(stamped), "B-T"
        # Whatever keeps the authority from answering must not stop a doctor;
        # the evidence row says that the time stamp is missing.
        except Exception as error:
            _log.warning("signing.no_time_stamp", error=type(error).__name__)
    return await anyio.to_thread.run_sync(pades.finish, prepared, signature), "B-B"


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


async def signatures_of(tx: Tx, *, document: str) -> list[SignatureEvidence]:
    """Return the evidence of every signature on a document, oldest first."""
    return await tx.rows(SignatureEvidence, store.SIGNATURES_OF, document)


async def verify_stranger(data: bytes, *, trust: Trust, at: datetime) -> Verification:
    """Check a file that anybody may have sent, in a process with limits.

    Raises FileTooLarge beyond 20 MB, and nothing else.
    """
    return await guarded_verification(data, trust=trust, at=at)


async def verify_pdf(data: bytes, *, trust: Trust, at: datetime) -> Verification:
    """Check a file in a worker thread; see verification.verify_pdf.

    Raises FileTooLarge beyond 20 MB, and nothing else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    return await anyio.to_thread.run_sync(partial(verification.verify_pdf, data, trust, at=at))


def confirmed(actor: Actor, *, summary: str, at: datetime, method: str = "session") -> Consent:
    """Return the signer's consent as the surface obtained it."""
    return Consent(account_id=actor.account_id, summary=summary, method=method, at=local(at))
