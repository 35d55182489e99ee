"""Who pays what: the split of a visit between insurance, the person and others.

Pure: the same lines, terms and rules give the same bill. Amounts are exact
decimals rounded half up to two places as the claim wants them; beside them
stand whole đồng, which is what people pay.
Source: decision 130/QĐ-BYT with 4750/QĐ-BYT, XML2 and XML3; our reading of
unclear clauses is in docs/standards/money.md.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from yba.kernel.clock import local_date
from yba.kernel.money import amount as rounded
from yba.kernel.money import whole_dong
from yba.money.charging.errors import OtherMoneyTooLarge
from yba.money.charging.levels import Cover, Exemption, Standing, cover_at, level_of, standing
from yba.money.charging.model import (
    SUPPLIES,
    ZERO,
    CostLine,
    CoverageTerms,
    DongShares,
    OtherCase,
    Scope,
    SplitBill,
    SplitLine,
    Table,
)
from yba.money.charging.ratios import Settled, settle
from yba.money.charging.rulebook import Rulebook

_ARMED_FORCES_DIGIT = "5"


@dataclass(frozen=True, slots=True)
class _Shares:
    own: Decimal
    co_payment: Decimal
    insurance: Decimal
    other: Decimal


def split(lines: Sequence[CostLine], terms: CoverageTerms, rules: Rulebook) -> SplitBill:
    """Split every line; the order of lines is kept.

    Raises UnknownCategory, CategoryNotForCare, NoOriginalCategory if the
    terms cannot be used, OtherMoneyTooLarge if other sources exceed a line.
    """
    on = local_date(terms.ended_at)
    place = standing(terms, rules)
    settled = settle(lines, rules.ratios(on))
    covers = [
        Cover(None, ("payer.uninsured",))
        if place.uninsured or not terms.cards
        else cover_at(line.ordered_at, terms, rules)
        for line in lines
    ]
    priced = [
        _priced(line, result, cover)
        for line, result, cover in zip(lines, settled, covers, strict=True)
    ]
    insured = sum((line.insured_amount for line in priced), ZERO)
    small = place.right_line and insured < rules.small_visit_limit(on)
    exemption = Exemption(terms, rules)
    shared = list(priced)
    for moment in _by_minute(lines):
        at = lines[moment[0]].ordered_at
        exempt = place.right_line and exemption.holds(_minute(at))
        for i in moment:
            shared[i] = _shared(priced[i], covers[i], place, terms, rules, small, exempt)
        if place.right_line:
            exemption.pay(_minute(at), sum((shared[i].co_payment for i in moment), ZERO))
    capped = _package_ceilings(shared, covers, terms, rules)
    return SplitBill(tuple(_whole_dong(capped)), exempt_from=exemption.begins)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _by_minute(lines: Sequence[CostLine]) -> list[list[int]]:
    """Return positions grouped by the minute of the order, earliest first."""
    minutes: dict[datetime, list[int]] = defaultdict(list)
    for position, line in enumerate(lines):
        minutes[_minute(line.ordered_at)].append(position)
    return [minutes[key] for key in sorted(minutes)]


def _insurance_ratio(line: CostLine, cover: Cover) -> tuple[int, tuple[str, ...]]:
    if not line.priced:
        return 0, ("price.none",)
    if cover.card is None:
        return 0, cover.because
    if line.scope == Scope.NOT_COVERED:
        return 0, ("scope.not-covered",)
    if line.scope == Scope.ARMED_FORCES_ONLY and cover.card.digit != _ARMED_FORCES_DIGIT:
        return 0, ("scope.armed-forces-only",)
    if line.insurance_ratio == 0:
        return 0, ("scope.not-covered",)
    if line.insurance_ratio < 100:
        return line.insurance_ratio, (*cover.because, "ratio.listed")
    return line.insurance_ratio, cover.because


def _priced(line: CostLine, result: Settled, cover: Cover) -> SplitLine:
    """Apply the row formulas up to THANH_TIEN_BV and THANH_TIEN_BH."""
    ratio, why = _insurance_ratio(line, cover)
    insurance_price = min(line.insurance_price, line.hospital_price)
    because = (*result.because, *why)
    if insurance_price < line.hospital_price and ratio:
        because = (*because, "price.difference")
    at_hospital = result.quantity * line.hospital_price
    at_insurance = result.quantity * insurance_price
    if line.table is Table.DRUG:
        cost = at_hospital
        insured = at_insurance * ratio / 100
    else:
        share = Decimal(result.ratio) / 100
        cost = (
            at_hospital * share
            if line.charges_difference
            else (at_hospital - at_insurance * (1 - share))
        )
        insured = at_insurance * share * ratio / 100
    return SplitLine(
        cost=line,
        quantity=result.quantity,
        service_ratio=result.ratio,
        insurance_ratio=ratio,
        level=ZERO,
        amount=rounded(cost),
        insured_amount=rounded(insured),
        insurance_pays=ZERO,
        co_payment=ZERO,
        patient_pays=ZERO,
        other_pays=ZERO,
        card=cover.card.number if cover.card else "",
        because=because,
    )


def _shared(
    line: SplitLine,
    cover: Cover,
    place: Standing,
    terms: CoverageTerms,
    rules: Rulebook,
    small: bool,
    exempt: bool,
) -> SplitLine:
    """Give one priced line its level and its shares."""
    level, why = ZERO, ()
    if cover.card is not None:
        on = local_date(terms.ended_at)
        level, why = level_of(cover.card, place, on=on, small=small, exempt=exempt, rules=rules)
    if line.insured_amount == 0:
        why = ()
    if line.cost.other is not None:
        why = (*why, f"other.{line.cost.other.case.value}")
    shares = _shares(line, level)
    return replace(
        line,
        level=level,
        patient_pays=shares.own,
        co_payment=shares.co_payment,
        insurance_pays=shares.insurance,
        other_pays=shares.other,
        because=(*line.because, *why),
    )


def _divide(cost: Decimal, insured: Decimal, level: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return (own, co-payment, insurance) before any other money."""
    insurance = rounded(insured * level / 100)
    return cost - insured, insured - insurance, insurance


