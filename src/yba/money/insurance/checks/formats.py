"""VN-F: the form of single values, and values against their lists."""

import re
from collections.abc import Iterator
from datetime import date

from yba.money.insurance.checks.case import Case, Hit, hit
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Age, Row, read_birth, read_day, read_moment, read_number

_IDENTITY = re.compile(r"(\d{9}|\d{12}|[A-Z]\d{7})\Z")
_DEPARTMENT = re.compile(r"K(0[1-9]|[1-5]\d|60|99)(\.\w{1,4}|\d{2})*(\.D\d{2})?\Z")
_BED = re.compile(r"[HTCK]\d{3}\Z")
_PACKAGE = re.compile(r"G[1-9]\d{0,2}\Z")
_LICENCE = re.compile(
    r"\(?(\d{1,7}/[A-ZĐ]{2,6}-(CCHN|GPHN)|\d{10}|[A-Za-z0-9.]{3,20})\)?(\.(C|HD)\.\w{5})?\Z"
)
_DOSE = re.compile(r"[^*\d]*+\d[^*]*+\*\s*+\d[^*]*+\*\s*+\d[^*\[]*+(\[.+\]\s*)?\Z", re.S)
_DRUGS = frozenset({"4", "5", "6", "7", "17"})
_ON_LIST = ("GIOI_TINH",)
_WARD_BED = frozenset({"14", "15", "16"})
_RESIDENCE_CHANGED = date(2025, 7, 1)

Hits = Iterator[Hit]


def _times(row: Row, *names: str) -> Hits:
    for name in names:
        text = row[name]
        if text and read_moment(text) is None:
            yield hit(row, name)


@row_rule("VN-F001", "XML1", "CHECKIN", "XML2", "XML3", "XML4", "XML5", "XML7", "XML8", "XML14")
def date_times_are_real(row: Row, _case: Case) -> Hits:
    """Twelve digits that are a moment, in every field of that kind."""
    yield from _times(
        row,
        "NGAY_VAO",
        "NGAY_RA",
        "NGAY_VAO_NOI_TRU",
        "NGAY_TTOAN",
        "NGAY_YL",
        "NGAY_TH_YL",
        "NGAY_KQ",
        "THOI_DIEM_DBLS",
        "THOIGIAN_DINHCHI",
    )


@row_rule("VN-F002", "XML6", "XML7", "XML8", "XML9", "XML10", "XML11", "XML14", "XML15")
def dates_are_real(row: Row, _case: Case) -> Hits:
    """Eight digits that are a day, in every field of that kind."""
    for name, text in row.items():
        if text and name in _DAYS and len(text) != 12 and read_day(text) is None:
            yield hit(row, name)


_DAYS = frozenset(
    [
        "NGAY_CT",
        "TU_NGAY",
        "DEN_NGAY",
        "NGOAITRU_TUNGAY",
        "NGOAITRU_DENNGAY",
        "NGAY_HEN_KL",
        "NGAY_SINHCON",
        "NGAY_CONCHET",
        "NGAYSINH_NND",
        "NGAYCAP_CCCD_NND",
        "NGAYKD_HIV",
        "BDDT_ARV",
        "NGAYBD_DTRI_LAO",
        "NGAYKT_DTRI_LAO",
        "NGAY_XN_TLVR",
        "NGAY_KQ_XN_TLVR",
        "NGAY_XN_PCR",
        "NGAY_KQ_XN_PCR",
        "NGAY_NHAN_TT_MANG_THAI",
        "NGAY_BAT_DAU_DT_CTX",
        "NGAY_BAT_DAU_XU_TRI",
        "NGAY_KET_THUC_XU_TRI",
        "NGAY_CHUYEN_PHAC_DO",
    ]
)


@row_rule("VN-F003", "XML1", "CHECKIN")
def birth_is_real(row: Row, _case: Case) -> Hits:
    """Year alone, or a whole day, with or without the time."""
    text = row["NGAY_SINH"]
    born, _ = read_birth(text)
    whole = born is not None and (
        text[8:] == "0000" or (text[4:8] != "0000" and read_moment(text) is not None)
    )
    if text and not whole:
        yield hit(row, "NGAY_SINH")


