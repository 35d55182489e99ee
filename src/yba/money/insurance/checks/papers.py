"""VN-P and VN-H: the papers (XML7 to XML14) and the programmes (XML6, XML15)."""

from collections.abc import Iterator
from datetime import date, timedelta

from yba.kernel.text import fold
from yba.money.insurance.checks.case import Case, Hit, hit
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_day

_TB_CODES = ("A15", "A16", "A17", "A18", "A19", "Z22.7", "Z227", "U84.3", "U843", "B90", "O98.0")
_WEEKS = range(1, 43)
_SHORT_SUMMARY = 4000
_PAPER_LEAVE, _LOSS_LEAVE, _TB_LEAVE = 30, 50, 180

Hits = Iterator[Hit]


def _equal(row: Row, case: Case, *names: str, required: bool = False) -> Hits:
    for name in names:
        given = row[name]
        if (given or required) and given != case.main[name]:
            yield hit(row, name, case.main[name])


def _is_number_of_ten(text: str) -> bool:
    return len(text) == 10 and text.isdigit() and text.strip("0") != ""


def _end_day(case: Case) -> date | None:
    return case.ended.date() if case.ended else None


@row_rule("VN-P001", "XML7")
def discharge_repeats_the_summary(row: Row, case: Case) -> Hits:
    """Arrival, end, diagnosis."""
    yield from _equal(row, case, "NGAY_VAO", "NGAY_RA", "CHAN_DOAN_RV", required=True)


@row_rule("VN-P002", "XML7")
def discharge_names_the_patient(row: Row, case: Case) -> Hits:
    """MA_YTE is MA_BN."""
    if row["MA_YTE"] != case.main["MA_BN"]:
        yield hit(row, "MA_YTE")


@row_rule("VN-P003", "XML7")
def discharge_is_dated_at_the_end(row: Row, case: Case) -> Hits:
    """NGAY_CT is the day of NGAY_RA."""
    if row.day("NGAY_CT") and _end_day(case) and row.day("NGAY_CT") != _end_day(case):
        yield hit(row, "NGAY_CT", case.main["NGAY_RA"][:8])


@row_rule("VN-P004", "XML7", "XML11")
def ended_pregnancy_is_told(row: Row, case: Case) -> Hits:
    """Reason, weeks, and the time on the discharge paper."""
    if row["MA_DINH_CHI_THAI"] != "1":
        return
    needed = ["NGUYENNHAN_DINHCHI", *(["THOIGIAN_DINHCHI"] if row.table == "XML7" else [])]
    for name in needed:
        if not row[name]:
            yield hit(row, name)
    weeks = row["TUOI_THAI"]
    if not weeks.isdigit() or int(weeks) not in _WEEKS:
        yield hit(row, "TUOI_THAI")
    if case.main["GIOI_TINH"] != "2":
        yield hit(row, "MA_DINH_CHI_THAI")


@row_rule("VN-P005", "XML7")
def leave_is_whole(row: Row, case: Case) -> Hits:
    """All three or none, and they fit."""
    names = ("SO_NGAY_NGHI", "NGOAITRU_TUNGAY", "NGOAITRU_DENNGAY")
    filled = [name for name in names if row[name]]
    if not filled:
        return
    for name in names:
        if name not in filled:
            yield hit(row, name)
    begin, end = row.day("NGOAITRU_TUNGAY"), row.day("NGOAITRU_DENNGAY")
    if begin and end and row.number_in("SO_NGAY_NGHI") != (end - begin).days + 1:
        yield hit(row, "SO_NGAY_NGHI", str((end - begin).days + 1))
    last = _end_day(case)
    if begin and last and begin <= last:
        yield hit(row, "NGOAITRU_TUNGAY")


@row_rule("VN-P006", "XML7")
def child_has_a_parent(row: Row, case: Case) -> Hits:
    """Under 16."""
    is_child = case.age is not None and case.age.years < 16
    parents = ("MA_CHA", "MA_ME", "HO_TEN_CHA", "HO_TEN_ME")
    if is_child and not any(row[name] for name in parents):
        yield hit(row, "HO_TEN_ME")


@row_rule("VN-P007", "XML8")
def record_summary_repeats_the_summary(row: Row, case: Case) -> Hits:
    """Type, days, outcome, diagnosis."""
    yield from _equal(
        row,
        case,
        "MA_LOAI_KCB",
        "NGAY_VAO",
        "NGAY_RA",
        "KET_QUA_DTRI",
        "CHAN_DOAN_RV",
        required=True,
    )


