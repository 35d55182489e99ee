"""Whatever a profile or a resource says, the examination ends with issues and without an exception."""

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fhir.package import examples, package
from tests.fhir.test_profiles import OBSERVATION, PATTERN, RESLICED, URL, profile, sliced
from tests.fhir.test_properties import _mutate, _places

from yba.fhir.profiles import Packages, read_package
from yba.fhir.validation import examine
from yba.fhir.validation.narrative import problems_of

pytestmark = [pytest.mark.slow]

_NAMES = ("Observation.category", "Observation.component", "Observation.code.coding", "value[x]",
          "Observation", "Observation.value[x]", "Observation.valueQuantity", "x", "", "$this",
          "resolve()", "extension('x')", "code.(", "ofType(Quantity)", "closed", "profile", "0", "*")  # fmt: skip


@cache
def _summary() -> tuple[str, bytes]:
    """Return a published profile, and an example of it."""
    path = package("hl7.fhir.uv.ips-2.0.0")
    definition = dict(read_package(path))["StructureDefinition-Composition-uv-ips.json"]
    prose = ("definition", "comment", "mapping", "requirements", "short", "alias", "mustSupport")
    bare = [
        {k: v for k, v in element.items() if k not in prose}
        for element in definition["snapshot"]["element"][:150]
    ]
    kept = ("resourceType", "url", "type", "kind", "derivation", "baseDefinition")
    definition = {k: definition[k] for k in kept} | {"snapshot": {"element": bare}}
    example = dict(read_package(path, examples=True))["Composition-composition-minimal.json"]
    return json.dumps(definition, default=float), json.dumps(example, default=float).encode()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_mutated_examples_are_examined(seed: int, times: int):
    chance = random.Random(seed)
    small = sorted(name for name, body in examples().items() if len(body) < 10_000)
    value = _mutate(json.loads(examples()[chance.choice(small)]), chance, times)

    assert all(i.code and i.diagnostics for i in examine(json.dumps(value).encode()))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 5))
def test_mutated_profiles_are_used_or_refused(seed: int, times: int):
    chance = random.Random(seed)
    elements = json.loads(json.dumps(chance.choice([PATTERN, RESLICED])))
    for _ in range(times):
        container, key = chance.choice(_places(elements))
        container[key] = chance.choice([*_NAMES, *(5, True, None, [], {}, [{}], ["x"])])
    packages = Packages.of_r4()
    packages.add(profile(*elements))
    body = json.dumps({**OBSERVATION, "category": [{"text": "x"}], "component": [{}]}).encode()

    examine(body, profiles=[URL], packages=packages)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_mutated_snapshots_are_used_or_refused(seed: int, times: int):
    chance = random.Random(seed)
    published, body = _summary()
    changed = _mutate(json.loads(published), chance, times)
    packages = Packages.of_r4()
    packages.add(changed)

    examine(body, packages=packages)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_as_narrative_or_refused(text: str):
    list(problems_of(text))
    list(problems_of(f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'))


def test_profiles_that_refer_to_each_other_end():
    def of(number: int) -> dict[str, Any]:
        other = f"http://example.org/{1 - number}"
        kind = {"code": "Reference", "targetProfile": [other]}
        return profile(
            sliced("Observation.hasMember", ("profile", "resolve()")),
            {"path": "Observation.hasMember", "sliceName": "a", "min": 1, "type": [kind]},
            url=f"http://example.org/{number}",
        )

    packages = Packages.of_r4()
    for number in (0, 1):
        packages.add(of(number))
    entries = [
        {"fullUrl": f"http://x/Observation/{n}", "resource": {
            **OBSERVATION, "id": str(n), "meta": {"profile": [f"http://example.org/{n % 2}"]},
            "hasMember": [{"reference": f"Observation/{m}"} for m in range(6)]}}
        for n in range(6)
    ]  # fmt: skip
    body = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()

    assert not any(i.is_error for i in examine(body, packages=packages))


def test_too_much_work_is_stopped_and_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yba.fhir.validation.examiner._MOST_STEPS", 1_000)
    elements = [sliced("Observation.category", ("value", "text"))]
    for number in range(100):
        elements += [
            {"path": "Observation.category", "sliceName": f"s{number}"},
            {"path": "Observation.category.text", "fixedString": f"x{number}", "min": 1},
        ]
    packages = Packages.of_r4()
    packages.add(profile(*elements))
    body = json.dumps({**OBSERVATION, "category": [{"text": "x"}] * 1_000}).encode()

    issues = examine(body, profiles=[URL], packages=packages)

    assert "too-costly" in [i.code for i in issues if i.is_error]
