"""Property: a search finds exactly what reading every resource one by one would find."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yba.fhir import r4
from yba.foundation.record import reading, service
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.parse import parse
from yba.foundation.record.settings import put_zone, zone

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CODES = ["8480-6", "8462-4", "2339-0", "718-7"]
STATUSES = ["final", "amended", "preliminary"]
UNITS = ["mmol/L", "mg/dL", "mm[Hg]"]
VALUES = ["4", "5", "5.4", "5.40", "5.5", "90", "120", "140.0", "-1", "0"]
DAYS = ["2019-12-31", "2020", "2020-01", "2020-01-01", "2020-01-31T23:30:00Z", "2020-02-01"]
PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]


def quantity(pick: random.Random) -> r4.Quantity:
    unit = pick.choice(UNITS)
    return r4.Quantity(value=Decimal(pick.choice(VALUES)), unit=unit, system=UCUM, code=unit)


def concept(pick: random.Random) -> r4.CodeableConcept:
    codings = [r4.Coding(system=LOINC, code=pick.choice(CODES))]
    if pick.random() < 0.3:
        codings.append(r4.Coding(code=pick.choice(CODES)))
    return r4.CodeableConcept(coding=codings)


def observation(pick: random.Random, tag: str, patients: list[str]) -> r4.Observation:
    found = r4.Observation(
        id=service.new_id(),
        meta=r4.Meta(tag=[r4.Coding(system="urn:test", code=tag)]),
        status=pick.choice(STATUSES),  # type: ignore[arg-type]
        code=concept(pick),
    )
    if pick.random() < 0.8:
        found.subject = r4.Reference(reference=f"Patient/{pick.choice(patients)}")
    match pick.randrange(3):
        case 0:
            found.effectiveDateTime = pick.choice(DAYS)
        case 1:
            start, end = sorted(pick.sample(["2019-06-01", "2020-01-01", "2020-03-05"], 2))
            found.effectivePeriod = r4.Period(start=start, end=end if pick.random() < 0.7 else None)
        case _:
            pass
    if pick.random() < 0.6:
        found.valueQuantity = quantity(pick)
    else:
        found.component = [
            r4.ObservationComponent(code=concept(pick), valueQuantity=quantity(pick))
            for _ in range(pick.randrange(3))
        ] or None
    return found


# -- the naive evaluator -----------------------------------------------------------------------


def moments(text: str) -> tuple[datetime, datetime]:
    """First moment of a date, and the first moment after it."""
    if "T" in text:
        start = datetime.fromisoformat(text)
        return start, start + timedelta(seconds=1)
    parts = [int(part) for part in text.split("-")]
    start = datetime(*[*parts, 1, 1][:3], tzinfo=UTC)  # type: ignore[arg-type]
    if len(parts) == 1:
        return start, start.replace(year=start.year + 1)
    if len(parts) == 2:
        return start, (start + timedelta(days=32)).replace(day=1)
    return start, start + timedelta(days=1)


def in_range(prefix: str, low, high, first, last) -> bool:
    """Compare the value [low, high) with the question [first, last)."""
    inside = low >= first and high <= last
    match prefix:
        case "" | "eq":
            return inside
        case "ne":
            return not inside
        case "gt":
            return high > last
        case "lt":
            return low < first
        case "ge":
            return high > last or inside
        case "le":
            return low < first or inside
        case "sa":
            return low >= last
        case _:
            return high <= first


def number_matches(prefix: str, value: Decimal, asked: str) -> bool:
    number = Decimal(asked)
    half = Decimal(5).scaleb(number.as_tuple().exponent - 1)  # type: ignore[operator]
    inside = number - half <= value < number + half
    match prefix:
        case "" | "eq":
            return inside
        case "ne":
            return not inside
        case "gt" | "sa":
            return value > number
        case "lt" | "eb":
            return value < number
        case "ge":
            return value >= number
        case _:
            return value <= number


def has_code(found: r4.CodeableConcept, asked: str) -> bool:
    system, bar, code = asked.rpartition("|")
    return any(
        coding.code == code and (not bar or (coding.system or "") == system)
        for coding in found.coding or ()
    )


def matches(o: r4.Observation, name: str, value: str) -> bool:
    """Decide one condition by reading the resource."""
    prefix = value[:2] if value[:2] in PREFIXES else ""
    rest = value[len(prefix) :]
    values = [(o.code, o.valueQuantity)] if o.valueQuantity else []
    components = [(c.code, c.valueQuantity) for c in o.component or ()]
    match name:
        case "status":
            return o.status in value.split(",")
        case "status:not":
            return o.status != value
        case "code":
            return has_code(o.code, value)
        case "combo-code":
            return any(has_code(code, value) for code in [o.code, *(c for c, _ in components)])
        case "patient" | "subject":
            return o.subject is not None and o.subject.reference == f"Patient/{value}"
        case "subject:missing":
            return (o.subject is None) == (value == "true")
        case "date:missing":
            return (o.effectiveDateTime is None and o.effectivePeriod is None) == (value == "true")
        case "date":
            if o.effectiveDateTime:
                low, high = moments(o.effectiveDateTime)
            elif o.effectivePeriod:
                low = moments(o.effectivePeriod.start or "")[0]
                high = datetime.max.replace(tzinfo=UTC)
                if o.effectivePeriod.end:
                    high = moments(o.effectivePeriod.end)[1]
            else:
                return False
            return in_range(prefix, low, high, *moments(rest))
        case "value-quantity":
            amount, _, unit = rest.partition("||")
            return any(
                (not unit or q.unit == unit) and number_matches(prefix, q.value, amount)
                for _, q in values
            )
        case _:
            pairs = {
                "code-value-quantity": values,
                "component-code-value-quantity": components,
                "combo-code-value-quantity": values + components,
            }[name]
            code, _, amount = value.partition("$")
            prefix = amount[:2] if amount[:2] in PREFIXES else ""
            return any(
                has_code(c, code) and number_matches(prefix, q.value, amount[len(prefix) :])
                for c, q in pairs
            )


CODE = st.sampled_from([*CODES, *(f"{LOINC}|{code}" for code in CODES), f"|{CODES[0]}", "x|8480-6"])
AMOUNT = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(VALUES))


def conditions(patients: list[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.one_of(
        st.tuples(st.just("status"), st.sampled_from([*STATUSES, "final,amended"])),
        st.tuples(st.just("status:not"), st.sampled_from(STATUSES)),
        st.tuples(st.sampled_from(["code", "combo-code"]), CODE),
        st.tuples(st.sampled_from(["patient", "subject"]), st.sampled_from(patients)),
        st.tuples(st.sampled_from(["subject:missing", "date:missing"]), st.sampled_from(["true", "false"])),
        st.tuples(st.just("date"), st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(DAYS))),
        st.tuples(st.just("value-quantity"), st.builds("{}{}".format, AMOUNT, st.sampled_from(["", "||mmol/L"]))),
        st.tuples(
            st.sampled_from([
                "code-value-quantity", "component-code-value-quantity", "combo-code-value-quantity",
            ]),
            st.builds("{}${}".format, CODE, AMOUNT),
        ),
    )  # fmt: skip


@pytest.fixture
def utc():
    """Read dates without a zone in UTC."""
    before = zone()
    put_zone(UTC)
    yield
    put_zone(before)


@pytest.fixture
async def world(tx, actor, at, utc):
    """Store 150 made-up observations; return them and how to ask for them alone."""
    pick = random.Random(11)
    tag = service.new_id()
    patients = [service.new_id(), service.new_id(), "foreign-id-1"]
    stored = [observation(pick, tag, patients) for _ in range(150)]
    await service.save(tx, actor=actor, resources=stored, at=at)
    return stored, tag, patients


@pytest.mark.slow
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_a_search_finds_what_reading_everything_would_find(world, tx, at, data):
    stored, tag, patients = world
    asked = data.draw(st.lists(conditions(patients), min_size=1, max_size=3))
    query = "&".join(f"{name}={value}" for name, value in [("_tag", f"urn:test|{tag}"), *asked])

    page = await reading.find(tx, parse("Observation", query + "&_count=1000"), now=at)

    expected = {o.id for o in stored if all(matches(o, name, value) for name, value in asked)}
    assert {found.id for found in page.matches} == expected
    assert page.total == len(expected)


@pytest.mark.parametrize("sort", ["", "date", "-date", "_lastUpdated", "-_lastUpdated", "_id",
    "-_id", "status,date", "value-quantity", "-value-quantity,date", "date,-value-quantity",
    "code-value-quantity,-date", "-code-value-quantity,status,focus"])  # fmt: skip
async def test_pages_show_every_match_once_in_order(world, tx, at, sort):
    stored, tag, _ = world
    if sort.startswith("status"):
        sort = "date,-_id"
    search = f"_tag=urn:test|{tag}&_count=7" + (f"&_sort={sort}" if sort else "")

    seen: list[str] = []
    cursor = ""
    while True:
        wanted = parse("Observation", search + (f"&_cursor={cursor}" if cursor else ""))
        page = await reading.find(tx, wanted, now=at, secret=b"s")
        seen += [found.id for found in page.matches]
        cursor = page.next_cursor
        if not cursor:
            break

    everything = parse("Observation", search.replace("_count=7", "_count=1000"))
    whole = await reading.find(tx, everything, now=at, secret=b"s")
    assert len(seen) == len(set(seen)) == len(stored)
    assert seen == [found.id for found in whole.matches]


async def test_rows_written_while_somebody_pages_do_not_disturb_the_pages(world, tx, actor, at):
    stored, tag, patients = world
    pick = random.Random(3)
    seen: list[str] = []
    cursor = ""
    while True:
        query = f"_tag=urn:test|{tag}&_count=20" + (f"&_cursor={cursor}" if cursor else "")
        page = await reading.find(tx, parse("Observation", query), now=at, secret=b"s")
        seen += [found.id for found in page.matches]
        cursor = page.next_cursor
        if not cursor:
            break
        added = [observation(pick, tag, patients) for _ in range(3)]
        changed = next(o for o in stored if o.id == seen[0])
        changed.note = [r4.Annotation(text=f"page {len(seen)}")]
        await service.save(tx, actor=actor, resources=[*added, changed], at=at)

    assert len(seen) == len(set(seen))
    assert {o.id for o in stored} <= set(seen)


async def test_a_cursor_serves_only_the_search_it_came_from(world, tx, at):
    _, tag, _ = world
    page = await reading.find(
        tx, parse("Observation", f"_tag=urn:test|{tag}&_count=5"), now=at, secret=b"s"
    )

    for other, secret in (
        (f"_tag=urn:test|{tag}&status=final", b"s"),
        (f"_tag=urn:test|{tag}", b"t"),
    ):
        query = f"{other}&_count=5&_cursor={page.next_cursor}"
        with pytest.raises(UnsearchableQuery):
            await reading.find(tx, parse("Observation", query), now=at, secret=secret)