@row_rule("VN-P008", "XML8")
def dead_baby_is_told_whole(row: Row, _case: Case) -> Hits:
    """Birth, death, number."""
    names = ("NGAY_SINHCON", "NGAY_CONCHET", "SO_CONCHET")
    if not any(row[name] for name in names):
        return
    for name in names:
        if not row[name]:
            yield hit(row, name)
    born, died = row.day("NGAY_SINHCON"), row.day("NGAY_CONCHET")
    if born and died and died < born:
        yield hit(row, "NGAY_CONCHET")
    if row["SO_CONCHET"] and row.amount("SO_CONCHET") < 1:
        yield hit(row, "SO_CONCHET")


@row_rule("VN-P009", "XML8")
def record_summary_has_results(row: Row, _case: Case) -> Hits:
    """Filled, not a book."""
    if not row["TOMTAT_KQ"] or len(row["TOMTAT_KQ"]) > _SHORT_SUMMARY:
        yield hit(row, "TOMTAT_KQ")


@row_rule("VN-P010", "XML8")
def record_summary_is_not_early(row: Row, case: Case) -> Hits:
    """NGAY_CT >= day of NGAY_RA."""
    last, dated = _end_day(case), row.day("NGAY_CT")
    if last and dated and dated < last:
        yield hit(row, "NGAY_CT")


@rule("VN-P011")
def birth_paper_is_in_the_mothers_file(case: Case) -> Hits:
    """XML9 with a woman."""
    for row in case.episode.rows("XML9")[:1]:
        if case.main["GIOI_TINH"] != "2":
            yield hit(row, "SO_CON")


@rule("VN-P012")
def babies_are_counted(case: Case) -> Hits:
    """Rows, SO_CON and weights agree."""
    rows = case.episode.rows("XML9")
    weights = case.main.parts("CAN_NANG_CON")
    for row in rows:
        if row.number_in("SO_CON") not in {None, len(rows)}:
            yield hit(row, "SO_CON", str(len(rows)))
            return
    if rows and len(weights) != len(rows):
        yield hit(case.main, "CAN_NANG_CON", str(len(rows)))


@row_rule("VN-P013", "XML9")
def carer_number_has_a_form(row: Row, _case: Case) -> Hits:
    """Ten digits."""
    if row["MA_BHXH_NND"] and not _is_number_of_ten(row["MA_BHXH_NND"]):
        yield hit(row, "MA_BHXH_NND")


@row_rule("VN-P014", "XML9")
def carer_card_has_a_form(row: Row, _case: Case) -> Hits:
    """15 characters."""
    if row["MA_THE_NND"] and len(row["MA_THE_NND"]) != 15:
        yield hit(row, "MA_THE_NND")


@row_rule("VN-P015", "XML9")
def carer_identity_is_already_issued(row: Row, case: Case) -> Hits:
    """Not after the paper's own day."""
    issued = row.day("NGAYCAP_CCCD_NND")
    limit = case.created or row.day("NGAY_CT")
    if row["NGAYCAP_CCCD_NND"] and (issued is None or (limit and issued > limit)):
        yield hit(row, "NGAYCAP_CCCD_NND")


@row_rule("VN-P016", "XML9")
def birth_is_inside(row: Row, case: Case) -> Hits:
    """Within the episode."""
    born = row.moment("NGAY_SINH_CON")
    if born and case.arrived and case.ended and not case.arrived <= born <= case.ended:
        yield hit(row, "NGAY_SINH_CON")


@row_rule("VN-P017", "XML9")
def birth_note_says_the_flags(row: Row, _case: Case) -> Hits:
    """Operation, under 32 weeks."""
    note = fold(row["GHI_CHU"])
    operation = row["SINHCON_PHAUTHUAT"] == "1" and "phau thuat" not in note
    early = row["SINHCON_DUOI32TUAN"] == "1" and "32 tuan" not in note
    if operation or early:
        yield hit(row, "GHI_CHU")


@row_rule("VN-P018", "XML9")
def birth_numbers_are_whole(row: Row, _case: Case) -> Hits:
    """Weight, babies, births, living."""
    least = {"CAN_NANG_CON": 1, "SO_CON": 1, "LAN_SINH": 1, "SO_CON_SONG": 0}
    for name, low in least.items():
        if row[name] and (not row[name].isdigit() or int(row[name]) < low):
            yield hit(row, name)


@row_rule("VN-P019", "XML10")
def rest_days_add_up(row: Row, case: Case) -> Hits:
    """Last - first + 1 since 3176, at most 180."""
    begin, end, days = row.day("TU_NGAY"), row.day("DEN_NGAY"), row.number_in("SO_NGAY")
    if not begin or not end or days is None:
        return
    expected = (end - begin).days + (case.on >= date(2025, 1, 1))
    if days != expected or not 0 <= days <= 180:
        yield hit(row, "SO_NGAY", str(expected))


