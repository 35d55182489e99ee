"""Every rule of a claim file, by the given and expected cases beside it."""

import pytest
from tests.money.insurance import visits
from tests.money.insurance.rule_cases import TODAY, RuleCase, broken_rules, rule_cases

from yba.money.insurance.checks import check_check_in, check_claim, decided_rules
from yba.money.insurance.findings import rules

CASES = rule_cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule_finds_what_it_should_and_nothing_else_of_its_kind(case: RuleCase):
    broken = broken_rules(case)

    if case.expected == "refused":
        assert broken == {"refused"}
    else:
        assert (case.rule in broken) == (case.expected == "found")


def test_every_decided_rule_has_a_case_that_breaks_it():
    shown = {case.rule for case in CASES if case.expected in {"found", "refused"}}

    assert decided_rules() - shown == set()


def test_every_listed_rule_is_either_written_or_says_what_it_needs():
    assert decided_rules() == {one.id for one in rules().values() if one.is_decided}


@pytest.mark.parametrize("kind", ["outpatient", "inpatient", "everything"])
def test_a_faultless_file_breaks_no_rule(kind: str):
    assert check_claim(visits.claim(kind), today=TODAY) == []


def test_a_faultless_check_in_breaks_no_rule():
    assert check_check_in(visits.check_in(), TODAY) == []


def test_no_message_repeats_a_value_that_names_a_person():
    claim = visits.claim("outpatient")
    row = claim.episodes[0].main
    secret = "B" + row["SO_CCCD"] + "9999999"
    row["SO_CCCD"] = secret

    found = check_claim(claim, today=TODAY)

    assert any(one.field == "SO_CCCD" for one in found)
    assert not any(secret[:8] in str(one.values) for one in found)
