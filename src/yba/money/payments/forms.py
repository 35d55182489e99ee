"""What people type at the till."""

from collections.abc import Mapping

from yba.kernel.money import Dong
from yba.kernel.refusal import Unusable
from yba.plumbing.i18n import N_

_NOT_AN_AMOUNT = N_("Write a whole number of đồng, for instance 150.000.")
_MOST_DIGITS = 12


def amount(values: Mapping[str, str], name: str) -> Dong:
    """Return an amount typed with or without points and blanks. Raises Unusable."""
    text = values.get(name, "")
    for filler in (".", ",", " ", "\u00a0", "đ", "₫"):
        text = text.replace(filler, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Unusable(fields={name: _NOT_AN_AMOUNT})
    return int(text)
