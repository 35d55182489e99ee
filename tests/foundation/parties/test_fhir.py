"""A person reads back from Patient and Coverage as she was entered."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from yba.fhir import r4, validation
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import (
    Guardian,
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)

_WORD = st.text("abcđêơưáỹ", min_size=1, max_size=6)
_NAME = st.lists(_WORD, min_size=1, max_size=5).map(" ".join)
_MAYBE = st.one_of(st.just(""), _WORD)
_DAY = st.dates(date(1900, 1, 1), date(2026, 9, 15))
_MAYBE_DAY = st.none() | _DAY
_BIRTH = st.builds(lambda day, n: day.isoformat()[:n], _DAY, st.sampled_from((4, 7, 10)))
_KINDS = [kind for kind in IdentifierKind if kind != IdentifierKind.PATIENT_NUMBER]
_IDENTIFIER = st.builds(
    PersonIdentifier,
    kind=st.sampled_from(_KINDS),
    value=st.text("0123456789", min_size=1, max_size=12),
    active=st.booleans(),
    valid_from=_MAYBE_DAY,
    valid_to=_MAYBE_DAY,
)
_INSURANCE = st.builds(
    HealthInsurance,
    number=st.just("DN4010100000001"),
    registered_facility=_MAYBE,
    valid_from=_MAYBE_DAY,
    valid_to=_MAYBE_DAY,
    benefit_digit=st.sampled_from(("", "4")),
    living_area=st.sampled_from(("", "K1")),
    five_years_on=_MAYBE_DAY,
    copayment_free_from=_MAYBE_DAY,
    temporary=st.booleans(),
)
_PERSON = st.builds(
    PersonDetails,
    name=_NAME,
    birth_date=_BIRTH,
    sex=st.sampled_from(Sex),
    identifiers=st.lists(_IDENTIFIER, max_size=3).map(tuple),
    address=st.builds(
        PersonAddress,
        text=_MAYBE,
        province_code=st.sampled_from(("", "01")),
        commune_code=st.sampled_from(("", "00004")),
        district_text=_MAYBE,
    ),
    phone=st.sampled_from(("", "+84901234567")),
    nationality=st.just("000"),
    ethnicity=st.sampled_from(("", "01")),
    occupation=st.sampled_from(("", "00")),
    blood_group=st.sampled_from(("", "O+")),
    guardian=st.none()
    | st.builds(Guardian, name=_NAME, relationship=_MAYBE, phone=_MAYBE, identity_number=_MAYBE),
    insurance=st.none() | _INSURANCE,
)


@given(_PERSON)
def test_any_person_survives_the_record(person):
    patient = parties.patient_resource("p1", "00000001", person)
    coverage = parties.coverage_resource("c1", "p1", person.insurance) if person.insurance else None
    again = r4.decode(r4.encode(patient))

    read = parties.person_details(again, coverage)  # type: ignore[arg-type]

    own = PersonIdentifier(kind=IdentifierKind.PATIENT_NUMBER, value="00000001")
    expected = replace(
        person,
        identifiers=(own, *person.identifiers),
        temporary=any(i.kind == IdentifierKind.TEMPORARY and i.active for i in person.identifiers),
    )
    assert read == expected
    assert parties.patient_number_of(again) == "00000001"  # type: ignore[arg-type]


def test_a_newborns_hour_is_kept():
    born = PersonDetails(name="Bé Mẫu", birth_date="2026-09-15", birth_time="04:05")
    patient = parties.patient_resource("p1", "1", born)

    assert parties.person_details(patient, None).birth_time == "04:05"
    assert [i for i in validation.check(patient) if i.severity in ("error", "fatal")] == []


def test_codes_of_the_old_lists_say_so():
    old = PersonAddress(text="Phố Thử", province_code="15", old_codes=True)
    patient = parties.patient_resource("p1", "1", PersonDetails(name="Mẫu", address=old))

    assert parties.person_details(patient, None).address == old
