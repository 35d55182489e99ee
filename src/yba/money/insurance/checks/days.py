"""VN-D: the order of days and minutes."""

import re
from collections.abc import Iterator
from datetime import timedelta

from yba.money.insurance.checks.case import BEDS, PERFORMED, Case, Hit, hit, is_sent_out
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_day

_LATE_RESULT = timedelta(days=60)
_DAYS_OF_DRUG = re.compile(r"\*\s*[\d.,/]+[^*]*\*\s*(\d+)")
_ENDS_AT_MIDNIGHT = frozenset({"02", "05", "07"})

Hits = Iterator[Hit]


def days_of_drug(row: Row) -> int | None:
    """Return for how many days LIEU_DUNG gives the drug, if it says so."""
    found = _DAYS_OF_DRUG.search(row["LIEU_DUNG"])
    return int(found[1][:4]) if found else None


@rule("VN-D001")
def end_is_after_arrival(case: Case) -> Hits:
    """NGAY_RA >= NGAY_VAO."""
    if case.arrived and case.ended and case.ended < case.arrived:
        yield hit(case.main, "NGAY_RA")


@row_rule("VN-D002", "XML1", "CHECKIN")
def admission_is_after_arrival(row: Row, _case: Case) -> Hits:
    """NGAY_VAO_NOI_TRU >= NGAY_VAO."""
    admitted, arrived = row.moment("NGAY_VAO_NOI_TRU"), row.moment("NGAY_VAO")
    if admitted and arrived and admitted < arrived:
        yield hit(row, "NGAY_VAO_NOI_TRU")


@rule("VN-D003")
def inpatient_was_admitted(case: Case) -> Hits:
    """Types 03, 04, 09."""
    if case.care not in {"03", "04", "09"}:
        return
    admitted = case.main.moment("NGAY_VAO_NOI_TRU")
    if admitted is None or (case.ended and admitted > case.ended):
        yield hit(case.main, "NGAY_VAO_NOI_TRU")


@rule("VN-D004")
def payment_is_after_the_end(case: Case) -> Hits:
    """NGAY_TTOAN >= NGAY_RA."""
    paid = case.main.moment("NGAY_TTOAN")
    if paid and case.ended and paid < case.ended:
        yield hit(case.main, "NGAY_TTOAN")


@rule("VN-D005")
def end_is_not_in_the_future(case: Case) -> Hits:
    """NGAY_RA is not after the day the file was made."""
    if case.care in _ENDS_AT_MIDNIGHT or case.created is None or case.ended is None:
        return
    if case.ended.date() > case.created:
        yield hit(case.main, "NGAY_RA")


@rule("VN-D006")
def courses_end_at_midnight(case: Case) -> Hits:
    """Types 02, 05, 07 end at 2359."""
    if case.care in _ENDS_AT_MIDNIGHT and case.ended and case.main["NGAY_RA"][8:] != "2359":
        yield hit(case.main, "NGAY_RA")


@rule("VN-D007")
def visit_has_no_days(case: Case) -> Hits:
    """Types 01, 07, 09: zero days."""
    if case.care in {"01", "07", "09"} and case.main.number_in("SO_NGAY_DTRI") not in {None, 0}:
        yield hit(case.main, "SO_NGAY_DTRI", "0")


@rule("VN-D008")
def stay_counts_both_days(case: Case) -> Hits:
    """Types 02, 03, 04, 06: last day - first day + 1."""
    if case.care not in {"02", "03", "04", "06"} or not case.arrived or not case.ended:
        return
    expected = (case.ended.date() - case.arrived.date()).days + 1
    if case.main.number_in("SO_NGAY_DTRI") != expected:
        yield hit(case.main, "SO_NGAY_DTRI", str(expected))


@rule("VN-D009")
def chronic_days_are_drug_days(case: Case) -> Hits:
    """Type 05."""
    if case.care != "05":
        return
    given = [days for row in case.drugs if (days := days_of_drug(row)) is not None]
    if given and case.main.number_in("SO_NGAY_DTRI") != max(given):
        yield hit(case.main, "SO_NGAY_DTRI", str(max(given)))


@rule("VN-D010")
def chronic_service_days_are_counted(case: Case) -> Hits:
    """Type 08: distinct days with a service."""
    if case.care != "08":
        return
    expected = len({row["NGAY_YL"][:8] for row in case.services if row["MA_DICH_VU"]})
    if case.main.number_in("SO_NGAY_DTRI") != expected:
        yield hit(case.main, "SO_NGAY_DTRI", str(expected))


@rule("VN-D011")
def visit_ends_the_same_day(case: Case) -> Hits:
    """Type 01."""
    if case.care == "01" and case.arrived and case.ended and not case.is_within_a_day():
        yield hit(case.main, "NGAY_RA")


