"""Strings of hexadecimal digits are read in one go, and exactly as pyHanko reads them."""

from io import BytesIO

from hypothesis import example, given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic

from yba.foundation.signing import reading

_SPOILT = st.lists(
    st.sampled_from([b"0", b"f", b"A", b" ", b"\n", b"%x\n", b">", b"<", b"g", b"\0"])
)


def _answer(read, content: bytes) -> object:
    stream = BytesIO(content)
    try:
        found = read(stream)
    except Exception as error:
        return type(error)
    return type(found), found, stream.tell()


@given(
    content=st.one_of(
        st.binary(max_size=90).map(lambda one: one.hex().encode()), _SPOILT.map(b"".join)
    ),
    tail=st.sampled_from([b"", b">", b"> /A", b">>"]),
)
@example(content=b"a" * 20_001, tail=b">")
@example(content=b"FEFF0041", tail=b">")
@example(content=b"1f" * 9_000 + b"%1f\n" + b"1f", tail=b">")
@example(content=b"1f" * 9_000, tail=b"")
def test_the_answer_is_that_of_the_slow_reader(content, tail):
    whole = b"<" + content + tail

    assert _answer(generic.read_hex_string_from_stream, whole) == _answer(
        reading._letter_by_letter, whole
    )
