"""VN-R, VN-V, VN-E and VN-N: drugs, services, supplies, exams and who did them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from yba.kernel.text import fold
from yba.money.insurance.checks.case import (
    EXAM,
    OUTPATIENT,
    PERFORMED,
    SUPPLIES,
    SURGERY,
    TESTS,
    TOLERANCE,
    Case,
    Hit,
    hit,
    is_sent_out,
)
from yba.money.insurance.checks.days import days_of_drug
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_number

_TENDER = re.compile(r"[^;]+;G\d{1,2}(\.\w+)?;N\d{1,2};\d{4}(;.*)?\Z")
_HOME_MADE = re.compile(r"[^;]+;\d{4}\Z")
# Possessive, so that no text makes it try again.
_DOSE = re.compile(r"\s*+([\d.,]++)\s*+([^*]*+)\*\s*+([\d.,]++)[^*]*+\*\s*+(\d++)")
_TRANSPORT = re.compile(r"VC\.(\w{5})\Z")
_NO_TENDER = frozenset({"7", "17"})
_NO_REGISTRATION = ("40.17", "40.573", "VM.", "BB.")
_EXAM_RATIOS = (100, 30, 30, 30, 10)
_CHRONIC = frozenset({"05", "07", "08"})

Hits = Iterator[Hit]


@row_rule("VN-R003", "XML2")
def drug_has_a_tender(row: Row, _case: Case) -> Hits:
    """Except blood and blood products."""
    if not row["TT_THAU"] and row["MA_NHOM"] not in _NO_TENDER:
        yield hit(row, "TT_THAU")


@row_rule("VN-R004", "XML2")
def tender_has_a_form(row: Row, _case: Case) -> Hits:
    """decision;G;N;year[;more], or document;year."""
    text = row["TT_THAU"]
    if text and not _TENDER.match(text) and not _HOME_MADE.match(text):
        yield hit(row, "TT_THAU")


@row_rule("VN-R005", "XML2")
def drug_is_registered(row: Row, _case: Case) -> Hits:
    """Except gases, blood, herb packs, packing and transport."""
    code = row["MA_THUOC"]
    free = code.startswith(_NO_REGISTRATION) or row["MA_NHOM"] in _NO_TENDER
    if (
        not row["SO_DANG_KY"]
        and not free
        and not row["MA_PP_CHEBIEN"]
        and not code.startswith("05")
    ):
        yield hit(row, "SO_DANG_KY")


@row_rule("VN-R006", "XML2")
def unlisted_drug_is_not_covered(row: Row, _case: Case) -> Hits:
    """00.0000 with PHAM_VI 2 or 3."""
    if row["MA_THUOC"] == "00.0000" and row["PHAM_VI"] == "1":
        yield hit(row, "PHAM_VI")


@row_rule("VN-R007", "XML2")
def blood_names_its_supplier(row: Row, _case: Case) -> Hits:
    """VM.XXXXX and M.XXXXX agree."""
    code, supplier = row["MA_THUOC"], row["MA_CSKCB_THUOC"]
    if code.startswith("VM.") and supplier != f"M.{code[3:]}":
        yield hit(row, "MA_CSKCB_THUOC", f"M.{code[3:]}")


@rule("VN-R008")
def drug_is_given_once_a_day(case: Case) -> Hits:
    """For outpatients."""
    if case.care not in OUTPATIENT:
        return
    seen: set[tuple[str, ...]] = set()
    for row in case.drugs:
        key = (row["MA_THUOC"], row["TEN_THUOC"], row["HAM_LUONG"], row["NGAY_YL"][:8])
        if key in seen and row["MA_THUOC"]:
            yield hit(row, "MA_THUOC")
        seen.add(key)


@row_rule("VN-R009", "XML2")
def quantity_fits_the_dose(row: Row, _case: Case) -> Hits:
    """Amount * times * days, when all three are plain numbers."""
    found = _DOSE.match(row["LIEU_DUNG"])
    quantity = row.number_in("SO_LUONG")
    # Millilitres from a bottle cannot be compared with bottles.
    unit = fold(found[2].split("/")[0].strip()) if found else ""
    if found is None or quantity is None or unit != fold(row["DON_VI_TINH"]):
        return
    numbers = [read_number(found[part].replace(",", ".")) for part in (1, 3, 4)]
    if any(number is None for number in numbers):
        return
    expected = Decimal(1)
    for number in numbers:
        expected *= number or Decimal(0)
    # A bottle or a blister is given whole, so more is allowed up to the next unit.
    if quantity < expected or quantity >= expected + 1:
        yield hit(row, "SO_LUONG", f"{expected.normalize():f}")


@row_rule("VN-R010", "XML2")
def supply_is_not_too_long(row: Row, case: Case) -> Hits:
    """30 days; 90 where the care is for a chronic disease."""
    days = days_of_drug(row)
    if days is None or case.care not in OUTPATIENT:
        return
    limit = 90 if case.care in _CHRONIC else 30
    if days > limit:
        yield hit(row, "LIEU_DUNG", str(limit))


@row_rule("VN-R016", "XML2")
def drug_names_a_service_of_the_file(row: Row, case: Case) -> Hits:
    """MA_DICH_VU of XML2 exists in XML3."""
    for code in row.parts("MA_DICH_VU"):
        if code not in case.service_rows and ".K." not in code:
            yield hit(row, "MA_DICH_VU")


@row_rule("VN-R017", "XML2")
def large_quantity_is_reviewed(row: Row, _case: Case) -> Hits:
    """Above 100 units."""
    if row.amount("SO_LUONG") > 100:
        yield hit(row, "SO_LUONG")


@row_rule("VN-V001", "XML3")
def row_is_a_service_or_a_supply(row: Row, _case: Case) -> Hits:
    """One of the two codes."""
    if not row["MA_DICH_VU"] and not row["MA_VAT_TU"]:
        yield hit(row, "MA_DICH_VU")


@row_rule("VN-V005", "XML3")
def performed_by_somebody(row: Row, _case: Case) -> Hits:
    """Who and when."""
    if row["MA_NHOM"] in PERFORMED and not is_sent_out(row):
        for name in ("NGUOI_THUC_HIEN", "NGAY_TH_YL"):
            if not row[name]:
                yield hit(row, name)


@row_rule("VN-V006", "XML3")
def tests_name_a_machine(row: Row, _case: Case) -> Hits:
    """MA_MAY for groups 1, 2, 3."""
    if row["MA_NHOM"] in TESTS and not row["MA_MAY"] and not is_sent_out(row):
        yield hit(row, "MA_MAY")


@row_rule("VN-V007", "XML3")
def operation_names_the_anaesthesia(row: Row, _case: Case) -> Hits:
    """1 to 4; _GT means 2."""
    method = row["PP_VO_CAM"]
    if row["MA_NHOM"] == SURGERY and method not in {"1", "2", "3", "4"}:
        yield hit(row, "PP_VO_CAM")
    elif row["MA_DICH_VU"].endswith("_GT") and method != "2":
        yield hit(row, "PP_VO_CAM", "2")


@row_rule("VN-V008", "XML3")
def operation_is_counted_once(row: Row, _case: Case) -> Hits:
    """Operations and exams: at most 1."""
    if row["MA_NHOM"] in {SURGERY, EXAM} and row.amount("SO_LUONG") > 1:
        yield hit(row, "SO_LUONG", "1")


@rule("VN-V009")
def service_is_ordered_once_a_minute(case: Case) -> Hits:
    """Same service, same minute."""
    seen: set[tuple[str, str]] = set()
    for row in case.services:
        key = (row["MA_DICH_VU"], row["NGAY_YL"])
        is_service = row["MA_DICH_VU"] and not row["MA_VAT_TU"]
        if is_service and key in seen and row["MA_NHOM"] not in {"14", "15", "16"}:
            yield hit(row, "MA_DICH_VU")
        seen.add(key)


@row_rule("VN-V012", "XML3")
def transport_names_fuel_and_goal(row: Row, case: Case) -> Hits:
    """VC.XXXXX to MA_NOI_DEN."""
    if row["MA_NHOM"] != "12":
        return
    if not row["MA_XANG_DAU"]:
        yield hit(row, "MA_XANG_DAU")
    goal = _TRANSPORT.match(row["MA_DICH_VU"])
    if goal is None or goal[1] != case.main["MA_NOI_DEN"]:
        yield hit(row, "MA_DICH_VU", f"VC.{case.main['MA_NOI_DEN']}")


@row_rule("VN-V013", "XML3")
def supply_has_code_and_name(row: Row, _case: Case) -> Hits:
    """Groups 10, 11."""
    if row["MA_NHOM"] in SUPPLIES:
        for name in ("MA_VAT_TU", "TEN_VAT_TU"):
            if not row[name]:
                yield hit(row, name)


@row_rule("VN-V014", "XML3")
def supply_has_a_tender(row: Row, _case: Case) -> Hits:
    """Group 10."""
    if row["MA_NHOM"] == "10" and not _TENDER.match(row["TT_THAU"]):
        yield hit(row, "TT_THAU")


@row_rule("VN-V016", "XML3")
def supply_names_a_service_of_the_file(row: Row, case: Case) -> Hits:
    """A supply row's MA_DICH_VU is a service row of the file."""
    code = row["MA_DICH_VU"]
    if row["MA_NHOM"] not in SUPPLIES or not code:
        return
    if not any(r["MA_DICH_VU"] == code and not r["MA_VAT_TU"] for r in case.services):
        yield hit(row, "MA_DICH_VU")


