"""Signatures inside a PDF: what they cover, what came after, what they bring along.

Stricter than the standard in one respect: the container in the file must be
exactly the bytes of its DER value, written in one letter case and padded
with zeros only, so that no byte of a signed file can change unseen. After a
signature only further signatures, time stamps and evidence may follow.

Standards: ISO 32000-2 §12.8, ETSI EN 319 142-1, EN 319 102-1 §5.3.
"""

import hashlib
import logging
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from asn1crypto import parser
from cryptography.exceptions import InvalidSignature
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from yba.foundation.signing.checking import claims, containers, stamps, words
from yba.foundation.signing.checking.authority import TrustedSet, trusted
from yba.foundation.signing.checking.claims import Asked, Claim
from yba.foundation.signing.checking.containers import Container, Unreadable
from yba.foundation.signing.checking.following import POLICY
from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.checking.stamps import Stamp
from yba.foundation.signing.checking.verdicts import answer
from yba.foundation.signing.reading import PdfFileReader

# pyHanko logs the details of broken certificates; our answer says it in words.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)

_MOST_SIGNATURES = 100
_MOST_EVIDENCE = 256
_LTA = ModificationLevel.LTA_UPDATES
_FILLING = ModificationLevel.FORM_FILLING


@dataclass(frozen=True, slots=True)
class _Coverage:
    """How much of the file a signature covers, and what came after it."""

    is_partial: bool
    level: ModificationLevel | None

    @property
    def changed_after(self) -> bool:
        return self.level is None or self.level > _FILLING

    @property
    def covers_all(self) -> bool:
        return not self.is_partial and self.level is not None and self.level <= _LTA


