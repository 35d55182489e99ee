"""The page of conformance is complete, and every row has a test that keeps it true."""

from tests.conformance_report import PAGE, ROOT, SUITES, page_of, scores_of


def test_page_is_written_by_the_tests():
    page = PAGE.read_text()

    assert page == page_of(scores_of(page))


def test_every_row_has_been_run():
    assert scores_of(PAGE.read_text()).keys() == {suite.title for suite in SUITES}


def test_every_row_names_the_test_that_scores_it():
    unscored = [s.key for s in SUITES if f'score("{s.key}"' not in (ROOT / s.test).read_text()]

    assert unscored == []
