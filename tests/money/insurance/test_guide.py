"""The printed rules are the rules of the program."""

from pathlib import Path

from yba.money.insurance import guide

PAGE = Path(__file__).parents[3] / "docs" / "standards" / "claims.md"


def test_the_printed_rules_are_those_of_the_program():
    assert PAGE.read_text("utf-8") == guide.page(), (
        "run: python -m yba.money.insurance.guide > docs/standards/claims.md"
    )
