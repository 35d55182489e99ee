"""VN-A: cards, categories and papers that give a right."""

import re
from collections.abc import Iterator
from datetime import timedelta

from yba.money.insurance.checks.case import (
    NO_END_NEEDED,
    OUTPATIENT,
    Case,
    Hit,
    hit,
)
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_day, read_moment

_CARD = re.compile(r"[A-Z]{2}[1-5]\d{12}\Z")
_TEMPORARY = re.compile(r"TE1\d{12}\Z")
_OUT_ONLY = frozenset({"1.12", "1.13", "1.14", "1.18"})
_IN_ONLY = frozenset({"1.15", "3.2", "3.6"})
_HARD_AREA = frozenset({"DT", "DK", "XD", "HN"})
_LISTS = ("MA_DKBD", "GT_THE_TU", "GT_THE_DEN")
_GRACE = timedelta(days=15)

Hits = Iterator[Hit]


@rule("VN-A001")
def cards_have_a_form(case: Case) -> Hits:
    """Two letters, a digit 1 to 5, twelve digits."""
    if any(not _CARD.match(card) for card in case.cards):
        yield hit(case.main, "MA_THE_BHYT")


@rule("VN-A002")
def card_lists_are_parallel(case: Case) -> Hits:
    """The four lists have one part per card."""
    count = len(case.main.parts("MA_THE_BHYT"))
    for name in _LISTS:
        parts = case.main.parts(name)
        if count > 1 and parts and len(parts) != count:
            yield hit(case.main, name, str(count))


@rule("VN-A003")
def card_says_where_and_when(case: Case) -> Hits:
    """A card comes with its place and its days."""
    if not case.cards:
        return
    for name in _LISTS:
        if name == "GT_THE_DEN" and case.groups & NO_END_NEEDED:
            continue
        if not any(case.main.parts(name)):
            yield hit(case.main, name)


@rule("VN-A004")
def nobody_pays_without_a_card(case: Case) -> Hits:
    """No card: nothing from the fund, category 9."""
    if case.cards:
        return
    if case.main.amount("T_BHTT") != 0:
        yield hit(case.main, "T_BHTT", "0")
    if case.category != "9":
        yield hit(case.main, "MA_DOITUONG_KCB", "9")


@rule("VN-A005")
def group_fits_its_digit(case: Case) -> Hits:
    """The letters belong to the digit."""
    for card in case.cards:
        found = case.lists.get("card_prefix", card[:2], case.on)
        digit = found.properties.get("benefit_digit") if found else None
        if digit is not None and str(digit) != card[2:3]:
            yield hit(case.main, "MA_THE_BHYT")


@rule("VN-A006")
def card_names_a_province(case: Case) -> Hits:
    """Characters 4-5 are of the 63 provinces."""
    for card in case.cards:
        if _CARD.match(card) and case.lists.refutes("card_province", card[3:5], case.on):
            yield hit(case.main, "MA_THE_BHYT")


@rule("VN-A007")
def child_card_is_for_a_child(case: Case) -> Hits:
    """Under 72 months."""
    if "TE" in case.groups and case.age and case.age.months >= 72:
        yield hit(case.main, "MA_THE_BHYT")


@rule("VN-A008")
def pupil_card_is_for_the_young(case: Case) -> Hits:
    """At most 25 years."""
    if "HS" in case.groups and case.age and case.age.years > 25:
        yield hit(case.main, "MA_THE_BHYT")


@row_rule("VN-A009", "XML7", "XML8", "XML9", "XML11")
def temporary_card_has_a_form(row: Row, _case: Case) -> Hits:
    """TE1, province, ten digits."""
    if row["MA_THE_TAM"] and not _TEMPORARY.match(row["MA_THE_TAM"]):
        yield hit(row, "MA_THE_TAM")


@rule("VN-A010")
def arrival_is_inside_a_card(case: Case) -> Hits:
    """One of the cards holds on the day of arrival."""
    if not case.cards or case.arrived is None:
        return
    day = case.arrived.date()
    begins = [read_day(part) for part in case.main.parts("GT_THE_TU")]
    ends = [read_day(part) for part in case.main.parts("GT_THE_DEN")]
    for position, begin in enumerate(begins):
        end = ends[position] if position < len(ends) else None
        if begin is not None and begin <= day and (end is None or day <= end):
            return
    # A newborn's or a forces' card may have no days yet; VN-A003 asks for them where it must.
    if any(begins):
        yield hit(case.main, "GT_THE_TU")


