"""What somebody typed as a day is a day that can be reckoned with, or none."""

from datetime import UTC, date, datetime, timedelta

import pytest

from yba.kernel.clock import typed_day, typed_moment


@pytest.mark.parametrize(
    "text",
    ["", "0001-01-01", "9999-12-31", "1799-12-31", "2201-01-01", "2026-02-30", "20260915", "x" * 10,
     "2026-W01-1", "２０２６-01-01", "2026-09-15T00:00"],
)  # fmt: skip
def test_what_is_no_day_is_none(text: str):
    assert typed_day(text) is None


@pytest.mark.parametrize("text", ["1800-01-01", "2200-12-31", "2024-02-29"])
def test_a_day_can_be_reckoned_with(text: str):
    day = typed_day(text)

    assert day == date.fromisoformat(text)
    assert day is not None
    assert day + timedelta(days=1) > day


def test_a_moment_is_of_the_wall_clock_of_viet_nam():
    assert typed_moment("2026-09-15T07:30") == datetime(2026, 9, 15, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00", "9999-12-31T23:59", "2026-09-15T07:30Z"])
def test_what_is_no_moment_of_that_clock_is_none(text: str):
    assert typed_moment(text) is None
