"""VN-S: the shape of a file. Fields, lengths, required values, keys between tables."""

from collections.abc import Iterator
from datetime import date
from functools import cache

from yba.money.insurance.checks.case import Case, Hit, hit, is_sent_out
from yba.money.insurance.checks.registry import REGISTRY, rule
from yba.money.insurance.claim import Row, read_number
from yba.money.insurance.findings import Finding, finding, shown
from yba.money.insurance.tables import Field, layout, layout_day

_NUMBERS = frozenset({"integer", "decimal", "decimal3"})
_COURSE = frozenset({"02", "03", "04", "05", "06", "08", "09"})

for _id in ("VN-S001", "VN-S002", "VN-S003", "VN-S004", "VN-S005", "VN-S006", "VN-S007"):
    REGISTRY.add(_id)  # decided by the reader and by `check_envelope`
for _id in ("VN-S008", "VN-S009", "VN-S010", "VN-S011", "VN-S013", "VN-S023"):
    REGISTRY.add(_id)  # decided by `fields_of` below and by `check_claim`


# Since 2025-07-01 there are no districts; the field stays, whatever the system writes in it.
def _may_be_blank(field: Field, row: Row) -> bool:
    return field.name in {"TEN_CHI_SO", "MA_BENH"} and row.table in {"XML3", "XML4"}


@cache
def _plan(table: str, since: date) -> tuple[tuple[str, int, bool, bool, bool, Field], ...]:
    return tuple(
        (
            f.name,
            f.max_length or 10**9,
            f.need == "yes",
            f.kind in _NUMBERS,
            f.kind == "integer",
            f,
        )
        for f in layout(table, since).fields
    )


def fields_of(row: Row, on: date) -> Iterator[Finding]:
    """Yield what is wrong with the fields of one row, whatever they mean (VN-S008 to S011)."""
    plan = _plan(row.table, layout_day(row.table, on))
    known = 0
    for name, longest, is_required, is_number, is_whole, field in plan:
        text = row.get(name)
        if not text:
            if text is None:
                yield finding("VN-S008", row.table, row.number, name)
                continue
            known += 1
            if is_required and not _may_be_blank(field, row):
                yield finding("VN-S010", row.table, row.number, name)
            continue
        known += 1
        if len(text) > longest:
            yield finding(
                "VN-S009", row.table, row.number, name, found=str(len(text)), expected=str(longest)
            )
        if is_number and not (text.isdecimal() and text.isascii()):
            number = read_number(text)
            if number is None or (is_whole and "." in text):
                yield finding("VN-S011", row.table, row.number, name, found=shown(name, text))
        elif is_required and text.isspace():
            yield finding("VN-S010", row.table, row.number, name)
    if known < len(row):
        by_name = layout(row.table, on).by_name
        for name in row:
            if name not in by_name:
                yield finding("VN-S008", row.table, row.number, name[:60])


@rule("VN-S012")
def keys_agree(case: Case) -> Iterator[Hit]:
    """MA_LK of every row is that of XML1."""
    key = case.main["MA_LK"]
    for row in case.episode.all_rows():
        if row["MA_LK"] != key:
            yield hit(row, "MA_LK")


@rule("VN-S014")
def key_has_no_blank(case: Case) -> Iterator[Hit]:
    """MA_LK has no blank."""
    if any(letter.isspace() for letter in case.main["MA_LK"]):
        yield hit(case.main, "MA_LK")


@rule("VN-S015")
def rows_are_numbered(case: Case) -> Iterator[Hit]:
    """STT runs 1..n."""
    for table in ("XML2", "XML3", "XML4", "XML5"):
        for position, row in enumerate(case.episode.rows(table), start=1):
            if row["STT"].strip() != str(position):
                yield hit(row, "STT", str(position))
                break


@rule("VN-S016")
def something_costs(case: Case) -> Iterator[Hit]:
    """There is a row in XML2 or XML3."""
    if not case.lines:
        yield hit(case.main, "T_TONGCHI_BV")


@rule("VN-S017")
def drug_total_has_drugs(case: Case) -> Iterator[Hit]:
    """T_THUOC and XML2 come together."""
    total = case.main.amount("T_THUOC")
    priced = any(row.amount("THANH_TIEN_BV") > 0 for row in case.drugs)
    if (total > 0 and not case.drugs) or (total <= 0 and priced):
        yield hit(case.main, "T_THUOC")


@rule("VN-S018")
def tests_have_results(case: Case) -> Iterator[Hit]:
    """Tests that were done here and are ready have rows in XML4."""
    if case.tests:
        return
    for row in case.services:
        if row["MA_NHOM"] in {"1", "2", "3"} and row["NGAY_KQ"] and not is_sent_out(row):
            yield hit(row, "MA_NHOM")
            return


@rule("VN-S019")
def course_is_told(case: Case) -> Iterator[Hit]:
    """XML5 is there for the types that need it."""
    if case.care in _COURSE and not case.notes:
        yield hit(case.main, "MA_LOAI_KCB")


@rule("VN-S020")
def discharge_paper_is_there(case: Case) -> Iterator[Hit]:
    """XML7 for inpatients, unless they left without notice."""
    needs = case.care in {"03", "04", "09"} and case.main["MA_LOAI_RV"] != "3"
    if needs and not case.episode.rows("XML7"):
        yield hit(case.main, "MA_LOAI_KCB")


@rule("VN-S021")
def summary_only_for_stays(case: Case) -> Iterator[Hit]:
    """XML8 only for 03, 04, 06."""
    if case.care not in {"03", "04", "06"}:
        for row in case.episode.rows("XML8"):
            yield hit(row, "MA_LOAI_KCB")


@rule("VN-S022")
def transfer_slip_fits(case: Case) -> Iterator[Hit]:
    """XML13 and MA_LOAI_RV."""
    rows = case.episode.rows("XML13")
    way = case.main["MA_LOAI_RV"]
    if rows and way not in {"2", "5"}:
        yield hit(rows[0], "MA_LOAI_RV")
    if not rows and way == "2":
        yield hit(case.main, "MA_LOAI_RV")
