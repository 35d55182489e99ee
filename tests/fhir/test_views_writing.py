"""Tables as CSV: nothing a spreadsheet would run, and no number changed."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from yba.fhir import views

VIEW: dict[str, Any] = {
    "resource": "Patient",
    "select": [{"column": [{"name": "v", "path": "id"}]}],
}
COLUMNS = views.compile_view(views.read_view(VIEW)).view.columns


def written(value: Any, *, exact: bool = False) -> str:
    writer = views.TableWriter(COLUMNS, "csv", header=False, exact=exact)
    text = writer.rows([[value]]).decode()
    ((cell,),) = csv.reader(io.StringIO(text, newline=""))
    return cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "=HYPERLINK(\"http://evil.test\")", "+1+1", "-1+1", "-a", "@SUM(A1)", "\t=1", "\r=1",
        "\n=1", "＝1", "+84 912 345 678", "--1", "=", "-", "1-1=",
    ],
)  # fmt: skip
def test_no_text_becomes_a_formula_in_a_spreadsheet(text: str):
    expected = text if text.startswith("1") else "'" + text

    assert written(text) == expected
    assert written(text, exact=True) == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-5, "-5"), (Decimal("-5.50"), "-5.50"), ("-5.50", "-5.50"), ("+84912345678", "+84912345678"),
        ("-1e-3", "-1e-3"), ("-1.234,5", "-1.234,5"), ("Nguyễn", "Nguyễn"), ("", ""), (None, ""),
        (True, "true"), (["=1"], '["=1"]'),
    ],
)  # fmt: skip
def test_numbers_and_plain_texts_stay_as_they_are(value: Any, cell: str):
    assert written(value) == cell
