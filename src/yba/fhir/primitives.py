"""Primitive types of FHIR as msgspec sees them, and the base of every generated type.

Text forms (dates, uris, codes) stay `str`: their spelling is part of the record. Decimals keep their
digits. What JSON decoding can check at C speed is declared here; the patterns are in `validation`.
Standard: FHIR R4 datatypes, "Primitive Types", and FHIR JSON.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "FhirStruct",
    "Integer",
    "Maybe",
    "Number",
    "PositiveInt",
    "Text",
    "UnsignedInt",
    "exact_number",
]

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Integer: TypeAlias = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
UnsignedInt: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 31) - 1)]
PositiveInt: TypeAlias = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]

if TYPE_CHECKING:
    Number: TypeAlias = Decimal
    Maybe = Optional
else:

    class Maybe:
        """An attribute that may be None in Python but never null in JSON, which FHIR forbids."""

        def __class_getitem__(cls, item: object) -> object:
            return item

    class _JsonNumber(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, Decimal)

    class Number(metaclass=_JsonNumber):
        """decimal.Decimal read from a JSON number only: msgspec's own Decimal takes strings, too."""


LARGEST_EXPONENT = 400


def exact_number(_type: type, value: Any) -> Decimal:
    """Decode hook: return a JSON number as a Decimal with the digits as written.

    Refuses numbers that no measurement needs and whose arithmetic would never end (1e999999999).
    """
    if isinstance(value, Decimal):
        if value and abs(value.adjusted()) > LARGEST_EXPONENT:
            raise ValueError("number out of range")
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(f"Expected `decimal`, got `{type(value).__name__}`")


def _json_name(attribute: str) -> str:
    if attribute.endswith("_ext"):
        return "_" + attribute[:-4]
    return attribute.removesuffix("_")


class FhirStruct(
    msgspec.Struct,
    kw_only=True,
    omit_defaults=True,
    repr_omit_defaults=True,
    forbid_unknown_fields=True,
    rename=_json_name,
    gc=False,
):
    """Base of all FHIR types. Attributes are named as the elements; `x_ext` is the JSON `_x`."""
