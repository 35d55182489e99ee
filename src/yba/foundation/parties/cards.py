"""Citizen cards and insurance cards, as scanners and fingers give them. Pure.

A card says who somebody claims to be; it never proves validity. Whatever
contradicts itself is a warning, because numbers are re-issued and prints are
damaged; only a missing or broken number refuses the scan.
Source: facts on the citizen card QR (7 fields and more) and on the insurance
card QR (17 fields, older prints 9 to 16).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from yba.foundation.parties.errors import (
    BirthDateUnreadable,
    CardIncomplete,
    CardNameMissing,
    CardNumberDamaged,
    EmptyScan,
    NumberUnknownKind,
    ScanTooLong,
    UnreadableCard,
)
from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
    cccd_hints,
    parse_birth_date,
)
from yba.kernel.text import fold, tidy
from yba.plumbing.i18n import N_

_LONGEST = 4096
WARN_SEX = N_("The number suggests another sex than the card states. Ask the patient.")
WARN_YEAR = N_("The number suggests another year of birth than the card states. Ask the patient.")
WARN_BIRTH = N_("The birth date on the card could not be read. Ask the patient.")
WARN_SEX_UNREAD = N_("The sex on the card could not be read. Ask the patient.")
WARN_NAME = N_("The name on the card could not be read. Ask the patient.")
WARN_DATES = N_("A date of the insurance card could not be read. Compare with the card.")
WARN_FACILITY = N_("The registered facility on the card could not be read. Compare with the card.")
WARN_TAIL = N_("The end of the QR code is missing. Compare with the card.")
WARN_SHORT = N_("Only the 10-digit number is known; look the card up for its full code.")


@dataclass(frozen=True, kw_only=True)
class IdCard:
    """A citizen card. `old_number` is the former 9-digit identity number."""

    number: str
    old_number: str
    name: str
    birth_date: str
    sex: Sex
    address: str
    issued_on: date | None
    warnings: tuple[str, ...] = ()

    @property
    def search_text(self) -> str:
        """What to look for first."""
        return self.number

    def to_details(self) -> PersonDetails:
        """Fill the registration form."""
        numbers = [PersonIdentifier(kind=IdentifierKind.CCCD, value=self.number)]
        if self.old_number:
            numbers.append(
                PersonIdentifier(kind=IdentifierKind.CMND, value=self.old_number, active=False)
            )
        return PersonDetails(
            name=self.name,
            birth_date=self.birth_date,
            sex=self.sex,
            identifiers=tuple(numbers),
            address=PersonAddress(text=self.address),
        )


@dataclass(frozen=True, kw_only=True)
class InsuranceScan:
    """An insurance card's QR. `number` has 15 characters or 10 digits."""

    number: str
    name: str
    birth_date: str
    sex: Sex
    address: str
    registered_facility: str
    valid_from: date | None
    valid_to: date | None
    issued_on: date | None
    benefit_digit: str
    five_years_on: date | None
    guardian: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def search_text(self) -> str:
        """What to look for first: the number that outlives the card."""
        return self.number[-10:]

    @property
    def insurance(self) -> HealthInsurance:
        """The card as coverage."""
        return HealthInsurance(
            number=self.number,
            registered_facility=self.registered_facility,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            benefit_digit=self.benefit_digit,
            five_years_on=self.five_years_on,
        )

    def to_details(self) -> PersonDetails:
        """Fill the registration form."""
        number = PersonIdentifier(kind=IdentifierKind.SOCIAL_INSURANCE, value=self.number[-10:])
        return PersonDetails(
            name=self.name,
            birth_date=self.birth_date,
            sex=self.sex,
            identifiers=(number,),
            address=PersonAddress(text=self.address),
            insurance=self.insurance,
        )


@dataclass(frozen=True, kw_only=True)
class TypedNumber:
    """A number typed by hand; `kind` follows from its form."""

    kind: IdentifierKind
    value: str
    warnings: tuple[str, ...] = ()

    @property
    def search_text(self) -> str:
        """What to look for first."""
        return self.value

    def to_details(self) -> PersonDetails:
        """Fill what the number alone can fill of the registration form."""
        if self.kind == IdentifierKind.INSURANCE_CARD:
            return PersonDetails(
                name="",
                identifiers=(
                    PersonIdentifier(kind=IdentifierKind.SOCIAL_INSURANCE, value=self.value[-10:]),
                ),
                insurance=HealthInsurance(number=self.value, benefit_digit=self.value[2]),
            )
        number = PersonIdentifier(kind=self.kind, value=self.value)
        if self.kind == IdentifierKind.CCCD:
            return PersonDetails(name="", sex=cccd_hints(self.value).sex, identifiers=(number,))
        return PersonDetails(name="", identifiers=(number,))


Scan = IdCard | InsuranceScan | TypedNumber


def parse_scan(text: str) -> Scan:
    """Read what the scanner or the keyboard sent.

    Raises UnreadableCard, and nothing else, for whatever is no card or number.
    """
    if len(text) > _LONGEST:
        raise ScanTooLong
    cleaned = _printable(text)
    if not cleaned:
        raise EmptyScan
    if "|" not in cleaned:
        return _typed_number(cleaned)
    fields = [field.strip() for field in cleaned.split("|")]
    number = _compact(fields[0])
    if _ID_NUMBER.fullmatch(number):
        return _id_card(number, fields)
    if _CARD_NUMBER.fullmatch(number):
        return _insurance_card(number, fields)
    if len(fields) >= 7:
        raise CardNumberDamaged
    raise UnreadableCard


