"""Whom a check believes, parsed once."""

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking.containers import loadable
from yba.foundation.signing.checking.revocation import Evidence


@dataclass(frozen=True, slots=True)
class TrustedSet:
    """Roots, helpful intermediates and the lists kept beside them."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    evidence: Evidence


@lru_cache(maxsize=16)
def trusted(trust: Trust) -> TrustedSet:
    """Return `trust` parsed; our own lists are in force whatever their date."""
    return TrustedSet(
        tuple(loadable(trust.roots)),
        tuple(loadable(trust.intermediates)),
        Evidence(standing_lists=trust.crls),
    )
