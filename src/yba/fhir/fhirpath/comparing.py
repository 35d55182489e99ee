"""Equality, equivalence and order of values, with "no answer" (None) where precision or units leave it open.

Standard: FHIRPath 2.0, "Equality", "Equivalence", "Comparison".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from yba.fhir import ucum
from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.units import calendar_word, ucum_code
from yba.fhir.fhirpath.values import Collection, Item, Node, Quantity, system

_VARYING = ("month", "year")


def equal(left: Item, right: Item) -> bool | None:
    """Return whether two values are equal, or None when that is unknown."""
    a, b = system(left), system(right)
    if isinstance(a, Node) or isinstance(b, Node):
        return isinstance(a, Node) and isinstance(b, Node) and a.value == b.value
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | Decimal) and isinstance(b, int | Decimal):
        return a == b
    a, b = _same_kind(a, b)
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        if (a.kind == "Time") != (b.kind == "Time"):
            return False
        order = temporal.compare(a, b)
        return None if order is None else order == 0
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        pair = _commensurable(a, b)
        return None if pair is None else pair[0] == pair[1]
    return type(a) is type(b) and a == b


def equal_collections(left: Collection, right: Collection) -> bool | None:
    """Return whether two collections have equal values in the same order; None if either is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    answers = [equal(a, b) for a, b in zip(left, right, strict=True)]
    if False in answers:
        return False
    return None if None in answers else True


def equivalent(left: Item, right: Item) -> bool:
    """Return whether two values mean the same: case, white space and excess precision do not count."""
    a, b = system(left), system(right)
    if isinstance(a, Node) or isinstance(b, Node):
        return isinstance(a, Node) and isinstance(b, Node) and a.value == b.value
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, str) and isinstance(b, str):
        return " ".join(a.casefold().split()) == " ".join(b.casefold().split())
    if isinstance(a, int | Decimal) and isinstance(b, int | Decimal):
        return _nearly(Decimal(a), Decimal(b))
    a, b = _same_kind(a, b)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _equivalent_quantities(a, b)
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        return a.kind == b.kind and temporal.compare(a, b) == 0
    return type(a) is type(b) and a == b


def equivalent_collections(left: Collection, right: Collection) -> bool:
    """Return whether two collections hold equivalent values in any order."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for a in left:
        place = next((n for n, b in enumerate(rest) if equivalent(a, b)), None)
        if place is None:
            return False
        del rest[place]
    return True


def order(left: Item, right: Item) -> int | None:
    """Return -1, 0 or 1, or None when the order is unknown.

    Raises FhirPathError for values that have no order between them.
    """
    a, b = _same_kind(system(left), system(right))
    if isinstance(a, bool) or isinstance(b, bool):
        raise FhirPathError("booleans have no order")
    if isinstance(a, int | Decimal) and isinstance(b, int | Decimal):
        return (a > b) - (a < b)
    if isinstance(a, str) and isinstance(b, str):
        return (a > b) - (a < b)
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        if (a.kind == "Time") == (b.kind == "Time"):
            return temporal.compare(a, b)
    elif isinstance(a, Quantity) and isinstance(b, Quantity):
        pair = _commensurable(a, b)
        return None if pair is None else (pair[0] > pair[1]) - (pair[0] < pair[1])
    raise FhirPathError("values of these types have no order between them")


def distinct(items: Sequence[Item]) -> Collection:
    """Return the values without repetitions, first ones kept."""
    seen: set[object] = set()
    found: Collection = []
    others: Collection = []
    for item in items:
        key = _key(item)
        if key is not None:
            if key not in seen:
                seen.add(key)
                found.append(item)
        elif not any(equal(item, other) for other in others):
            others.append(item)
            found.append(item)
    return found


def contains(items: Sequence[Item], wanted: Item) -> bool:
    """Return whether a value equal to `wanted` is among the items."""
    return any(equal(item, wanted) for item in items)


def comparable(left: Quantity, right: Quantity) -> bool:
    """Return whether two quantities have units of one dimension."""
    return ucum.comparable(ucum_code(left.unit), ucum_code(right.unit))


def _key(item: Item) -> object:
    """Return something hashable that is equal exactly when the values are, or None if there is nothing such."""
    value = system(item)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, int | Decimal):
        return ("number", value)
    return ("text", value) if isinstance(value, str) else None


def _same_kind(a: Any, b: Any) -> tuple[Any, Any]:
    """Apply the implicit conversions of numbers to quantities and of text of elements to moments."""
    if isinstance(a, Quantity) and isinstance(b, int | Decimal):
        return a, Quantity(Decimal(b), "1")
    if isinstance(b, Quantity) and isinstance(a, int | Decimal):
        return Quantity(Decimal(a), "1"), b
    return a, b


def _commensurable(a: Quantity, b: Quantity) -> tuple[Decimal, Decimal] | None:
    """Return both values in the same unit, or None if they have none."""
    if a.unit == b.unit:
        return a.value, b.value
    word_a, word_b = calendar_word(a.unit), calendar_word(b.unit)
    if word_a in _VARYING or word_b in _VARYING:
        # A calendar month is not the mean month of UCUM.
        if word_a is None or word_b is None or word_a not in _VARYING or word_b not in _VARYING:
            return None
        return a.value * (12 if word_a == "year" else 1), b.value * (12 if word_b == "year" else 1)
    try:
        (first, base_a), (second, base_b) = (
            ucum.canonical(q.value, ucum_code(q.unit)) for q in (a, b)
        )
    except ucum.UnitError:
        return None
    return (first, second) if base_a == base_b else None


def _equivalent_quantities(a: Quantity, b: Quantity) -> bool:
    if a.unit == b.unit:
        return _nearly(a.value, b.value)
    # In the unit of the first, with the digits of the one that was written with fewer.
    try:
        converted = ucum.convert(b.value, ucum_code(b.unit), ucum_code(a.unit))
    except ucum.UnitError:
        return False
    places = min(_places(a.value), _places(converted))
    return _rounded(a.value, places) == _rounded(converted, places)


def _nearly(a: Decimal, b: Decimal) -> bool:
    places = min(_places(a), _places(b))
    return _rounded(a, places) == _rounded(b, places)


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