@rule("VN-V017")
def package_has_one_service(case: Case) -> Hits:
    """Supplies of one package share the service, which carries the package."""
    first: dict[str, Row] = {}
    for row in case.services:
        package = row["GOI_VTYT"]
        if not package or row["MA_NHOM"] not in SUPPLIES:
            continue
        known = first.setdefault(package, row)
        if known["MA_DICH_VU"] != row["MA_DICH_VU"]:
            yield hit(row, "MA_DICH_VU", known["MA_DICH_VU"])
    owners = {r["GOI_VTYT"] for r in case.services if r["MA_NHOM"] not in SUPPLIES}
    for package, row in first.items():
        if package not in owners:
            yield hit(row, "GOI_VTYT")


@rule("VN-V018")
def operation_has_an_international_code(case: Case) -> Hits:
    """XML1.MA_PTTT_QT with group 8."""
    if not case.main["MA_PTTT_QT"] and any(r["MA_NHOM"] == SURGERY for r in case.services):
        yield hit(case.main, "MA_PTTT_QT")


@rule("VN-V019")
def one_operation_is_paid_whole(case: Case) -> Hits:
    """Operations that begin in the same minute are one: one row has 100."""
    together: dict[str, list[Row]] = defaultdict(list)
    for row in case.services:
        if row["MA_NHOM"] == SURGERY and row["NGAY_TH_YL"]:
            together[row["NGAY_TH_YL"]].append(row)
    for rows in together.values():
        whole = [row for row in rows if row.amount("TYLE_TT_DV") == 100]
        if len(whole) != 1:
            yield hit((whole or rows)[-1], "TYLE_TT_DV")


