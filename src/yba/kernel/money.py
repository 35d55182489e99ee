"""Money: đồng, exactly.

Amounts inside a claim have two decimals and unit prices three; what a person
pays is whole đồng. Only `Decimal` and `int` appear; rounding is half up.
"""

from decimal import ROUND_HALF_UP, Decimal

Dong = int
_CENT = Decimal("0.01")
_ONE = Decimal(1)


def amount(value: Decimal) -> Decimal:
    """Return `value` rounded half up to two decimals."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def whole_dong(value: Decimal) -> Dong:
    """Return `value` rounded half up to whole đồng."""
    return int(value.quantize(_ONE, ROUND_HALF_UP))


def allocate(total: Dong, weights: list[Decimal]) -> list[Dong]:
    """Share `total` by `weights` so that the shares add up to it exactly.

    Shares are floored and the đồng left over go to the largest remainders,
    the first of equals winning. All-zero weights give everything to the first.
    """
    if not weights:
        return []
    weight_sum = sum(weights, Decimal(0))
    if weight_sum == 0:
        return [total] + [0] * (len(weights) - 1)
    exact = [Decimal(total) * weight / weight_sum for weight in weights]
    shares = [int(value // 1) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for position in order[: total - sum(shares)]:
        shares[position] += 1
    return shares


def format_dong(value: int | Decimal) -> str:
    """Return the amount as it is printed in Vietnam: `1.234.000 ₫`."""
    return f"{whole_dong(Decimal(value)):,}".replace(",", ".") + " ₫"
