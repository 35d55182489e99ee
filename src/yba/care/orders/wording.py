"""How a prescription is worded: quantities, doses, numbers in words. Pure.

Source: Circular 26/2025/TT-BYT art. 6 (leading zero below ten, narcotic
quantities in words); Decision 4750/QĐ-BYT for LIEU_DUNG.
"""

from decimal import Decimal

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")


def plain(number: Decimal) -> str:
    """Write a number without useless zeros, with the Vietnamese decimal comma."""
    text = format(number.normalize(), "f")
    return text.replace(".", ",")


def quantity_text(quantity: Decimal, unit: str, *, in_words: bool) -> str:
    """Write a quantity with the leading zero; a narcotic's also in words."""
    digits = plain(quantity)
    if quantity == quantity.to_integral_value() and quantity < 10:
        digits = digits.zfill(2)
    if not in_words:
        return f"{digits} {unit}".strip()
    words = number_words(quantity)
    return f"{digits} ({words[0].upper()}{words[1:]}) {unit}".strip()


def number_words(number: Decimal) -> str:
    """Write a number below a milliard in Vietnamese words; "phẩy" before decimals."""
    whole, _, part = format(number.normalize(), "f").partition(".")
    words = _whole_words(int(whole))
    if part:
        words += " phẩy " + " ".join(_DIGITS[int(digit)] for digit in part)
    return words


def dosage_text(*, dose: Decimal | None, unit: str, times: int, days: int, directions: str) -> str:
    """Write LIEU_DUNG: per dose * times a day * days [total a day]."""
    if dose is None:
        return directions
    daily = dose * times
    return f"{plain(dose)} {unit}/lần * {times} lần/ngày * {days} ngày [{plain(daily)} {unit}/ngày]"


def drug_name(*, substance: str, brand: str, strength: str, use_brand_only: bool) -> str:
    """Name a drug as the rule wants: INN, INN (brand), or the brand alone."""
    if use_brand_only and brand:
        return " ".join(filter(None, (brand, strength)))
    named = f"{substance} ({brand})" if brand and brand != substance else substance
    return " ".join(filter(None, (named, strength)))


def _whole_words(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    groups: list[str] = []
    rest = number
    scales = ("", " nghìn", " triệu")
    scale = 0
    while rest and scale < len(scales):
        rest, group = divmod(rest, 1000)
        if group:
            groups.append(_group_words(group, full=rest > 0) + scales[scale])
        scale += 1
    return " ".join(reversed(groups))


def _group_words(group: int, *, full: bool) -> str:
    hundreds, rest = divmod(group, 100)
    tens, ones = divmod(rest, 10)
    words: list[str] = []
    if hundreds or full:
        words.append(f"{_DIGITS[hundreds]} trăm")
    if tens == 0 and ones and words:
        words.append("linh")
    elif tens == 1:
        words.append("mười")
    elif tens > 1:
        words.append(f"{_DIGITS[tens]} mươi")
    if ones:
        words.append(_ones(ones, tens))
    return " ".join(words)


def _ones(ones: int, tens: int) -> str:
    if ones == 1 and tens > 1:
        return "mốt"
    if ones == 5 and tens > 0:
        return "lăm"
    return _DIGITS[ones]
