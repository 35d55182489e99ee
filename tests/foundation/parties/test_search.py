"""What can be typed to find a person, and how matches are ranked."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.parties import matching
from yba.foundation.parties.checks import checked
from yba.foundation.parties.errors import BirthDateUnreadable, PersonIncomplete
from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonDetails,
    PersonIdentifier,
    PersonMatch,
    Sex,
    age_months,
    age_years,
    birth_date_shown,
    parse_birth_date,
    phone_e164,
)
from yba.foundation.parties.search import PersonQuery, duplicates_tsquery, parse_query, words_of

TODAY = date(2026, 9, 15)
LAN = PersonDetails(
    name="Nguyễn Thị Lan",
    birth_date="1985-03-12",
    sex=Sex.FEMALE,
    phone="+84901234567",
    identifiers=(PersonIdentifier(kind=IdentifierKind.CCCD, value="001185000123"),),
    insurance=HealthInsurance(number="DN4010100000001"),
)


def match(name: str = "Nguyễn Thị Lan", birth_date: str = "1985-03-12", **more: str) -> PersonMatch:
    fields = {
        "patient_number": "00000007",
        "identity_number": "001185000123",
        "card_number": "DN4010100000001",
        "phone": "+84901234567",
        "address": "",
        **more,
    }
    return PersonMatch(
        patient_id="p",
        name=name,
        birth_date=birth_date,
        sex=Sex.FEMALE,
        score=0,
        reasons=(),
        **fields,
    )


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("lan nguyễn", PersonQuery(("lan", "nguyen"), (), (), (), ())),
        ("nguyen lan 1985", PersonQuery(("nguyen", "lan"), (), (), ("1985",), ())),
        ("03/1985 lan", PersonQuery(("lan",), (), ("198503",), (), ())),
        ("12/3/1985", PersonQuery((), ("19850312",), (), (), ())),
        ("1985-03-12", PersonQuery((), ("19850312",), (), (), ())),
        ("0901 234 567", PersonQuery((), (), (), (), ("0901234567",))),
        ("+84 901 234 567", PersonQuery((), (), (), (), ("0901234567",))),
        ("001 185 000 123", PersonQuery((), (), (), (), ("001185000123",))),
        ("DN4010100000001", PersonQuery((), (), (), (), ("dn4010100000001",))),
        ("Đặng, 7", PersonQuery(("dang",), (), (), (), ("7",))),
        ("  ", PersonQuery((), (), (), (), ())),
    ],
)
def test_a_typed_search_is_taken_apart(typed, query):
    assert parse_query(typed) == query


def test_a_person_is_filed_under_every_way_to_find_her():
    words = words_of(LAN, "00000007")

    assert {"nnguyen", "nthi", "nlan", "y1985", "m198503", "b19850312"} <= set(words)
    assert {"i001185000123", "idn4010100000001", "i0100000001", "i7", "p0901234567"} <= set(words)


@given(st.text(max_size=60))
def test_any_text_makes_a_query_of_plain_words(text):
    written = parse_query(text).tsquery()

    assert set(written) <= set("abcdefghijklmnopqrstuvwxyz0123456789'&|():* ")


def test_the_same_number_ranks_before_the_same_name():
    other = match(identity_number="079090000001", card_number="", phone="", patient_number="9")
    query = parse_query("001185000123")
    ranked = matching.rank([other, match()], query, 10)

    assert ranked[0].reasons == (matching.SAME_NUMBER,)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("nguyen thi lan", matching.SAME_NAME),
        ("lan nguyen thi", matching.SAME_NAME),
        ("lan nguyen", matching.NAME_HAS_WORDS),
        ("ngu la", matching.NAME_BEGINS),
        ("12/03/1985", matching.SAME_BIRTH),
        ("3/1985", matching.SAME_MONTH),
        ("1985", matching.SAME_YEAR),
        ("0901234567", matching.SAME_PHONE),
        ("0100000001", matching.SAME_CARD),
        ("7", matching.SAME_PATIENT_NUMBER),
    ],
)
def test_each_match_says_why(typed, reason):
    assert reason in matching.rank([match()], parse_query(typed), 1)[0].reasons


@pytest.mark.parametrize(
    ("details", "reasons"),
    [
        (PersonDetails(name="NGUYEN THI LAN", birth_date="1985-03-12"), "same"),
        (PersonDetails(name="Nguyễn Thị Lan", birth_date="1985-12-03"), "swapped"),
        (PersonDetails(name="Nguyễn Thị Lan", birth_date="1985"), "year"),
        (PersonDetails(name="Nguyễn Thị Lan", phone="0901234567"), "phone"),
        (PersonDetails(name="Trần Văn B", insurance=HealthInsurance(number="0100000001")), "card"),
    ],
)
def test_likely_doubles_are_named_with_reasons(details, reasons):
    found = matching.rank_duplicates([match()], details, 5)

    expected = {
        "same": matching.SAME_BIRTH,
        "swapped": matching.SWAPPED_BIRTH,
        "year": matching.SAME_YEAR,
        "phone": matching.SAME_PHONE,
        "card": matching.SAME_CARD,
    }[reasons]
    assert expected in found[0].reasons


def test_the_same_name_with_another_birth_date_is_no_double():
    details = PersonDetails(name="Nguyễn Thị Lan", birth_date="1971-01-01")

    assert matching.rank_duplicates([match()], details, 5) == []
    assert "nlan" in duplicates_tsquery(details)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12/03/1985", "1985-03-12"),
        ("1/2/1985", "1985-02-01"),
        ("03/1985", "1985-03"),
        ("1985", "1985"),
        ("12031985", "1985-03-12"),
        ("00031985", "1985-03"),
        ("1985-03", "1985-03"),
    ],
)
def test_a_birth_date_keeps_the_precision_typed(typed, kept):
    assert parse_birth_date(typed) == kept
    assert parse_birth_date(birth_date_shown(kept)) == kept


@pytest.mark.parametrize("typed", ["", "31/02/1985", "1985/03", "hôm qua", "12/0/1985", "0000"])
def test_what_is_no_date_is_refused(typed):
    with pytest.raises(BirthDateUnreadable):
        parse_birth_date(typed)


def test_ages_count_completed_years_and_months():
    assert age_years("2020-09-16", TODAY) == 5
    assert age_years("2020-09-15", TODAY) == 6
    assert age_years("2020", TODAY) == 6
    assert age_months("2026-07-16", TODAY) == 1


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("0901 234 567", "+84901234567"),
        ("+84 24 3825 3825", "+842438253825"),
        ("+33 1 23 45 67 89", "+33123456789"),
        ("12345", None),
        ("0101234567", None),
    ],
)
def test_phones_are_kept_as_e164(typed, e164):
    assert phone_e164(typed) == e164


def test_details_are_tidied_and_the_card_gives_the_lasting_number():
    person = checked(
        PersonDetails(
            name="  Nguyễn  Thị Lan ",
            birth_date="12/03/1985",
            phone="0901234567",
            insurance=HealthInsurance(number="dn4 01 0100000001", registered_facility="01 a01"),
        ),
        TODAY,
    )

    assert person.name == "Nguyễn Thị Lan"
    assert person.birth_date == "1985-03-12"
    assert person.insurance is not None
    assert person.insurance.number == "DN4010100000001"
    assert person.insurance.registered_facility == "01A01"
    assert person.insurance.benefit_digit == "4"


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(PersonIncomplete) as caught:
        checked(
            PersonDetails(
                name=" ",
                birth_date="2030",
                phone="12",
                identifiers=(PersonIdentifier(kind=IdentifierKind.CCCD, value="12"),),
                insurance=HealthInsurance(number="X"),
            ),
            TODAY,
        )

    assert set(caught.value.fields) == {"name", "birth_date", "phone", "cccd", "insurance_number"}
