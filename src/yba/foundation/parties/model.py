"""Persons as the desk knows them: details, identifiers, partial birth dates.

Pure. A birth date keeps the precision in which it was given: "1985",
"1985-03" or "1985-03-12" (FHIR date). Codes are those of the claim lists.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from yba.foundation.parties.errors import BirthDateUnreadable
from yba.kernel import systems


class Sex(StrEnum):
    """FHIR administrative gender; claims write 1, 2 and 3."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class IdentifierKind(StrEnum):
    """What kind of paper or register a person's number comes from."""

    CCCD = "cccd"
    CMND = "cmnd"
    PASSPORT = "passport"
    SOCIAL_INSURANCE = "social-insurance"
    INSURANCE_CARD = "insurance-card"
    PATIENT_NUMBER = "patient-number"
    TEMPORARY = "temporary"


SYSTEM_OF_KIND: dict[IdentifierKind, str] = {
    IdentifierKind.CCCD: systems.CCCD,
    IdentifierKind.CMND: systems.CMND,
    IdentifierKind.PASSPORT: systems.PASSPORT,
    IdentifierKind.SOCIAL_INSURANCE: systems.SOCIAL_INSURANCE,
    IdentifierKind.INSURANCE_CARD: systems.BHYT_CARD,
    IdentifierKind.PATIENT_NUMBER: systems.PATIENT_NUMBER,
    IdentifierKind.TEMPORARY: systems.TEMPORARY_ID,
}
KIND_OF_SYSTEM: dict[str, IdentifierKind] = {uri: kind for kind, uri in SYSTEM_OF_KIND.items()}


@dataclass(frozen=True, kw_only=True)
class PersonIdentifier:
    """One number of a person; a replaced one stays, inactive."""

    kind: IdentifierKind
    value: str
    active: bool = True
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, kw_only=True)
class PersonAddress:
    """Where a person lives; codes are strings with leading zeros.

    `old_codes` says that the codes are of the lists before 2025-07-01.
    """

    text: str = ""
    province_code: str = ""
    commune_code: str = ""
    district_text: str = ""
    old_codes: bool = False


@dataclass(frozen=True, kw_only=True)
class Guardian:
    """The adult who speaks for a child or for one who cannot."""

    name: str
    relationship: str = ""
    phone: str = ""
    identity_number: str = ""


@dataclass(frozen=True, kw_only=True)
class HealthInsurance:
    """A health-insurance card as known here; the portal's answer beats it.

    `number` has 15 characters, or 10 when only the short number is known.
    """

    number: str
    registered_facility: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    benefit_digit: str = ""
    living_area: str = ""
    five_years_on: date | None = None
    copayment_free_from: date | None = None
    temporary: bool = False


@dataclass(frozen=True, kw_only=True)
class PersonDetails:
    """Everything the desk may enter about a person.

    `nationality`, `ethnicity` and `occupation` are claim codes ("000", "01",
    "00"). `birth_time` is "HH:MM" for a newborn, else empty.
    """

    name: str
    birth_date: str = ""
    birth_time: str = ""
    sex: Sex = Sex.UNKNOWN
    identifiers: tuple[PersonIdentifier, ...] = ()
    address: PersonAddress = PersonAddress()
    phone: str = ""
    nationality: str = "000"
    ethnicity: str = ""
    occupation: str = ""
    blood_group: str = ""
    guardian: Guardian | None = None
    insurance: HealthInsurance | None = None
    temporary: bool = False

    def active(self, kind: IdentifierKind) -> str:
        """The value in force of one kind of number, or an empty string."""
        return next((i.value for i in self.identifiers if i.kind == kind and i.active), "")


@dataclass(frozen=True, kw_only=True)
class PersonSummary:
    """A person as the banner, the slip and the claim need one."""

    patient_id: str
    patient_number: str
    details: PersonDetails
    coverage_id: str = ""
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class PersonMatch:
    """One line of the match list, best first; `reasons` are English msgids."""

    patient_id: str
    patient_number: str
    name: str
    birth_date: str
    sex: Sex
    identity_number: str
    card_number: str
    phone: str
    address: str
    score: int
    reasons: tuple[str, ...]


