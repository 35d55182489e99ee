"""Bodies as they lie in the database: one letter for the format, then the bytes.

`p` is plain JSON; `1` is zstandard with the dictionary of that number. A dictionary, once
released, is never changed: a better one gets the next number.
"""

from __future__ import annotations

import zstandard

from yba.foundation.record.dictionary import DICTIONARY_1

_PLAIN = b"p"
_ONE = b"1"
_LEVEL = -3  # a fifth larger than level 1, at half the time (docs/adr/0010)
_LARGEST = 256 * 1024 * 1024

_dictionary = zstandard.ZstdCompressionDict(DICTIONARY_1, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_dictionary.precompute_compress(level=_LEVEL)
_compress = zstandard.ZstdCompressor(
    level=_LEVEL, dict_data=_dictionary, write_checksum=False, write_dict_id=False
).compress
_decompress = zstandard.ZstdDecompressor(dict_data=_dictionary).decompress


def pack(body: bytes) -> bytes:
    """Return what is stored for `body`."""
    return _ONE + _compress(body)


def unpack(stored: bytes) -> bytes:
    """Return the JSON that was stored."""
    if stored[:1] == _ONE:
        return _decompress(stored[1:], max_output_size=_LARGEST)
    return stored[1:]