@rule("VN-D012")
def long_stay_is_reviewed(case: Case) -> Hits:
    """More than 90 days."""
    if case.main.amount("SO_NGAY_DTRI") > 90:
        yield hit(case.main, "SO_NGAY_DTRI")


def _inside(row: Row, case: Case, name: str) -> Hits:
    moment = row.moment(name)
    if moment is None or case.arrived is None or case.ended is None:
        return
    if not case.arrived <= moment <= case.ended:
        yield hit(row, name)


@row_rule("VN-D013", "XML2")
def drugs_are_ordered_inside(row: Row, case: Case) -> Hits:
    """Between arrival and end."""
    yield from _inside(row, case, "NGAY_YL")


@row_rule("VN-D014", "XML3")
def services_are_ordered_inside(row: Row, case: Case) -> Hits:
    """Between arrival and end, sent-out samples excepted."""
    if not is_sent_out(row):
        yield from _inside(row, case, "NGAY_YL")


def _not_before(row: Row, later: str, earlier: str) -> Hits:
    first, second = row.moment(earlier), row.moment(later)
    if first and second and second < first:
        yield hit(row, later)


@row_rule("VN-D015", "XML2", "XML3")
def done_after_the_order(row: Row, _case: Case) -> Hits:
    """NGAY_TH_YL >= NGAY_YL."""
    yield from _not_before(row, "NGAY_TH_YL", "NGAY_YL")


@row_rule("VN-D016", "XML3")
def result_after_the_order(row: Row, _case: Case) -> Hits:
    """NGAY_KQ >= NGAY_YL."""
    yield from _not_before(row, "NGAY_KQ", "NGAY_YL")


@row_rule("VN-D017", "XML3")
def result_after_it_was_done(row: Row, _case: Case) -> Hits:
    """NGAY_KQ >= NGAY_TH_YL."""
    yield from _not_before(row, "NGAY_KQ", "NGAY_TH_YL")


@row_rule("VN-D018", "XML3")
def result_is_inside(row: Row, case: Case) -> Hits:
    """Inside the episode; laboratory results up to 60 days later."""
    moment = row.moment("NGAY_KQ")
    if moment is None or case.arrived is None or case.ended is None:
        return
    grace = _LATE_RESULT if row["MA_NHOM"] == "1" else timedelta(0)
    if not case.arrived <= moment <= case.ended + grace:
        yield hit(row, "NGAY_KQ")


@row_rule("VN-D019", "XML3")
def result_time_is_there(row: Row, _case: Case) -> Hits:
    """For what is performed, and for beds."""
    group = row["MA_NHOM"]
    if (group in PERFORMED or group in BEDS) and not row["NGAY_KQ"] and not is_sent_out(row):
        yield hit(row, "NGAY_KQ")


@row_rule("VN-D020", "XML4")
def result_times_agree(row: Row, case: Case) -> Hits:
    """XML4 and XML3 tell the same minute."""
    if not row["NGAY_KQ"] or not row["MA_DICH_VU"]:
        return
    times = {r["NGAY_KQ"] for r in case.services if r["MA_DICH_VU"] == row["MA_DICH_VU"]} - {""}
    if times and row["NGAY_KQ"] not in times:
        yield hit(row, "NGAY_KQ", min(times))


@row_rule("VN-D021", "XML4")
def value_has_a_time(row: Row, _case: Case) -> Hits:
    """GIA_TRI comes with NGAY_KQ."""
    if row["GIA_TRI"] and not row["NGAY_KQ"]:
        yield hit(row, "NGAY_KQ")


@row_rule("VN-D022", "XML4")
def result_is_not_too_late(row: Row, case: Case) -> Hits:
    """At most 60 days after the end."""
    moment = row.moment("NGAY_KQ")
    if moment and case.ended and moment > case.ended + _LATE_RESULT:
        yield hit(row, "NGAY_KQ")


@row_rule("VN-D023", "XML5")
def note_is_inside(row: Row, case: Case) -> Hits:
    """Between arrival and end."""
    yield from _inside(row, case, "THOI_DIEM_DBLS")


@row_rule("VN-D024", "XML3")
def operation_takes_time(row: Row, _case: Case) -> Hits:
    """More than nothing, at most 24 hours."""
    if row["MA_NHOM"] != "8":
        return
    began, ended = row.moment("NGAY_TH_YL"), row.moment("NGAY_KQ")
    if began and ended and not timedelta(0) < ended - began <= timedelta(hours=24):
        yield hit(row, "NGAY_KQ")


@row_rule("VN-D025", "XML2", "XML3")
def order_is_after_birth(row: Row, case: Case) -> Hits:
    """Nothing is ordered for the unborn."""
    day = read_day(row["NGAY_YL"][:8])
    if day and case.born and day < case.born:
        yield hit(row, "NGAY_YL")
