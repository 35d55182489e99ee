"""Persons as Patient, cards as Coverage, and back."""

from collections.abc import Sequence
from datetime import date

from yba.fhir import r4
from yba.foundation.parties.model import (
    KIND_OF_SYSTEM,
    SYSTEM_OF_KIND,
    Guardian,
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.kernel import systems

_BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
_PAYOR = "Bảo hiểm xã hội Việt Nam"
_EXT = systems.EXTENSION


def patient_resource(patient_id: str, patient_number: str, details: PersonDetails) -> r4.Patient:
    """Return the person as a Patient."""
    number = PersonIdentifier(kind=IdentifierKind.PATIENT_NUMBER, value=patient_number)
    numbers = [i for i in details.identifiers if i.kind != IdentifierKind.PATIENT_NUMBER]
    return r4.Patient(
        id=patient_id,
        identifier=[_identifier(item) for item in (number, *numbers)],
        active=True,
        name=[_name(details.name)],
        telecom=[_phone(details.phone)] if details.phone else None,
        gender=details.sex.value,
        birthDate=details.birth_date or None,
        birthDate_ext=_birth_time(details),
        address=[_address(details.address)] if details.address != PersonAddress() else None,
        contact=[_contact(details.guardian)] if details.guardian else None,
        extension=_person_extensions(details) or None,
    )


def person_details(patient: r4.Patient, coverage: r4.Coverage | None) -> PersonDetails:
    """Return what a Patient and its Coverage say."""
    extensions = list(patient.extension or [])
    identifiers = _identifiers(patient)
    return PersonDetails(
        name=_first_text(patient.name),
        birth_date=patient.birthDate or "",
        birth_time=_birth_time_of(patient),
        sex=Sex(patient.gender) if patient.gender in ("male", "female") else Sex.UNKNOWN,
        identifiers=identifiers,
        address=_address_of(patient.address[0]) if patient.address else PersonAddress(),
        phone=next((t.value or "" for t in patient.telecom or [] if t.system == "phone"), ""),
        nationality=_code(extensions, "nationality"),
        ethnicity=_code(extensions, "ethnicity"),
        occupation=_code(extensions, "occupation"),
        blood_group=_text(extensions, "blood-group"),
        guardian=_guardian_of(patient.contact[0]) if patient.contact else None,
        insurance=insurance_of(coverage) if coverage else None,
        temporary=any(i.kind == IdentifierKind.TEMPORARY and i.active for i in identifiers),
    )


def patient_number_of(patient: r4.Patient) -> str:
    """Return the facility's own number of a Patient."""
    return next(
        (i.value or "" for i in patient.identifier or [] if i.system == systems.PATIENT_NUMBER), ""
    )


def coverage_resource(
    coverage_id: str, patient_id: str, insurance: HealthInsurance, *, active: bool = True
) -> r4.Coverage:
    """Return a card as a Coverage of the person."""
    return r4.Coverage(
        id=coverage_id,
        identifier=[r4.Identifier(system=systems.BHYT_CARD, value=insurance.number)],
        status="active" if active else "cancelled",
        subscriberId=insurance.number,
        beneficiary=r4.Reference(reference=f"Patient/{patient_id}"),
        payor=[r4.Reference(display=_PAYOR)],
        period=_period(insurance.valid_from, insurance.valid_to),
        extension=_insurance_extensions(insurance) or None,
    )


def insurance_of(coverage: r4.Coverage) -> HealthInsurance:
    """Return what a Coverage says."""
    extensions = list(coverage.extension or [])
    period = coverage.period
    return HealthInsurance(
        number=coverage.subscriberId or "",
        registered_facility=_text(extensions, "registered-facility"),
        valid_from=_date(period.start if period else None),
        valid_to=_date(period.end if period else None),
        benefit_digit=_text(extensions, "benefit-digit"),
        living_area=_text(extensions, "living-area"),
        five_years_on=_date(_date_text(extensions, "five-years-on")),
        copayment_free_from=_date(_date_text(extensions, "copayment-free-from")),
        temporary=any(e.url == _EXT + "temporary-card" and e.valueBoolean for e in extensions),
    )


def _insurance_extensions(insurance: HealthInsurance) -> list[r4.Extension]:
    texts = {
        "registered-facility": insurance.registered_facility,
        "benefit-digit": insurance.benefit_digit,
        "living-area": insurance.living_area,
    }
    days = {
        "five-years-on": insurance.five_years_on,
        "copayment-free-from": insurance.copayment_free_from,
    }
    found = [r4.Extension(url=_EXT + k, valueString=v) for k, v in texts.items() if v]
    found += [r4.Extension(url=_EXT + k, valueDate=v.isoformat()) for k, v in days.items() if v]
    if insurance.temporary:
        found.append(r4.Extension(url=_EXT + "temporary-card", valueBoolean=True))
    return found


def _identifier(item: PersonIdentifier) -> r4.Identifier:
    use = {
        IdentifierKind.PATIENT_NUMBER: "usual",
        IdentifierKind.TEMPORARY: "temp",
    }.get(item.kind, "official")
    return r4.Identifier(
        use=use if item.active else "old",  # pyright: ignore[reportArgumentType]
        system=SYSTEM_OF_KIND[item.kind],
        value=item.value,
        period=_period(item.valid_from, item.valid_to),
    )


def _identifiers(patient: r4.Patient) -> tuple[PersonIdentifier, ...]:
    return tuple(
        PersonIdentifier(
            kind=KIND_OF_SYSTEM[item.system],
            value=item.value or "",
            active=item.use != "old",
            valid_from=_date(item.period.start if item.period else None),
            valid_to=_date(item.period.end if item.period else None),
        )
        for item in patient.identifier or []
        if item.system in KIND_OF_SYSTEM
    )


def _name(text: str) -> r4.HumanName:
    # The family name comes first; the given name is the last word.
    words = text.split()
    return r4.HumanName(
        use="official",
        text=text,
        family=words[0] if len(words) > 1 else None,
        given=list(words[1:] or words) or None,
    )


def _first_text(names: Sequence[r4.HumanName] | None) -> str:
    for name in names or []:
        if name.text:
            return name.text
        words = [name.family or "", *(word or "" for word in name.given or [])]
        if any(words):
            return " ".join(word for word in words if word)
    return ""


def _phone(number: str) -> r4.ContactPoint:
    return r4.ContactPoint(system="phone", value=number, use="mobile")


def _birth_time(details: PersonDetails) -> r4.Element | None:
    if not details.birth_time or len(details.birth_date) != 10:
        return None
    moment = f"{details.birth_date}T{details.birth_time}:00+07:00"
    return r4.Element(extension=[r4.Extension(url=_BIRTH_TIME, valueDateTime=moment)])


def _birth_time_of(patient: r4.Patient) -> str:
    element = patient.birthDate_ext
    for extension in (element.extension or []) if element else []:
        if extension.url == _BIRTH_TIME and extension.valueDateTime:
            return extension.valueDateTime[11:16]
    return ""


def _address(address: PersonAddress) -> r4.Address:
    version = "before-2025-07-01" if address.old_codes else None
    codes = [(systems.PROVINCE, address.province_code), (systems.COMMUNE, address.commune_code)]
    return r4.Address(
        use="home",
        text=address.text or None,
        district=address.district_text or None,
        country="VN",
        extension=[
            r4.Extension(
                url=_EXT + "administrative-unit",
                valueCoding=r4.Coding(system=system, code=code, version=version),
            )
            for system, code in codes
            if code
        ]
        or None,
    )


def _address_of(address: r4.Address) -> PersonAddress:
    codings = [e.valueCoding for e in address.extension or [] if e.valueCoding]
    by_system = {coding.system: coding for coding in codings}
    province, commune = by_system.get(systems.PROVINCE), by_system.get(systems.COMMUNE)
    text = address.text or ", ".join(str(line) for line in address.line or [])
    return PersonAddress(
        text=text,
        province_code=(province.code or "") if province else "",
        commune_code=(commune.code or "") if commune else "",
        district_text=address.district or "",
        old_codes=any(coding.version for coding in codings),
    )


def _contact(guardian: Guardian) -> r4.PatientContact:
    identity = r4.Extension(url=_EXT + "identity-number", valueString=guardian.identity_number)
    return r4.PatientContact(
        relationship=[r4.CodeableConcept(text=guardian.relationship)]
        if guardian.relationship
        else None,
        name=_name(guardian.name),
        telecom=[_phone(guardian.phone)] if guardian.phone else None,
        extension=[identity] if guardian.identity_number else None,
    )


def _guardian_of(contact: r4.PatientContact) -> Guardian:
    return Guardian(
        name=_first_text([contact.name] if contact.name else None),
        relationship=(contact.relationship[0].text or "") if contact.relationship else "",
        phone=(contact.telecom[0].value or "") if contact.telecom else "",
        identity_number=_text(list(contact.extension or []), "identity-number"),
    )


def _person_extensions(details: PersonDetails) -> list[r4.Extension]:
    codes = [
        ("nationality", systems.NATIONALITY, details.nationality),
        ("ethnicity", systems.ETHNICITY, details.ethnicity),
        ("occupation", systems.OCCUPATION, details.occupation),
    ]
    found = [
        r4.Extension(url=_EXT + name, valueCoding=r4.Coding(system=system, code=code))
        for name, system, code in codes
        if code
    ]
    if details.blood_group:
        found.append(r4.Extension(url=_EXT + "blood-group", valueString=details.blood_group))
    return found


def _code(extensions: list[r4.Extension], name: str) -> str:
    codings = (e.valueCoding for e in extensions if e.url == _EXT + name)
    return next((coding.code or "" for coding in codings if coding), "")


def _text(extensions: list[r4.Extension], name: str) -> str:
    return next((e.valueString or "" for e in extensions if e.url == _EXT + name), "")


def _date_text(extensions: list[r4.Extension], name: str) -> str | None:
    return next((e.valueDate for e in extensions if e.url == _EXT + name), None)


def _period(start: date | None, end: date | None) -> r4.Period | None:
    if start is None and end is None:
        return None
    return r4.Period(
        start=start.isoformat() if start else None, end=end.isoformat() if end else None
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text and len(text) >= 10 else None
