"""The rules a claim file must pass: pure functions over one episode, by id.

`check_episode` and `check_claim` run every rule that a file alone can decide;
`data/rules.tsv` says why the others cannot be. Each rule has given and
expected cases in `data/rule-cases.tsv`, which the tests run and the
documentation prints.
"""

from yba.money.insurance.checks.engine import (
    Options,
    check_check_in,
    check_claim,
    check_envelope,
    check_episode,
    decided_rules,
)

__all__ = [
    "Options",
    "check_check_in",
    "check_claim",
    "check_envelope",
    "check_episode",
    "decided_rules",
]
