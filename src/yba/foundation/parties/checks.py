"""What a person's details must keep before they are stored. Pure."""

from dataclasses import replace
from datetime import date

from yba.foundation.parties.errors import BirthDateUnreadable, PersonIncomplete
from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonDetails,
    PersonIdentifier,
    earliest_birth,
    is_well_formed,
    parse_birth_date,
    phone_e164,
)
from yba.kernel.text import tidy
from yba.plumbing.i18n import N_

_NAME = N_("Write the full name.")
_NAME_LONG = N_("The name is longer than 255 letters.")
_BIRTH = N_("Write day/month/year, month/year or the year.")
_BIRTH_FUTURE = N_("The birth date lies in the future.")
_BIRTH_OLD = N_("The birth date is more than 150 years ago.")
_NUMBER_FIELD = {
    IdentifierKind.CCCD: N_("A citizen number has 12 digits."),
    IdentifierKind.CMND: N_("An old identity card number has 9 digits."),
    IdentifierKind.PASSPORT: N_("A passport number has 5 to 15 letters and digits."),
    IdentifierKind.SOCIAL_INSURANCE: N_("A social-insurance number has 10 digits."),
}
_CARD = N_("An insurance card number has 15 characters, or 10 digits.")
_CARD_DATES = N_("The card ends before it begins.")
_FACILITY = N_("A facility code has 5 characters.")
_PHONE = N_("This is no phone number.")
_GUARDIAN = N_("Write the name of the guardian.")
_TIME = N_("Write the time of birth as hour:minute.")


def checked(person: PersonDetails, today: date) -> PersonDetails:
    """Return tidy details ready to store.

    Raises PersonIncomplete with a sentence for each field that is wrong.
    """
    problems: dict[str, str] = {}
    tidied = replace(
        person,
        name=tidy(person.name),
        birth_date=_birth(person, today, problems),
        identifiers=_identifiers(person, problems),
        phone=_phone(person.phone, problems),
        insurance=_insurance(person.insurance, problems),
        address=replace(person.address, text=tidy(person.address.text)),
    )
    if not any(letter.isalpha() for letter in tidied.name):
        problems["name"] = _NAME
    elif len(tidied.name) > 255:
        problems["name"] = _NAME_LONG
    if person.guardian and not tidy(person.guardian.name):
        problems["guardian_name"] = _GUARDIAN
    if person.birth_time and not _is_time(person.birth_time):
        problems["birth_time"] = _TIME
    if problems:
        raise PersonIncomplete(fields=problems)
    return tidied


def _birth(person: PersonDetails, today: date, problems: dict[str, str]) -> str:
    if not person.birth_date:
        if not person.temporary:
            problems["birth_date"] = _BIRTH
        return ""
    try:
        birth_date = parse_birth_date(person.birth_date)
    except BirthDateUnreadable:
        problems["birth_date"] = _BIRTH
        return ""
    born = earliest_birth(birth_date)
    if born > today:
        problems["birth_date"] = _BIRTH_FUTURE
    elif today.year - born.year > 150:
        problems["birth_date"] = _BIRTH_OLD
    return birth_date


def _identifiers(person: PersonDetails, problems: dict[str, str]) -> tuple[PersonIdentifier, ...]:
    kept: dict[tuple[IdentifierKind, str], PersonIdentifier] = {}
    for item in person.identifiers:
        value = "".join(item.value.split())
        if item.kind != IdentifierKind.TEMPORARY:
            value = value.upper()
        if not value:
            continue
        if not is_well_formed(item.kind, value):
            problems[item.kind.value.replace("-", "_")] = _NUMBER_FIELD.get(item.kind, _CARD)
        kept[item.kind, value] = replace(item, value=value)
    insurance = person.insurance
    if insurance and len(insurance.number.strip()) in (10, 15):
        # The last ten characters of a card are the number that outlives it.
        number = insurance.number.strip()[-10:]
        kind = IdentifierKind.SOCIAL_INSURANCE
        if not any(i.kind == kind and i.active for i in kept.values()):
            kept.setdefault((kind, number), PersonIdentifier(kind=kind, value=number))
    return tuple(kept.values())


def _insurance(
    insurance: HealthInsurance | None, problems: dict[str, str]
) -> HealthInsurance | None:
    if insurance is None or not insurance.number.strip():
        return None
    number = "".join(insurance.number.split()).upper()
    if not is_well_formed(IdentifierKind.INSURANCE_CARD, number):
        problems["insurance_number"] = _CARD
    facility = "".join(insurance.registered_facility.split()).upper()
    if facility and not (len(facility) == 5 and facility.isascii() and facility.isalnum()):
        problems["registered_facility"] = _FACILITY
    if insurance.valid_from and insurance.valid_to and insurance.valid_to < insurance.valid_from:
        problems["valid_to"] = _CARD_DATES
    benefit = insurance.benefit_digit or (number[2] if len(number) == 15 else "")
    return replace(insurance, number=number, registered_facility=facility, benefit_digit=benefit)


def _phone(phone: str, problems: dict[str, str]) -> str:
    if not phone.strip():
        return ""
    number = phone_e164(phone)
    if number is None:
        problems["phone"] = _PHONE
        return ""
    return number


def _is_time(text: str) -> bool:
    hour, _, minute = text.partition(":")
    return (
        len(hour) == len(minute) == 2
        and hour.isdecimal()
        and minute.isdecimal()
        and int(hour) < 24
        and int(minute) < 60
    )