@rule("VN-V022")
def crowd_of_services_is_reviewed(case: Case) -> Hits:
    """More than 20 within two hours."""
    ordered = sorted(
        (moment, position)
        for position, row in enumerate(case.services)
        if row["MA_DICH_VU"] and (moment := row.moment("NGAY_YL"))
    )
    for (begin, _), (end, position) in zip(ordered, ordered[20:], strict=False):
        if end - begin <= timedelta(hours=2):
            yield hit(case.services[position], "NGAY_YL")
            return


def _exams(case: Case) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in case.services:
        if row["MA_NHOM"] == EXAM:
            found[row["NGAY_YL"][:8]].append(row)
    return found


@rule("VN-E001")
def exams_of_a_day_get_cheaper(case: Case) -> Hits:
    """100, 30, 30, 30, 10, 0..."""
    for rows in _exams(case).values():
        for place, row in enumerate(sorted(rows, key=lambda r: r["NGAY_YL"])):
            expected = _EXAM_RATIOS[place] if place < len(_EXAM_RATIOS) else 0
            ratio = row.number_in("TYLE_TT_DV")
            if ratio is not None and ratio != expected and ratio != 50:
                yield hit(row, "TYLE_TT_DV", str(expected))


@rule("VN-E002")
def exams_of_a_day_are_limited(case: Case) -> Hits:
    """Together at most twice the dearest exam."""
    for rows in _exams(case).values():
        paid = sum((row.amount("THANH_TIEN_BH") for row in rows), Decimal(0))
        if paid > 2 * max(row.amount("DON_GIA_BH") for row in rows) + TOLERANCE:
            yield hit(rows[-1], "THANH_TIEN_BH")


