"""VN-B: beds."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from yba.money.insurance.checks.case import BEDS, INPATIENT, Case, Hit, hit
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_day

_WARD = frozenset({"14", "15"})
_HALF = Decimal("0.5")
_ONE_MORE = (frozenset({"3", "4", "5", "6"}), frozenset({"2", "3", "4"}))

Hits = Iterator[Hit]


def _beds(case: Case) -> list[Row]:
    return [row for row in case.services if row["MA_NHOM"] in BEDS]


def _stay(case: Case) -> timedelta | None:
    begin = case.main.moment("NGAY_VAO_NOI_TRU") or case.arrived
    if case.care not in INPATIENT or begin is None or case.ended is None:
        return None
    return case.ended - begin


def _bed_days(rows: list[Row]) -> Decimal:
    return sum((row.amount("SO_LUONG") for row in rows), Decimal(0))


@row_rule("VN-B001", "XML3")
def visitor_has_no_ward_bed(row: Row, case: Case) -> Hits:
    """Types 01 and 02."""
    # Group 14 is also the outpatient bed of type 02 in the list's own words; the rule keeps 15.
    wrong = _WARD if case.care == "01" else frozenset({"15"})
    if case.care in {"01", "02"} and row["MA_NHOM"] in wrong:
        yield hit(row, "MA_NHOM")


@rule("VN-B002")
def short_stay_has_no_bed(case: Case) -> Hits:
    """Under four hours."""
    stay = _stay(case)
    if stay is not None and stay < timedelta(hours=4) and _bed_days(_beds(case)) > 0:
        yield hit(_beds(case)[0], "SO_LUONG", "0")


@rule("VN-B003")
def one_day_has_one_bed(case: Case) -> Hits:
    """Four to 24 hours: below two bed days."""
    stay = _stay(case)
    is_a_day = stay is not None and timedelta(hours=4) <= stay <= timedelta(hours=24)
    if is_a_day and _bed_days(_beds(case)) >= 2:
        yield hit(_beds(case)[0], "SO_LUONG")


@rule("VN-B004")
def bed_days_fit_the_stay(case: Case) -> Hits:
    """Last day - day of admission, one more for some endings."""
    begin = case.main.moment("NGAY_VAO_NOI_TRU") or case.arrived
    stay = _stay(case)
    if stay is None or begin is None or case.ended is None or stay <= timedelta(hours=24):
        return
    limit = (case.ended.date() - begin.date()).days
    outcomes, ways = _ONE_MORE
    if case.main["KET_QUA_DTRI"] in outcomes and case.main["MA_LOAI_RV"] in ways:
        limit += 1
    if _bed_days(_beds(case)) > limit:
        yield hit(_beds(case)[0], "SO_LUONG", str(limit))


def _per_day(case: Case) -> dict[str, list[Row]]:
    """Return the bed rows that begin and end on one day, by day."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in _beds(case):
        if row.amount("SO_LUONG") <= 1:
            found[row["NGAY_YL"][:8]].append(row)
    return found


@rule("VN-B005")
def a_day_has_one_bed_day(case: Case) -> Hits:
    """At most 1 over all rows of a day."""
    for rows in _per_day(case).values():
        if _bed_days(rows) > 1:
            yield hit(rows[-1], "SO_LUONG")


@rule("VN-B006")
def two_wards_share_a_day(case: Case) -> Hits:
    """Half and half, other wards nothing."""
    for rows in _per_day(case).values():
        wards = {row["MA_KHOA"] for row in rows}
        if len(wards) < 2:
            continue
        for row in rows:
            if row.amount("SO_LUONG") not in {Decimal(0), _HALF}:
                yield hit(row, "SO_LUONG", "0.5")


@row_rule("VN-B008", "XML3")
def bed_has_a_code(row: Row, _case: Case) -> Hits:
    """MA_GIUONG on bed rows."""
    if row["MA_NHOM"] in BEDS and not row["MA_GIUONG"]:
        yield hit(row, "MA_GIUONG")


@row_rule("VN-B012", "XML3")
def bed_days_fit_the_interval(row: Row, _case: Case) -> Hits:
    """Whole days between start and end, at least a half."""
    if row["MA_NHOM"] not in BEDS:
        return
    begin, end = read_day(row["NGAY_YL"][:8]), read_day(row["NGAY_KQ"][:8])
    if begin and end and row.amount("SO_LUONG") > (end - begin).days + 1:
        yield hit(row, "SO_LUONG", str((end - begin).days + 1))


@row_rule("VN-B013", "XML3")
def day_patient_has_a_day_bed(row: Row, case: Case) -> Hits:
    """Type 04: group 14."""
    if case.care == "04" and row["MA_NHOM"] in {"15", "16"}:
        yield hit(row, "MA_NHOM", "14")
