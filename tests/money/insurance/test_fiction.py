"""Claims of the fictitious hospital: every payer's share to the đồng, and nothing lost on the way.

`YBA_VISITS` sets how many are drawn (10,000 in the promise, fewer every day).
"""

import os
from decimal import Decimal

import pytest

from yba.app.fiction import service as fiction
from yba.app.fiction.claims import bill_of, claim_bytes, visit_to_claim
from yba.money.insurance.build import build_episode
from yba.money.insurance.checks import check_claim
from yba.money.insurance.xml import read_claim, write_claim

COUNT = int(os.environ.get("YBA_VISITS", "400"))
SEED = 20260915
# What the money, the form and the shape of a claim must keep, whatever the visit.
HARD = ("VN-S", "VN-F", "VN-M", "VN-T")


@pytest.fixture(scope="module")
def drawn():
    """Return the visits of this run."""
    return list(fiction.visits(SEED, COUNT))


@pytest.mark.slow
def test_bill_is_the_sum_of_lines_and_of_payers_to_the_dong(drawn):
    for visit in drawn:
        bill = bill_of(visit)
        shares = bill.dong
        paid = shares.own + shares.co_payment + shares.insurance + shares.other
        assert sum(line.dong.total for line in bill.lines) == shares.total == paid
        main = build_episode(visit_to_claim(visit)).main
        names = ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")
        assert sum((main.amount(n) for n in names), Decimal(0)) == main.amount("T_TONGCHI_BV")


@pytest.mark.slow
def test_export_and_import_give_the_same_claim(drawn):
    for visit in drawn:
        content = claim_bytes(visit)
        claim, read = read_claim(content)
        assert read[0].problems == ()
        assert claim.episodes == (build_episode(visit_to_claim(visit)),)
        assert write_claim(claim) == content


@pytest.mark.slow
def test_fictitious_claims_break_no_rule_of_shape_form_or_money(drawn):
    broken: dict[str, str] = {}
    for visit in drawn:
        claim, _ = read_claim(claim_bytes(visit))
        for one in check_claim(claim):
            if one.is_error and one.rule.startswith(HARD):
                broken.setdefault(one.rule, visit.key)
    assert broken == {}
