"""pyHanko's reader of PDF files, with hexadecimal strings read in one go.

A signature is one such string of 3,000 to 30,000 digits. pyHanko reads every
digit by itself, which took half of the time of a check. Anything that is not
plain digits up to ">" (white space, comments, damage) is still left to it, so
that what is read, and what is refused, stay the same.
"""

import binascii
import os
from typing import Any, BinaryIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

__all__ = ["PdfFileReader"]

_FIRST, _FURTHER = 64, 16 * 1024
_letter_by_letter = generic.read_hex_string_from_stream


def _read_hex_string(stream: BinaryIO) -> Any:
    start = stream.tell()
    stream.seek(1, os.SEEK_CUR)
    parts: list[bytes] = []
    part = stream.read(_FIRST)
    while part:
        end = part.find(b">")
        digits = part if end < 0 else part[:end]
        if digits.strip(generic.HEX_DIGITS):
            break
        parts.append(digits)
        if end >= 0:
            stream.seek(end + 1 - len(part), os.SEEK_CUR)
            found = b"".join(parts)
            return generic.pdf_string(binascii.unhexlify(found + b"0" * (len(found) % 2)))
        part = stream.read(_FURTHER)
    stream.seek(start)
    return _letter_by_letter(stream)


generic.read_hex_string_from_stream = _read_hex_string
