"""Properties of the split over generated visits that meet every rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yba.kernel.money import whole_dong
from yba.money.charging.errors import CategoryNotForCare, UnknownCategory
from yba.money.charging.model import (
    Card,
    CoPaid,
    CostLine,
    CoverageTerms,
    OtherCase,
    OtherMoney,
    Scope,
    Source,
    SplitBill,
    Table,
)
from yba.money.charging.rulebook import Rulebook, shipped_rules
from yba.money.charging.split import split

RULES = shipped_rules()
Visit = tuple[list[CostLine], CoverageTerms]
CARD_GROUPS = ["CC1", "TE1", "HN2", "HT3", "CN3", "GD4", "DN4", "LH4", "QN5"]
# Rows that a ratio may shrink to nothing, where other money would be refused.
SHRINKING = (8, 13, 14, 15, 16, 18)
VISITS = 10_000


def price_of(chance: Random) -> Decimal:
    return Decimal(chance.randint(0, 60_000_000_000)) / 1000


def other_money(chance: Random, line: CostLine) -> OtherMoney | None:
    case = chance.choice([None, None, None, *OtherCase])
    if case is None or line.group in SHRINKING:
        return None
    amount = line.quantity * line.hospital_price * chance.randint(0, 100) / 100
    return OtherMoney(case, chance.choice(list(Source)), whole_cents(amount))


def whole_cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_DOWN)


def cost_line(chance: Random, arrived: datetime, key: int) -> CostLine:
    is_drug = chance.random() < 0.5
    price = price_of(chance)
    cheaper = chance.choice([0, 0, 0, 10, 50])
    line = CostLine(
        key=str(key),
        table=Table.DRUG if is_drug else Table.SERVICE,
        group=chance.choice(
            [4, 5, 6, 7, 17] if is_drug else [1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19]
        ),
        quantity=Decimal(chance.choice([1, 1, 2, 3]))
        if chance.random() < 0.5
        else Decimal(chance.randint(0, 40_000)) / 1000,
        hospital_price=price,
        insurance_price=(price * (100 - cheaper) / 100).quantize(Decimal("0.001")),
        ordered_at=arrived + timedelta(minutes=chance.randint(0, 60 * 24 * 40)),
        insurance_ratio=chance.choice([100, 100, 100, 70, 50, 30, 0]),
        scope=chance.choice([Scope.COVERED] * 4 + [Scope.NOT_COVERED, Scope(3)]),
        department=chance.choice(["K01", "K02", "K03"]),
        charges_difference=chance.random() < 0.5,
        bed_shared_by=chance.randint(1, 4),
        over_table_limit=chance.random() < 0.5,
        operation=chance.choice(["", "op1", "op2"]),
        team=chance.choice(["A", "B"]),
        package=chance.choice(["", "G1", "G2"]),
    )
    return replace(line, other=other_money(chance, line))


def card(chance: Random, arrived: datetime) -> Card:
    return Card(
        number=chance.choice(CARD_GROUPS) + "010000000001",
        valid_from=arrived.date() + timedelta(days=chance.randint(-400, 20)),
        valid_to=arrived.date() + timedelta(days=chance.randint(-5, 400)),
        shown_at=chance.choice([None, None, arrived + timedelta(days=1)]),
    )


def generated(chance: Random) -> Visit:
    day = date(2023, 1, 1) + timedelta(days=chance.randint(0, 1640))
    arrived = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    lines = [cost_line(chance, arrived, key) for key in range(chance.randint(0, 8))]
    terms = CoverageTerms(
        category=chance.choice(RULES.category_codes(day)),
        original_category="1.1",
        is_inpatient=chance.random() < 0.5,
        arrived_at=arrived,
        ended_at=arrived + timedelta(days=chance.randint(0, 40)),
        cards=[card(chance, arrived) for _ in range(chance.choice([0, 1, 1, 1, 2]))],
        five_years_on=chance.choice([None, day + timedelta(days=chance.randint(-9, 9))]),
        exempt_from=chance.choice([None, None, arrived + timedelta(days=5)]),
        co_paid=chance.choice([[], [CoPaid(day, price_of(chance))]]),
    )
    return lines, terms


def whole_visits(test: Callable[[Random], None]) -> Callable[[], None]:
    """Run a test on visits whose every choice Hypothesis makes and shrinks."""
    chances = st.randoms(use_true_random=False)
    return settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))(
        given(chances)(test)
    )


def billed(visit: Visit, rules: Rulebook) -> SplitBill | None:
    try:
        return split(*visit, rules)
    except (CategoryNotForCare, UnknownCategory):
        return None


def check_sums(visit: Visit) -> bool:
    """Check every sum of one visit; return whether it could be billed at all."""
    bill = billed(visit, RULES)
    if bill is None:
        return False

    for line in bill.lines:
        parts = (line.patient_pays, line.co_payment, line.insurance_pays, line.other_pays)
        assert min(parts) >= 0
        assert sum(parts) == line.amount
        assert line.insured_amount <= line.amount
        assert 0 <= line.level <= 100
        shares = (line.dong.own, line.dong.co_payment, line.dong.insurance, line.dong.other)
        assert min(shares) >= 0
        assert abs(line.dong.total - line.amount) < 4
    assert bill.amount == (
        bill.patient_pays + bill.co_payment + bill.insurance_pays + bill.other_pays
    )
    assert bill.dong.total == sum(line.dong.total for line in bill.lines)
    assert abs(bill.dong.total - bill.amount) <= 2
    assert bill.dong.total == bill.dong.patient + bill.dong.insurance + bill.dong.other
    assert (bill.dong.own, bill.dong.co_payment, bill.dong.insurance, bill.dong.other) == tuple(
        whole_dong(v)
        for v in (bill.patient_pays, bill.co_payment, bill.insurance_pays, bill.other_pays)
    )
    return True


@pytest.mark.slow
def test_bill_is_the_sum_of_lines_and_the_sum_of_payers():
    billable = sum(check_sums(generated(Random(seed))) for seed in range(VISITS * 5 // 4))

    assert billable >= VISITS


@whole_visits
def test_sums_hold_wherever_hypothesis_looks(chance: Random):
    check_sums(generated(chance))


@whole_visits
def test_split_is_the_same_each_time(chance: Random):
    visit = generated(chance)

    assert billed(visit, RULES) == billed(visit, RULES)


@whole_visits
def test_a_person_with_a_full_card_never_pays_more_than_with_none(chance: Random):
    lines, terms = generated(chance)
    full = [Card("HN2010000000001", date(2000, 1, 1), date(2099, 1, 1))]
    insured = billed((lines, replace(terms, cards=full)), RULES)
    alone = billed((lines, replace(terms, cards=[])), RULES)
    if insured is None or alone is None:
        return

    assert _exact(insured) <= _exact(alone)
    # Own part and co-payment are rounded to whole đồng each, where the other bill rounds once.
    assert insured.dong.patient <= alone.dong.patient + 1
    assert insured.amount == alone.amount


def _exact(bill: SplitBill) -> Decimal:
    return sum((line.patient_pays + line.co_payment for line in bill.lines), Decimal(0))


@whole_visits
def test_an_earlier_exemption_never_makes_a_visit_dearer_for_the_person(chance: Random):
    lines, terms = generated(chance)
    plain = billed((lines, replace(terms, exempt_from=None)), RULES)
    exempt = billed((lines, replace(terms, exempt_from=terms.arrived_at)), RULES)
    if plain is None or exempt is None:
        return

    assert exempt.co_payment <= plain.co_payment
    assert exempt.patient_pays == plain.patient_pays
