"""The top bar stays one line, and shows one place as open."""

import pytest

from yba.plumbing.html.navigation import NavigationItem, bar


def items(*places: str) -> list[NavigationItem]:
    return [NavigationItem(place, place, "any", "icon") for place in places]


@pytest.mark.parametrize(
    ("path", "open_"),
    [("/admin", "/admin"), ("/admin/people", "/admin/people"), ("/admin/people/7", "/admin/people"),
     ("/admin/else", "/admin"), ("/administration", None), ("/other", None)],
)  # fmt: skip
def test_the_nearest_place_above_a_page_is_open(path: str, open_: str | None):
    shown = bar(items("/", "/admin", "/admin/people"), path, str)

    assert (shown.current and shown.current.page) == open_


def test_what_has_no_room_goes_into_the_menu():
    shown = bar(items(*"abcdefg"), "b", str)

    assert [item.page for item in shown.line] == ["a", "b", "c", "d"]
    assert [item.page for item in shown.more] == ["e", "f", "g"]


def test_the_open_place_is_never_hidden_in_the_menu():
    shown = bar(items(*"abcdefg"), "f", str)

    assert [item.page for item in shown.line] == ["a", "b", "c", "f"]
    assert [item.page for item in shown.more] == ["d", "e", "g"]
