"""Amounts in Vietnamese words, as a cashier says them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.care.documents.words import dong_in_words, in_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"),
        (5, "năm"),
        (10, "mười"),
        (11, "mười một"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (25, "hai mươi lăm"),
        (105, "một trăm linh năm"),
        (115, "một trăm mười lăm"),
        (1_000, "một nghìn"),
        (1_005, "một nghìn không trăm linh năm"),
        (33_600, "ba mươi ba nghìn sáu trăm"),
        (1_000_000, "một triệu"),
        (1_205_015, "một triệu hai trăm linh năm nghìn không trăm mười lăm"),
        (2_000_000_001, "hai tỷ không trăm linh một"),
        (10**12, "một nghìn tỷ"),
        (-7, "âm bảy"),
    ],
)
def test_a_number_is_read_as_people_say_it(number, words):
    assert in_words(number) == words


def test_money_begins_with_a_capital():
    assert dong_in_words(168_000) == "Một trăm sáu mươi tám nghìn đồng"


@given(st.integers(0, 10**17), st.integers(0, 10**17))
def test_different_numbers_have_different_words(one, other):
    assert (in_words(one) == in_words(other)) == (one == other)
