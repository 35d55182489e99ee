"""Time stamps: what a trusted third party swears to have seen, and when.

A stamp counts when it fits the stamped bytes, its authority leads to a root
we trust, may stamp time, and was not revoked before (or, after a compromise,
at all: RFC 3161 §4). It is judged at the moment of the check, or at the
moment that a later stamp over it proves.

Standards: RFC 3161, RFC 5816; ETSI EN 319 102-1 §5.4.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking import containers, words
from yba.foundation.signing.checking.authority import TrustedSet, trusted
from yba.foundation.signing.checking.containers import Container, Unreadable
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.checking.paths import Purpose, path_to_root
from yba.foundation.signing.checking.revocation import Evidence, standing_of_path
from yba.foundation.signing.checking.summary import common_name

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A judged time stamp: a proven moment, or the reason why there is none."""

    moment: datetime | None
    by: str = ""
    problem: str = ""


def judged(
    token: bytes, stamped: bytes, trust: Trust, evidence: Evidence, *, at: datetime
) -> Stamp:
    """Return what the token proves of `stamped`, looked at from the moment `at`."""
    try:
        return judged_container(containers.opened(token), stamped, trust, evidence, at=at)
    except Unreadable:
        return Stamp(None, problem=words.TIME_STAMP_BROKEN)


def judged_container(
    container: Container, stamped: bytes, trust: Trust, evidence: Evidence, *, at: datetime
) -> Stamp:
    """Return what an opened token proves of `stamped`; see `judged`."""
    if container.content_type != "tst_info" or len(container.signers) != 1:
        return Stamp(None, problem=words.TIME_STAMP_BROKEN)
    try:
        info: Any = container.signed_data["encap_content_info"]["content"].parsed
        moment = info["gen_time"].native
        imprint: Any = info["message_imprint"]
        name = imprint["hash_algorithm"]["algorithm"].native
        fits = name in containers.HASHES and (
            hashlib.new(name, stamped).digest() == imprint["hashed_message"].native
        )
        [signer] = container.signers
        content = container.content or b""
        certificate = containers.certificate_of(
            signer, container.evidence.certificates + evidence.certificates
        )
        held = containers.integrity(
            signer, certificate, "tst_info", containers.digest_of(content, signer)
        ).holds
    # As everywhere: a token can be anything.
    except Exception:
        return Stamp(None, problem=words.TIME_STAMP_BROKEN)
    if not (fits and held):
        return Stamp(None, problem=words.TIME_STAMP_BROKEN)
    if moment > at + _SKEW:
        return Stamp(None, problem=words.TIME_IN_FUTURE)
    return _believed(certificate, moment, container.evidence + evidence, trusted(trust), at)


def _believed(
    certificate: bytes, moment: datetime, evidence: Evidence, whom: TrustedSet, at: datetime
) -> Stamp:
    leaf = containers.loaded(certificate)
    helpers = [*whom.intermediates, *containers.loadable(evidence.certificates)]
    path = path_to_root(leaf, helpers, whom.roots, at=at, purpose=Purpose.TIME_STAMPING)
    if not isinstance(path, tuple):
        return Stamp(None, common_name(leaf), words.TIME_STAMP_UNTRUSTED)
    standing = standing_of_path(path, evidence + whom.evidence, at=at)
    if standing.since is not None and standing.since <= at:
        # Revoked without suspicion, the earlier stamps remain good.
        if standing.is_compromised or standing.since <= moment:
            return Stamp(None, common_name(leaf), words.TIME_STAMP_UNTRUSTED)
    elif standing.state is Revocation.REVOKED:
        return Stamp(None, common_name(leaf), words.TIME_STAMP_UNTRUSTED)
    return Stamp(moment, common_name(leaf))
