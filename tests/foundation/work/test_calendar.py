"""Working days leave out weekends and holidays, and count a Saturday worked in exchange."""

from datetime import date

import pytest

from yba.foundation.work.calendar import after_working_days, is_working_day, next_working_day
from yba.foundation.work.errors import CalendarEnds


def test_national_day_of_2026_is_five_free_days_together():
    assert after_working_days(date(2026, 8, 28), 2) == date(2026, 9, 4)


def test_tet_of_2026_is_free_from_saturday_to_sunday():
    assert next_working_day(date(2026, 2, 14)) == date(2026, 2, 23)


def test_a_saturday_worked_in_exchange_counts():
    assert is_working_day(date(2026, 8, 22))
    assert not is_working_day(date(2026, 8, 15))


def test_a_year_whose_holidays_nobody_entered_is_refused_not_guessed():
    with pytest.raises(CalendarEnds):
        after_working_days(date(2027, 12, 30), 2)
