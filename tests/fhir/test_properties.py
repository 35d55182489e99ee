"""Whatever is done to a resource, reading, checking and extracting answer or refuse, and agree."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fhir.package import examples

from yba.fhir import r4
from yba.fhir.index import extract
from yba.fhir.validation import check
from yba.fhir.validation.service import plain_json
from yba.fhir.validation.walker import issues_of

pytestmark = [pytest.mark.slow]

_JUNK: list[Any] = [
    *(None, "", " ", "x", "\0", 0, -1, 1.5, 1e300, 10**30, True, [], {}, [None], [[]], {"id": "x"}),
    *(
        {"reference": "#"},
        {"url": "u"},
        "2026-02-30",
        "9999",
        {"resourceType": "Patient"},
        "a|b",
        "|",
    ),
]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything inside."""
    found: list[tuple[Any, Any]] = []
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        found.append((value, key))
        found += _places(value[key])
    return found


def _mutate(value: Any, chance: random.Random, times: int) -> Any:
    for _ in range(times):
        container, key = chance.choice(_places(value))
        match chance.randrange(4):
            case 0:
                container[key] = chance.choice(_JUNK)
            case 1 if isinstance(container, dict):
                container[chance.choice(["_", "x", "value", ""]) + key] = container.pop(key)
            case 2 if isinstance(container, dict):
                del container[key]
            case _:
                other, place = chance.choice(_places(value))
                if container is not other:
                    container[key] = json.loads(json.dumps(other[place]))
    return value


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_mutated_examples_are_read_or_refused(seed: int, times: int):
    chance = random.Random(seed)
    small = sorted(name for name, body in examples().items() if len(body) < 20_000)
    value = _mutate(json.loads(examples()[chance.choice(small)]), chance, times)
    body = json.dumps(value).encode()

    issues = check(body)

    assert issues_of(plain_json(body)) == issues or issues
    if not issues:
        # Valid means that everything after it works.
        resource = r4.decode(body)
        extract(resource)
        assert check(resource) == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(body: bytes):
    assert check(body)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "id", "_id", "given", "_given", "text", "extension"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_below_a_patient_is_answered(value: Any):
    body = json.dumps({"resourceType": "Patient", "name": value}).encode()

    issues = check(body)

    assert issues or r4.decode(body)
