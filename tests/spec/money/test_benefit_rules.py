"""The table of given and expected splits, one test a case."""

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from yba.money.charging.model import (
    Card,
    CostLine,
    CoverageTerms,
    OtherCase,
    OtherMoney,
    Scope,
    Source,
    Table,
)
from yba.money.charging.rulebook import Rulebook
from yba.money.charging.split import split

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("benefit_rules.toml").read_text(encoding="utf-8")
)["case"]


def cost_line(position: int, given: dict[str, Any], at: datetime) -> CostLine:
    other = given.get("other")
    return CostLine(
        key=str(position),
        table=Table(given.get("table", "service")),
        group=given["group"],
        quantity=Decimal(given.get("quantity", "1")),
        hospital_price=Decimal(given["price"]),
        insurance_price=Decimal(given.get("insurance_price", given["price"])),
        ordered_at=at,
        insurance_ratio=given.get("ratio", 100),
        scope=Scope(given.get("scope", 1)),
        department=given.get("department", ""),
        bed_shared_by=given.get("shared_by", 1),
        operation=given.get("operation", ""),
        team=given.get("team", ""),
        package=given.get("package", ""),
        other=OtherMoney(OtherCase(other[0]), Source.STATE, Decimal(other[1])) if other else None,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_split_of_the_given_visit_is_the_expected_one(case: dict[str, Any], rules: Rulebook):
    at = datetime.combine(case.get("on", date(2026, 9, 15)), time(3), UTC)
    terms = CoverageTerms(
        category=case["category"],
        original_category=case.get("original_category", ""),
        is_inpatient=case.get("inpatient", False),
        arrived_at=at - timedelta(hours=1),
        ended_at=at + timedelta(hours=1),
        cards=[Card(n, date(2020, 1, 1), date(2030, 12, 31)) for n in case["cards"]],
    )

    bill = split([cost_line(i, g, at) for i, g in enumerate(case["lines"])], terms, rules)

    assert (bill.insurance_pays, bill.co_payment, bill.patient_pays, bill.other_pays) == (
        Decimal(case["insurance"]),
        Decimal(case["co_payment"]),
        Decimal(case["own"]),
        Decimal(case.get("other", "0")),
    )
    if "levels" in case:
        assert [line.level for line in bill.lines] == [Decimal(text) for text in case["levels"]]
    if "service_ratios" in case:
        assert [line.service_ratio for line in bill.lines] == case["service_ratios"]
    if "quantities" in case:
        assert [line.quantity for line in bill.lines] == [Decimal(q) for q in case["quantities"]]
