"""What changes inside one stay: cards, exemption, the year, the base salary."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from yba.money.charging.errors import CategoryNotForCare, NoOriginalCategory, UnknownCategory
from yba.money.charging.model import (
    Card,
    CoPaid,
    CostLine,
    CoverageTerms,
    OtherCase,
    OtherMoney,
    Source,
    Table,
)
from yba.money.charging.rulebook import Rulebook
from yba.money.charging.split import split

ARRIVED = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
LONG = (date(2020, 1, 1), date(2030, 12, 31))
HOUSEHOLD = Card("GD4010000000001", *LONG)
PENSIONER = Card("HT3010000000001", *LONG)


def service(day: int, price: str = "10000000", *, hour: int = 0, key: str = "") -> CostLine:
    return CostLine(
        key=key or f"{day}-{hour}",
        table=Table.SERVICE,
        group=8,
        quantity=Decimal(1),
        hospital_price=Decimal(price),
        insurance_price=Decimal(price),
        ordered_at=ARRIVED + timedelta(days=day, hours=hour),
    )


def stay(**changes: object) -> CoverageTerms:
    given: dict[str, object] = {
        "category": "1.1",
        "is_inpatient": True,
        "arrived_at": ARRIVED,
        "ended_at": ARRIVED + timedelta(days=40),
        "cards": [HOUSEHOLD],
        **changes,
    }
    return CoverageTerms(**given)  # type: ignore[arg-type]


def levels(lines: list[CostLine], terms: CoverageTerms, rules: Rulebook) -> list[Decimal]:
    return [line.level for line in split(lines, terms, rules).lines]


def test_new_card_counts_from_its_first_day(rules: Rulebook):
    cards = [
        Card("GD4010000000001", LONG[0], date(2026, 9, 4)),
        Card("HT3010000000002", date(2026, 9, 5), LONG[1]),
    ]

    assert levels([service(3), service(4)], stay(cards=cards), rules) == [80, 95]


def test_of_two_valid_cards_the_higher_counts(rules: Rulebook):
    assert levels([service(1)], stay(cards=[HOUSEHOLD, PENSIONER]), rules) == [95]


def test_card_that_expires_in_the_stay_covers_fifteen_days_more(rules: Rulebook):
    cards = [Card("GD4010000000001", LONG[0], date(2026, 9, 1))]

    bill = split([service(15), service(16)], stay(cards=cards), rules)

    assert [line.insurance_pays for line in bill.lines] == [8_000_000, 0]
    assert bill.lines[0].because[0] == "card.expired-in-stay"
    assert bill.lines[1].patient_pays == 10_000_000


def test_card_that_was_no_longer_valid_on_arrival_covers_nothing(rules: Rulebook):
    cards = [Card("GD4010000000001", LONG[0], date(2026, 8, 31))]

    assert split([service(1)], stay(cards=cards), rules).insurance_pays == 0


def test_card_shown_late_counts_from_that_moment(rules: Rulebook):
    cards = [Card("GD4010000000001", *LONG, shown_at=ARRIVED + timedelta(days=2))]

    bill = split([service(1), service(2)], stay(cards=cards), rules)

    assert [line.insurance_pays for line in bill.lines] == [0, 8_000_000]


def test_card_shown_late_in_an_emergency_counts_from_arrival(rules: Rulebook):
    cards = [Card("GD4010000000001", *LONG, shown_at=ARRIVED + timedelta(days=2))]

    bill = split([service(1)], stay(cards=cards, category="2"), rules)

    assert bill.insurance_pays == 8_000_000


def test_lines_after_six_base_salaries_of_co_payment_are_free(rules: Rulebook):
    # 6 x 2,530,000 = 15,180,000: the second line passes it, the third is free.
    lines = [service(0, "40000000"), service(1, "40000000"), service(2, "40000000")]

    bill = split(lines, stay(five_years_on=date(2026, 1, 1)), rules)

    assert [line.level for line in bill.lines] == [80, 80, 100]
    assert bill.exempt_from == lines[1].ordered_at + timedelta(minutes=1)


def test_exactly_six_base_salaries_are_not_above_them(rules: Rulebook):
    lines = [service(0, "75900000"), service(1)]  # 20 % of 75,900,000 = 15,180,000

    assert levels(lines, stay(five_years_on=date(2026, 1, 1)), rules) == [80, 80]


def test_without_five_years_nothing_is_exempt(rules: Rulebook):
    lines = [service(0, "100000000"), service(1)]

    assert levels(lines, stay(), rules) == [80, 80]


def test_five_years_reached_in_the_stay_exempt_from_that_day(rules: Rulebook):
    lines = [service(0, "100000000"), service(1), service(2)]

    assert levels(lines, stay(five_years_on=date(2026, 9, 3)), rules) == [80, 80, 100]


def test_lines_of_the_minute_that_passes_the_limit_keep_the_level(rules: Rulebook):
    lines = [service(0, "100000000", key="a"), service(0, key="b"), service(0, hour=1)]

    assert levels(lines, stay(five_years_on=date(2026, 1, 1)), rules) == [80, 80, 100]


def test_order_of_lines_in_the_bill_does_not_matter(rules: Rulebook):
    lines = [service(2), service(0, "100000000")]

    assert levels(lines, stay(five_years_on=date(2026, 1, 1)), rules) == [100, 80]


def test_earlier_co_payments_count_by_the_salary_of_their_day(rules: Rulebook):
    # (6 - 7,020,000 / 2,340,000) x 2,530,000 = 7,590,000 are still to pay from July on.
    before = [CoPaid(date(2026, 5, 1), Decimal(7_020_000))]
    reached = [service(0, "37950005"), service(1)]
    not_reached = [service(0, "37950000"), service(1)]
    terms = stay(five_years_on=date(2026, 1, 1), co_paid=before)

    assert levels(reached, terms, rules) == [80, 100]
    assert levels(not_reached, terms, rules) == [80, 80]


def test_co_payments_of_last_year_do_not_count(rules: Rulebook):
    before = [CoPaid(date(2025, 12, 31), Decimal(50_000_000))]
    terms = stay(five_years_on=date(2026, 1, 1), co_paid=before)

    assert levels([service(0)], terms, rules) == [80]


def test_exemption_ends_with_the_year(rules: Rulebook):
    paper = datetime(2026, 8, 1, tzinfo=UTC)
    terms = stay(exempt_from=paper, ended_at=ARRIVED + timedelta(days=130))

    assert levels([service(0), service(125)], terms, rules) == [100, 80]


def test_wrong_line_is_never_exempt_and_does_not_count(rules: Rulebook):
    lines = [service(0, "100000000"), service(1)]
    terms = stay(category="3.1", five_years_on=date(2026, 1, 1))

    assert levels(lines, terms, rules) == [32, 32]


def test_factor_is_that_of_the_end_of_care(rules: Rulebook):
    june = CoverageTerms(
        category="1.18",
        is_inpatient=False,
        arrived_at=datetime(2026, 6, 30, 2, tzinfo=UTC),
        ended_at=datetime(2026, 7, 1, 2, tzinfo=UTC),
        cards=[HOUSEHOLD],
    )
    line = CostLine(
        "x", Table.SERVICE, 1, Decimal(1), Decimal(10**6), Decimal(10**6), june.arrived_at
    )

    assert split([line], june, rules).lines[0].level == 40


def test_category_of_the_other_kind_of_care_is_refused(rules: Rulebook):
    with pytest.raises(CategoryNotForCare, match=r"1\.15"):
        split([service(0)], stay(category="1.13"), rules)


def test_unknown_category_is_refused(rules: Rulebook):
    with pytest.raises(UnknownCategory):
        split([service(0)], stay(category="4.9"), rules)


def test_picked_up_drugs_without_the_first_visit_are_refused(rules: Rulebook):
    with pytest.raises(NoOriginalCategory):
        split([service(0)], stay(category="10", is_inpatient=False), rules)


def test_an_exam_that_is_dearer_than_the_day_allows_is_stepped_down(rules: Rulebook):
    def exam(price: str) -> CostLine:
        return CostLine(
            price, Table.SERVICE, 13, Decimal(1), Decimal(price), Decimal(price), ARRIVED
        )

    bill = split([exam("30000"), exam("200000")], stay(), rules)

    assert [line.service_ratio for line in bill.lines] == [100, 10]
    assert "ratio.exam-day-limit" in bill.lines[1].because


def test_reduced_row_without_price_difference_follows_the_second_form(rules: Rulebook):
    line = CostLine(
        key="bed",
        table=Table.SERVICE,
        group=15,
        quantity=Decimal(1),
        hospital_price=Decimal(500_000),
        insurance_price=Decimal(300_000),
        ordered_at=ARRIVED,
        bed_shared_by=2,
        charges_difference=False,
    )

    bill = split([line], stay(), rules)

    assert (bill.amount, bill.insured_amount, bill.patient_pays) == (350_000, 150_000, 200_000)


def test_each_payer_pays_the_rounded_total_of_the_claim(rules: Rulebook):
    lines = [
        CostLine(
            key=str(i),
            table=Table.DRUG,
            group=4,
            quantity=Decimal(1),
            hospital_price=Decimal("333333.333"),
            insurance_price=Decimal("333333.333"),
            ordered_at=ARRIVED,
        )
        for i in range(7)
    ]

    bill = split(lines, stay(), rules)

    assert (bill.co_payment, bill.dong.co_payment) == (Decimal("466666.69"), 466_667)
    assert bill.dong.total == sum(line.dong.total for line in bill.lines)


def test_other_money_of_a_kind_stands_in_its_own_field(rules: Rulebook):
    line = CostLine(
        key="arv",
        table=Table.DRUG,
        group=4,
        quantity=Decimal(1),
        hospital_price=Decimal(1_000_000),
        insurance_price=Decimal(1_000_000),
        ordered_at=ARRIVED,
        other=OtherMoney(OtherCase.CO_PAYMENT, Source.DOMESTIC),
    )

    result = split([line], stay(), rules).lines[0]

    assert result.other_of(Source.DOMESTIC) == 200_000
    assert result.other_of(Source.STATE) == 0
