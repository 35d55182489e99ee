"""Property: a state is decided in memory exactly as the search engine decides it in the database."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.foundation.record.test_search_properties import conditions, utc, world

from yba.foundation.record import reading
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.matching import compiled, meets, state_of
from yba.foundation.record.query.parse import parse

__all__ = ["utc", "world"]


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_a_state_is_decided_as_the_search_engine_decides_it(world, tx, at, data):
    stored, tag, patients = world
    decidable = conditions(patients).filter(lambda one: not one[0].endswith("code-value-quantity"))
    asked = data.draw(st.lists(decidable, min_size=1, max_size=3))
    query = "&".join(f"{name}={value}" for name, value in [("_tag", f"urn:test|{tag}"), *asked])
    search = parse("Observation", query + "&_count=1000")

    page = await reading.find(tx, search, now=at)

    decided = {o.id for o in stored if meets(search, state_of(o, updated=0), now=at)}
    assert decided == {found.id for found in page.matches}


@pytest.mark.parametrize(
    "query",
    [
        "subject:Patient.name=x", "_has:Provenance:target:agent=x", "code:text=x", "code:in=x",
        "code:below=x", "_text=x", "date=soon", "value-quantity=many",
        "code-value-quantity=a$1", "code=a|b|c",
    ],
)  # fmt: skip
def test_what_a_state_alone_cannot_decide_is_refused(at, query):
    with pytest.raises(UnsearchableQuery):
        compiled(parse("Observation", query), now=at)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_id=o1", True), ("_id=o1,o2", True), ("_id=o2", False), ("_id:not=o1", False),
        ("_lastUpdated=ge2020", True), ("_lastUpdated=lt2020", False),
        ("code=http://loinc.org|", True), ("code=1-1", True), ("code=|1-1", False),
        ("subject=Patient/p", True), ("subject=p", True), ("subject=Group/p", False),
        ("patient=p", True), ("encounter:missing=true", True), ("status:not=final", False),
        ("_tag=t", True), ("_filter=status eq final and not (code eq 2-2)", True),
        ("identifier=urn:i|7", True), ("identifier=7", True), ("identifier=8", False),
        ("value-string=ĐAU", True), ("value-string:exact=dau", False),
        ("value-string:contains=ĐẦU", True),
    ],
)  # fmt: skip
def test_each_kind_of_condition_is_decided(at, query, expected):
    from yba.fhir import r4

    observation = r4.Observation(
        id="o1",
        meta=r4.Meta(tag=[r4.Coding(system="s", code="t")]),
        identifier=[r4.Identifier(system="urn:i", value="7")],
        status="final",
        code=r4.CodeableConcept(coding=[r4.Coding(system="http://loinc.org", code="1-1")]),
        subject=r4.Reference(reference="Patient/p"),
        valueString="Đau đầu",
    )
    state = state_of(observation, updated=1_700_000_000_000_000)

    assert meets(parse("Observation", query), state, now=at) is expected
