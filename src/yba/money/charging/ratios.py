"""Ratios of services: repeated exams, shared beds, several surgeries.

Pure. Gives each line its TYLE_TT_DV and, when a person lies in two wards on
one day, its halved quantity. Source: decision 130 with 4750, XML3 fields 13
and 17; where the text is silent our reading is in docs/standards/money.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from yba.kernel.clock import local_date
from yba.money.charging.model import BEDS, ZERO, CostLine, Group, Table
from yba.money.charging.rulebook import ServiceRatios

_HALF = Decimal("0.5")
_ONE = Decimal(1)


@dataclass(slots=True)
class Settled:
    """A line's quantity and service ratio, and why."""

    quantity: Decimal
    ratio: int
    because: list[str]


def settle(lines: Sequence[CostLine], rules: ServiceRatios) -> list[Settled]:
    """Return quantity and TYLE_TT_DV of every line, in the given order."""
    settled = [Settled(line.quantity, 100, []) for line in lines]
    _exams(lines, settled, rules)
    _beds(lines, settled, rules)
    _operations(lines, settled, rules)
    for line, result in zip(lines, settled, strict=True):
        if line.service_ratio is not None:
            result.ratio, result.because = line.service_ratio, []
    return settled


def _grouped(pairs: Iterable[tuple[object, int]]) -> list[list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for key, position in pairs:
        groups[key].append(position)
    return list(groups.values())


def _exams(lines: Sequence[CostLine], settled: list[Settled], rules: ServiceRatios) -> None:
    exams = [i for i, line in enumerate(lines) if line.group == Group.EXAM]
    exams.sort(key=lambda i: (lines[i].ordered_at, i))
    for day in _grouped((local_date(lines[i].ordered_at), i) for i in exams):
        left = lines[day[0]].insurance_price * rules.exam_day_limit_times
        for order, i in enumerate(day):
            result, line = settled[i], lines[i]
            result.ratio = rules.exams_of_one_day[min(order, len(rules.exams_of_one_day) - 1)]
            if order:
                result.because.append("ratio.exam-again")
            if line.over_table_limit and result.ratio > rules.exam_over_table_limit:
                result.ratio = rules.exam_over_table_limit
                result.because.append("ratio.exam-over-table-limit")
            left = _keep_below(line, result, left, rules) if order else left - _cost(line, result)


def _cost(line: CostLine, result: Settled) -> Decimal:
    return line.insurance_price * result.quantity * result.ratio / 100


def _keep_below(line: CostLine, result: Settled, left: Decimal, rules: ServiceRatios) -> Decimal:
    """Step a later exam down until the exams of the day cost at most two exams."""
    wanted = result.ratio
    for ratio in sorted((r for r in rules.allowed if r <= wanted), reverse=True):
        result.ratio = ratio
        if _cost(line, result) <= left:
            break
    if result.ratio < wanted:
        result.because.append("ratio.exam-day-limit")
    return left - _cost(line, result)


def _beds(lines: Sequence[CostLine], settled: list[Settled], rules: ServiceRatios) -> None:
    beds = [i for i, line in enumerate(lines) if line.group in BEDS]
    for i in beds:
        sharing = max(1, lines[i].bed_shared_by)
        if sharing > 1:
            settled[i].ratio = rules.bed_shared[min(sharing, len(rules.bed_shared)) - 1]
            settled[i].because.append("ratio.bed-shared")
    single_days = [i for i in beds if lines[i].quantity == _ONE]
    for day in _grouped((local_date(lines[i].ordered_at), i) for i in single_days):
        if len({lines[i].department for i in day}) < 2:
            continue
        dearest = max(day, key=lambda i: (lines[i].insurance_price, -i))
        cheapest = min((i for i in day if i != dearest), key=lambda i: lines[i].insurance_price)
        for i in day:
            settled[i].quantity = _HALF if i in (dearest, cheapest) else ZERO
            settled[i].because.append("quantity.two-wards")


def _operations(lines: Sequence[CostLine], settled: list[Settled], rules: ServiceRatios) -> None:
    parts = [
        i
        for i, line in enumerate(lines)
        if line.operation
        and line.table is Table.SERVICE
        and line.group in (Group.SURGERY, Group.PROCEDURE)
    ]
    for operation in _grouped((lines[i].operation, i) for i in parts):
        surgeries = [i for i in operation if lines[i].group == Group.SURGERY]
        if not surgeries:
            continue
        main = max(surgeries, key=lambda i: (lines[i].insurance_price, -i))
        for i in operation:
            if i == main:
                continue
            if lines[i].group == Group.PROCEDURE:
                settled[i].ratio = rules.procedure_in_surgery
                settled[i].because.append("ratio.procedure-in-surgery")
            elif lines[i].team == lines[main].team:
                settled[i].ratio = rules.surgery_same_team
                settled[i].because.append("ratio.surgery-same-team")
            else:
                settled[i].ratio = rules.surgery_other_team
                settled[i].because.append("ratio.surgery-other-team")
