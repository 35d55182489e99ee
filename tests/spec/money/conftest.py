"""The shipped rules, as money tests use them."""

import pytest

from yba.money.charging.rulebook import Rulebook, shipped_rules


@pytest.fixture(scope="session")
def rules() -> Rulebook:
    """Return the shipped rulebook."""
    return shipped_rules()
