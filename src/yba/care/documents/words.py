"""Numbers in Vietnamese words, as money and controlled drugs are written. Pure."""

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES = ("", "nghìn", "triệu", "tỷ")


def in_words(number: int) -> str:
    """Return a whole number below 10^18 in words: 1_205_015 → "một triệu hai trăm linh năm nghìn
    không trăm mười lăm".
    """
    if number < 0:
        return "âm " + in_words(-number)
    if number == 0:
        return _DIGITS[0]
    return " ".join(_words(number, leading=True))


def _words(number: int, *, leading: bool) -> list[str]:
    billions, rest = divmod(number, 10**9)
    words: list[str] = []
    if billions:
        words += [*_words(billions, leading=leading), _SCALES[3]]
        leading = False
    for power in (2, 1, 0):
        group = rest // 1000**power % 1000
        if group:
            words += _group(group, leading=leading)
            if power:
                words.append(_SCALES[power])
            leading = False
    return words


def _group(number: int, *, leading: bool) -> list[str]:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words: list[str] = []
    if hundreds or not leading:
        words += [_DIGITS[hundreds], "trăm"]
    if tens == 0:
        if ones and words:
            words.append("linh")
    elif tens == 1:
        words.append("mười")
    else:
        words += [_DIGITS[tens], "mươi"]
    return words + _ones(ones, tens)


def _ones(ones: int, tens: int) -> list[str]:
    if ones == 0:
        return []
    if ones == 1 and tens > 1:
        return ["mốt"]
    if ones == 5 and tens > 0:
        return ["lăm"]
    return [_DIGITS[ones]]


def dong_in_words(amount: int) -> str:
    """Return an amount of money in words, with a capital: "Một trăm nghìn đồng"."""
    words = in_words(amount) + " đồng"
    return words[0].upper() + words[1:]
