"""The dated rules that the split reads: levels, categories, ratios, limits.

A `Rulebook` answers for a day and never for "now". Rows come from
`data/benefits.toml`, each with the days it holds and its source; amounts that
other contexts need too (base salary, 15 %, six months) come from
`foundation.rules`, given as a function.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from yba.foundation.rules import service as limits
from yba.money.charging.errors import UnknownCategory
from yba.money.charging.model import Card

_DATA = Path(__file__).parent / "data" / "benefits.toml"
Limit = Callable[[str, date], Any]


@dataclass(frozen=True, slots=True)
class Category:
    """One patient category on one day; a factor of None means "not for that care"."""

    code: str
    inpatient: int | None
    outpatient: int | None
    right_line: bool = True
    full_cover: bool = False
    uninsured: bool = False
    by_original: bool = False
    instead: str = ""

    def factor(self, *, is_inpatient: bool) -> int | None:
        """Return the share of the card level in per cent."""
        return self.inpatient if is_inpatient else self.outpatient


@dataclass(frozen=True, slots=True)
class ServiceRatios:
    """TYLE_TT_DV on one day, in per cent."""

    exams_of_one_day: tuple[int, ...]
    exam_day_limit_times: int
    exam_over_table_limit: int
    bed_shared: tuple[int, ...]
    surgery_same_team: int
    surgery_other_team: int
    procedure_in_surgery: int
    allowed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A row and the days it holds."""

    valid_from: date
    valid_to: date | None
    row: dict[str, Any]

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class Rulebook:
    """All benefit rules, by day."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]], limit: Limit) -> None:
        self._limit = limit
        self._tables = {
            name: sorted(
                (_Dated(row["valid_from"], row.get("valid_to"), row) for row in rows),
                key=lambda dated: dated.valid_from,
            )
            for name, rows in tables.items()
        }

    def _find(self, table: str, on: date, **wanted: str) -> dict[str, Any] | None:
        found = None
        for dated in self._tables[table]:
            if dated.holds(on) and all(dated.row[k] == v for k, v in wanted.items()):
                found = dated.row
        return found

    def _the(self, table: str, on: date) -> dict[str, Any]:
        row = self._find(table, on)
        if row is None:
            raise LookupError(f"{table} has no row for {on}")
        return row

    def base_salary(self, on: date) -> Decimal:
        """Return the base salary in đồng."""
        return Decimal(str(self._limit("insurance.base_salary", on)))

    def small_visit_limit(self, on: date) -> Decimal:
        """Return the cost below which a right-line visit is free (15 % of the base salary)."""
        percent = Decimal(str(self._limit("insurance.small_visit_percent", on)))
        return self.base_salary(on) * percent / 100

    def exemption_months(self, on: date) -> Decimal:
        """Return how many base salaries of co-payment a year are enough."""
        return Decimal(str(self._limit("insurance.exemption_months", on)))

    def package_ceiling(self, on: date) -> Decimal:
        """Return what insurance pays at most for the supplies of one package (T_TRANTT)."""
        months = Decimal(str(self._limit("insurance.package_ceiling_months", on)))
        return self.base_salary(on) * months

    def expired_card_days(self, on: date) -> int:
        """Return how many days a card still covers that expires during the stay."""
        return int(self._limit("insurance.expired_card_days", on))

    def card_level(self, card: Card, on: date) -> tuple[Decimal, str]:
        """Return the level of a card in per cent and the id of the rule that gave it."""
        special = self._find("group", on, group=card.group)
        if special is not None:
            return Decimal(special["level"]), f"level.group.{card.group}"
        row = self._find("digit", on, digit=card.digit)
        if row is None:
            return Decimal(0), "level.unknown-digit"
        return Decimal(row["level"]), f"level.digit.{card.digit}"

    def has_ratio_limits(self, card: Card, on: date) -> bool:
        """Return whether ceilings on supplies bind this card."""
        row = self._find("digit", on, digit=card.digit)
        return row is None or bool(row.get("ratio_limits", True))

    def category(self, code: str, on: date) -> Category:
        """Return the category of that code. Raises UnknownCategory."""
        found = None
        for dated in self._tables["category"]:
            if dated.holds(on) and code in dated.row["codes"]:
                found = dated.row
        if found is None:
            raise UnknownCategory(category=code, on=on.strftime("%d/%m/%Y"))
        return Category(
            code=code,
            inpatient=found.get("inpatient"),
            outpatient=found.get("outpatient"),
            right_line=found.get("right_line", True),
            full_cover=found.get("full_cover", False),
            uninsured=found.get("uninsured", False),
            by_original=found.get("by_original", False),
            instead=found.get("instead", ""),
        )

    def category_codes(self, on: date) -> list[str]:
        """Return every category code that exists on that day."""
        return sorted(
            {c for d in self._tables["category"] if d.holds(on) for c in d.row["codes"]},
            key=lambda code: [int(part) for part in code.split(".")],
        )

    def ratios(self, on: date) -> ServiceRatios:
        """Return the service ratios of that day."""
        row = self._the("ratios", on)
        return ServiceRatios(
            exams_of_one_day=tuple(row["exams_of_one_day"]),
            exam_day_limit_times=row["exam_day_limit_times"],
            exam_over_table_limit=row["exam_over_table_limit"],
            bed_shared=tuple(row["bed_shared"]),
            surgery_same_team=row["surgery_same_team"],
            surgery_other_team=row["surgery_other_team"],
            procedure_in_surgery=row["procedure_in_surgery"],
            allowed=tuple(row["allowed"]),
        )

    def level_decimals(self, on: date) -> int:
        """Return how many decimals MUC_HUONG may have; further ones are cut off."""
        return int(self._the("level_decimals", on)["decimals"])


@cache
def benefit_tables() -> dict[str, list[dict[str, Any]]]:
    """Return the shipped tables."""
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


@cache
def shipped_rules() -> Rulebook:
    """Return the rules this program ships."""
    return Rulebook(benefit_tables(), limits.limit)
