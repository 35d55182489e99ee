"""VN-X: diagnoses, against the ICD-10 list where it is loaded whole."""

import re
from collections.abc import Iterator

from yba.foundation.terminology.model import Concept, normal_code
from yba.kernel.text import fold
from yba.money.insurance.checks.case import Case, Hit, hit
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row

_CODE = re.compile(r"[A-Z]\d{2}(\.?[0-9A-Z]{1,4})?\Z")
_TRADITIONAL = re.compile(r"U\d{2}(\.\d{1,3}(\.\d)?)?\Z")
_EXTERNAL = re.compile(r"[V-Y]\d{2}")
_INJURY = re.compile(r"[ST]\d{2}")
_PERINATAL = re.compile(r"P\d{2}")
_WOMEN = re.compile(r"(O\d{2}|N7\d|N8\d|N9[0-8]|C5[1-8])")
_MEN = re.compile(r"(N4\d|N50|N51|C6[0-3])")
_VAGUE = ("Z00", "R53", "R69")

Hits = Iterator[Hit]


def _known(case: Case, code: str) -> bool:
    return bool(_CODE.match(code)) and not case.lists.refutes("icd10", code, case.on)


def _concept(case: Case, code: str) -> Concept | None:
    return case.lists.get("icd10", code, case.on)


def _says(case: Case, code: str, name: str) -> bool:
    found = _concept(case, code)
    return bool(found and found.properties.get(name))


def _main(case: Case) -> str:
    return case.main["MA_BENH_CHINH"].strip()


@rule("VN-X001")
def main_diagnosis_is_one_code(case: Case) -> Hits:
    """One code, of the list."""
    if _main(case) and not _known(case, _main(case)):
        yield hit(case.main, "MA_BENH_CHINH")


@rule("VN-X002")
def main_diagnosis_may_be_main(case: Case) -> Hits:
    """No asterisk, no external cause, nothing the list forbids."""
    code = _main(case)
    forbidden = any(
        _says(case, code, name) for name in ("not_main", "death_cause_only", "unusable")
    )
    if "*" in code or _EXTERNAL.match(code) or forbidden:
        yield hit(case.main, "MA_BENH_CHINH")


@rule("VN-X003")
def main_diagnosis_is_fine_enough(case: Case) -> Hits:
    """A group that has subdivisions."""
    code = _main(case)
    if len(code) == 3 and _says(case, code, "group"):
        yield hit(case.main, "MA_BENH_CHINH")


@rule("VN-X004")
def other_diagnoses_are_codes(case: Case) -> Hits:
    """At most 12, known, no repeats."""
    codes = case.main.parts("MA_BENH_KT")
    repeated = len(set(codes)) < len(codes) or _main(case) in codes
    if len(codes) > 12 or repeated or any(not _known(case, code) for code in codes):
        yield hit(case.main, "MA_BENH_KT")


@rule("VN-X005")
def diagnosis_fits_the_sex(case: Case) -> Hits:
    """By chapter, and by the list."""
    sex = {"1": "male", "2": "female"}.get(case.main["GIOI_TINH"])
    if sex is None:
        return
    other = _WOMEN if sex == "male" else _MEN
    for place, code in enumerate(case.codes()):
        found = _concept(case, code)
        wanted = found.properties.get("sex") if found else None
        if other.match(code) or (wanted in {"male", "female"} and wanted != sex):
            yield hit(case.main, "MA_BENH_KT" if place else "MA_BENH_CHINH")


@rule("VN-X006")
def perinatal_is_for_infants(case: Case) -> Hits:
    """P00 to P96 below one year."""
    if _PERINATAL.match(_main(case)) and case.age and case.age.years >= 1:
        yield hit(case.main, "MA_BENH_CHINH")


@rule("VN-X008")
def traditional_code_has_its_partner(case: Case) -> Hits:
    """A U code, not more of them than ICD-10 codes."""
    codes = case.main.parts("MA_BENH_YHCT")
    if any(not _TRADITIONAL.match(code) for code in codes) or len(codes) > len(case.codes()):
        yield hit(case.main, "MA_BENH_YHCT")


@rule("VN-X009")
def vague_diagnosis_is_reviewed(case: Case) -> Hits:
    """Z00, R53, R69."""
    if _main(case).startswith(_VAGUE):
        yield hit(case.main, "MA_BENH_CHINH")


@row_rule("VN-X010", "XML3")
def order_is_for_a_diagnosis_of_the_file(row: Row, case: Case) -> Hits:
    """MA_BENH is among the codes of XML1."""
    codes = {normal_code("icd10", code) for code in case.codes()}
    for code in row.parts("MA_BENH"):
        if not _known(case, code) or normal_code("icd10", code) not in codes:
            yield hit(row, "MA_BENH")
            return


@rule("VN-X011")
def words_fit_the_code(case: Case) -> Hits:
    """The final diagnosis contains the disease name of the main code."""
    found = _concept(case, _main(case))
    words = fold(case.main["CHAN_DOAN_RV"])
    if found and words and fold(found.name_vi) not in words:
        yield hit(case.main, "CHAN_DOAN_RV")


@rule("VN-X012")
def outcome_fits_the_way_of_leaving(case: Case) -> Hits:
    """The dead are not transferred; the taken home asked to leave."""
    outcome, way = case.main["KET_QUA_DTRI"], case.main["MA_LOAI_RV"]
    if (outcome == "5" and way in {"2", "3", "5"}) or (outcome == "6" and way != "4"):
        yield hit(case.main, "MA_LOAI_RV")


@rule("VN-X013")
def injury_has_a_cause(case: Case) -> Hits:
    """S00 to T98."""
    if _INJURY.match(_main(case)) and not case.main["MA_TAI_NAN"]:
        yield hit(case.main, "MA_TAI_NAN")
