"""Numbers asked for in a search, with the range their spelling implies.

Standard: FHIR R4 search, "number": 100 means [99.5, 100.5), 100.00 means [99.995, 100.005).
"""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?", re.ASCII)


def implicit_range(text: str) -> tuple[Decimal, Decimal]:
    """Return low (included) and high (excluded) of the number written as `text`.

    Raises ValueError if it is not a number, or one so large or small that arithmetic on it would
    take unreasonable time.
    """
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a FHIR number")
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(exponent - 1)
    return value - half, value + half
