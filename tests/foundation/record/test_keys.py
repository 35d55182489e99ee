"""Row ids: computed both ways without a look-up."""

import random

import pytest

from yba.foundation.record.keys import id_of, ordered, row_id
from yba.kernel.ids import decode_id, encode_id, new_id


def test_our_ids_are_their_rows():
    source = random.Random(1)
    for number in (
        0,
        1,
        31,
        32,
        1 << 45,
        (1 << 63) - 1,
        *(source.getrandbits(63) for _ in range(200)),
    ):
        assert id_of(number, None) == encode_id(number)
        assert row_id("Patient", encode_id(number)) == number


@pytest.mark.parametrize(
    "foreign",
    ["1", "A.b-9", "0123456789ABC", "w123456789abc", "vvvvvvvvvvvvv", "x" * 64, "1_3456789abcd"],
)
def test_foreign_ids_have_negative_rows_of_their_type(foreign):
    assert decode_id(foreign) is None
    assert row_id("Patient", foreign) < 0
    assert row_id("Patient", foreign) != row_id("Encounter", foreign)
    assert id_of(row_id("Patient", foreign), foreign) == foreign


def test_a_new_id_is_ours():
    assert row_id("Patient", new_id()) >= 0


def test_numbers_keep_their_order_as_keys():
    from decimal import Decimal

    values = [Decimal(v) for v in ("-Infinity", "-1e30", "-2.5", "-2", "-0.001", "0", "0.001", "2", "2.5", "1e30", "Infinity")]  # fmt: skip

    assert [ordered(v) for v in values] == sorted(ordered(v) for v in values)
    assert ordered(Decimal("-0")) == ordered(Decimal("0"))
