"""A demonstration authority: a root, an issuing authority and its list of revocations.

Made on first use under `pki/` of the data directory. Its names say that it
has no legal value; a facility replaces it with certificates of a licensed
authority. When its keys are gone (a backup holds none that open) it is put
aside, still trusted for what it certified, and another one is founded. There is no OCSP responder; the CRL is written anew whenever a
certificate is revoked or the list grows old.

Standard: RFC 5280; key purpose documentSigning of RFC 9336.
"""

import fcntl
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from yba.foundation.signing.keys import SoftwareKeys
from yba.foundation.signing.model import Holder, HolderKind

NAME = "Yba demonstration authority — not legally valid"
_ROOT_NAME = NAME + " (root)"
_ISSUING_NAME = NAME + " (issuing)"
_ROOT_YEARS, _ISSUING_YEARS, _LEAF_YEARS = 20, 15, 3
_YEAR = timedelta(days=365)
_CRL_LIFE = timedelta(days=30)
_RETIRED = "retired"
_LICENSED = "trusted"
# RFC 9336. Poppler's NSS check wants e-mail protection, so both are given.
_DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a check believes: roots, helpful intermediates and revocation lists, all DER."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


def trust_in(folder: Path, more: Iterable[Path] = ()) -> Trust:
    """Return the trust of a signing folder, with further root certificates (PEM or DER).

    Authorities that this installation used earlier stay trusted: what they
    certified remains signed. Licensed authorities lie in `trusted/`, roots
    and intermediates alike. A folder or file that is not there adds nothing.
    """
    places = [folder, *sorted((folder / _RETIRED).glob("*/"))]
    crls = [place / "issuing.crl" for place in places]
    licensed = list(_certificates(sorted((folder / _LICENSED).glob("*.*"))))
    roots = [der for der in licensed if _is_root(der)]
    return Trust(
        roots=(*_certificates([*(place / "root.crt" for place in places), *more]), *roots),
        intermediates=(
            *_certificates(place / "issuing.crt" for place in places),
            *(der for der in licensed if der not in roots),
        ),
        crls=tuple(crl.read_bytes() for crl in crls if crl.exists()),
    )


def _is_root(der: bytes) -> bool:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.subject == certificate.issuer


