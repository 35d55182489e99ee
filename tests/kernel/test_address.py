"""No text that anybody sends as an address is a fault of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.kernel.address import address_parts


@pytest.mark.parametrize(
    "text", ["http://[::1", "http://a:b/", "http://a:99999/", "http://[x]/", "//[", "http://a]b/"]
)
def test_what_cannot_be_read_has_no_parts(text: str):
    assert address_parts(text).netloc == ""


def test_an_address_has_its_parts():
    assert address_parts("https://yba.test:8443/a?b").netloc == "yba.test:8443"


@given(st.text(alphabet="htp:/[]@#?.:1a%\\\ud800\u2100\uff0f", max_size=20))
def test_nothing_raises(text: str):
    address_parts(text)
