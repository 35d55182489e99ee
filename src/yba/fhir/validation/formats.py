"""The formats of primitive types that are text.

Standard: FHIR R4 datatypes, the regular expressions of "Primitive Types"; dates are also real calendar days.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final

from yba.fhir.moments import is_date, is_date_time, is_instant, is_time

# White space is what XML Schema calls so; a no-break space is a letter like any other.
_SPACE = re.compile(r"[ \t\r\n]")
_CODE = re.compile(r"[^ \t\r\n]+([ \t\r\n][^ \t\r\n]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(
    r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII
)

# The same uris and codes come again and again; a look-up is four times faster than reading them.
_MANY = 50_000
_LONG = 200
known_uris: Final[set[str]] = set()
known_codes: Final[set[str]] = set()


def is_uri(text: str) -> bool:
    """Return whether `text` has no white space; FHIR asks no more of a uri."""
    if _SPACE.search(text) is not None:
        return False
    _remember(known_uris, text)
    return True


def is_code(text: str) -> bool:
    """Return whether `text` has no white space but single characters of it between words."""
    if _CODE.fullmatch(text) is None:
        return False
    _remember(known_codes, text)
    return True


def is_id(text: str) -> bool:
    """Return whether `text` is a FHIR id: 1 to 64 letters, digits, "-" and "."."""
    return _ID.fullmatch(text) is not None


def is_oid(text: str) -> bool:
    """Return whether `text` is an OID in urn form."""
    return _OID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Return whether `text` is a lower-case UUID in urn form."""
    return _UUID.fullmatch(text) is not None


def is_base64(text: str) -> bool:
    """Return whether `text` is base64; white space may stand between its characters."""
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_xhtml(text: str) -> bool:
    """Return whether `text` looks like one div; what is in it must be cleaned before it is shown."""
    return text.lstrip().startswith("<div") and text.rstrip().endswith(">")


def is_text(text: str) -> bool:
    """Return whether `text` is a string: not empty and without the character NUL."""
    return bool(text) and "\0" not in text


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "base64Binary": is_base64,
    "canonical": is_uri,
    "code": is_code,
    "date": is_date,
    "dateTime": is_date_time,
    "id": is_id,
    "instant": is_instant,
    "markdown": is_text,
    "oid": is_oid,
    "string": is_text,
    "time": is_time,
    "uri": is_uri,
    "url": is_uri,
    "uuid": is_uuid,
    "xhtml": is_xhtml,
}


def _remember(known: set[str], text: str) -> None:
    if len(text) <= _LONG:
        if len(known) >= _MANY:
            known.clear()
        known.add(text)
