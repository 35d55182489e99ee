"""VietQR against the published vectors, and round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.money.payments.vietqr import (
    BadTransfer,
    Transfer,
    UnreadableVietQR,
    crc16,
    decode,
    encode,
)

DYNAMIC = (
    "00020101021238570010A00000072701270006970436011300110022334450208QRIBFTTA"
    "530370454061500005802VN62170813VP HS260001236304EF87"
)
STATIC = (
    "00020101021138570010A00000072701270006970436011300110022334450208QRIBFTTA53037045802VN63044564"
)

transfers = st.builds(
    Transfer,
    bank_bin=st.from_regex(r"[0-9]{6}", fullmatch=True).filter(str.isascii),
    account=st.text("0123456789ABCDEFabcdef", min_size=1, max_size=19),
    amount=st.none() | st.integers(1, 9_999_999_999_999),
    purpose=st.text("ABCxyz0189 -./", max_size=25).map(str.strip),
    to_card=st.booleans(),
)


def test_crc_has_the_check_value_of_its_standard():
    assert crc16(b"123456789") == 0x29B1


def test_dynamic_code_equals_the_published_vector():
    assert encode(Transfer("970436", "0011002233445", 150_000, "VP HS26000123")) == DYNAMIC


def test_static_code_equals_the_published_vector():
    assert encode(Transfer("970436", "0011002233445")) == STATIC


def test_published_vectors_are_read_back():
    assert decode(DYNAMIC) == Transfer("970436", "0011002233445", 150_000, "VP HS26000123")
    assert decode(STATIC) == Transfer("970436", "0011002233445")


@given(transfers)
def test_what_is_written_is_read_back(transfer: Transfer):
    assert decode(encode(transfer)) == transfer


@given(transfers, st.data())
def test_one_changed_character_is_noticed(transfer: Transfer, data: st.DataObject):
    text = encode(transfer)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0123456789ABZ ").filter(lambda c: c != text[place]))

    with pytest.raises(UnreadableVietQR):
        decode(text[:place] + other + text[place + 1 :])


@given(st.text(max_size=200))
def test_any_text_is_refused_or_read_but_never_breaks(text: str):
    try:
        decode(text)
    except UnreadableVietQR:
        return


@pytest.mark.parametrize(
    "transfer",
    [
        Transfer("97043", "1"),
        Transfer("970436", ""),
        Transfer("970436", "1" * 20),
        Transfer("970436", "1", 0),
        Transfer("970436", "1", 1, "viện phí"),
        Transfer("970436", "1", 1, "A" * 26),
    ],
)
def test_unusable_transfers_are_refused(transfer: Transfer):
    with pytest.raises(BadTransfer):
        encode(transfer)