def _age(row: Row) -> Age | None:
    born, _ = read_birth(row["NGAY_SINH"])
    arrived = read_moment(row["NGAY_VAO"])
    return None if born is None or arrived is None else Age.between(born, arrived.date())


@row_rule("VN-F004", "XML1", "CHECKIN")
def newborn_has_a_time(row: Row, _case: Case) -> Hits:
    """At 28 days or less the minute of birth counts."""
    age = _age(row)
    if age and 0 <= age.days <= 28 and row["NGAY_SINH"][8:] == "0000":
        yield hit(row, "NGAY_SINH")


@rule("VN-F005")
def birth_is_before_arrival(case: Case) -> Hits:
    """Nobody is born after arriving, or older than 120."""
    if case.age and (case.age.days < 0 or case.age.years > 120):
        yield hit(case.main, "NGAY_SINH")


def _in_list(row: Row, case: Case, name: str, system: str) -> Hits:
    text = row[name]
    if text and case.lists.refutes(system, text, case.on):
        yield hit(row, name)


@row_rule("VN-F006", "XML1", "CHECKIN")
def sex_is_known(row: Row, case: Case) -> Hits:
    """1, 2 or 3."""
    yield from _in_list(row, case, "GIOI_TINH", "gioi_tinh")


@row_rule("VN-F007", "XML1", "CHECKIN", "XML15")
def identity_has_a_form(row: Row, _case: Case) -> Hits:
    """9 or 12 digits, or a letter and 7 digits."""
    text = row["SO_CCCD"]
    if text and not _IDENTITY.match(text):
        yield hit(row, "SO_CCCD")


@rule("VN-F008")
def grown_person_has_an_identity(case: Case) -> Hits:
    """From 14 years on."""
    if case.age and case.age.years >= 14 and not case.main["SO_CCCD"]:
        yield hit(case.main, "SO_CCCD")


