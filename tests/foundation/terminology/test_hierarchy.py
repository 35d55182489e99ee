"""Hierarchies: the closure is a partial order, and what goes in a circle is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outside import ministry_data

from yba.foundation.terminology import definitions, readers, service
from yba.foundation.terminology.errors import NotExpandable, UnknownValueSet, UnusableDefinition

ICD10 = "http://hl7.org/fhir/sid/icd-10"

# Each node may stand below any nodes of smaller number: never a circle.
hierarchies = st.lists(st.sets(st.integers(0, 30)), max_size=30).map(
    lambda rows: {str(n): [str(p) for p in row if p < n] for n, row in enumerate(rows)}
)


@given(hierarchies)
def test_a_closure_is_a_strict_partial_order(parents):
    above = {(a, d) for a, d, _ in definitions.closure(parents)}

    assert all(a != d for a, d in above)
    assert not {(d, a) for a, d in above} & above
    assert all((a, c) in above for a, b in above for x, c in above if x == b)


@given(hierarchies)
def test_direct_pairs_are_the_parents_and_generate_all_others(parents):
    pairs = definitions.closure(parents)
    direct = {(a, d) for a, d, is_direct in pairs if is_direct}

    assert direct == {(p, c) for c, ps in parents.items() for p in ps}
    reached = set(direct)
    while True:
        further = {(a, c) for a, b in reached for x, c in direct if x == b} - reached
        if not further:
            break
        reached |= further
    assert reached == {(a, d) for a, d, _ in pairs}


@given(hierarchies, st.data())
def test_a_circle_is_refused(parents, data):
    pairs = definitions.closure(parents)
    if not pairs:
        return
    ancestor, descendant, _ = data.draw(st.sampled_from(pairs))
    circular = {**parents, ancestor: [*parents.get(ancestor, []), descendant]}

    with pytest.raises(UnusableDefinition):
        definitions.closure(circular)


def test_a_hierarchy_that_is_too_deep_is_refused():
    chain = {str(n): [str(n - 1)] if n else [] for n in range(6000)}

    with pytest.raises(UnusableDefinition):
        definitions.closure(chain)


def test_deep_nesting_is_no_recursion():
    concept = {"code": "0"}
    for n in range(1, 900):
        concept = {"code": str(n), "concept": [concept]}

    assert len(definitions.concept_rows({"concept": [concept]})) == 900


@pytest.mark.parametrize(
    ("older", "newer"),
    [("2.9", "2.10"), ("1.0.0", "1.0.1"), ("2024-09", "2025-03"), ("", "1"), ("4.0.1", "4.1")],
)
def test_versions_are_ordered_as_people_do(older, newer):
    assert definitions.version_order(older) < definitions.version_order(newer)


async def test_ancestors_and_descendants_mirror_each_other(tx):
    system = "http://terminology.hl7.org/CodeSystem/v3-ActMood"
    below = await service.descendants(tx, system=system, code="_ActMoodPredicate")

    assert (system, "GOL") in below.codes
    for _, code in below.codes:
        above = await service.ancestors(tx, system=system, code=code)
        assert (system, "_ActMoodPredicate") in above.codes


async def test_an_unknown_code_has_only_itself(tx):
    assert (await service.descendants(tx, system="urn:x", code="y")).codes == {("urn:x", "y")}
    assert (await service.descendants(tx, system=None, code="no such code")).codes == set()


async def test_descendants_beyond_the_limit_are_told_as_incomplete(tx):
    found = await service.descendants(tx, system=ICD10, code="I00-I99", limit=5)

    assert (len(found.codes), found.complete) == (5, False)


async def test_shipped_diagnoses_stand_below_their_chapter(tx):
    found = await service.descendants(tx, system=ICD10, code="A00-B99")

    assert (ICD10, "A01.0") in found.codes
    assert all(code[0] in "AB" for _, code in found.codes)


async def test_shipped_diagnoses_stand_below_their_block(tx):
    below = await service.descendants(tx, system=ICD10, code="I10-I15")
    above = await service.ancestors(tx, system=ICD10, code="C50.9")

    assert (ICD10, "I10") in below.codes
    blocks = {code for _, code in above.codes if "-" in code}
    assert blocks == {"C50-C50", "C00-C97", "C00-D48"}


async def test_groups_are_never_offered_as_diagnoses(tx, at):
    found = await service.search(tx, system="icd10", text="bệnh hệ tuần hoàn", on=at.date())

    codes = [c.code for c in found.concepts] + [w.concept.code for w in found.withheld]
    assert "I00-I99" not in codes
    assert await service.concept(tx, system="icd10", code="I00-I99", on=at.date()) is None


@pytest.mark.slow
async def test_the_ministrys_list_has_chapters_blocks_and_categories(tx, at):
    published = readers.read_list(ministry_data("icd10-decision-4469.xlsx"), kind="icd10")
    await service.import_list(tx, published=published, valid_from=at.date())

    blocks = await service.ancestors(tx, system=ICD10, code="I10")
    assert {(ICD10, "I10-I15"), (ICD10, "I00-I99")} <= blocks.codes
    below = {
        code for _, code in (await service.descendants(tx, system=ICD10, code="I10-I15")).codes
    }
    assert {"I10", "I11", "I11.0", "I15.9"} <= below
    assert "I20.0" not in below
    members = await service.codes_of(tx, value_set=ICD10 + "?fhir_vs=isa/I10-I15")
    assert {code for _, code in members.codes} == below
    found = await service.lookup(tx, coded=service.Coded(ICD10, "I10-I15"), on=at.date())
    assert found.display == "Bệnh lý tăng huyết áp"
    assert found.detail.is_abstract


async def test_what_fhir_binds_firmly_is_known_without_loading(tx):
    for name in ("administrative-gender", "observation-status", "currencies", "bundle-type"):
        url = "http://hl7.org/fhir/ValueSet/" + name
        assert (await service.codes_of(tx, value_set=url)).codes


async def test_a_member_is_a_member_with_and_without_its_system(tx):
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"

    assert await service.is_member(tx, value_set=url, system=None, code="male")
    assert not await service.is_member(tx, value_set=url, system="urn:x", code="male")


async def test_a_set_that_cannot_be_listed_is_refused(tx):
    with pytest.raises(NotExpandable):
        await service.codes_of(tx, value_set="http://hl7.org/fhir/ValueSet/all-languages")


async def test_a_transaction_that_may_not_write_is_enough(database):
    async with database.reading() as reading:
        found = await service.codes_of(
            reading, value_set="http://terminology.hl7.org/ValueSet/v3-ActMood"
        )
        assert len(found.codes) > 10
        with pytest.raises(UnknownValueSet):
            await service.codes_of(reading, value_set="urn:none")
