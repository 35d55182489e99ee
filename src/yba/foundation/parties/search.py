"""What people type to find a person, as words of one index. Pure.

Every person is filed under words whose first letter tells their kind: n a
word of the folded name, y m b year, month and day of birth, i a number of any
paper, p a phone. A query is a conjunction of such words, so that "nguyen lan
1985", "lan 03/1985" and "0901 234 567" need one index and one statement.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yba.foundation.parties.model import PersonDetails, phone_e164
from yba.kernel.text import fold

_LONGEST = 200
_MOST_WORDS = 10
_DATE = re.compile(r"(?<!\d)(\d{1,2})[ /.\-](\d{1,2})[ /.\-](\d{4})(?!\d)")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MONTH = re.compile(r"(?<!\d)(\d{1,2})[/.\-](\d{4})(?!\d)")
_SPACED_NUMBER = re.compile(r"(?<![\da-z])\+?\d(?:[ .\-]?\d){8,14}(?!\d)")
_NOT_WORD = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class PersonQuery:
    """A typed search, taken apart."""

    names: tuple[str, ...]
    days: tuple[str, ...]
    months: tuple[str, ...]
    years: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed that can be searched."""
        return not (self.names or self.days or self.months or self.years or self.numbers)

    @property
    def name(self) -> str:
        """The name as typed, folded."""
        return " ".join(self.names)

    def tsquery(self) -> str:
        """Write the query for the index; every part must match."""
        parts = [f"'n{word}':*" for word in self.names]
        parts += [f"'b{day}'" for day in self.days]
        parts += [f"'m{month}'" for month in self.months]
        parts += [f"('y{year}' | 'i{year}')" for year in self.years]
        parts += [_number_query(number) for number in self.numbers]
        return " & ".join(parts[:_MOST_WORDS])


def parse_query(text: str) -> PersonQuery:
    """Take a typed search apart; never fails, whatever was typed."""
    rest = fold(text[:_LONGEST])
    days: list[str] = []
    months: list[str] = []
    years: list[str] = []
    numbers: list[str] = []

    def day(match: re.Match[str]) -> str:
        first, second, third = match.groups()
        year, month, of_month = (
            (first, second, third) if len(first) == 4 else (third, second, first)
        )
        days.append(f"{year}{month.zfill(2)}{of_month.zfill(2)}")
        return " "

    def month(match: re.Match[str]) -> str:
        months.append(match[2] + match[1].zfill(2))
        return " "

    def number(match: re.Match[str]) -> str:
        compact = re.sub(r"[ .\-]", "", match[0])
        if len(compact.lstrip("+")) not in (9, 10, 11, 12) and compact != match[0]:
            return match[0]
        numbers.append(_national(compact))
        return " "

    rest = _ISO_DATE.sub(day, _DATE.sub(day, rest))
    rest = _MONTH.sub(month, rest)
    rest = _SPACED_NUMBER.sub(number, rest)
    names: list[str] = []
    for word in _NOT_WORD.split(rest):
        if not word:
            continue
        if re.fullmatch(r"(?:18|19|20|21)\d\d", word):
            years.append(word)
        elif any(letter.isdigit() for letter in word):
            numbers.append(word)
        else:
            names.append(word)
    return PersonQuery(tuple(names), tuple(days), tuple(months), tuple(years), tuple(numbers))


def words_of(details: PersonDetails, patient_number: str) -> list[str]:
    """Return the words under which a person is filed."""
    words = [f"n{word}" for word in name_words(details.name)]
    words += birth_words(details.birth_date)
    numbers = [patient_number, patient_number.lstrip("0")]
    numbers += [identifier.value for identifier in details.identifiers]
    if details.insurance:
        numbers += [details.insurance.number, details.insurance.number[-10:]]
    words += [f"i{_NOT_WORD.sub('', number.lower())}" for number in numbers if number]
    if details.phone:
        words.append(f"p{_national(details.phone)}")
    return list(dict.fromkeys(words))


def name_words(name: str) -> list[str]:
    """Return the folded words of a name."""
    return [word for word in _NOT_WORD.split(fold(name)) if word]


def birth_words(birth_date: str) -> list[str]:
    """Return the words of a partial birth date."""
    parts = birth_date.split("-") if birth_date else []
    return [f"{kind}{''.join(parts[:n])}" for n, kind in enumerate("ymb", 1) if n <= len(parts)]


def duplicates_tsquery(details: PersonDetails) -> str:
    """Write the query for persons that may be the same one; empty if nothing is known."""
    names = name_words(details.name)
    both = [f"'n{word}'" for word in names[:_MOST_WORDS]]
    birth = birth_words(details.birth_date)
    either = _either(word for word in words_of(details, "") if word[0] == "i" and len(word) > 1)
    if names and birth:
        either.append(f"({' & '.join([*both, _quoted(birth[0])])})")
    elif names:
        either.append(f"({' & '.join(both)})")
    if details.phone and names:
        # Families share a phone, so it counts together with the given name only.
        phone = _quoted(f"p{_national(details.phone)}")
        either.append(f"({phone} & {_quoted('n' + names[-1])})")
    return " | ".join(either)


def _either(words: Iterable[str]) -> list[str]:
    return [_quoted(word) for word in words]


def _quoted(word: str) -> str:
    # Words hold only a-z and 0-9, so they need no escaping.
    return f"'{word}'"


def _number_query(number: str) -> str:
    alternatives = [f"'i{number}':*", f"'p{number}':*"]
    if re.fullmatch(r"\d{8}", number):
        alternatives.append(f"'b{number[4:]}{number[2:4]}{number[:2]}'")
    return f"({' | '.join(alternatives)})"


def _national(number: str) -> str:
    """Write a phone as people dial it; leave any other number alone."""
    e164 = phone_e164(number)
    if e164 and e164.startswith("+84") and (number.startswith(("+", "84", "0"))):
        return "0" + e164[3:]
    return _NOT_WORD.sub("", number)


def same_words(one: str, other: str) -> bool:
    """Whether two names have the same words in any order."""
    return sorted(name_words(one)) == sorted(name_words(other))


def has_words(name: str, words: Sequence[str]) -> bool:
    """Whether a name contains every word whole."""
    own = name_words(name)
    return all(word in own for word in words)