def _shares(line: SplitLine, level: Decimal) -> _Shares:
    own, co_payment, insurance = _divide(line.amount, line.insured_amount, level)
    other = line.cost.other
    if other is None:
        return _Shares(own, co_payment, insurance, ZERO)
    if other.case is OtherCase.CO_PAYMENT:
        return _Shares(own, ZERO, insurance, co_payment)
    given = rounded(other.amount)
    if given < 0 or given > line.amount:
        raise OtherMoneyTooLarge(line=line.cost.key)
    if other.case is OtherCase.FACILITY:
        rest = line.amount - given
        covered = rounded(line.insured_amount * rest / line.amount) if line.amount else ZERO
        return _Shares(*_divide(rest, covered, level), given)
    beyond_own = max(ZERO, given - own)
    beyond_both = max(ZERO, beyond_own - co_payment)
    return _Shares(
        max(ZERO, own - given), max(ZERO, co_payment - beyond_own), insurance - beyond_both, given
    )


def _package_ceilings(
    lines: Sequence[SplitLine], covers: Sequence[Cover], terms: CoverageTerms, rules: Rulebook
) -> list[SplitLine]:
    """Hold the insurance's part of each supply package under its ceiling (T_TRANTT)."""
    on = local_date(terms.ended_at)
    ceiling = rules.package_ceiling(on)
    left: dict[str, Decimal] = {}
    result: list[SplitLine] = []
    for line, cover in zip(lines, covers, strict=True):
        package, card = line.cost.package, cover.card
        bound = (
            package
            and line.cost.group in SUPPLIES
            and card is not None
            and rules.has_ratio_limits(card, on)
        )
        if not bound:
            result.append(line)
            continue
        available = left.get(package, ceiling)
        paid = min(line.insurance_pays, available)
        left[package] = available - paid
        excess = line.insurance_pays - paid
        result.append(
            replace(
                line,
                ceiling=ceiling,
                insurance_pays=paid,
                co_payment=line.co_payment + excess,
                because=(*line.because, "ceiling.package") if excess else line.because,
            )
        )
    return result


class _Carry:
    """Rounds a running sum, so that a column of whole đồng misses nothing.

    The k-th value is what the rounded sum grew by: never negative, and the
    column adds up to the claim's total rounded half up.
    """

    def __init__(self) -> None:
        self._exact = ZERO
        self._given = 0

    def next(self, value: Decimal) -> int:
        self._exact += value
        grown = whole_dong(self._exact) - self._given
        self._given += grown
        return grown


def _whole_dong(lines: Sequence[SplitLine]) -> list[SplitLine]:
    own, co_payment, insurance, other = _Carry(), _Carry(), _Carry(), _Carry()
    return [
        replace(
            line,
            dong=DongShares(
                own=own.next(line.patient_pays),
                co_payment=co_payment.next(line.co_payment),
                insurance=insurance.next(line.insurance_pays),
                other=other.next(line.other_pays),
            ),
        )
        for line in lines
    ]
