"""VN-L: results and clinical notes."""

from collections.abc import Iterator
from datetime import timedelta

from yba.money.insurance.checks.case import Case, Hit, hit, is_sent_out
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row

Hits = Iterator[Hit]


def _group(row: Row, case: Case) -> str:
    service = case.service_rows.get(row["MA_DICH_VU"])
    return service["MA_NHOM"] if service else ""


@row_rule("VN-L001", "XML4")
def result_has_its_service(row: Row, case: Case) -> Hits:
    """MA_DICH_VU of XML4 is in XML3."""
    if row["MA_DICH_VU"] and row["MA_DICH_VU"] not in case.service_rows:
        yield hit(row, "MA_DICH_VU")


@row_rule("VN-L002", "XML4")
def image_is_described(row: Row, case: Case) -> Hits:
    """Group 2: MO_TA and KET_LUAN."""
    if _group(row, case) == "2" and row["NGAY_KQ"] and not is_sent_out(row):
        for name in ("MO_TA", "KET_LUAN"):
            if not row[name]:
                yield hit(row, name)


@row_rule("VN-L003", "XML4")
def result_has_a_reader(row: Row, _case: Case) -> Hits:
    """MA_BS_DOC_KQ, sent-out samples excepted."""
    if row["NGAY_KQ"] and not row["MA_BS_DOC_KQ"] and not is_sent_out(row):
        yield hit(row, "MA_BS_DOC_KQ")


@row_rule("VN-L004", "XML4")
def laboratory_row_is_whole(row: Row, case: Case) -> Hits:
    """Group 1: the name, and the value once it is there."""
    if _group(row, case) != "1":
        return
    if not row["TEN_CHI_SO"]:
        yield hit(row, "TEN_CHI_SO")
    if row["NGAY_KQ"] and not row["GIA_TRI"]:
        yield hit(row, "GIA_TRI")


@row_rule("VN-L005", "XML5")
def note_is_whole(row: Row, _case: Case) -> Hits:
    """What, when, who."""
    for name in ("DIEN_BIEN_LS", "THOI_DIEM_DBLS", "NGUOI_THUC_HIEN"):
        if not row[name]:
            yield hit(row, name)


@rule("VN-L006")
def every_day_has_a_note(case: Case) -> Hits:
    """For types 03 and 04."""
    if case.care not in {"03", "04"} or not case.notes or not case.arrived or not case.ended:
        return
    days = {row["THOI_DIEM_DBLS"][:8] for row in case.notes}
    day = (case.main.moment("NGAY_VAO_NOI_TRU") or case.arrived).date()
    while day <= case.ended.date():
        if f"{day:%Y%m%d}" not in days:
            yield hit(case.notes[0], "THOI_DIEM_DBLS", f"{day:%Y%m%d}")
            return
        day += timedelta(days=1)


@rule("VN-L007")
def nothing_is_noted_after_death(case: Case) -> Hits:
    """Outcome 5 or 8."""
    if case.main["KET_QUA_DTRI"] not in {"5", "8"} or case.ended is None:
        return
    for row in case.notes:
        moment = row.moment("THOI_DIEM_DBLS")
        if moment and moment > case.ended:
            yield hit(row, "THOI_DIEM_DBLS")