def check(data: bytes, asked: Asked) -> Verification:
    """Return what is found in a PDF; never raises."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        reader = PdfFileReader(BytesIO(data), strict=False)
        if reader.encrypted:
            return _plain(digest, Verdict.UNREADABLE, words.ENCRYPTED)
        _ = reader.root
    # The reader meets hostile bytes first, and says so in many exceptions.
    except Exception:
        return _plain(digest, Verdict.UNREADABLE, words.NOT_A_PDF)
    try:
        embedded = list(reader.embedded_signatures)
    except Exception:
        broken = (claims.unreadable(),)
        return Verification(digest, Verdict.INVALID, broken, broken[0].problems, Format.PDF)
    if not any(_is_signature(one) for one in embedded):
        return _plain(digest, Verdict.UNSIGNED, words.NO_SIGNATURE)
    if len(embedded) > _MOST_SIGNATURES:
        return _plain(digest, Verdict.UNREADABLE, words.NOT_READABLE)
    return answer(digest, Format.PDF, _findings(reader, embedded, data, asked))


def _plain(digest: str, verdict: Verdict, problem: str) -> Verification:
    return Verification(digest, verdict, problems=(problem,), format=Format.PDF)


def _is_signature(embedded: EmbeddedPdfSignature) -> bool:
    return embedded.sig_object_type != "/DocTimeStamp"


def _findings(
    reader: PdfFileReader, embedded: list[EmbeddedPdfSignature], data: bytes, asked: Asked
) -> tuple[Finding, ...]:
    """Judge from the newest to the oldest: a later stamp proves the time of what it covers."""
    store = _store(reader)
    findings: list[Finding] = []
    outer: Stamp | None = None
    unseen: set[str] = set()
    for one in reversed(embedded):
        try:
            if _is_signature(one):
                coverage = _coverage(one, unseen if not findings else set())
                findings.append(_finding(one, data, store, outer, asked, coverage))
            else:
                outer = _document_stamp(one, data, store, outer, asked)
                if _is_invisible(one):
                    unseen.add(str(one.field_name))
        except Unreadable as error:
            findings.append(claims.unreadable(error.problem))
        # A container can be anything; see check.
        except Exception:
            findings.append(claims.unreadable())
    return tuple(reversed(findings))


def _finding(
    embedded: EmbeddedPdfSignature,
    data: bytes,
    store: Evidence,
    outer: Stamp | None,
    asked: Asked,
    coverage: _Coverage,
) -> Finding:
    container = containers.opened(embedded.pkcs7_content)
    if len(container.signers) != 1:
        raise Unreadable
    [signer] = container.signers
    certificate = containers.certificate_of(signer, container.evidence.certificates)
    held = _integrity(embedded, container, signer, certificate, data)
    tidy = _is_tidy(embedded, data) and _is_orderly(container, signer, certificate, asked)
    intact = held.holds and tidy and not coverage.is_partial
    problems = [
        *held.problems(),
        *([words.VALUE_BROKEN] if held.holds and not tidy else []),
        *([words.PART_ONLY] if coverage.is_partial else []),
        *([words.CHANGED_AFTER] if coverage.changed_after and not coverage.is_partial else []),
    ]
    tokens = containers.attribute_values(signer, "unsigned_attrs", "signature_time_stamp_token")
    value = signer["signature"].native
    return claims.finding(
        Claim(
            certificate=certificate,
            evidence=container.evidence + store,
            intact=intact,
            problems=tuple(problems),
            stated=containers.stated_time(signer) or _stated(embedded),
            tokens=tuple((token.dump(), value) for token in tokens),
            outer=outer,
            covers_all=coverage.covers_all and tidy,
            changed_after=coverage.changed_after,
            is_advanced=containers.is_cades(signer),
            keeps_evidence=bool(store.crls or store.ocsps),
        ),
        asked,
    )


def _integrity(
    embedded: EmbeddedPdfSignature,
    container: Container,
    signer: Any,
    certificate: bytes,
    data: bytes,
) -> containers.Integrity:
    """Compare the covered bytes with what the signer signed."""
    covered = _covered(embedded, data)
    if container.content_type != "data":
        raise Unreadable
    inner = container.content
    if inner is None:
        return containers.integrity(
            signer, certificate, "data", containers.digest_of(covered, signer)
        )
    # adbe.pkcs7.sha1 puts a SHA-1 of the file inside: no longer safe.
    raise Unreadable(words.WEAK_METHOD)


def _covered(embedded: EmbeddedPdfSignature, data: bytes) -> bytes:
    """Return the bytes of the byte range. Raises Unreadable unless it is an ordinary one."""
    numbers = [int(number) for number in cast("list[int]", embedded.byte_range)]
    if len(numbers) != 4 or numbers[0] != 0 or any(number < 0 for number in numbers):
        raise Unreadable(words.PART_ONLY)
    _, first, start, second = numbers
    if not first < start <= start + second <= len(data):
        raise Unreadable(words.PART_ONLY)
    return data[:first] + data[start : start + second]


def _coverage(embedded: EmbeddedPdfSignature, stamps_behind: Set[str] = frozenset()) -> _Coverage:
    """Return what a signature covers; `stamps_behind` are fields of later time stamps."""
    embedded.compute_integrity_info(diff_policy=POLICY)
    whole = (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
    result = embedded.diff_result
    level = result.modification_level if isinstance(result, DiffResult) else None
    if isinstance(result, DiffResult) and level is _FILLING:
        # A field that only holds a time stamp and shows nothing is no content.
        only_stamps = result.changed_form_fields and result.changed_form_fields <= stamps_behind
        level = _LTA if only_stamps else level
    if embedded.docmdp_level is not None and level is not None:
        # An author may forbid more than the standard does (certifying signature).
        level = level if level.value <= embedded.docmdp_level.value else None
    if embedded.coverage is SignatureCoverageLevel.ENTIRE_REVISION and _has_loose_end(embedded):
        level = None
    return _Coverage(embedded.coverage not in whole, level)


def _has_loose_end(embedded: EmbeddedPdfSignature) -> bool:
    """Return whether bytes follow that belong to no revision, which no reader would miss."""
    return embedded.reader.xrefs.total_revisions - 1 <= embedded.signed_revision


def _is_invisible(embedded: EmbeddedPdfSignature) -> bool:
    """Return whether a signature field takes no room on the page."""
    try:
        left, bottom, right, top = (float(one) for one in embedded.sig_field["/Rect"])
    # Without a readable place it may show anything.
    except Exception:
        return False
    return left == right or bottom == top


def _document_stamp(
    embedded: EmbeddedPdfSignature,
    data: bytes,
    store: Evidence,
    outer: Stamp | None,
    asked: Asked,
) -> Stamp | None:
    """Judge a time stamp over the file so far; a worse one leaves `outer` as it was."""
    seen_at = outer.moment if outer and outer.moment else asked.at
    coverage = _coverage(embedded)
    if coverage.is_partial or coverage.changed_after or not _is_tidy(embedded, data):
        return outer or Stamp(None, problem=words.TIME_STAMP_BROKEN)
    judged = stamps.judged_container(
        containers.opened(embedded.pkcs7_content),
        _covered(embedded, data),
        asked.trust,
        store + asked.evidence,
        at=seen_at,
    )
    return judged if judged.moment or outer is None else outer


def _store(reader: PdfFileReader) -> Evidence:
    """Return what the document security store holds (ISO 32000-2 §12.8.4.3)."""
    try:
        if "/DSS" not in reader.root:
            return Evidence()
        found: Any = reader.root["/DSS"]
        return Evidence(
            certificates=_streams(found, "/Certs"),
            crls=_streams(found, "/CRLs"),
            ocsps=_streams(found, "/OCSPs"),
        )
    except Exception:
        return Evidence()


def _streams(store: Any, key: str) -> tuple[bytes, ...]:
    found: list[bytes] = []
    if key not in store:
        return ()
    for one in list(store[key])[:_MOST_EVIDENCE]:
        # One damaged stream must not hide the others.
        with suppress(Exception):
            found.append(bytes(one.get_object().data))
    return tuple(found)


def _stated(embedded: EmbeddedPdfSignature) -> Any:
    try:
        return embedded.self_reported_timestamp
    except Exception:
        return None


def _is_tidy(embedded: EmbeddedPdfSignature, data: bytes) -> bool:
    """Return whether the gap in the byte range holds the container and nothing else."""
    _, first, start, _ = [int(number) for number in cast("list[int]", embedded.byte_range)]
    gap = data[first:start]
    if gap[:1] != b"<" or gap[-1:] != b">":
        return False
    digits = gap[1:-1]
    if digits not in (digits.lower(), digits.upper()):
        return False
    try:
        content = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return False
    if content != embedded.pkcs7_content:
        return False
    parsed = cast("tuple[int, int, int, bytes, bytes, bytes]", parser.parse(content))
    used = sum(len(part) for part in parsed[3:])
    return not content[used:].strip(b"\0")


def _is_orderly(container: Container, signer: Any, certificate: bytes, asked: Asked) -> bool:
    """Return whether the parts of the container that nothing signs are consistent.

    The cryptography does not look at them, so a changed byte there would
    pass: version, list of digest algorithms, certificates on the way.
    """
    signed = container.signed_data
    # RFC 5652 §5.1: version 1 with an issuer and serial number, else 3.
    version = "v1" if signer["sid"].name == "issuer_and_serial_number" else "v3"
    if signer["version"].native != version or signed["version"].native not in ("v1", "v3"):
        return False
    if version == "v3" and signed["version"].native != version:
        return False
    wanted = signer["digest_algorithm"].dump()
    if [algorithm.dump() for algorithm in signed["digest_algorithms"]] != [wanted]:
        return False
    whom = trusted(asked.trust)
    others = [one for one in container.evidence.certificates if one != certificate]
    return all(_fits(one, others, whom, asked) for one in others)


def _fits(content: bytes, others: list[bytes], whom: TrustedSet, asked: Asked) -> bool:
    """Return whether an embedded certificate is not a damaged copy of another."""
    if content in asked.trust.roots or content in asked.trust.intermediates:
        return True
    try:
        one = containers.loaded(content)
        known = [*whom.roots, *whom.intermediates, *containers.loadable(tuple(others)), one]
        candidates = [other for other in known if other.subject == one.issuer]
        for candidate in candidates:
            try:
                one.verify_directly_issued_by(candidate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
    except (Unreadable, ValueError):
        return False
    authorities = (*whom.roots, *whom.intermediates)
    return not candidates and all(other.subject != one.subject for other in authorities)
