"""From a statement to invoice lines: the whole the first time, then differences. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from yba.kernel.money import amount as rounded
from yba.money.charging.model import ZERO, DongShares, InvoiceLine, SplitLine

_CEILING = "ceiling.package"
_AMOUNTS = (
    "quantity",
    "amount",
    "insured_amount",
    "insurance_pays",
    "co_payment",
    "patient_pays",
    "other_pays",
    "own_dong",
    "co_payment_dong",
    "insurance_dong",
    "other_dong",
)


def as_invoiced(line: SplitLine, position: int) -> InvoiceLine:
    """Return a split line as an invoice keeps it."""
    cost = line.cost
    return InvoiceLine(
        position=position,
        charge_id=int(cost.key),
        kind="drug" if cost.table == "drug" else "service",
        code=cost.code,
        name=cost.name,
        unit=cost.unit,
        cost_group=cost.group,
        quantity=line.quantity,
        hospital_price=cost.hospital_price,
        insurance_price=cost.insurance_price,
        service_ratio=line.service_ratio,
        insurance_ratio=line.insurance_ratio,
        level=line.level,
        amount=line.amount,
        insured_amount=line.insured_amount,
        insurance_pays=line.insurance_pays,
        co_payment=line.co_payment,
        patient_pays=line.patient_pays,
        other_pays=line.other_pays,
        own_dong=line.dong.own,
        co_payment_dong=line.dong.co_payment,
        insurance_dong=line.dong.insurance,
        other_dong=line.dong.other,
        because=list(line.because),
    )


def difference(lines: Sequence[SplitLine], before: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """Return what a new invoice must say so that all invoices add up to `lines`.

    A line that was invoiced and is gone comes back with its amounts negative.
    """
    invoiced: dict[int, InvoiceLine] = {}
    for line in before:
        earlier = invoiced.get(line.charge_id)
        invoiced[line.charge_id] = line if earlier is None else _combined(line, earlier, 1)
    result: list[InvoiceLine] = []
    for line in lines:
        now = as_invoiced(line, 0)
        earlier = invoiced.pop(now.charge_id, None)
        result.append(now if earlier is None else _combined(now, earlier, -1))
    result += [_combined(_nothing(line), line, -1) for line in invoiced.values()]
    return [
        replace(line, position=position)
        for position, line in enumerate((r for r in result if _says_something(r)), start=1)
    ]


def shares_of(lines: Iterable[InvoiceLine]) -> DongShares:
    """Return the sum of the lines' shares."""
    total = DongShares()
    for line in lines:
        total += DongShares(
            line.own_dong, line.co_payment_dong, line.insurance_dong, line.other_dong
        )
    return total


def counted_co_payment(lines: Iterable[InvoiceLine]) -> Decimal:
    """Return the co-payment that counts towards the six months.

    What a package costs above its ceiling is the person's, but not that.
    """
    total = ZERO
    for line in lines:
        if _CEILING in line.because:
            total += line.insured_amount - rounded(line.insured_amount * line.level / 100)
        else:
            total += line.co_payment
    return total


def _combined(line: InvoiceLine, other: InvoiceLine, sign: int) -> InvoiceLine:
    changes: dict[str, Any] = {
        name: getattr(line, name) + sign * getattr(other, name) for name in _AMOUNTS
    }
    return replace(line, **changes)


def _nothing(line: InvoiceLine) -> InvoiceLine:
    return replace(line, **dict.fromkeys(_AMOUNTS, cast("Any", ZERO)))


def _says_something(line: InvoiceLine) -> bool:
    return any(getattr(line, name) != 0 for name in _AMOUNTS)