_ID_NUMBER = re.compile(r"[0-9]{12}")
_CARD_NUMBER = re.compile(r"[A-Z]{2}[1-5][0-9]{12}|[0-9]{10}")
_PASSPORT = re.compile(r"[A-Z][0-9]{7}")


def _printable(text: str) -> str:
    """Drop NULs, byte-order marks and control characters; keep letters as NFC."""
    kept = (c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text).upper()


def _typed_number(text: str) -> TypedNumber:
    number = _compact(text)
    if not number.isascii():
        raise NumberUnknownKind
    if _ID_NUMBER.fullmatch(number):
        return TypedNumber(kind=IdentifierKind.CCCD, value=number)
    if re.fullmatch(r"[0-9]{9}", number):
        return TypedNumber(kind=IdentifierKind.CMND, value=number)
    if re.fullmatch(r"[0-9]{10}", number):
        return TypedNumber(
            kind=IdentifierKind.SOCIAL_INSURANCE, value=number, warnings=(WARN_SHORT,)
        )
    if _CARD_NUMBER.fullmatch(number):
        return TypedNumber(kind=IdentifierKind.INSURANCE_CARD, value=number)
    if _PASSPORT.fullmatch(number):
        return TypedNumber(kind=IdentifierKind.PASSPORT, value=number)
    raise NumberUnknownKind


def _id_card(number: str, fields: list[str]) -> IdCard:
    if len(fields) < 7:
        raise CardIncomplete
    name = tidy(fields[2])
    if not name:
        raise CardNameMissing
    warnings: list[str] = []
    birth_date = _birth(fields[3], warnings)
    sex = {"nam": Sex.MALE, "nu": Sex.FEMALE}.get(fold(fields[4]), Sex.UNKNOWN)
    if sex == Sex.UNKNOWN:
        warnings.append(WARN_SEX_UNREAD)
    warnings.extend(_contradictions(number, sex, birth_date))
    old_number = _compact(fields[1])
    return IdCard(
        number=number,
        old_number=old_number if re.fullmatch(r"[0-9]{9}", old_number) else "",
        name=name,
        birth_date=birth_date,
        sex=sex,
        address=tidy(fields[5]),
        issued_on=_day(fields[6]),
        warnings=tuple(warnings),
    )


def _contradictions(number: str, sex: Sex, birth_date: str) -> list[str]:
    hints = cccd_hints(number)
    found: list[str] = []
    if sex not in (hints.sex, Sex.UNKNOWN):
        found.append(WARN_SEX)
    if birth_date and int(birth_date[:4]) != hints.birth_year:
        found.append(WARN_YEAR)
    return found


def _insurance_card(number: str, fields: list[str]) -> InsuranceScan:
    if "$" in fields:
        fields = fields[: fields.index("$")]
    if len(fields) < 4:
        raise CardIncomplete
    # Prints before 2021 stop after the issue date; missing is empty.
    cut_off = 9 < len(fields) < 12 or len(fields) < 9
    fields = [("" if f == "-" else f) for f in fields] + [""] * (17 - len(fields))
    warnings: list[str] = []
    if cut_off:
        warnings.append(WARN_TAIL)
    name = _hex_text(fields[1])
    if not name:
        warnings.append(WARN_NAME)
    sex = {"1": Sex.MALE, "2": Sex.FEMALE}.get(fields[3], Sex.UNKNOWN)
    if sex == Sex.UNKNOWN:
        warnings.append(WARN_SEX_UNREAD)
    facility = _compact(fields[5])
    if not re.fullmatch(r"[0-9]{2}[0-9A-Z]{3}", facility):
        facility = ""
        warnings.append(WARN_FACILITY)
    benefit = fields[11] if re.fullmatch(r"[1-5]", fields[11]) else ""
    if len(number) == 15:
        benefit = number[2]
    else:
        warnings.append(WARN_SHORT)
    return InsuranceScan(
        number=number,
        name=name,
        birth_date=_birth(fields[2], warnings),
        sex=sex,
        address=_hex_text(fields[4]),
        registered_facility=facility,
        valid_from=_card_day(fields[6], warnings),
        valid_to=_card_day(fields[7], warnings),
        issued_on=_card_day(fields[8], warnings),
        benefit_digit=benefit,
        five_years_on=_card_day(fields[12], warnings),
        guardian=_hex_text(fields[10]),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _birth(text: str, warnings: list[str]) -> str:
    try:
        return parse_birth_date(text)
    except BirthDateUnreadable:
        warnings.append(WARN_BIRTH)
        return ""


def _card_day(text: str, warnings: list[str]) -> date | None:
    day = _day(text)
    if day is None and text:
        warnings.append(WARN_DATES)
    return day


def _day(text: str) -> date | None:
    try:
        day = parse_birth_date(text)
    except BirthDateUnreadable:
        return None
    return date.fromisoformat(day) if len(day) == 10 else None


def _hex_text(field: str) -> str:
    """Decode hex of UTF-8; plain letters stay; what is neither becomes empty."""
    digits = re.sub(r"\s", "", field)
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits):
        return "" if re.fullmatch(r"[0-9A-Fa-f]*", digits) else tidy(field)
    try:
        text = bytes.fromhex(digits).decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return tidy(_printable(text))