@rule("VN-A011")
def late_lines_are_not_paid(case: Case) -> Hits:
    """15 days after the last card ended nothing is claimed."""
    ends = [read_day(part) for part in case.main.parts("GT_THE_DEN")]
    known = [end for end in ends if end is not None]
    if not known or len(known) != len(ends):
        return
    last = max(known) + _GRACE
    for row in case.lines:
        day = read_day(row["NGAY_YL"][:8])
        if day and day > last and row.amount("T_BHTT") > 0:
            yield hit(row, "T_BHTT", "0")


@rule("VN-A015")
def own_facility_is_the_own(case: Case) -> Hits:
    """1.1 means registered here."""
    places = case.main.parts("MA_DKBD")
    if case.category == "1.1" and places and places[-1] != case.main["MA_CSKCB"]:
        yield hit(case.main, "MA_DOITUONG_KCB")


@rule("VN-A017")
def transfer_has_a_slip(case: Case) -> Hits:
    """1.3 names the sender and the slip."""
    if case.category == "1.3":
        for name in ("MA_NOI_DI", "GIAY_CHUYEN_TUYEN"):
            if not case.main[name]:
                yield hit(case.main, name)


@rule("VN-A018")
def re_exam_has_a_slip(case: Case) -> Hits:
    """1.5 names the slip."""
    if case.category == "1.5" and not case.main["GIAY_CHUYEN_TUYEN"]:
        yield hit(case.main, "GIAY_CHUYEN_TUYEN")


@rule("VN-A019")
def sender_has_a_slip(case: Case) -> Hits:
    """MA_NOI_DI comes with a slip."""
    if case.main["MA_NOI_DI"] and not case.main["GIAY_CHUYEN_TUYEN"]:
        yield hit(case.main, "GIAY_CHUYEN_TUYEN")


@rule("VN-A020")
def other_facilities_are_others(case: Case) -> Hits:
    """Five characters, not this facility."""
    for name in ("MA_NOI_DI", "MA_NOI_DEN"):
        code = case.main[name]
        if code and (len(code) != 5 or not code.isalnum() or code == case.main["MA_CSKCB"]):
            yield hit(case.main, name)


@rule("VN-A021")
def transfer_has_a_receiver(case: Case) -> Hits:
    """Transferred if and only if somebody receives."""
    if (case.main["MA_LOAI_RV"] in {"2", "5"}) != bool(case.main["MA_NOI_DEN"]):
        yield hit(case.main, "MA_NOI_DEN")


@rule("VN-A022")
def category_fits_care(case: Case) -> Hits:
    """Some categories are for one kind of care only."""
    inside = case.category in _IN_ONLY and case.care in OUTPATIENT
    outside = case.category in _OUT_ONLY and case.is_inpatient
    if inside or outside:
        yield hit(case.main, "MA_DOITUONG_KCB")


@rule("VN-A024")
def newborn_category_is_for_newborns(case: Case) -> Hits:
    """1.7 up to 28 days."""
    if case.category == "1.7" and case.age and case.age.days > 28:
        yield hit(case.main, "MA_DOITUONG_KCB")


@rule("VN-A025")
def hard_area_is_shown(case: Case) -> Hits:
    """3.6 by area or by group."""
    if case.category == "3.6" and not case.main["MA_KHUVUC"] and not case.groups & _HARD_AREA:
        yield hit(case.main, "MA_KHUVUC")


@rule("VN-A026")
def exemption_follows_five_years(case: Case) -> Hits:
    """NGAY_MIEN_CCT is not before NAM_NAM_LIEN_TUC."""
    five = case.main.day("NAM_NAM_LIEN_TUC")
    exempt = read_day(case.main["NGAY_MIEN_CCT"][:8])
    if five and exempt and exempt < five:
        yield hit(case.main, "NGAY_MIEN_CCT")


@rule("VN-A027")
def exemption_is_a_date(case: Case) -> Hits:
    """8 or 12 digits."""
    text = case.main["NGAY_MIEN_CCT"]
    if text and read_day(text) is None and read_moment(text) is None:
        yield hit(case.main, "NGAY_MIEN_CCT")
