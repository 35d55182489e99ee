"""VN-T and VN-K006: the totals of XML1."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from yba.kernel.money import amount
from yba.money.insurance.checks.case import SUPPLIES, TOLERANCE, Case, Hit, hit
from yba.money.insurance.checks.registry import rule
from yba.money.insurance.claim import Row

Hits = Iterator[Hit]


def _total(case: Case, name: str, rows: tuple[Row, ...], column: str) -> Hits:
    expected = sum((row.amount(column) for row in rows), Decimal(0))
    given = case.main.number_in(name)
    if given is not None and abs(given - expected) > TOLERANCE:
        yield hit(case.main, name, f"{amount(expected).normalize():f}")


def _sum_rule(
    rule_id: str, name: str, column: str, rows: Callable[[Case], tuple[Row, ...]]
) -> None:
    @rule(rule_id)
    def check(case: Case) -> Hits:
        yield from _total(case, name, rows(case), column)

    check.__doc__ = f"{name} is the sum of {column}."


def _supplies(case: Case) -> tuple[Row, ...]:
    return tuple(row for row in case.services if row["MA_NHOM"] in SUPPLIES)


_sum_rule("VN-T001", "T_THUOC", "THANH_TIEN_BV", lambda case: case.drugs)
_sum_rule("VN-T002", "T_VTYT", "THANH_TIEN_BV", _supplies)
_sum_rule("VN-T003", "T_TONGCHI_BV", "THANH_TIEN_BV", lambda case: case.lines)
_sum_rule("VN-T004", "T_TONGCHI_BH", "THANH_TIEN_BH", lambda case: case.lines)
_sum_rule("VN-T005", "T_BNTT", "T_BNTT", lambda case: case.lines)
_sum_rule("VN-T006", "T_BNCCT", "T_BNCCT", lambda case: case.lines)
_sum_rule("VN-T007", "T_BHTT", "T_BHTT", lambda case: case.lines)
_sum_rule("VN-T009", "T_NGUONKHAC", "T_NGUONKHAC", lambda case: case.lines)


@rule("VN-T008")
def insurance_is_what_is_left(case: Case) -> Hits:
    """T_BHTT = T_TONGCHI_BH - T_BNCCT, when nobody else pays."""
    main = case.main
    if main.amount("T_NGUONKHAC") > 0:
        return
    expected = main.amount("T_TONGCHI_BH") - main.amount("T_BNCCT")
    # A package at its ceiling leaves the rest to the patient.
    if any(row["T_TRANTT"] for row in case.services):
        return
    if abs(main.amount("T_BHTT") - expected) > TOLERANCE:
        yield hit(main, "T_BHTT", f"{expected.normalize():f}")


@rule("VN-T010")
def fee_for_service_part(case: Case) -> Hits:
    """Rows with MA_PTTT 1; not asked of the forces' cards."""
    if not case.is_forces:
        rows = tuple(row for row in case.lines if row["MA_PTTT"] == "1")
        yield from _total(case, "T_BHTT_GDV", rows, "T_BHTT")


@rule("VN-T011")
def payers_add_up(case: Case) -> Hits:
    """The whole cost is paid by somebody."""
    names = ("T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")
    expected = sum((case.main.amount(name) for name in names), Decimal(0))
    if abs(case.main.amount("T_TONGCHI_BV") - expected) > TOLERANCE:
        yield hit(case.main, "T_TONGCHI_BV", f"{expected.normalize():f}")


@rule("VN-T012")
def totals_are_ordered(case: Case) -> Hits:
    """Insurance pays at most what is insured, which is at most the whole."""
    main = case.main
    if main.amount("T_BHTT") > main.amount("T_TONGCHI_BH"):
        yield hit(main, "T_BHTT")
    if main.amount("T_TONGCHI_BH") > main.amount("T_TONGCHI_BV"):
        yield hit(main, "T_TONGCHI_BH")


@rule("VN-T013")
def inpatient_costs_something(case: Case) -> Hits:
    """Type 03 without insured cost."""
    if case.care == "03" and case.main.amount("T_TONGCHI_BH") == 0:
        yield hit(case.main, "T_TONGCHI_BH")


@rule("VN-K006")
def payment_time_is_there(case: Case) -> Hits:
    """Asked when the file claims payment."""
    if case.options.for_payment and not case.main["NGAY_TTOAN"]:
        yield hit(case.main, "NGAY_TTOAN")
