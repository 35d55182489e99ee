"""Scopes as data: read, narrowed, never widened. Source: SMART App Launch 2.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.authorization.scopes import (
    granted_of,
    is_within,
    narrow,
    resource_scope,
    split,
)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("patient/Observation.rs", "rs"), ("user/*.cruds", "cruds"), ("system/Patient.r", "r"),
        ("patient/*.read", "rs"), ("user/Encounter.write", "cud"), ("system/*.*", "cruds"),
        ("patient/Observation.rs?category=laboratory", "rs"),
        ("patient/Observation.cruds?category=a|b", "rs"),
    ],
)  # fmt: skip
def test_what_a_scope_allows(text: str, letters: str):
    found = resource_scope(text)
    assert found is not None
    assert found.letters == letters


@pytest.mark.parametrize(
    "text",
    [
        "", "patient/Observation", "patient/Observation.", "patient/Observation.sr",
        "patient/Observation.rr", "patient/Observation.READ", "patient/observation.rs",
        "group/Observation.rs", "patient/.rs", "patient/*.rs?category=x", "patient/*.read?x=y",
        "patient/Observation.read?category=x", "patient/Observation.rs?", "patient/Observation.rs?x",
        "patient/Observation.rs?subject.name=x", "patient/Observation.rs?code:in=x",
        "patient/Observation.rs?_has=x", "patient/Observation.rs?_include=x",
        "patient/Observation.c?category=x", " patient/*.rs", "patient/*.rs\n", "Patient/*.rs",
        "patient/Observation.rs.rs", "patient/Obs*.rs", "patiеnt/*.rs",
    ],
)  # fmt: skip
def test_what_cannot_be_read_grants_nothing(text: str):
    assert resource_scope(text) is None
    assert granted_of((text,)).resources == ()


def test_only_what_is_both_asked_for_and_allowed_is_granted():
    allowed = ["openid", "patient/*.rs", "user/Observation.rs?category=laboratory"]
    assert narrow(["openid", "profile"], allowed) == ["openid"]
    assert narrow(["patient/*.cruds"], allowed) == ["patient/*.rs"]
    assert narrow(["patient/*.read"], allowed) == ["patient/*.read"]
    assert narrow(["patient/Condition.r"], allowed) == ["patient/Condition.r"]
    assert narrow(["user/Observation.rs"], allowed) == ["user/Observation.rs?category=laboratory"]
    assert narrow(["user/Observation.rs?status=final"], allowed) == [
        "user/Observation.rs?category=laboratory&status=final"
    ]
    assert narrow(["user/*.rs"], allowed) == ["user/Observation.rs?category=laboratory"]
    assert narrow(["system/*.rs", "user/Patient.r"], allowed) == []


def test_tokens_of_a_request_are_taken_once_and_only_if_readable():
    assert split("a b a  c") == ["a", "b", "c"]
    assert split('a "b"') == []
    assert split("a\tb") == []
    assert split("x" * 300) == []
    assert split(" ".join(f"s{n}" for n in range(200))) == []


_TYPES = st.sampled_from(["*", "Patient", "Observation", "Condition"])
_LETTERS = st.sets(st.sampled_from("cruds"), min_size=1).map(
    lambda found: "".join(letter for letter in "cruds" if letter in found)
)
_SCOPES = st.lists(
    st.builds(
        lambda context, type_, letters: f"{context}/{type_}.{letters}",
        st.sampled_from(["patient", "user", "system"]), _TYPES, _LETTERS,
    ),
    max_size=5,
)  # fmt: skip


@given(asked=_SCOPES, allowed=_SCOPES)
def test_narrowing_is_the_intersection_of_what_both_allow(asked: list[str], allowed: list[str]):
    both = granted_of(tuple(narrow(asked, allowed)))
    first, second = granted_of(tuple(asked)), granted_of(tuple(allowed))
    for type_ in ("Patient", "Observation", "Encounter"):
        for letter in "cruds":
            for context in ("patient", "user", "system"):

                def allows(granted, type_=type_, letter=letter, context=context):
                    return any(s.context == context for s in granted.for_type(type_, letter))

                assert allows(both) == (allows(first) and allows(second))


@given(asked=_SCOPES, allowed=_SCOPES)
def test_what_was_narrowed_is_within_what_was_allowed(asked: list[str], allowed: list[str]):
    found = narrow(asked, allowed)
    assert not found or is_within(found, allowed)
    assert narrow(found, allowed) == found
