"""Which resource types belong together, and what each role may see of them. Pure; from data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((_DATA / name).read_text(encoding="utf-8"))


_KINDS: Mapping[str, frozenset[str]] = {
    name: frozenset(types) for name, types in _read("kinds.toml").items()
}
KINDS = ("identity", "visits", "billing", "clinical", "trail", "common")
COMMON = _KINDS["common"]
CLINICAL = _KINDS["clinical"] | _KINDS["visits"] | _KINDS["trail"]
EXTENTS: Mapping[str, frozenset[str]] = {
    "care": frozenset().union(*(_KINDS[name] for name in KINDS)),
    "summary": _KINDS["summary"],
}


def types_of(*kinds: str) -> frozenset[str]:
    """Return the resource types of these kinds."""
    return frozenset[str]().union(*(_KINDS[kind] for kind in kinds))


@dataclass(frozen=True, slots=True)
class RoleRule:
    """What one role may see: types of everybody, of related persons, of herself."""

    anyone: frozenset[str]
    related: frozenset[str]
    own: frozenset[str]
    purposes: frozenset[str]
    departments: frozenset[str]


@cache
def role_rules() -> Mapping[str, RoleRule]:
    """Return the rule of every role that may see something of a record."""
    return {
        role: RoleRule(
            anyone=types_of(*rule.get("anyone", ())),
            related=types_of(*rule.get("related", ())),
            own=types_of(*rule.get("own", ())),
            purposes=frozenset(rule["purposes"]),
            departments=frozenset(rule.get("departments", ())),
        )
        for role, rule in _read("roles.toml").items()
    }
