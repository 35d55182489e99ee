"""Fictitious persons: the same for everybody, plausible, and nobody who exists."""

import re
from collections import Counter
from datetime import date

import pytest

from yba.app.fiction import service as fiction
from yba.app.fiction.people import LAST_BIRTHDAY
from yba.foundation.terminology import service as terminology
from yba.kernel.text import tidy

SEED = 7
DAY = date(2026, 9, 15)


@pytest.fixture(scope="module")
def crowd():
    return list(fiction.persons(SEED, 3000))


def in_force(system: str):
    return {c.code: c for c in terminology.shipped_concepts(system) if c.is_valid(DAY)}


def test_a_person_follows_from_seed_and_number_alone():
    straight = [fiction.person(SEED, number) for number in range(40)]
    backwards = [fiction.person(SEED, number) for number in reversed(range(40))]

    assert straight == backwards[::-1]
    assert fiction.person(SEED + 1, 3) != fiction.person(SEED, 3)


def test_persons_stay_the_same_from_release_to_release():
    person = fiction.person(1, 0)

    assert (person.full_name, person.birth_date, person.identity_number) == (
        "Lâm Văn Long",
        date(1978, 3, 14),
        "099078012345",
    )


def test_the_last_of_many_persons_costs_no_more_than_the_first():
    assert fiction.person(SEED, 99_999_999).number == 99_999_999


def test_nobody_exists(crowd):
    for person in crowd:
        assert person.identity_number == "" or person.identity_number.startswith("099")
        assert person.social_insurance_number.startswith("99")
        assert person.phone.startswith("0990")
        if person.card:
            assert person.card.number.endswith(person.social_insurance_number)


def test_identity_numbers_are_well_formed_and_all_different(crowd):
    numbers = [person.identity_number for person in crowd if person.identity_number]

    assert len(set(numbers)) == len(numbers)
    for person in crowd:
        if person.identity_number:
            century = {"male": 0, "female": 1}[person.sex] + 2 * (person.birth_date.year >= 2000)
            year = person.birth_date.year % 100
            assert re.fullmatch(rf"099{century}{year:02}\d{{6}}", person.identity_number)


def test_codes_are_in_the_lists(crowd):
    provinces, communes = in_force("province"), in_force("commune")
    peoples, occupations = in_force("ethnicity"), in_force("occupation")

    for person in crowd:
        assert person.province in provinces
        assert communes[person.commune].properties["province"] == person.province
        assert person.ethnicity in peoples
        assert person.occupation in occupations


def test_cards_have_a_group_the_digit_of_the_group_and_an_old_province(crowd):
    groups, issuers = in_force("card_prefix"), in_force("card_province")

    for person in crowd:
        card = person.card
        if card is None:
            continue
        assert re.fullmatch(r"[A-Z]{2}[1-5]\d{12}", card.number)
        assert card.number[:2] == card.group
        assert groups[card.group].properties["benefit_digit"] == card.benefit_digit
        assert card.number[2] == str(card.benefit_digit)
        assert card.number[3:5] in issuers
        assert card.valid_from <= card.valid_to
        assert card.valid_from >= person.birth_date


def test_children_under_six_have_the_childrens_card_and_an_adult(crowd):
    for person in crowd:
        if person.age_years(LAST_BIRTHDAY) < 6:
            assert person.card is not None
            assert person.card.group == "TE"
            assert person.relative_name


def test_names_are_written_as_vietnamese_writes_them(crowd):
    for person in crowd:
        assert person.full_name == tidy(person.full_name)
        assert len(person.full_name.split()) >= 2
        assert person.full_name.split()[0][0].isupper()


def test_the_people_look_like_the_country(crowd):
    count = len(crowd)
    family = Counter(person.full_name.split()[0] for person in crowd)
    ages = [person.age_years(LAST_BIRTHDAY) for person in crowd]
    women = sum(person.sex == "female" for person in crowd)
    provinces = Counter(person.province for person in crowd)

    assert 0.28 < family["Nguyễn"] / count < 0.45
    assert 0.46 < women / count < 0.54
    assert 0.12 < sum(age < 15 for age in ages) / count < 0.28
    assert 0.05 < sum(age >= 65 for age in ages) / count < 0.15
    assert 0.80 < sum(person.ethnicity == "01" for person in crowd) / count < 0.95
    assert 0.88 < sum(person.card is not None for person in crowd) / count < 0.99
    assert provinces.most_common(1)[0][0] == "79"
    assert len(provinces) >= 32


def test_everybody_was_born_and_nobody_is_too_old(crowd):
    for person in crowd:
        assert date(1925, 1, 1) < person.birth_date < LAST_BIRTHDAY
        assert 40 <= person.height_cm <= 195
        assert 2 <= person.weight_kg <= 120


def test_a_household_lives_under_one_roof(crowd):
    homes: dict[int, set[str]] = {}
    for person in crowd:
        homes.setdefault(person.household, set()).add(person.address)

    assert all(len(addresses) == 1 for addresses in homes.values())


@pytest.mark.parametrize("number", [-1, 10**8])
def test_numbers_beyond_the_people_are_refused(number):
    with pytest.raises(ValueError, match="person numbers"):
        fiction.person(SEED, number)
