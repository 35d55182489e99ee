"""Vietnamese text: folding for search, sorting for lists.

People type names and diagnoses with and without accents, in either Unicode
form. Everything searchable is folded once when written; what is shown is
never folded, and accents are never restored by guessing.
"""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
# The alphabet has no f, j, w, z; foreign names keep their places.
_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_RANK = {letter: position for position, letter in enumerate(_ALPHABET, start=10)}


def tidy(text: str) -> str:
    """Return `text` in NFC with its spaces squeezed and its ends trimmed."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """Return lower-case letters without diacritics, spaces squeezed.

    `đ` becomes `d`; both Unicode forms of a letter give the same result.
    """
    if text.isascii():
        return _SPACES.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFD", text.lower()).replace("đ", "d")
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _SPACES.sub(" ", bare).strip()


def _word_key(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    letters: list[int] = []
    tones: list[int] = []
    for letter in unicodedata.normalize("NFC", word.lower()):
        parts = unicodedata.normalize("NFD", letter)
        tone = next((_TONES[mark] for mark in parts if mark in _TONES), 0)
        base = unicodedata.normalize("NFC", "".join(m for m in parts if m not in _TONES))
        letters.append(_RANK.get(base, ord(base[0]) + 100))
        tones.append(tone)
    return tuple(letters), tuple(tones)


def vietnamese_sort_key(text: str) -> tuple[object, ...]:
    """Return a key that sorts by the Vietnamese alphabet, tones second.

    Words are compared left to right; within a word letters decide before
    tones (a < ă < â; level, grave, hook, tilde, acute, dot).
    """
    return tuple(_word_key(word) for word in text.split())


def name_sort_key(full_name: str) -> tuple[object, ...]:
    """Return the key for lists of persons: given name first, then from the left."""
    words = full_name.split()
    return vietnamese_sort_key(" ".join(words[-1:] + words[:-1]))
