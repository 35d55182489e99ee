"""Where rules announce themselves.

`@rule` takes a function over the whole episode, `@row_rule` one over each row
of the named tables. The id must be in `data/rules.tsv`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from yba.money.insurance.checks.case import EpisodeRule, RowRule
from yba.money.insurance.findings import rules


@dataclass(slots=True)
class Registry:
    """Every rule that is written, by id."""

    episode: dict[str, EpisodeRule] = field(default_factory=dict[str, EpisodeRule])
    row: dict[str, tuple[tuple[str, RowRule], ...]] = field(
        default_factory=dict[str, tuple[tuple[str, RowRule], ...]]
    )
    ids: set[str] = field(default_factory=set[str])

    def add(self, rule_id: str) -> None:
        """Remember that the rule is written; an unknown or doubled id is a mistake."""
        if rule_id not in rules() or rule_id in self.ids:
            raise LookupError(rule_id)
        self.ids.add(rule_id)


REGISTRY = Registry()


def rule(rule_id: str) -> Callable[[EpisodeRule], EpisodeRule]:
    """Register a rule over the whole episode."""

    def register(check: EpisodeRule) -> EpisodeRule:
        REGISTRY.add(rule_id)
        REGISTRY.episode[rule_id] = check
        return check

    return register


def row_rule(rule_id: str, *tables: str) -> Callable[[RowRule], RowRule]:
    """Register a rule over every row of those tables."""

    def register(check: RowRule) -> RowRule:
        REGISTRY.add(rule_id)
        for table in tables:
            REGISTRY.row[table] = (*REGISTRY.row.get(table, ()), (rule_id, check))
        return check

    return register
