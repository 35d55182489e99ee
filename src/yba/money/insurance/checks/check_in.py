"""VN-K: the check-in message."""

from collections.abc import Iterator

from yba.money.insurance.checks.case import Case, Hit, hit
from yba.money.insurance.checks.registry import row_rule
from yba.money.insurance.claim import Row

_FIRST_COST = (
    ("MA_DICH_VU", "TEN_DICH_VU"),
    ("MA_THUOC", "TEN_THUOC"),
    ("MA_VAT_TU", "TEN_VAT_TU"),
)


@row_rule("VN-K001", "CHECKIN")
def first_cost_is_named(row: Row, _case: Case) -> Iterator[Hit]:
    """A service, a drug or a supply, with its name."""
    if not any(row[code] for code, _ in _FIRST_COST):
        yield hit(row, "MA_DICH_VU")
    for code, name in _FIRST_COST:
        if row[code] and not row[name]:
            yield hit(row, name)


@row_rule("VN-K002", "CHECKIN")
def admission_has_a_reason(row: Row, _case: Case) -> Iterator[Hit]:
    """NGAY_VAO_NOI_TRU comes with LY_DO_VNT."""
    if row["NGAY_VAO_NOI_TRU"] and not row["LY_DO_VNT"]:
        yield hit(row, "LY_DO_VNT")


@row_rule("VN-K003", "CHECKIN")
def order_is_after_arrival(row: Row, _case: Case) -> Iterator[Hit]:
    """NGAY_YL >= NGAY_VAO."""
    ordered, arrived = row.moment("NGAY_YL"), row.moment("NGAY_VAO")
    if ordered and arrived and ordered < arrived:
        yield hit(row, "NGAY_YL")
