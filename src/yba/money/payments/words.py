"""Amounts in Vietnamese words, as a receipt must say them. Pure."""

from typing import Final

from yba.kernel.money import Dong

_DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES: Final = ("", "nghìn", "triệu")
_BILLION: Final = 10**9


def dong_in_words(amount: Dong) -> str:
    """Return "Một trăm năm mươi nghìn đồng" for 150000. Amounts are not negative."""
    text = _read(amount) if amount else _DIGITS[0]
    return f"{text[0].upper()}{text[1:]} đồng"


def _read(number: int) -> str:
    billions, rest = divmod(number, _BILLION)
    parts = [_read(billions), "tỷ"] if billions else []
    groups = [rest // 1_000_000, rest // 1_000 % 1_000, rest % 1_000]
    for scale, group in zip((2, 1, 0), groups, strict=True):
        if group:
            parts.append(_three(group, full=bool(parts)))
            parts.append(_SCALES[scale])
    return " ".join(part for part in parts if part)


def _three(group: int, *, full: bool) -> str:
    """Read three digits; inside a number the empty hundreds are said, too."""
    hundreds, tens, ones = group // 100, group // 10 % 10, group % 10
    words: list[str] = []
    if hundreds or full:
        words += [_DIGITS[hundreds], "trăm"]
    if tens == 0:
        if ones:
            words += ["linh", _DIGITS[ones]] if words else [_DIGITS[ones]]
        return " ".join(words)
    words += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
    if ones == 1 and tens > 1:
        words.append("mốt")
    elif ones == 5:
        words.append("lăm")
    elif ones:
        words.append(_DIGITS[ones])
    return " ".join(words)