def _certificates(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        if path.exists():
            content = path.read_bytes()
            if b"-----BEGIN" in content:
                yield from map(_der, x509.load_pem_x509_certificates(content))
            else:
                yield _der(x509.load_der_x509_certificate(content))


def _name(common: str, *more: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    parts += [x509.NameAttribute(oid, value) for oid, value in more if value]
    # X.520 gives a common name 64 characters at most.
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


class Authority:
    """Issues and revokes the certificates of one installation."""

    def __init__(
        self, folder: Path, keys: SoftwareKeys, *, at: datetime, address: str = ""
    ) -> None:
        self._folder = folder
        self._keys = keys
        self._address = address
        with self._alone():
            if (folder / "issuing.crt").exists() and not keys.holds("issuing"):
                self._retire()
            if not (folder / "issuing.crt").exists():
                self._found(at)
        self.root = x509.load_der_x509_certificate((folder / "root.crt").read_bytes())
        self.issuing = x509.load_der_x509_certificate((folder / "issuing.crt").read_bytes())

    def trust(self) -> Trust:
        """Return what a check needs to believe this authority and its predecessors."""
        return trust_in(self._folder)

    def chain(self) -> tuple[bytes, ...]:
        """Return the certificates to embed beside a signer's."""
        return (_der(self.issuing),)

    def crl(self) -> bytes:
        """Return the list of revocations in force."""
        return (self._folder / "issuing.crl").read_bytes()

    def root_pem(self) -> bytes:
        """Return the root certificate for those who want to check with their own tools."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def issue(self, holder: Holder, public_key: rsa.RSAPublicKey, *, at: datetime) -> bytes:
        """Return a new signing certificate for `holder`, in DER, valid for three years."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(holder))
            .issuer_name(self.issuing.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=5))
            .not_valid_after(at + _LEAF_YEARS * _YEAR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(_authority_key(self.issuing), critical=False)
        )
        if self._address:
            builder = builder.add_extension(self._crl_address(), critical=False)
        return _der(builder.sign(self._keys.opened("issuing"), hashes.SHA256()))

    def has_issued(self, certificate: bytes) -> bool:
        """Return whether a certificate is ours: another folder has another authority."""
        parsed = x509.load_der_x509_certificate(certificate)
        identifier = parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        return identifier.value == _authority_key(self.issuing)

    def revoke(self, certificate: bytes, *, at: datetime) -> None:
        """Put a certificate on the list of revocations."""
        serial = x509.load_der_x509_certificate(certificate).serial_number
        with self._alone():
            known = {entry.serial_number: entry for entry in self._revoked()}
            known.setdefault(
                serial,
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build(),
            )
            self._write_crl(list(known.values()), at)

    def refresh(self, *, at: datetime) -> None:
        """Write the list of revocations anew when it has less than half of its life left."""
        with self._alone():
            crl = self._crl()
            due = None if crl is None else crl.next_update_utc
            if due is None or due - at < _CRL_LIFE / 2:
                self._write_crl(list(self._revoked()), at)

    def _crl(self) -> x509.CertificateRevocationList | None:
        path = self._folder / "issuing.crl"
        return x509.load_der_x509_crl(path.read_bytes()) if path.exists() else None

    def _revoked(self) -> Iterator[x509.RevokedCertificate]:
        return iter(self._crl() or ())

    def _write_crl(self, revoked: list[x509.RevokedCertificate], at: datetime) -> None:
        issuing = x509.load_der_x509_certificate((self._folder / "issuing.crt").read_bytes())
        crl = self._crl()
        number = 1 if crl is None else _crl_number(crl) + 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuing.subject)
            .last_update(at)
            .next_update(at + _CRL_LIFE)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(_authority_key(issuing), critical=False)
        )
        for entry in revoked:
            builder = builder.add_revoked_certificate(entry)
        signed = builder.sign(self._keys.opened("issuing"), hashes.SHA256())
        draft = self._folder / "issuing.crl.new"
        draft.write_bytes(signed.public_bytes(serialization.Encoding.DER))
        draft.replace(self._folder / "issuing.crl")

    def _found(self, at: datetime) -> None:
        """Make the root and the issuing authority."""
        root_key = self._keys.public_key("root", bits=3072)
        root = self._authority_certificate(
            _name(_ROOT_NAME), _name(_ROOT_NAME), root_key, root_key, at, _ROOT_YEARS, None
        )
        issuing_key = self._keys.public_key("issuing", bits=3072)
        issuing = self._authority_certificate(
            _name(_ISSUING_NAME), root.subject, issuing_key, root_key, at, _ISSUING_YEARS, 0
        )
        (self._folder / "root.crt").write_bytes(_der(root))
        (self._folder / "issuing.crt").write_bytes(_der(issuing))
        self._write_crl([], at)

    def _retire(self) -> None:
        """Put aside an authority whose keys are gone, as after a restored backup."""
        serial = x509.load_der_x509_certificate(
            (self._folder / "issuing.crt").read_bytes()
        ).serial_number
        place = self._folder / _RETIRED / f"{serial:x}"
        place.mkdir(parents=True)
        for name in ("root.crt", "issuing.crl", "issuing.crt"):
            if (self._folder / name).exists():
                (self._folder / name).replace(place / name)

    def _authority_certificate(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public_key: rsa.RSAPublicKey,
        issuer_key: rsa.RSAPublicKey,
        at: datetime,
        years: int,
        path_length: int | None,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - _YEAR)
            .not_valid_after(at + years * _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
            .sign(self._keys.opened("root"), hashes.SHA256())
        )

    def _crl_address(self) -> x509.CRLDistributionPoints:
        return x509.CRLDistributionPoints(
            [
                x509.DistributionPoint(
                    full_name=[x509.UniformResourceIdentifier(self._address + "/pki/issuing.crl")],
                    relative_name=None,
                    reasons=None,
                    crl_issuer=None,
                )
            ]
        )

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Let one process of this node at a time found or write here."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _subject(holder: Holder) -> x509.Name:
    if holder.kind is HolderKind.ORGANISATION:
        return _name(
            holder.name,
            (NameOID.ORGANIZATION_NAME, holder.organisation[:64]),
            (NameOID.ORGANIZATION_IDENTIFIER, holder.holder_id),
        )
    return _name(
        holder.name,
        (NameOID.ORGANIZATION_NAME, holder.organisation[:64]),
        (NameOID.SERIAL_NUMBER, holder.licence),
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _crl_number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
