"""Dates read as ranges."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.fhir.moments import is_date, is_date_time, is_instant, is_time, range_of

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 86_400_000_000


def micros(*at: int) -> int:
    return int(datetime(*at, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2010", micros(2010, 1, 1), micros(2011, 1, 1) - 1),
        ("2012-02", micros(2012, 2, 1), micros(2012, 3, 1) - 1),
        ("2010-12-31", micros(2010, 12, 31), micros(2011, 1, 1) - 1),
        ("2010-12-31T23:59:59Z", micros(2011, 1, 1) - 1_000_000, micros(2011, 1, 1) - 1),
        (
            "2010-01-01T07:30:00+07:00",
            micros(2010, 1, 1, 0, 30),
            micros(2010, 1, 1, 0, 30) + 999_999,
        ),
        ("2010-01-01T00:00:00.25Z", micros(2010, 1, 1) + 250_000, micros(2010, 1, 1) + 259_999),
        ("2010-01-01T10:00Z", micros(2010, 1, 1, 10), micros(2010, 1, 1, 10, 1) - 1),
    ],
)
def test_a_date_means_everything_its_precision_leaves_open(text: str, low: int, high: int):
    assert range_of(text) == (low, high)


def test_a_date_without_zone_is_read_in_the_given_zone():
    low, high = range_of("2026-09-15", VIETNAM)

    assert low == micros(2026, 9, 14, 17)
    assert high - low == DAY - 1


def test_first_and_last_years_do_not_overflow():
    assert range_of("0001", VIETNAM)[0] < range_of("9999", VIETNAM)[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "2010-13",
        "2010-02-30",
        "2010-1-1",
        "2010-01-01T25:00:00Z",
        "2010-01-01T10:00:00+15:00",
    ],
)
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(ValueError):
        range_of(text)


def test_resources_may_use_only_the_precisions_of_their_type():
    assert is_date("2010-05")
    assert not is_date("2010-05-01T00:00:00Z")
    assert is_date_time("2010")
    assert is_date_time("2010-05-01T00:00:00Z")
    assert not is_date_time("2010-05-01T00:00:00")
    assert not is_date_time("2010-05-01T00:00Z")
    assert is_instant("2010-05-01T00:00:00.123+07:00")
    assert not is_instant("2010-05-01")
    assert is_time("23:59:59.5")
    assert not is_time("23:59")


@given(st.text())
def test_no_text_breaks_the_reader(text: str):
    for check in (is_date, is_date_time, is_instant, is_time):
        assert check(text) in (True, False)


@given(st.datetimes(timezones=st.just(UTC)))
def test_written_moments_lie_in_the_range_that_is_read(at: datetime):
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    low, high = range_of(text)

    assert low <= (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds <= high
