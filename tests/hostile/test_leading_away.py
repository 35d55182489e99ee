"""No address of this site leads a browser to another one."""

import pytest

from yba.plumbing.web import path_here

ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example",
    "/x\\..\\..\\evil", "javascript:alert(1)", "evil.example", "", "/\u2028/evil.example",
    "/\r\nset-cookie: session=x",
]  # fmt: skip


@pytest.mark.parametrize("place", ELSEWHERE, ids=ascii)
async def test_what_leads_away_leads_home(stranger, place):
    assert path_here(place) == "/"

    answer = await stranger.post("/preferences", data={"lang": "vi", "next": place})
    assert answer.headers["location"] == "/"
    assert "set-cookie: session" not in str(answer.headers)


@pytest.mark.parametrize("place", ["/", "/me", "/me/record?x=%2F%2Fa&y=ạ#z", "/a//b"], ids=ascii)
def test_a_path_of_ours_is_kept(place):
    assert path_here(place) == place