_DAY = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$")
_MONTH = re.compile(r"^(\d{1,2})[/.\-](\d{4})$")
_ISO = re.compile(r"^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$")
_PACKED = re.compile(r"^(\d{2})?(\d{2})(\d{4})$")


def parse_birth_date(text: str) -> str:
    """Return a FHIR date of the precision given: day, month or year.

    Reads 12/03/1985, 03/1985, 1985, ISO, and 12031985 as on the citizen card.
    Raises BirthDateUnreadable for anything else, also for 31/02.
    """
    text = text.strip()
    if match := _ISO.match(text):
        year, month, day = match.groups()
    elif match := _DAY.match(text) or _PACKED.match(text):
        day, month, year = match.groups()
    elif match := _MONTH.match(text):
        month, year = match.groups()
        day = None
    else:
        raise BirthDateUnreadable
    if day == "00":
        day = None
    if month == "00":
        month = None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise BirthDateUnreadable from None
    if not 1850 <= int(year) <= 2200 or (day and not month):
        raise BirthDateUnreadable
    return "-".join([year] + [part.zfill(2) for part in (month, day) if part])


def birth_date_shown(birth_date: str) -> str:
    """Write a partial date as people read it: 12/03/1985, 03/1985, 1985."""
    return "/".join(reversed(birth_date.split("-")))


def age_years(birth_date: str, on: date) -> int | None:
    """Completed years on a day; the earliest day of a partial date counts."""
    if not birth_date:
        return None
    born = earliest_birth(birth_date)
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def age_months(birth_date: str, on: date) -> int | None:
    """Completed months on a day, as prescriptions for small children say it."""
    if not birth_date:
        return None
    born = earliest_birth(birth_date)
    return (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)


def earliest_birth(birth_date: str) -> date:
    """The first day that a partial birth date may mean."""
    year, month, day = [*birth_date.split("-"), "1", "1"][:3]
    return date(int(year), int(month), int(day))


_MOBILE_OR_FIXED = re.compile(
    r"^(?:\+?84|0)((?:3[2-9]|5[25689]|7[06-9]|8[1-9]|9[0-46-9])\d{7}|2\d{8,9})$"
)


def phone_e164(text: str) -> str | None:
    """Return a Vietnamese or international number as E.164, None if it is none."""
    digits = re.sub(r"[\s.\-()]", "", text)
    if match := _MOBILE_OR_FIXED.match(digits):
        return "+84" + match.group(1)
    if re.fullmatch(r"\+[1-9]\d{6,14}", digits) and not digits.startswith("+84"):
        return digits
    return None


_IDENTIFIER_FORMAT: dict[IdentifierKind, re.Pattern[str]] = {
    IdentifierKind.CCCD: re.compile(r"^\d{12}$"),
    IdentifierKind.CMND: re.compile(r"^\d{9}$"),
    IdentifierKind.PASSPORT: re.compile(r"^[A-Z0-9]{5,15}$"),
    IdentifierKind.SOCIAL_INSURANCE: re.compile(r"^\d{10}$"),
    IdentifierKind.INSURANCE_CARD: re.compile(r"^(?:[A-Z]{2}[1-5]\d{12}|\d{10})$"),
    IdentifierKind.PATIENT_NUMBER: re.compile(r"^[0-9A-Za-z.\-/]{1,100}$"),
    IdentifierKind.TEMPORARY: re.compile(r"^T[0-9a-z]{1,20}$"),
}


def is_well_formed(kind: IdentifierKind, value: str) -> bool:
    """Whether a number has the length and characters of its kind."""
    return bool(_IDENTIFIER_FORMAT[kind].match(value))


@dataclass(frozen=True)
class NumberHints:
    """What the digits of a 12-digit number suggest; never proof."""

    sex: Sex
    birth_year: int


def cccd_hints(number: str) -> NumberHints:
    """Read century, sex and year from digits 4 to 6 of a 12-digit number."""
    code = int(number[3])
    return NumberHints(
        sex=Sex.MALE if code % 2 == 0 else Sex.FEMALE,
        birth_year=1900 + 100 * (code // 2) + int(number[4:6]),
    )
