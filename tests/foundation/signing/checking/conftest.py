"""The test authority, a maker of signed files, and what to check them by."""

from collections.abc import Callable, Iterator

import pytest
from tests.authority import TestAuthority, running_authority
from tests.foundation.signing.checking.makers import NOON, Maker

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking.claims import Asked
from yba.foundation.signing.checking.revocation import Evidence

Asking = Callable[..., Asked]


@pytest.fixture(scope="session")
def authority() -> Iterator[TestAuthority]:
    """Return the running test authority; its clock stands at noon."""
    with running_authority(at=NOON) as running:
        yield running


@pytest.fixture(scope="session")
def maker(authority: TestAuthority) -> Maker:
    """Return a maker of signed files."""
    return Maker(authority)


@pytest.fixture(scope="session")
def evidence(maker: Maker) -> Evidence:
    """Return the lists of every authority as of noon."""
    return maker.evidence()


@pytest.fixture(scope="session")
def asked(authority: TestAuthority, evidence: Evidence) -> Asking:
    """Return a function that says how a check is made: roots, moment, evidence at hand."""

    def ask(at=NOON, *, evidence=evidence, roots=authority.roots, mind_revocation=True) -> Asked:
        return Asked(Trust(roots=roots), at, evidence or Evidence(), mind_revocation)

    return ask
