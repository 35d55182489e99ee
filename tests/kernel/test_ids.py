"""Ids: rising numbers written as thirteen letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from yba.kernel.ids import decode_id, encode_id, new_id

NUMBERS = some.integers(0, (1 << 63) - 1)


@given(NUMBERS)
def test_an_id_is_read_as_the_number_it_was_written_from(number: int) -> None:
    assert decode_id(encode_id(number)) == number


@given(NUMBERS, NUMBERS)
def test_ids_sort_as_their_numbers_do(one: int, other: int) -> None:
    assert (encode_id(one) < encode_id(other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    ["", "0ak5t7ppmam0", "0ak5t7ppmam0w", "0AK5T7PPMAM00", "0ak5t7_pmam00", "+ak5t7ppmam00",
     " ak5t7ppmam00", "²ak5t7ppmam00", "vvvvvvvvvvvvv"],
)  # fmt: skip
def test_what_is_no_id_of_ours_is_no_number(text: str) -> None:
    assert decode_id(text) is None


def test_ids_rise() -> None:
    ids = [new_id() for _ in range(5000)]

    assert ids == sorted(set(ids))
