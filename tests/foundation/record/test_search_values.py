"""How search values are read: prefixes, alternatives, escapes, what is empty."""

from __future__ import annotations

from decimal import Decimal

import pytest

from yba.fhir import r4
from yba.foundation.record import reading, service
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.parse import parse
from yba.foundation.record.settings import put_zone, zone


@pytest.fixture
async def found(tx, actor, at):
    """Store some resources; return who searches among them and gives their notes."""
    tag = service.new_id()
    meta = r4.Meta(tag=[r4.Coding(system="urn:test", code=tag)])
    before = zone()
    service.set_zone("UTC")

    def observation(note: str, **more) -> r4.Observation:
        return r4.Observation(
            id=service.new_id(), meta=meta, status="final", note=[r4.Annotation(text=note)],
            code=more.pop("code", r4.CodeableConcept(text="x")), **more,
        )  # fmt: skip

    def amount(value: str) -> r4.Quantity:
        return r4.Quantity(value=Decimal(value), unit="mg")

    def coded(system: str | None, code: str) -> r4.CodeableConcept:
        return r4.CodeableConcept(coding=[r4.Coding(system=system, code=code)])

    stored = [
        observation("95", valueQuantity=amount("95")),
        observation("100", valueQuantity=amount("100")),
        observation("111", valueQuantity=amount("111")),
        observation("comma", code=coded("urn:a,b", "a,b")),
        observation("bar", code=coded("urn:c", "a|b")),
        observation("plain", code=coded(None, "a")),
        observation("slash", code=coded("urn:c", "a\\b"), valueString="Chín $5"),
        observation("2020", effectiveDateTime="2020"),
        observation("june", effectiveDateTime="2026-06-15"),
        observation("noon", effectiveDateTime="2026-06-15T12:00:00+07:00"),
    ]
    await service.save(tx, actor=actor, resources=stored, at=at)
    notes = {o.id: o.note[0].text for o in stored}

    async def search(query: str, *, now=at) -> str:
        page = await reading.find(tx, parse("Observation", f"_tag=urn:test|{tag}&{query}"), now=now)
        return " ".join(sorted(notes[one.id] for one in page.matches))

    yield search
    put_zone(before)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("value-quantity=ap100", "100 95"),
        ("value-quantity=ap105", "100 111 95"),
        ("value-quantity=gt100", "111"),
        ("value-quantity=ge100||mg", "100 111"),
        ("value-quantity=ne100", "111 95"),
        ("value-quantity=1e2", "100 111 95"),
        ("value-quantity=1.00e2", "100"),
        ("value-quantity=100.0", "100"),
        ("value-quantity=95,111", "111 95"),
        ("value-quantity=gt90&value-quantity=lt100", "95"),
        ("code=a\\,b", "comma"),
        ("code=a\\,b,a\\|b", "bar comma"),
        ("code=urn:a\\,b|a\\,b", "comma"),
        ("code=urn:c|a\\|b", "bar"),
        ("code=a\\\\b", "slash"),
        ("code=|a", "plain"),
        ("code=urn:c|", "bar slash"),
        ("code=,a,", "plain"),
        ("value-string=chin \\$", "slash"),
        ("date=2020", "2020"),
        ("date=2020-05", ""),
        ("date=lt2021", "2020"),
        ("date=ge2026-06-15", "june noon"),
        ("date=2026-06-15T05:00:00Z", "noon"),
        ("date=2026-06-15T12:00:00+07:00", "noon"),
        ("date=gt2026-06-15T05:00:00Z", "june"),
        ("date=eb2026-06-16&date=sa2020", "june noon"),
        ("date=ap2026-06-10", "june noon"),
        ("_lastUpdated=2026-09-15", "100 111 2020 95 bar comma june noon plain slash"),
        ("_lastUpdated=gt2026-09-15", ""),
        ("_lastUpdated=ge2026-09-15T05:00:00Z&_lastUpdated=le2026-09-15T05:00:00Z&date=2020", "2020"),
        ("_lastUpdated=ap2026-09-15&date=2020", "2020"),
        ("_lastUpdated=lt2026-09-15T05:00:00Z", ""),
        ("code:missing=true", "100 111 2020 95 june noon"),
        ("value-string:missing=false", "slash"),
        ("code:not=a,a\\,b", "100 111 2020 95 bar june noon slash"),
    ],
)  # fmt: skip
async def test_values_are_read_as_the_specification_says(found, query, expected):
    assert await found(query.replace("+", "%2B")) == expected


@pytest.mark.parametrize(
    "query",
    ["code=", "code=,", "date=", "subject:Patient=", "patient.name=", "_has:Provenance:target:agent=", "_list=",
     "_filter=", "_id=", "_sort="],
)  # fmt: skip
def test_an_empty_value_asks_nothing(query):
    assert parse("Observation", query).conditions == []


@pytest.mark.parametrize(
    "query",
    ["date=yesterday", "date=2020-13", "date=co2020", "value-quantity=much", "value-quantity=1|2|3|4",
     "code:missing=maybe", "status:sounds=x", "_lastUpdated=now", "_count=-1", "_count=x", "_total=some",
     "_id:exact=1", "_summary=all", "_count:not=1"],
)  # fmt: skip
async def test_a_value_that_cannot_be_read_is_refused(tx, at, query):
    with pytest.raises(UnsearchableQuery):
        await reading.find(tx, parse("Observation", query), now=at)
