"""What the scan box understands, and what it refuses."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.parties import cards
from yba.foundation.parties.cards import IdCard, InsuranceScan, TypedNumber, parse_scan
from yba.foundation.parties.errors import (
    CardIncomplete,
    CardNameMissing,
    CardNumberDamaged,
    EmptyScan,
    NumberUnknownKind,
    ScanTooLong,
    UnreadableCard,
)
from yba.foundation.parties.model import IdentifierKind, Sex

ID = "001190000123|012345678|Nguyễn Thị Mẫu|15081990|Nữ|Số 1, Phố Thử, Ba Đình, Hà Nội|20052021"
INSURANCE = (
    "0100000001|4e677579e1bb856e2056c4836e204de1baab75|01/01/1990|1|-|01 - A01|01/01/2026|-|"
    "05/01/2026|01010100000001|-|4| 01/01/2031|0123456789abcdef-0000|4|"
    "5468c3a06e68207068e1bb912048c3a0204ee1bb9969|$"
)


def id_card(text: str) -> IdCard:
    card = parse_scan(text)
    assert isinstance(card, IdCard)
    return card


def insurance(text: str) -> InsuranceScan:
    card = parse_scan(text)
    assert isinstance(card, InsuranceScan)
    return card


def test_a_citizen_card_gives_every_field():
    card = id_card(ID.replace("001190", "001190"))

    assert card.number == "001190000123"
    assert card.old_number == "012345678"
    assert card.name == "Nguyễn Thị Mẫu"
    assert card.birth_date == "1990-08-15"
    assert card.sex == Sex.FEMALE
    assert card.issued_on == date(2021, 5, 20)
    assert card.warnings == ()


def test_extra_trailing_fields_and_an_empty_old_number_are_ignored():
    card = id_card(ID.replace("|012345678|", "||") + "|Nguyễn Văn Cha|Trần Thị Mẹ|")

    assert card.old_number == ""
    assert card.warnings == ()


@pytest.mark.parametrize(
    ("written", "kept"), [("1990", "1990"), ("081990", "1990-08"), ("00001990", "1990")]
)
def test_a_partial_birth_date_keeps_its_precision(written, kept):
    assert id_card(ID.replace("15081990", written)).birth_date == kept


def test_number_and_card_that_disagree_only_warn():
    card = id_card(ID.replace("|Nữ|", "|Nam|").replace("15081990", "15081985"))

    assert card.warnings == (cards.WARN_SEX, cards.WARN_YEAR)


def test_nul_bytes_a_byte_order_mark_and_line_ends_are_dropped():
    assert id_card("\ufeff" + ID.replace("Thị", "Th\x00ị") + "\r\n") == id_card(ID)


def test_decomposed_letters_become_composed():
    assert id_card(ID.replace("ễ", "e\u0302\u0303")).name == "Nguyễn Thị Mẫu"


def test_an_impossible_birth_date_warns():
    card = id_card(ID.replace("15081990", "31021990"))

    assert card.birth_date == ""
    assert card.warnings == (cards.WARN_BIRTH,)


def test_an_insurance_card_of_17_fields_gives_every_field():
    card = insurance(INSURANCE)

    assert card.number == "0100000001"
    assert card.name == "Nguyễn Văn Mẫu"
    assert card.birth_date == "1990-01-01"
    assert card.sex == Sex.MALE
    assert card.registered_facility == "01A01"
    assert (card.valid_from, card.valid_to) == (date(2026, 1, 1), None)
    assert card.benefit_digit == "4"
    assert card.five_years_on == date(2031, 1, 1)
    assert card.warnings == (cards.WARN_SHORT,)


def test_a_card_of_before_2021_has_15_characters_and_stops_after_the_issue_date():
    card = insurance(
        "DN4010100000001|4e677579e1bb856e2056c4836e204de1baab75|1990|2|48c3a0204ee1bb9969|"
        "01 - 001|01/01/2019|31/12/2019|05/01/2019|$"
    )

    assert card.number == "DN4010100000001"
    assert card.benefit_digit == "4"
    assert card.address == "Hà Nội"
    assert card.birth_date == "1990"
    assert card.valid_to == date(2019, 12, 31)
    assert card.warnings == ()


@pytest.mark.parametrize("fields", [9, 12, 15, 16])
def test_cards_of_15_16_and_17_fields_and_old_ones_need_no_tail(fields):
    card = insurance("|".join(INSURANCE.split("|")[:fields]))

    assert card.name == "Nguyễn Văn Mẫu"
    assert cards.WARN_TAIL not in card.warnings


def test_spaces_between_the_bytes_and_nuls_inside_a_hex_name_are_tolerated():
    name = "4e677579e1bb856e2056c4836e204de1baab75"
    spaced = " ".join(name[i : i + 2] for i in range(0, len(name), 2)) + " 00"

    assert insurance(INSURANCE.replace(name, spaced)).name == "Nguyễn Văn Mẫu"


def test_a_broken_hex_name_warns_and_a_plain_name_is_kept():
    name = "4e677579e1bb856e2056c4836e204de1baab75"

    assert cards.WARN_NAME in insurance(INSURANCE.replace(name, name[:-1])).warnings
    assert cards.WARN_NAME in insurance(INSURANCE.replace(name, "ff")).warnings
    assert insurance(INSURANCE.replace(name, "Nguyễn Mẫu")).name == "Nguyễn Mẫu"


def test_a_cut_off_insurance_card_says_so():
    assert cards.WARN_TAIL in insurance("|".join(INSURANCE.split("|")[:6])).warnings


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("001 190 000 123", IdentifierKind.CCCD),
        ("012345678", IdentifierKind.CMND),
        ("0100000001", IdentifierKind.SOCIAL_INSURANCE),
        ("dn 4 01 0100000001", IdentifierKind.INSURANCE_CARD),
        ("C1234567", IdentifierKind.PASSPORT),
    ],
)
def test_a_typed_number_is_known_by_its_form(typed, kind):
    number = parse_scan(typed)

    assert isinstance(number, TypedNumber)
    assert number.kind == kind
    assert " " not in number.value


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", EmptyScan),
        (" \x00\r\n", EmptyScan),
        ("x" * 5000, ScanTooLong),
        ("12345", NumberUnknownKind),
        ("https://example.org/card", NumberUnknownKind),
        ("٠٠١١٩٠٠٠٠١٢٣", NumberUnknownKind),
        ("00119000012X|012345678|A|15081990|Nữ|B|20052021", CardNumberDamaged),
        ("001190000123|012345678|A", CardIncomplete),
        ("001190000123|012345678||15081990|Nữ|B|20052021", CardNameMissing),
        ("0100000001|41|1990", CardIncomplete),
        ("a|b", UnreadableCard),
    ],
)
def test_what_is_no_card_is_refused_with_its_reason(text, refusal):
    with pytest.raises(refusal) as caught:
        parse_scan(text)

    assert type(caught.value) is refusal


def test_details_from_a_card_prefill_the_form():
    person = id_card(ID).to_details()

    assert person.active(IdentifierKind.CCCD) == "001190000123"
    assert person.active(IdentifierKind.CMND) == ""
    assert insurance(INSURANCE).to_details().insurance is not None


_FIELD = st.text(alphabet="0123456789abcdefABCDEF-$/ Nữnam|\x00ễ", max_size=24)


@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(_FIELD, max_size=20).map("|".join),
        st.lists(_FIELD, max_size=20).map(lambda f: "|".join(["001190000123", *f])),
        st.lists(_FIELD, max_size=20).map(lambda f: "|".join(["0100000001", *f])),
        st.integers(0, len(INSURANCE)).map(lambda n: INSURANCE[:n]),
        st.integers(0, len(ID)).map(lambda n: ID[n:]),
    )
)
def test_no_scan_raises_anything_but_unreadable_card(text):
    try:
        card = parse_scan(text)
    except UnreadableCard:
        return
    card.to_details()
    assert card.search_text
