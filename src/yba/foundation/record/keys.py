"""Numbers for things: row ids, and the 64-bit keys that resources are found by.

Main rule: everything here is a pure function of what it names, so nothing has to be looked up
before writing. A reference's key is `target row id XOR constant of the element`, so that SQL can
follow references without hashing; all other keys are XXH3 of the value under the same constant.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from functools import lru_cache

from xxhash import xxh3_64_intdigest

from yba.kernel.ids import row_id as row_id

_SIGN = 1 << 63
_FULL = 1 << 64
_MASK = _FULL - 1
_SEPARATOR = "\x1f"  # FHIR allows no control characters in text


def signed(number: int) -> int:
    """Return an unsigned 64-bit number as PostgreSQL's bigint."""
    return number - _FULL if number >= _SIGN else number


# The same text as kernel.ids.encode_id, three letters at a time: searches write it for every hit.
_LETTERS = "0123456789abcdefghijklmnopqrstuv"
_TRIPLES = [a + b + c for a in _LETTERS for b in _LETTERS for c in _LETTERS]


def id_of(row: int, foreign_id: str | None) -> str:
    """Return the logical id of a row."""
    if foreign_id is not None:
        return foreign_id
    three = _TRIPLES
    return (
        _LETTERS[row >> 60]
        + three[row >> 45 & 32767]
        + three[row >> 30 & 32767]
        + three[row >> 15 & 32767]
        + three[row & 32767]
    )


@lru_cache(maxsize=65_536)
def scope(type_: str, element: int) -> int:
    """Return the constant under which the values of one element are keyed."""
    return signed(xxh3_64_intdigest(f"{type_}#{element}".encode()))


@lru_cache(maxsize=65_536)
def reference_scope(type_: str, element: int, target: str) -> int:
    """Return the constant that turns a row id of `target` into a reference key."""
    return signed(xxh3_64_intdigest(f"{type_}#{element}>{target}".encode()))


def value_key(scope_: int, *parts: str) -> int:
    """Return the key of a value made of texts."""
    text = _SEPARATOR.join(parts)
    return signed(xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), scope_ & _MASK))


@lru_cache(maxsize=131_072)
def token_key(scope_: int, system: str | None, code: str) -> int:
    """Return the key of a code in its system."""
    return value_key(scope_, system or "", code)


@lru_cache(maxsize=16_384)
def quantity_key(scope_: int, system: str | None, code: str | None, unit: str | None) -> int:
    """Return the key of a quantity's unit."""
    return value_key(scope_, system or "", code or "", unit or "")


@lru_cache(maxsize=65_536)
def paired_key(scope_: int, *texts: str | None) -> int:
    """Return the key of a quantity's unit beside a code: system, code, then the unit's three."""
    return value_key(scope_, *(text or "" for text in texts))


def bare_key(scope_: int, code: str) -> int:
    """Return the key under which an identifier is filed whatever its system."""
    return value_key(scope_, "value", "", code)


def exact_key(scope_: int, text: str) -> int:
    """Return the key of a string as written, for `:exact`."""
    return value_key(scope_, "exact", "", text)


def of_type_key(scope_: int, system: str | None, code: str, value: str) -> int:
    """Return the key of an identifier with its type, for `:of-type`."""
    return value_key(scope_, "of-type", system or "", code, value)


def logical_key(scope_: int, system: str | None, value: str) -> int:
    """Return the key of a reference by identifier, for `:identifier`."""
    return value_key(scope_, "logical", "", system or "", value)


def logical_value_key(scope_: int, value: str) -> int:
    """Return the key of the same, whatever the identifier's system."""
    return value_key(scope_, "logical-value", "", value)


def logical_system_key(scope_: int, system: str) -> int:
    """Return the key of a reference by an identifier of this system."""
    return value_key(scope_, "logical-system", "", system)


def system_key(scope_: int, system: str) -> int:
    """Return the key under which an identifier is filed by its system alone."""
    return value_key(scope_, "system", "", system)


def label_scope(scope_: int) -> int:
    """Return the constant under which the texts that people read of an element's codes are keyed."""
    return value_key(scope_, "label")


def present_key(scope_: int) -> int:
    """Return the key that says that an added parameter has a value, for `:missing`."""
    return value_key(scope_, "present")


def later_part(scope_: int) -> int:
    """Return the key under which the second and later pieces of a long text are filed."""
    return value_key(scope_, "later")


def ordered(value: Decimal) -> int:
    """Return a bigint that sorts as the number does (to the precision of a double)."""
    (bits,) = struct.unpack("<q", struct.pack("<d", float(value) + 0.0))
    return bits if bits >= 0 else bits ^ 0x7FFF_FFFF_FFFF_FFFF
