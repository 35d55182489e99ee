"""Rules and what they find: the words that both sides of a claim use.

A rule's sentence is its msgid; `data/rules.tsv` holds id, tables, fields,
severity and source of all of them, and, for those that one file alone cannot
decide, what they need. A finding never repeats a value that identifies a
person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from yba.money.insurance.tables import PERSONAL, data_lines
from yba.plumbing.i18n import N_

Severity = Literal["error", "warning", "info"]

FOUND = N_("found %(found)s")
EXPECTED = N_("expected %(expected)s")
# VN-O006: one file cannot decide it, an import can.
SHARED_IDENTITY = N_("One identity number belongs to one person.")
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the claim file."""

    id: str
    tables: tuple[str, ...]
    fields: tuple[str, ...]
    severity: Severity
    sentence: str
    source: str
    needs: str

    @property
    def is_decided(self) -> bool:
        """Return whether a file alone can be checked against it."""
        return not self.needs


@cache
def rules() -> Mapping[str, Rule]:
    """Return every known rule by id, in the order of the list."""
    return MappingProxyType(
        {
            line["id"]: Rule(
                id=line["id"],
                tables=tuple(line["tables"].split()),
                fields=tuple(line["fields"].split()),
                severity=line["severity"],  # type: ignore[arg-type]
                sentence=line["rule"],
                source=line["source"],
                needs=line["needs"],
            )
            for line in data_lines("rules.tsv")
        }
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken, and where: table, row (from 1) and field."""

    rule: str
    severity: Severity
    table: str
    row: int | None
    field: str
    message: str
    values: Mapping[str, str]
    episode: int = 0

    @property
    def is_error(self) -> bool:
        """Return whether a file with it is set aside."""
        return self.severity == "error"

    def of_episode(self, number: int) -> "Finding":
        """Return the same finding for the HOSO of that number."""
        return replace(self, episode=number)

    def text(self, translate: Callable[[str], str]) -> str:
        """Return the sentence with what was found and expected, in the reader's language."""
        tails = [
            translate(template) % {name: self.values[name]}
            for name, template in (("found", FOUND), ("expected", EXPECTED))
            if self.values.get(name)
        ]
        sentence = translate(self.message)
        return f"{sentence} ({'; '.join(tails)})" if tails else sentence

    def as_data(self) -> dict[str, object]:
        """Return it as plain values, for a report or a table."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "episode": self.episode,
            "table": self.table,
            "row": self.row,
            "field": self.field,
            "message": self.message,
            **({"values": dict(self.values)} if self.values else {}),
        }


def finding_of(data: Mapping[str, Any]) -> Finding:
    """Return the finding that `as_data` wrote."""
    return Finding(
        rule=data["rule"],
        severity=data["severity"],
        table=data["table"],
        row=data["row"],
        field=data["field"],
        message=data["message"],
        values=data.get("values", {}),
        episode=data["episode"],
    )


def shown(field_name: str, value: str) -> str:
    """Return `value` as a message may show it: shortened, and nothing that names a person."""
    if field_name in PERSONAL:
        return ""
    return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…"


def finding(
    rule_id: str, table: str, row: int | None, field_name: str, /, **values: str
) -> Finding:
    """Return a finding of that rule."""
    rule = rules()[rule_id]
    return Finding(
        rule=rule_id,
        severity=rule.severity,
        table=table,
        row=row,
        field=field_name,
        message=rule.sentence,
        values={name: value for name, value in values.items() if value},
    )
