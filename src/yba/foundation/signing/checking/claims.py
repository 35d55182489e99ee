"""The certificate's side of a signature: whose, under whom, in date, not revoked.

The moment that counts is the one a time stamp proves, else the moment of the
check; at that moment the whole path must be in date and nobody on it revoked.

Standard: ETSI EN 319 102-1 §5.2.6, §5.5 (simplified to one proven time).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking import containers, stamps, words
from yba.foundation.signing.checking.authority import trusted
from yba.foundation.signing.checking.model import Finding, Revocation
from yba.foundation.signing.checking.paths import path_to_root
from yba.foundation.signing.checking.revocation import Evidence, standing_of_path
from yba.foundation.signing.checking.stamps import Stamp
from yba.foundation.signing.checking.summary import common_name, summary

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Asked:
    """Under which conditions a check is made.

    `mind_revocation` off accepts a certificate whose revocation cannot be
    found out, and says so; whoever is known to be revoked stays revoked.
    """

    trust: Trust
    at: datetime
    evidence: Evidence = field(default_factory=Evidence)
    mind_revocation: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """One signature before its certificate is judged: what the format could tell."""

    certificate: bytes
    evidence: Evidence
    intact: bool
    problems: tuple[str, ...] = ()
    stated: datetime | None = None
    # Token and the bytes it stamps; every one may prove the time.
    tokens: tuple[tuple[bytes, bytes], ...] = ()
    # What a stamp over the whole file proves, already judged.
    outer: Stamp | None = None
    covers_all: bool = True
    changed_after: bool = False
    covered: str = ""
    is_advanced: bool = True
    keeps_evidence: bool = False
    # Archive time stamps of CAdES, XAdES and JAdES, which are not judged here.
    has_archive_stamp: bool = False


def finding(claim: Claim, asked: Asked) -> Finding:
    """Return the whole judgement on one signature."""
    leaf = containers.loaded(claim.certificate)
    evidence = claim.evidence + asked.evidence
    # A stamp over the whole file proves the inner stamp's certificate in time.
    seen_at = claim.outer.moment if claim.outer and claim.outer.moment else asked.at
    own = [
        stamps.judged(token, content, asked.trust, evidence, at=seen_at)
        for token, content in claim.tokens
    ]
    candidates = [*own, *([claim.outer] if claim.outer else [])]
    proven = min((one for one in candidates if one.moment), key=_moment, default=None)
    moment = proven.moment if proven else None
    path, revocation, since, problems = _judged(leaf, evidence, asked, moment)
    stated_problems = _stated_problems(claim.stated, moment, asked.at)
    told = [
        *claim.problems,
        *(problems if claim.intact else ()),
        *stated_problems,
        *(one.problem for one in own if one.problem),
        *([words.TIME_NOT_PROVEN] if moment is None else []),
        *([words.ARCHIVE_STAMP_NOT_JUDGED] if claim.has_archive_stamp else []),
    ]
    trusted_ = claim.intact and not _serious(problems) and not _serious(stated_problems)
    return Finding(
        who=common_name(leaf),
        when=moment or claim.stated,
        time_is_proven=moment is not None,
        certificate=summary(leaf),
        intact=claim.intact,
        covers_whole_document=claim.covers_all,
        changed_after=claim.changed_after,
        trusted=trusted_,
        problems=tuple(dict.fromkeys(told)),
        level=_level(claim, own, revocation),
        covered=claim.covered,
        authority=common_name(path[-1]) if path else "",
        revocation=revocation,
        revoked_at=since,
        stamped_by=proven.by if proven else "",
    )


def _moment(stamp: Stamp) -> datetime:
    assert stamp.moment is not None
    return stamp.moment


def _judged(
    leaf: x509.Certificate, evidence: Evidence, asked: Asked, proven: datetime | None
) -> tuple[tuple[x509.Certificate, ...], Revocation, datetime | None, list[str]]:
    whom = trusted(asked.trust)
    moment = proven or asked.at
    helpers = [*whom.intermediates, *containers.loadable(evidence.certificates)]
    path = path_to_root(leaf, helpers, whom.roots, at=moment)
    if not isinstance(path, tuple):
        late = words.NOT_VALID_THEN if proven else words.EXPIRED
        problem = late if path.problem == words.EXPIRED else path.problem
        return (), Revocation.UNKNOWN, None, [problem]
    standing = standing_of_path(path, evidence + whom.evidence, at=moment)
    if standing.state is Revocation.REVOKED:
        return path, Revocation.REVOKED, standing.since, [words.REVOKED]
    if standing.state is Revocation.UNKNOWN:
        told = words.REVOCATION_UNKNOWN if asked.mind_revocation else words.REVOCATION_IGNORED
        return path, Revocation.UNKNOWN, None, [told]
    return path, standing.state, standing.since, []


def _stated_problems(
    stated: datetime | None, proven: datetime | None, at: datetime
) -> tuple[str, ...]:
    if stated is None:
        return ()
    if proven is not None:
        return (words.TIME_CONTRADICTED,) if stated > proven + _SKEW else ()
    return (words.TIME_IN_FUTURE,) if stated > at + _SKEW else ()


def _serious(problems: list[str] | tuple[str, ...]) -> bool:
    return any(problem not in words.REMARKS for problem in problems)


def _level(claim: Claim, own: list[Stamp], revocation: Revocation) -> str:
    """Return the AdES level, as far as what counts was believed."""
    if not claim.is_advanced:
        return "basic"
    stamped = any(one.moment for one in own)
    if claim.outer and claim.outer.moment and claim.keeps_evidence:
        return "B-LTA"
    if stamped and claim.keeps_evidence and revocation is Revocation.GOOD:
        return "B-LT"
    return "B-T" if stamped or (claim.outer and claim.outer.moment) else "B-B"


def unreadable(problem: str = words.UNREADABLE_SIGNATURE, *, covered: str = "") -> Finding:
    """Return the finding of a signature of which nothing can be said."""
    return Finding(
        who="",
        when=None,
        time_is_proven=False,
        certificate=None,
        intact=False,
        covers_whole_document=False,
        changed_after=False,
        trusted=False,
        problems=(problem,),
        covered=covered,
    )


def covering(found: Finding, covered: str) -> Finding:
    """Return a finding that names the part it covers."""
    return replace(found, covered=covered)