@row_rule("VN-P020", "XML10")
def rest_is_for_pregnancy(row: Row, case: Case) -> Hits:
    """The words, and a woman."""
    if "dưỡng thai" not in row["CHAN_DOAN_RV"].lower():
        yield hit(row, "CHAN_DOAN_RV")
    if case.main["GIOI_TINH"] != "2":
        yield hit(row, "CHAN_DOAN_RV")


@row_rule("VN-P021", "XML11")
def social_number_has_a_form(row: Row, _case: Case) -> Hits:
    """Ten digits."""
    if row["MA_BHXH"] and not _is_number_of_ten(row["MA_BHXH"]):
        yield hit(row, "MA_BHXH")


@row_rule("VN-P022", "XML11")
def sick_days_add_up(row: Row, case: Case) -> Hits:
    """Last - first + 1, within the limit of the reason."""
    begin, end, days = row.day("TU_NGAY"), row.day("DEN_NGAY"), row.number_in("SO_NGAY_NGHI")
    if not begin or not end or days is None:
        return
    expected = (end - begin).days + 1
    limit = _PAPER_LEAVE
    if row["MA_DINH_CHI_THAI"] == "1" and row.amount("TUOI_THAI") >= 13:
        limit = _LOSS_LEAVE
    if any(code.startswith(_TB_CODES) for code in case.codes()):
        limit = _TB_LEAVE
    if days != expected or days > limit or days < 1:
        yield hit(row, "SO_NGAY_NGHI", str(min(expected, limit)))


@row_rule("VN-P023", "XML11")
def sick_leave_touches_the_episode(row: Row, case: Case) -> Hits:
    """Begins by the end, ends after the arrival."""
    begin, end, last = row.day("TU_NGAY"), row.day("DEN_NGAY"), _end_day(case)
    if begin and last and begin > last:
        yield hit(row, "TU_NGAY")
    if end and case.arrived and end < case.arrived.date():
        yield hit(row, "DEN_NGAY")


@row_rule("VN-P024", "XML11")
def sick_leave_is_dated_in_the_episode(row: Row, case: Case) -> Hits:
    """The exam day, or the last day."""
    dated, last = row.day("NGAY_CT"), _end_day(case)
    if dated and case.arrived and last and dated not in {case.arrived.date(), last}:
        yield hit(row, "NGAY_CT")


@row_rule("VN-P025", "XML11")
def sick_leave_form_is_known(row: Row, _case: Case) -> Hits:
    """CT07 or blank."""
    if row["MAU_SO"] not in {"", "CT07"}:
        yield hit(row, "MAU_SO", "CT07")


@row_rule("VN-P027", "XML13")
def transfer_goes_where_the_summary_says(row: Row, case: Case) -> Hits:
    """MA_CSKCB_DEN, MA_NOI_DEN before 3176."""
    given = row["MA_CSKCB_DEN"] or row["MA_NOI_DEN"]
    if given and given != case.main["MA_NOI_DEN"]:
        yield hit(row, "MA_CSKCB_DEN", case.main["MA_NOI_DEN"])


@row_rule("VN-P028", "XML13")
def transfer_reason_fits(row: Row, case: Case) -> Hits:
    """5 with 3; 2 with 1 or 2."""
    way, reason = case.main["MA_LOAI_RV"], row["MA_LYDO_CT"]
    if (way == "5" and reason != "3") or (way == "2" and reason not in {"1", "2"}):
        yield hit(row, "MA_LYDO_CT")


@row_rule("VN-P029", "XML13", "XML14")
def slip_repeats_the_summary(row: Row, case: Case) -> Hits:
    """If filled, equal."""
    yield from _equal(
        row, case, "HO_TEN", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "MA_BENH_CHINH", "CHAN_DOAN_RV"
    )
    for name in ("MA_THE_BHYT", "NGAY_RA"):
        if row[name] and not set(row.parts(name)) & set(case.main.parts(name)):
            yield hit(row, name)


@row_rule("VN-P030", "XML14")
def re_exam_is_after_the_end(row: Row, case: Case) -> Hits:
    """Not before the end, and one of the booked dates."""
    day, last = read_day(row["NGAY_HEN_KL"][:8]), _end_day(case)
    if day is None:
        return
    booked = case.main.parts("NGAY_TAI_KHAM")
    if (last and day < last) or f"{day:%Y%m%d}" not in booked:
        yield hit(row, "NGAY_HEN_KL", case.main["NGAY_TAI_KHAM"])


