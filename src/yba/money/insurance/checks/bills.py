"""VN-M: the money of each row."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from yba.kernel.money import amount
from yba.money.insurance.checks.case import (
    BEDS,
    EXAM,
    SUPPLIES,
    SURGERY,
    TOLERANCE,
    Case,
    Hit,
    hit,
)
from yba.money.insurance.checks.registry import row_rule, rule
from yba.money.insurance.claim import Row, read_day

_PARTS = ("T_NGUONKHAC_NSNN", "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL")
_SHARES = ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")
_SERVICE_RATIOS = frozenset(map(Decimal, (0, 10, 30, 33, 50, 80, 100)))
_HUNDRED = Decimal(100)
_REVIEW_PRICE = Decimal(50_000_000)
_HALF_FROM = date(2026, 7, 1)
_CUT_UNTIL = date(2026, 6, 30)
_HALVED = frozenset({"1.13", "1.14", "1.18"})

Hits = Iterator[Hit]


def _differs(given: Decimal, expected: Decimal) -> bool:
    return abs(given - expected) > TOLERANCE


def _expect(row: Row, name: str, expected: Decimal) -> Hits:
    given = row.number_in(name)
    if given is not None and _differs(given, expected):
        yield hit(row, name, f"{amount(expected).normalize():f}")


@row_rule("VN-M001", "XML2")
def drug_amount(row: Row, _case: Case) -> Hits:
    """Quantity times price."""
    yield from _expect(row, "THANH_TIEN_BV", amount(row.amount("SO_LUONG") * row.amount("DON_GIA")))


@row_rule("VN-M002", "XML2")
def drug_insured_amount(row: Row, _case: Case) -> Hits:
    """Quantity times price times the ratio of the list."""
    whole = row.amount("SO_LUONG") * row.amount("DON_GIA")
    yield from _expect(row, "THANH_TIEN_BH", amount(whole * row.amount("TYLE_TT_BH") / 100))


@row_rule("VN-M003", "XML3")
def service_amount(row: Row, case: Case) -> Hits:
    """First form, or the second one of 3176 where no price difference is charged."""
    quantity, ratio = row.amount("SO_LUONG"), row.amount("TYLE_TT_DV")
    own = quantity * row.amount("DON_GIA_BV")
    first = amount(own * ratio / 100)
    given = row.amount("THANH_TIEN_BV")
    if not _differs(given, first):
        return
    second = amount(own - quantity * row.amount("DON_GIA_BH") * (100 - ratio) / 100)
    if case.on < date(2025, 1, 1) or _differs(given, second):
        yield from _expect(row, "THANH_TIEN_BV", first)


@row_rule("VN-M004", "XML3")
def service_insured_amount(row: Row, _case: Case) -> Hits:
    """Quantity, insurance price, both ratios."""
    whole = row.amount("SO_LUONG") * row.amount("DON_GIA_BH") * row.amount("TYLE_TT_DV") / 100
    yield from _expect(row, "THANH_TIEN_BH", amount(whole * row.amount("TYLE_TT_BH") / 100))


@row_rule("VN-M005", "XML2", "XML3")
def insured_is_part_of_amount(row: Row, _case: Case) -> Hits:
    """THANH_TIEN_BH <= THANH_TIEN_BV."""
    if row.amount("THANH_TIEN_BH") > row.amount("THANH_TIEN_BV"):
        yield hit(row, "THANH_TIEN_BH")


@row_rule("VN-M006", "XML3")
def insurance_price_is_not_higher(row: Row, _case: Case) -> Hits:
    """DON_GIA_BH <= DON_GIA_BV."""
    if row.amount("DON_GIA_BH") > row.amount("DON_GIA_BV"):
        yield hit(row, "DON_GIA_BH")


@row_rule("VN-M007", "XML2", "XML3")
def other_money_adds_up(row: Row, _case: Case) -> Hits:
    """Four parts, none negative."""
    parts = [row.amount(name) for name in _PARTS]
    if min(parts) < 0 or _differs(row.amount("T_NGUONKHAC"), sum(parts, Decimal(0))):
        yield hit(row, "T_NGUONKHAC")


@row_rule("VN-M008", "XML2", "XML3")
def other_money_is_not_more(row: Row, _case: Case) -> Hits:
    """At most the cost."""
    if row.amount("T_NGUONKHAC") > row.amount("THANH_TIEN_BV"):
        yield hit(row, "T_NGUONKHAC")


@row_rule("VN-M009", "XML2", "XML3")
def row_balances(row: Row, _case: Case) -> Hits:
    """Cost = own + co-payment + insurance + other."""
    paid = sum((row.amount(name) for name in _SHARES), Decimal(0))
    yield from _expect(row, "THANH_TIEN_BV", paid)


@row_rule("VN-M010", "XML2", "XML3")
def insurance_share(row: Row, _case: Case) -> Hits:
    """Level of the insured amount, when nobody else pays."""
    if row.amount("T_NGUONKHAC") or row["T_TRANTT"]:
        return
    insured = row.amount("THANH_TIEN_BH")
    yield from _expect(row, "T_BHTT", amount(insured * row.amount("MUC_HUONG") / 100))


def _cases(row: Row) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    """Yield (T_BNTT, T_BNCCT, T_BHTT) under each way other money may be taken off."""
    whole, insured = row.amount("THANH_TIEN_BV"), row.amount("THANH_TIEN_BH")
    level, other = row.amount("MUC_HUONG"), row.amount("T_NGUONKHAC")
    own, pays = whole - insured, amount(insured * level / 100)
    shared = insured - pays
    zero = Decimal(0)
    yield (
        max(zero, own - other),
        max(zero, shared - max(zero, other - own)),
        pays - max(zero, other - own - shared),
    )
    rest = whole - other
    ratio = insured / whole if whole else zero
    pays = amount(rest * ratio * level / 100)
    yield amount(rest - rest * ratio), amount(rest * ratio - pays), pays
    if row.table == "XML2":
        yield own, zero, insured - shared


@row_rule("VN-M011", "XML2", "XML3")
def other_money_is_taken_off_in_order(row: Row, _case: Case) -> Hits:
    """Case a, b or c of the explanation of T_NGUONKHAC."""
    if row.amount("T_NGUONKHAC") <= 0 or row["T_TRANTT"]:
        return
    given = tuple(row.amount(name) for name in ("T_BNTT", "T_BNCCT", "T_BHTT"))
    for expected in _cases(row):
        if not any(_differs(a, b) for a, b in zip(given, expected, strict=True)):
            return
    yield hit(row, "T_NGUONKHAC")


@row_rule("VN-M012", "XML2", "XML3")
def nothing_is_negative(row: Row, _case: Case) -> Hits:
    """No amount below zero."""
    for name in ("T_BNTT", "T_BNCCT", "T_BHTT", "THANH_TIEN_BV"):
        if row.amount(name) < 0:
            yield hit(row, name)


@row_rule("VN-M013", "XML2", "XML3")
def uncovered_is_not_insured(row: Row, _case: Case) -> Hits:
    """PHAM_VI 2."""
    if row["PHAM_VI"] == "2":
        for name in ("TYLE_TT_BH", "THANH_TIEN_BH"):
            if row.amount(name) != 0:
                yield hit(row, name, "0")


@row_rule("VN-M014", "XML2", "XML3")
def outside_the_list_is_for_forces(row: Row, case: Case) -> Hits:
    """PHAM_VI 3."""
    if row["PHAM_VI"] == "3" and not case.is_forces:
        yield hit(row, "PHAM_VI")


@row_rule("VN-M015", "XML2", "XML3")
def zero_price_has_a_reason(row: Row, _case: Case) -> Hits:
    """Free drugs, unfinished services, services without a price."""
    price = row.number_in("DON_GIA" if row.table == "XML2" else "DON_GIA_BV")
    if price != 0 or row["PHAM_VI"] != "1":
        return
    code = row["MA_DICH_VU"]
    if row["NGUON_CTRA"] in {"2", "3", "4"} or "_TB" in code or code.endswith(".0000"):
        return
    yield hit(row, "DON_GIA" if row.table == "XML2" else "DON_GIA_BV")


@row_rule("VN-M016", "XML2", "XML3")
def insurance_ratio_is_a_percentage(row: Row, _case: Case) -> Hits:
    """0 to 100."""
    if not 0 <= row.amount("TYLE_TT_BH") <= 100:
        yield hit(row, "TYLE_TT_BH")


@row_rule("VN-M017", "XML3")
def service_ratio_is_allowed(row: Row, _case: Case) -> Hits:
    """Reduced only for exams, beds and operations."""
    ratio = row.number_in("TYLE_TT_DV")
    if ratio is None:
        return
    may_differ = row["MA_NHOM"] in {EXAM, SURGERY, "18"} or row["MA_NHOM"] in BEDS
    if ratio not in _SERVICE_RATIOS or (ratio != 100 and not may_differ):
        yield hit(row, "TYLE_TT_DV")


@rule("VN-M018")
def one_level_in_an_episode(case: Case) -> Hits:
    """Unless the card or the exemption changes."""
    if len(case.cards) > 1 or case.main["NGAY_MIEN_CCT"]:
        return
    rows = [row for row in case.lines if row.amount("THANH_TIEN_BH") > 0]
    for row in rows:
        if row.amount("MUC_HUONG") != rows[0].amount("MUC_HUONG"):
            yield hit(row, "MUC_HUONG", rows[0]["MUC_HUONG"])
            return


def _below_15_percent(case: Case) -> bool:
    return case.main.amount("T_TONGCHI_BH") < case.benefits.small_visit_limit(case.on)


def _is_exempt(row: Row, case: Case) -> bool:
    text = case.main["NGAY_MIEN_CCT"]
    begins, ordered = read_day(text[:8]), read_day(row["NGAY_YL"][:8])
    if begins is None or ordered is None or begins.year != ordered.year:
        return False
    return row["NGAY_YL"][: len(text)] >= text


def _allowed(row: Row, case: Case) -> set[Decimal] | None:
    """Return every level the row may have, None if the file cannot tell."""
    place = case.standing()
    if place is None or place.by_original or (place.factor is None and not place.full_cover):
        return None
    if place.uninsured:
        return {Decimal(0)}
    if not case.cards:
        return None
    levels = {level * (place.factor or 0) / 100 for level in case.levels()}
    # Before 2026-07-01 the field held whole numbers; half a per cent was cut off.
    if case.on <= _CUT_UNTIL:
        levels |= {Decimal(int(level)) for level in levels}
    if place.full_cover or (
        place.right_line and (_below_15_percent(case) or _is_exempt(row, case))
    ):
        levels.add(_HUNDRED)
    ends = [read_day(part) for part in case.main.parts("GT_THE_DEN")]
    ordered = read_day(row["NGAY_YL"][:8])
    if ordered and ends and all(end is not None and end < ordered for end in ends):
        levels.add(Decimal(0))
    return levels


@row_rule("VN-M019", "XML2", "XML3")
def level_is_that_of_card_and_category(row: Row, case: Case) -> Hits:
    """Card level times factor, or 100."""
    given = row.number_in("MUC_HUONG")
    if given is None or row.amount("THANH_TIEN_BH") == 0:
        return
    allowed = _allowed(row, case)
    if allowed is not None and given not in allowed:
        yield hit(row, "MUC_HUONG", f"{max(allowed, default=Decimal(0)).normalize():f}")


@rule("VN-M020")
def small_visit_is_free(case: Case) -> Hits:
    """Right line, below 15 % of the base salary."""
    place = case.standing()
    if place is None or not place.right_line or place.uninsured or place.by_original:
        return
    if not case.cards or not _below_15_percent(case):
        return
    for row in case.lines:
        if row.amount("THANH_TIEN_BH") > 0 and row.amount("MUC_HUONG") != 100:
            yield hit(row, "MUC_HUONG", "100")
            return


@rule("VN-M021")
def small_wrong_line_visit_is_not_free(case: Case) -> Hits:
    """The wrong-line level stays."""
    place = case.standing()
    if place is None or place.right_line or place.factor in {None, 100} or place.full_cover:
        return
    if not case.cards or not _below_15_percent(case):
        return
    for row in case.lines:
        if row.amount("THANH_TIEN_BH") > 0 and row.amount("MUC_HUONG") == 100:
            yield hit(row, "MUC_HUONG")
            return


@row_rule("VN-M022", "XML2", "XML3")
def exempt_rows_are_free(row: Row, case: Case) -> Hits:
    """From NGAY_MIEN_CCT on, in its year, on the right line."""
    if not case.main["NGAY_MIEN_CCT"] or row.amount("THANH_TIEN_BH") == 0:
        return
    place = case.standing()
    counts = place and place.right_line and not place.uninsured and _is_exempt(row, case)
    if counts and row.amount("MUC_HUONG") != 100:
        yield hit(row, "MUC_HUONG", "100")


@rule("VN-M023")
def full_cards_pay_nothing(case: Case) -> Hits:
    """Digits 1, 2, 5 on the right line."""
    place = case.standing()
    if place is None or not place.right_line or place.uninsured or place.factor != 100:
        return
    full = case.cards and all(card[2:3] in {"1", "2", "5"} for card in case.cards)
    if full and case.main.amount("T_BNCCT") > 0:
        yield hit(case.main, "T_BNCCT", "0")


@rule("VN-M024")
def self_referred_outpatient(case: Case) -> Hits:
    """Nothing before 2026-07-01, half the card level after."""
    if case.category in _HALVED and case.on < _HALF_FROM and case.main.amount("T_BHTT") > 0:
        yield hit(case.main, "T_BHTT", "0")


@rule("VN-M025")
def package_keeps_its_ceiling(case: Case) -> Hits:
    """45 base salaries for the supplies of one package."""
    paid: dict[str, Decimal] = defaultdict(Decimal)
    limits: dict[str, Row] = {}
    for row in case.services:
        if row["GOI_VTYT"] and row["MA_NHOM"] in SUPPLIES:
            paid[row["GOI_VTYT"]] += row.amount("T_BHTT")
            if row["T_TRANTT"]:
                limits[row["GOI_VTYT"]] = row
    for package, row in limits.items():
        ceiling = row.amount("T_TRANTT")
        if _differs(ceiling, case.benefits.package_ceiling(case.on)):
            expected = case.benefits.package_ceiling(case.on)
            yield hit(row, "T_TRANTT", f"{expected.normalize():f}")
        elif paid[package] > ceiling + TOLERANCE:
            yield hit(row, "T_BHTT")


@row_rule("VN-M026", "XML3")
def reused_supply_has_one_price(row: Row, _case: Case) -> Hits:
    """DON_GIA_BV = DON_GIA_BH."""
    if row["TAI_SU_DUNG"] == "1" and row.amount("DON_GIA_BV") != row.amount("DON_GIA_BH"):
        yield hit(row, "DON_GIA_BV")


@row_rule("VN-M027", "XML3")
def unfinished_service_costs_nothing(row: Row, _case: Case) -> Hits:
    """_TB: both prices 0; .0000: insurance price 0."""
    code = row["MA_DICH_VU"]
    if code.endswith("_TB") and row.amount("DON_GIA_BV") != 0:
        yield hit(row, "DON_GIA_BV", "0")
    if (code.endswith((".0000", "_TB"))) and row.amount("DON_GIA_BH") != 0:
        yield hit(row, "DON_GIA_BH", "0")


@row_rule("VN-M029", "XML3")
def dear_item_is_reviewed(row: Row, _case: Case) -> Hits:
    """Above fifty million."""
    if row.amount("DON_GIA_BV") > _REVIEW_PRICE:
        yield hit(row, "DON_GIA_BV")
