"""The one box of the desk understands what is typed or scanned."""

import pytest

from yba.foundation.parties.model import PersonMatch, Sex
from yba.surfaces.desk import query

CARD = "001185000123|123456789|Nguyễn Thị Lan|12031985|Nữ|Số 1 Phố Thử, Hà Nội|01072022"


def _match(**numbers: str) -> PersonMatch:
    known = {"patient_number": "26000001", "identity_number": "", "card_number": "", **numbers}
    return PersonMatch(
        patient_id="p",
        name="Nguyễn Thị Lan",
        birth_date="1985-03-12",
        sex=Sex.FEMALE,
        phone="",
        address="",
        score=90,
        reasons=(),
        **known,
    )


def test_a_scanned_citizen_card_is_looked_for_by_its_number_and_fills_the_form():
    asked = query.read(CARD)

    assert asked.is_card
    assert asked.text == "001185000123"
    assert asked.details.name == "Nguyễn Thị Lan"


def test_words_are_a_name_to_look_for():
    asked = query.read("  lan   nguyen ")

    assert (asked.text, asked.number, asked.is_card) == ("lan nguyen", "", False)
    assert asked.details.name == "lan nguyen"


def test_a_part_of_a_number_is_looked_for_but_is_nobodys_name():
    asked = query.read("0901 23")

    assert asked.text == "0901 23"
    assert asked.details.name == ""


def test_a_broken_scan_is_explained_and_searches_nothing():
    asked = query.read("xx|yy|zz")

    assert asked.problem is not None
    assert asked.text == ""


def test_a_number_that_one_person_carries_leads_to_that_person():
    lan = _match(identity_number="001185000123")

    assert query.read(CARD).the_one([_match(), lan]) == lan


def test_an_insurance_number_matches_the_last_ten_digits_of_a_long_card():
    lan = _match(card_number="DN4010100000001")

    assert query.read("0100000001").the_one([lan]) == lan


def test_two_persons_with_the_same_number_are_a_choice_for_a_human():
    twins = [_match(identity_number="001185000123"), _match(identity_number="001185000123")]

    assert query.read(CARD).the_one(twins) is None


@pytest.mark.parametrize("text", ["", "l", CARD, "x" * 61])
def test_typing_is_searched_only_when_it_is_no_scan_and_long_enough(text: str):
    assert not query.is_searchable(text)