@rule("VN-E003")
def inpatient_pays_one_exam(case: Case) -> Hits:
    """At most one, before the ward."""
    if case.care not in {"03", "04", "06", "09"}:
        return
    rows = [row for row in case.services if row["MA_NHOM"] == EXAM]
    admitted = case.main["NGAY_VAO_NOI_TRU"]
    for place, row in enumerate(rows):
        if place > 0 or (admitted and row["NGAY_YL"] > admitted):
            yield hit(row, "MA_NHOM")


@row_rule("VN-E004", "XML3")
def exam_is_of_the_clinic(row: Row, _case: Case) -> Hits:
    """K01 or a part of it; the facility's permitted clinics are not in the file."""
    if row["MA_NHOM"] == EXAM and not row["MA_KHOA"].startswith("K01"):
        yield hit(row, "MA_KHOA", "K01")


@rule("VN-E005")
def specialty_is_charged_once_a_day(case: Case) -> Hits:
    """Same exam code twice in a day."""
    for rows in _exams(case).values():
        counted = Counter(row["MA_DICH_VU"] for row in rows)
        seen: set[str] = set()
        for row in rows:
            if counted[row["MA_DICH_VU"]] > 1 and row["MA_DICH_VU"] in seen:
                yield hit(row, "MA_DICH_VU")
            seen.add(row["MA_DICH_VU"])


@row_rule("VN-E006", "XML3")
def exam_fits_the_sex(row: Row, case: Case) -> Hits:
    """By the words of the exam's name."""
    if row["MA_NHOM"] != EXAM:
        return
    name, sex = fold(row["TEN_DICH_VU"]), case.main["GIOI_TINH"]
    for_women = "phu san" in name or "phu khoa" in name or "san khoa" in name
    if (for_women and sex == "1") or ("nam khoa" in name and sex == "2"):
        yield hit(row, "MA_DICH_VU")


@row_rule("VN-E007", "XML3")
def children_exam_is_for_children(row: Row, case: Case) -> Hits:
    """Up to 16 years."""
    is_grown = case.age is not None and case.age.years > 16
    if row["MA_NHOM"] == EXAM and is_grown and re.search(r"\bnhi\b", fold(row["TEN_DICH_VU"])):
        yield hit(row, "MA_DICH_VU")


@rule("VN-E010")
def exam_takes_time(case: Case) -> Hits:
    """Arrival and end in the same minute."""
    if case.arrived and case.arrived == case.ended and _exams(case):
        yield hit(case.main, "NGAY_RA")


@rule("VN-N005")
def operation_is_billed_once(case: Case) -> Hits:
    """Same service, performer and minute."""
    seen: set[tuple[str, str, str]] = set()
    for row in case.services:
        if row["MA_NHOM"] not in {SURGERY, "18"} or not row["NGAY_TH_YL"]:
            continue
        key = (row["MA_DICH_VU"], row["NGUOI_THUC_HIEN"], row["NGAY_TH_YL"])
        if key in seen:
            yield hit(row, "MA_DICH_VU")
        seen.add(key)


@row_rule("VN-N010", "XML3")
def surgeon_is_not_the_anaesthetist(row: Row, _case: Case) -> Hits:
    """General anaesthesia needs two people."""
    if row["MA_NHOM"] == SURGERY and row["PP_VO_CAM"] == "1":
        people = row.parts("NGUOI_THUC_HIEN")
        if people and len(set(people)) < 2:
            yield hit(row, "NGUOI_THUC_HIEN")