@rule("VN-F009")
def identity_agrees_with_person(case: Case) -> Hits:
    """Digit 4 tells century and sex, digits 5-6 the year of birth."""
    text, sex = case.main["SO_CCCD"], case.main["GIOI_TINH"]
    if len(text) != 12 or not text.isdigit() or case.born is None or sex not in {"1", "2"}:
        return
    century = 2 * (case.born.year // 100 - 19)
    expected = f"{century + (sex == '2')}{case.born.year % 100:02}"
    if text[3:6] != expected:
        yield hit(case.main, "SO_CCCD")


@rule("VN-F010")
def nationality_has_a_form(case: Case) -> Hits:
    """Three characters; the list itself is not published with the act."""
    text = case.main["MA_QUOCTICH"]
    if text and (len(text) != 3 or not text.isalnum()):
        yield hit(case.main, "MA_QUOCTICH")


@rule("VN-F011")
def ethnic_group_is_listed(case: Case) -> Hits:
    """Two digits of the list."""
    yield from _in_list(case.main, case, "MA_DANTOC", "ethnicity")


@rule("VN-F012")
def occupation_has_a_form(case: Case) -> Hits:
    """Two digits since 3176, five before."""
    text = case.main["MA_NGHE_NGHIEP"]
    length = 2 if case.on >= date(2025, 1, 1) else 5
    if text and (len(text) != length or not text.isdigit()):
        yield hit(case.main, "MA_NGHE_NGHIEP")


def _province_list(case: Case) -> str:
    return "card_province" if case.on < _RESIDENCE_CHANGED else "province"


@rule("VN-F013")
def province_is_listed(case: Case) -> Hits:
    """In the list of its day."""
    yield from _in_list(case.main, case, "MATINH_CU_TRU", _province_list(case))


@rule("VN-F014")
def commune_is_of_its_province(case: Case) -> Hits:
    """Five digits; of the province, for the list since 2025-07-01."""
    text, province = case.main["MAXA_CU_TRU"], case.main["MATINH_CU_TRU"]
    if not text:
        return
    if len(text) != 5 or not text.isdigit():
        yield hit(case.main, "MAXA_CU_TRU")
    elif case.on >= _RESIDENCE_CHANGED:
        found = case.lists.get("commune", text, case.on)
        if found is None or str(found.properties.get("province", province)) != province:
            yield hit(case.main, "MAXA_CU_TRU")


@rule("VN-F015")
def phone_is_long_enough(case: Case) -> Hits:
    """At least ten digits."""
    text = case.main["DIEN_THOAI"]
    if text and sum(letter.isdigit() for letter in text) < 10:
        yield hit(case.main, "DIEN_THOAI")


@row_rule("VN-F016", "XML1", "CHECKIN")
def category_is_listed(row: Row, case: Case) -> Hits:
    """In the list at the end of care."""
    yield from _in_list(row, case, "MA_DOITUONG_KCB", "ma_doituong_kcb")


@row_rule("VN-F017", "XML1", "CHECKIN")
def care_type_is_listed(row: Row, case: Case) -> Hits:
    """Two characters of the list."""
    yield from _in_list(row, case, "MA_LOAI_KCB", "ma_loai_kcb")


@rule("VN-F018")
def outcome_is_listed(case: Case) -> Hits:
    """1 to 8."""
    yield from _in_list(case.main, case, "KET_QUA_DTRI", "ket_qua_dtri")


@rule("VN-F019")
def way_of_leaving_is_listed(case: Case) -> Hits:
    """1 to 5."""
    yield from _in_list(case.main, case, "MA_LOAI_RV", "ma_loai_rv")


@rule("VN-F020")
def injury_cause_is_listed(case: Case) -> Hits:
    """0 to 8."""
    yield from _in_list(case.main, case, "MA_TAI_NAN", "ma_tai_nan")


@row_rule("VN-F021", "XML1", "XML2", "XML3")
def departments_have_codes(row: Row, _case: Case) -> Hits:
    """K01 to K60 or K99, with sub-codes; the facility's own list is not in the file."""
    if any(not _DEPARTMENT.match(part) for part in row.parts("MA_KHOA")):
        yield hit(row, "MA_KHOA")


@rule("VN-F022")
def living_area_is_listed(case: Case) -> Hits:
    """K1, K2, K3 or blank."""
    yield from _in_list(case.main, case, "MA_KHUVUC", "ma_khuvuc")


@rule("VN-F023")
def weight_is_a_number(case: Case) -> Hits:
    """Above 0, at most 200 kg."""
    text = case.main["CAN_NANG"]
    weight = read_number(text)
    if text and (weight is None or not 0 < weight <= 200):
        yield hit(case.main, "CAN_NANG")


@rule("VN-F024")
def newborn_weight_is_plausible(case: Case) -> Hits:
    """Half a kilogram to seven below 30 days."""
    if case.age and 0 <= case.age.days < 30:
        weight = case.main.number_in("CAN_NANG")
        if weight is None or not 0.5 <= weight <= 7:
            yield hit(case.main, "CAN_NANG")


@rule("VN-F025")
def baby_weights_are_grams(case: Case) -> Hits:
    """Whole grams, 300 to 7000, only for a birth."""
    for part in case.main.parts("CAN_NANG_CON"):
        if not part.isdecimal() or len(part) > 4 or not 300 <= int(part) <= 7000:
            yield hit(case.main, "CAN_NANG_CON")
            return


@rule("VN-F026")
def settlement_month_is_real(case: Case) -> Hits:
    """Year of four digits, month 1 to 12, not before the month of NGAY_RA."""
    year, month = case.main["NAM_QT"], case.main["THANG_QT"]
    if not year or not month:
        return
    if not (year.isdecimal() and len(year) == 4):
        yield hit(case.main, "NAM_QT")
    elif not (month.isdecimal() and len(month) < 3 and 1 <= int(month) <= 12):
        yield hit(case.main, "THANG_QT")
    elif case.ended and (int(year), int(month)) < (case.ended.year, case.ended.month):
        yield hit(case.main, "THANG_QT", f"{case.ended:%m/%Y}")


@row_rule("VN-F027", "XML2", "XML3")
def cost_group_fits_its_table(row: Row, case: Case) -> Hits:
    """Drugs and blood in XML2, the rest in XML3."""
    group = row["MA_NHOM"]
    if not group:
        return
    known = case.lists.get("ma_nhom", group, case.on) is not None
    # VM and BB rows (transport of blood, packing) stand in XML2 under a group the acts do not name.
    special = row["MA_THUOC"][:3] in {"VM.", "BB."}
    if not known or ((group in _DRUGS) != (row.table == "XML2") and not special):
        yield hit(row, "MA_NHOM")


@row_rule("VN-F028", "XML2", "XML3")
def scope_is_listed(row: Row, case: Case) -> Hits:
    """1, 2 or 3."""
    yield from _in_list(row, case, "PHAM_VI", "pham_vi")


@row_rule("VN-F029", "XML2", "XML3")
def payment_method_is_listed(row: Row, case: Case) -> Hits:
    """1, 2 or 3."""
    yield from _in_list(row, case, "MA_PTTT", "ma_pttt")


@row_rule("VN-F030", "XML2")
def payer_is_listed(row: Row, case: Case) -> Hits:
    """1 to 4."""
    yield from _in_list(row, case, "NGUON_CTRA", "nguon_ctra")


@row_rule("VN-F031", "XML2", "XML3")
def relapse_is_a_flag(row: Row, _case: Case) -> Hits:
    """Blank or 1."""
    if row["VET_THUONG_TP"] not in {"", "1"}:
        yield hit(row, "VET_THUONG_TP")


@row_rule("VN-F032", "XML3")
def reuse_is_a_flag(row: Row, _case: Case) -> Hits:
    """Blank or 1."""
    if row["TAI_SU_DUNG"] not in {"", "1"}:
        yield hit(row, "TAI_SU_DUNG")


@row_rule("VN-F033", "XML3")
def package_has_a_form(row: Row, _case: Case) -> Hits:
    """G1 to G999."""
    if row["GOI_VTYT"] and not _PACKAGE.match(row["GOI_VTYT"]):
        yield hit(row, "GOI_VTYT")


@row_rule("VN-F034", "XML3")
def beds_have_codes(row: Row, _case: Case) -> Hits:
    """A letter and three digits."""
    if any(not _BED.match(part) for part in row.parts("MA_GIUONG")):
        yield hit(row, "MA_GIUONG")


@row_rule("VN-F035", "XML3")
def machine_has_a_form(row: Row, case: Case) -> Hits:
    """Group, then the source of money 1 to 3."""
    if not row["MA_MAY"]:
        return
    group, _, rest = row["MA_MAY"].strip().partition(".")
    if case.lists.refutes("ma_may_group", group, case.on) or rest[:1] not in {"1", "2", "3"}:
        yield hit(row, "MA_MAY")


@row_rule("VN-F036", "XML3")
def staff_have_licences(row: Row, _case: Case) -> Hits:
    """Each part looks like a licence or a permitted special form."""
    for name in ("MA_BAC_SI", "NGUOI_THUC_HIEN"):
        if any(part and not _LICENCE.match(part) for part in row.parts(name)):
            yield hit(row, name)


@row_rule("VN-F037", "XML2", "XML3")
def quantity_is_positive(row: Row, _case: Case) -> Hits:
    """Above 0, three decimals; a bed of the middle ward may be 0."""
    quantity = row.number_in("SO_LUONG")
    if quantity is None:
        return
    free = row["MA_NHOM"] in _WARD_BED and quantity == 0
    decimals = len(row["SO_LUONG"].partition(".")[2].rstrip("0"))
    if (quantity <= 0 and not free) or decimals > 3:
        yield hit(row, "SO_LUONG")


@row_rule("VN-F038", "XML2")
def dose_has_a_form(row: Row, _case: Case) -> Hits:
    """Amount * times * days [total a day]."""
    if row["MA_NHOM"] in {"4", "5", "6"} and row["LIEU_DUNG"] and not _DOSE.match(row["LIEU_DUNG"]):
        yield hit(row, "LIEU_DUNG")
