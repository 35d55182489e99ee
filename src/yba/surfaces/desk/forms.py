"""What the desk's forms carry, to and from the shapes of persons and visits. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from yba.care.encounters.model import NewVisit
from yba.care.scheduling.model import PriorityReason
from yba.foundation.parties.errors import BirthDateUnreadable, PersonIncomplete
from yba.foundation.parties.model import (
    Guardian,
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
    birth_date_shown,
    parse_birth_date,
)
from yba.kernel.refusal import Unusable
from yba.kernel.text import tidy
from yba.plumbing.i18n import N_

_NUMBERS = {
    "cccd": IdentifierKind.CCCD,
    "cmnd": IdentifierKind.CMND,
    "passport": IdentifierKind.PASSPORT,
}
_BAD_DATE = N_("Write day/month/year, for instance 05/09/1990.")


def person_values(details: PersonDetails) -> dict[str, str]:
    """Return the fields of the person form, filled from `details`."""
    guardian = details.guardian or Guardian(name="")
    return {
        "name": details.name,
        "birth_date": birth_date_shown(details.birth_date) if details.birth_date else "",
        "birth_time": details.birth_time,
        "sex": "" if details.sex == Sex.UNKNOWN else details.sex.value,
        "cccd": details.active(IdentifierKind.CCCD),
        "cmnd": next((i.value for i in details.identifiers if i.kind == IdentifierKind.CMND), ""),
        "passport": details.active(IdentifierKind.PASSPORT),
        "phone": details.phone,
        "address": details.address.text,
        "province": details.address.province_code,
        "commune": details.address.commune_code,
        "ethnicity": details.ethnicity or "01",
        "occupation": details.occupation,
        "nationality": details.nationality,
        "guardian_name": guardian.name,
        "guardian_relationship": guardian.relationship,
        "guardian_phone": guardian.phone,
        **insurance_values(details.insurance),
    }


def insurance_values(card: HealthInsurance | None) -> dict[str, str]:
    """Return the fields of an insurance card."""
    card = card or HealthInsurance(number="")
    return {
        "card_number": card.number,
        "card_facility": card.registered_facility,
        "card_from": _shown(card.valid_from),
        "card_to": _shown(card.valid_to),
        "card_five_years": _shown(card.five_years_on),
        "card_digit": card.benefit_digit,
        "card_area": card.living_area,
    }


def read_person(fields: Mapping[str, str], known: PersonDetails | None = None) -> PersonDetails:
    """Return the person that the form describes; what it does not ask stays as `known`.

    Raises PersonIncomplete, naming the fields that cannot be read.
    """
    problems: dict[str, str] = {}
    birth_date = ""
    try:
        birth_date = parse_birth_date(fields["birth_date"]) if fields.get("birth_date") else ""
    except BirthDateUnreadable as problem:
        problems["birth_date"] = problem.message
    card = read_insurance(fields, problems)
    if problems:
        raise PersonIncomplete(fields=problems)
    base = known or PersonDetails(name="")
    guardian = Guardian(
        name=tidy(fields.get("guardian_name", "")),
        relationship=fields.get("guardian_relationship", ""),
        phone=fields.get("guardian_phone", ""),
    )
    sex = fields.get("sex", "")
    return replace(
        base,
        name=tidy(fields.get("name", "")),
        birth_date=birth_date,
        birth_time=fields.get("birth_time", ""),
        sex=Sex(sex) if sex in list(Sex) else Sex.UNKNOWN,
        identifiers=_identifiers(fields, base),
        address=PersonAddress(
            text=tidy(fields.get("address", "")),
            province_code=fields.get("province", ""),
            commune_code=fields.get("commune", ""),
        ),
        phone=fields.get("phone", ""),
        nationality=fields.get("nationality") or base.nationality,
        ethnicity=fields.get("ethnicity", ""),
        occupation=fields.get("occupation", ""),
        guardian=guardian if guardian.name else None,
        insurance=card,
    )


def _identifiers(fields: Mapping[str, str], base: PersonDetails) -> tuple[PersonIdentifier, ...]:
    typed = [
        PersonIdentifier(kind=kind, value="".join(fields[name].split()).upper())
        for name, kind in _NUMBERS.items()
        if fields.get(name)
    ]
    card = "".join(fields.get("card_number", "").split())
    if card:
        typed.append(PersonIdentifier(kind=IdentifierKind.SOCIAL_INSURANCE, value=card[-10:]))
    # An old identity number beside a new one is history, not a second number in force.
    has_new = any(number.kind == IdentifierKind.CCCD for number in typed)
    numbers = [
        replace(number, active=not (has_new and number.kind == IdentifierKind.CMND))
        for number in typed
    ]
    asked = {*_NUMBERS.values(), IdentifierKind.SOCIAL_INSURANCE}
    kept = [number for number in base.identifiers if number.kind not in asked]
    return (*numbers, *kept)


def read_insurance(
    fields: Mapping[str, str], problems: dict[str, str] | None = None
) -> HealthInsurance | None:
    """Return the card that the form describes, or None without a number.

    Unreadable dates are added to `problems`, or raise Unusable if it is None.
    """
    number = "".join(fields.get("card_number", "").split()).upper()
    if not number:
        return None
    found = problems if problems is not None else {}
    card = HealthInsurance(
        number=number,
        registered_facility="".join(fields.get("card_facility", "").split()).upper(),
        valid_from=_day(fields, "card_from", found),
        valid_to=_day(fields, "card_to", found),
        benefit_digit=number[2] if len(number) == 15 else fields.get("card_digit", ""),
        living_area=fields.get("card_area", ""),
        five_years_on=_day(fields, "card_five_years", found),
    )
    if found and problems is None:
        raise Unusable(fields=found)
    return card


def read_visit(fields: Mapping[str, str], patient_id: str) -> NewVisit:
    """Return the visit that the form asks for.

    Raises Unusable with the field if no room was chosen or a date cannot be read.
    """
    if not fields.get("clinic"):
        raise Unusable(fields={"clinic": N_("Choose a room.")})
    category = fields.get("category", "9")
    priority = fields.get("priority", "")
    return NewVisit(
        patient_id=patient_id,
        clinic_id=fields["clinic"],
        reason=tidy(fields.get("reason", "")),
        patient_category=category,
        insurance=None if category == "9" else read_insurance(fields),
        priority=PriorityReason(priority)
        if priority in list(PriorityReason)
        else PriorityReason.NONE,
        referring_facility=fields.get("referring_facility", ""),
        referral_number=fields.get("referral_number", ""),
        idempotency_key=fields.get("form_key", ""),
    )


def _day(fields: Mapping[str, str], name: str, problems: dict[str, str]) -> date | None:
    text = fields.get(name, "")
    if not text:
        return None
    try:
        day = parse_birth_date(text)
        return date.fromisoformat(day)
    except (BirthDateUnreadable, ValueError):
        problems[name] = _BAD_DATE
        return None


def _shown(day: date | None) -> str:
    return day.strftime("%d/%m/%Y") if day else ""