@row_rule("VN-P031", "XML14")
def re_exam_slip_is_not_early(row: Row, case: Case) -> Hits:
    """NGAY_CT >= day of NGAY_VAO."""
    dated = row.day("NGAY_CT")
    if dated and case.arrived and dated < case.arrived.date():
        yield hit(row, "NGAY_CT")


@rule("VN-P032")
def re_exam_is_soon(case: Case) -> Hits:
    """On or after the end; more than 30 days later is reviewed."""
    last = _end_day(case)
    if last is None:
        return
    for part in case.main.parts("NGAY_TAI_KHAM"):
        day = read_day(part)
        if day is None or not last <= day <= last + timedelta(days=30):
            yield hit(case.main, "NGAY_TAI_KHAM")
            return


@row_rule("VN-H001", "XML6")
def hiv_row_repeats_the_summary(row: Row, case: Case) -> Hits:
    """If filled, equal."""
    yield from _equal(
        row,
        case,
        "NGAY_SINH",
        "GIOI_TINH",
        "DIA_CHI",
        "MATINH_CU_TRU",
        "MAHUYEN_CU_TRU",
        "MAXA_CU_TRU",
        "MA_CSKCB",
    )


def _needs(row: Row, *names: str) -> Hits:
    for name in names:
        if not row[name]:
            yield hit(row, name)


@row_rule("VN-H002", "XML6")
def tuberculosis_has_a_regimen(row: Row, _case: Case) -> Hits:
    """Unless there is none."""
    if row["LOAI_DTRI_LAO"] not in {"", "0"}:
        yield from _needs(row, "PHACDO_DTRI_LAO", "NGAYBD_DTRI_LAO")


@row_rule("VN-H003", "XML6")
def exposed_child_has_a_test(row: Row, case: Case) -> Hits:
    """Four PCR fields, under 18 months."""
    if "1" in row.parts("MA_TINH_TRANG_DK"):
        yield from _needs(row, "LAN_XN_PCR", "NGAY_XN_PCR", "NGAY_KQ_XN_PCR", "MA_KQ_XN_PCR")
        if case.age and case.age.months >= 18:
            yield hit(row, "MA_TINH_TRANG_DK")


@row_rule("VN-H004", "XML6")
def antiretroviral_round_is_whole(row: Row, _case: Case) -> Hits:
    """Start, end, days within."""
    if "1" not in row.parts("MA_XU_TRI"):
        return
    yield from _needs(row, "NGAY_BAT_DAU_XU_TRI", "NGAY_KET_THUC_XU_TRI", "SO_NGAY_CAP_THUOC_ARV")
    begin, end = row.day("NGAY_BAT_DAU_XU_TRI"), row.day("NGAY_KET_THUC_XU_TRI")
    if begin and end and row.amount("SO_NGAY_CAP_THUOC_ARV") > (end - begin).days:
        yield hit(row, "SO_NGAY_CAP_THUOC_ARV", str((end - begin).days))


@row_rule("VN-H005", "XML6")
def other_regimen_has_a_line(row: Row, _case: Case) -> Hits:
    """KHAC."""
    if row["MA_PHAC_DO_DIEU_TRI"].upper() == "KHAC":
        yield from _needs(row, "MA_BAC_PHAC_DO")


@row_rule("VN-H006", "XML15")
def tuberculosis_is_classified(row: Row, case: Case) -> Hits:
    """By five lists."""
    for name in (
        "PHANLOAI_LAO_VITRI",
        "PHANLOAI_LAO_TS",
        "PHANLOAI_LAO_HIV",
        "PHANLOAI_LAO_VK",
        "PHANLOAI_LAO_KT",
        "LOAI_DTRI_LAO",
        "PHACDO_DTRI_LAO",
        "KET_QUA_DTRI_LAO",
    ):
        if row[name] and case.lists.refutes(name.lower(), row[name], case.on):
            yield hit(row, name)


@row_rule("VN-H007", "XML15")
def tuberculosis_treatment_ends_later(row: Row, _case: Case) -> Hits:
    """End >= start."""
    begin, end = row.day("NGAYBD_DTRI_LAO"), row.day("NGAYKT_DTRI_LAO")
    if begin and end and end < begin:
        yield hit(row, "NGAYKT_DTRI_LAO")


@rule("VN-H008")
def tuberculosis_row_has_a_diagnosis(case: Case) -> Hits:
    """XML15 with a tuberculosis code."""
    rows = case.episode.rows("XML15")
    if rows and not any(code.startswith(_TB_CODES) for code in case.codes()):
        yield hit(case.main, "MA_BENH_CHINH")
