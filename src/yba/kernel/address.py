"""Addresses that somebody else wrote: taken apart without ever failing."""

from urllib.parse import SplitResult, urlsplit

_NONE = SplitResult("", "", "", "", "")


def address_parts(text: str) -> SplitResult:
    """Return the parts of an address; of what is none (`http://[::1`, a port of letters), no part.

    The standard library raises ValueError for such texts, which anybody may send in a header.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return _NONE
    return parts
