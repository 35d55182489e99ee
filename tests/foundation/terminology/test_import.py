"""Published lists come into force on a day, whole or not at all."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from tests.foundation.terminology.lists import HEADINGS_22, HEADINGS_29, row_22, row_29
from tests.foundation.terminology.workbook import write_workbook
from tests.outside import ministry_data

from yba.foundation.terminology import readers, service
from yba.foundation.terminology.errors import ListLooksTruncated, UnreadableList
from yba.foundation.terminology.importing import PublishedList, plan
from yba.foundation.terminology.model import Concept

OLD, NEW = date(2020, 11, 1), date(2026, 7, 1)
EVE = date(2026, 6, 30)


def published(*concepts: Concept, complete: bool = True, owned: frozenset[str] = frozenset()):
    return PublishedList("icd10", "test", concepts, owned, complete)


def diagnosis(code: str, name: str, **properties: object) -> Concept:
    return Concept("icd10", code, name, "", properties)


async def put_in_force(tx, listed: PublishedList, day: date):
    return await service.import_list(tx, published=listed, valid_from=day, allow_shrink=True)


async def test_a_new_list_closes_the_old_validity_instead_of_overwriting(tx):
    await put_in_force(tx, published(diagnosis("Z98.1", "Tên cũ")), OLD)

    report = await put_in_force(tx, published(diagnosis("Z98.1", "Tên mới")), NEW)

    assert (report.added, report.changed, report.unchanged) == (0, 1, 0)
    before = await service.concept(tx, system="icd10", code="Z98.1", on=EVE)
    after = await service.concept(tx, system="icd10", code="Z98.1", on=NEW)
    assert (before.name_vi, before.valid_to) == ("Tên cũ", EVE)
    assert (after.name_vi, after.valid_from, after.valid_to) == ("Tên mới", NEW, None)


async def test_a_code_that_a_complete_list_lacks_ends_the_day_before(tx):
    await put_in_force(tx, published(diagnosis("Z98.1", "Một"), diagnosis("Z98.2", "Hai")), OLD)

    report = await put_in_force(tx, published(diagnosis("Z98.1", "Một")), NEW)

    assert (report.closed, report.unchanged) == (1, 1)
    assert await service.concept(tx, system="icd10", code="Z98.2", on=EVE) is not None
    assert await service.concept(tx, system="icd10", code="Z98.2", on=NEW) is None


async def test_importing_the_same_list_again_changes_nothing(tx):
    listed = published(diagnosis("Z98.1", "Một", not_main=True), diagnosis("Z98.2", "Hai"))
    await put_in_force(tx, listed, NEW)

    again = await put_in_force(tx, listed, NEW)

    assert not again.has_changes
    assert again.unchanged == 2


async def test_an_older_list_imported_later_ends_where_the_newer_begins(tx):
    await put_in_force(tx, published(diagnosis("Z98.1", "Mới")), NEW)
    await tx.execute(
        "DELETE FROM terminology.concept WHERE system = 'icd10' AND valid_from < $1", NEW
    )

    await put_in_force(tx, published(diagnosis("Z98.1", "Cũ")), OLD)

    before = await service.concept(tx, system="icd10", code="Z98.1", on=EVE)
    after = await service.concept(tx, system="icd10", code="Z98.1", on=NEW)
    assert (before.name_vi, before.valid_to) == ("Cũ", EVE)
    assert after.name_vi == "Mới"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_order_of_imports_does_not_matter(tx, order):
    lists = [
        (date(2021, 1, 1), published(diagnosis("Z98.1", "A"), diagnosis("Z98.2", "Hai"))),
        (date(2023, 1, 1), published(diagnosis("Z98.1", "B"), diagnosis("Z98.3", "Ba"))),
        (date(2026, 7, 1), published(diagnosis("Z98.1", "B"), diagnosis("Z98.4", "Bốn"))),
    ]
    for place in order:
        day, listed = lists[place]
        await put_in_force(tx, listed, day)

    for day, listed in lists:
        for on in (day, day + timedelta(days=500)):
            rows = await service.concepts(tx, system="icd10", on=on)
            wanted = {item.code: item.name_vi for item in listed.concepts}
            assert {c.code: c.name_vi for c in rows if c.code.startswith("Z98")} == wanted


async def test_a_file_with_few_of_the_codes_in_force_is_refused_and_nothing_is_kept(tx):
    listed = published(*(diagnosis(f"Z98.{n}", f"Mã {n}") for n in range(9)))
    await put_in_force(tx, listed, OLD)

    with pytest.raises(ListLooksTruncated):
        await service.import_list(
            tx, published=published(diagnosis("Z98.1", "Một")), valid_from=NEW
        )

    assert await service.concept(tx, system="icd10", code="Z98.5", on=NEW) is not None


async def test_everyday_names_and_common_marks_survive_the_ministrys_list(tx):
    listed = published(diagnosis("I10", "Bệnh lý tăng huyết áp"))

    await put_in_force(tx, listed, NEW)

    found = await service.search_concepts(tx, system="icd10", text="cao huyet ap", on=NEW)
    assert [item.name_vi for item in found] == ["Bệnh lý tăng huyết áp"]
    assert found[0].is_common


async def test_shipped_lists_never_come_back_over_an_imported_one(tx):
    await put_in_force(tx, published(diagnosis("I10", "Bệnh lý tăng huyết áp")), OLD)

    await tx.execute("UPDATE terminology.edition SET fingerprint = '' WHERE is_shipped")
    await service.load_shipped(tx)

    assert (await service.concept(tx, system="icd10", code="I10", on=NEW)).name_vi == (
        "Bệnh lý tăng huyết áp"
    )


def test_prices_are_kept_when_the_list_of_services_does_not_speak_of_them():
    old = Concept("service", "18.0015.0001", "Siêu âm", "", {"price": 58600, "class": "T3"}, OLD)
    new = replace(old, properties={"class": "T2"})
    listed = PublishedList("service", "test", [new], frozenset({"class"}), is_complete=False)

    todo = plan(listed, in_force={old.code: old}, next_validity={}, valid_from=NEW, valid_to=None)

    assert todo.changed[0].properties == {"price": 58600, "class": "T2"}
    assert todo.closed == []


# --- The shapes of the files ---------------------------------------------------


def test_the_22_column_list_is_read_with_its_annexes(tmp_path):
    path = write_workbook(
        tmp_path / "list.xlsx",
        {
            "ICD10": [
                ["Phụ lục 1: Danh mục"],
                HEADINGS_22,
                row_22("Z97", "Nhóm thử", "Test group"),
                row_22("Z97.0", "Bệnh thử không", "Test zero"),
                row_22("Z97.1†", "Bệnh thử một", "Test one"),
                row_22("Z97†", "Nhóm thử", "Test group"),
            ],
            "A2": [["Phụ lục A2: không sử dụng là bệnh chính"], ["Mã", "(*)"], ["Z970", "*"]],
            "A3.8": [["Phụ lục A3.8 Bệnh sản phụ khoa"], ["Mã"], ["Z971", "Bệnh thử một"]],
            "A4.1": [["Phụ lục A4.1 Bệnh chỉ có ở giới Nữ"], ["Mã"], ["Z971", "Bệnh thử một"]],
            "A1": [["Phụ lục A1: mã kép"], ["Dagger"], ["Z971", "x", "Z970", "y", "Z970"]],
        },
    )

    listed = readers.read_list(path, kind="icd10")

    by_code = {item.code: item for item in listed.concepts}
    assert list(by_code) == ["Z97", "Z97.0", "Z97.1"]
    assert by_code["Z97"].properties["group"]
    assert by_code["Z97.0"].properties["not_main"]
    assert by_code["Z97.1"].properties["sex"] == "female"
    assert by_code["Z97.1"].properties["min_age_days"] == 3287
    assert by_code["Z97.1"].properties["asterisks"] == ["Z97.0"]
    assert by_code["Z97.1"].name_en == "Test one"
    assert not listed.misprints


@pytest.mark.parametrize(
    ("column", "key", "value"),
    [
        (24, "not_main", True),
        (25, "discouraged_main", True),
        (26, "unusable", True),
        (27, "death_cause_only", True),
        (28, "sex", "female"),
        (29, "sex", "male"),
    ],
)
def test_columns_24_to_29_of_the_circular_of_2026_are_rules(tmp_path, column, key, value):
    path = write_workbook(
        tmp_path / "list.xlsx",
        {
            "Phụ lục": [
                HEADINGS_29,
                row_29("Z97.0", "Bệnh thử", "Test", marks=[column]),
                row_29("Z97.12", "Mã năm ký tự", "Five characters"),
            ]
        },
    )

    listed = readers.read_list(path, kind="icd10")

    assert listed.concepts[0].properties[key] == value
    assert [item.code for item in listed.concepts] == ["Z97.0", "Z97.12"]
    assert key not in listed.concepts[1].properties


def test_a_29_column_list_with_unknown_headings_is_read_by_its_content(tmp_path):
    rows = [
        row_29("Z97.0", "Bệnh thử không", "Test zero", marks=[24]),
        row_29("Z97.1", "Bệnh thử một", "Test one"),
        row_29("Z97.22", "Bệnh thử hai", "Test two"),
    ]
    headings = [f"Cột {number}" for number in range(1, 30)]
    path = write_workbook(tmp_path / "list.xlsx", {"Danh mục": [["Phụ lục"], headings, *rows]})

    listed = readers.read_list(path, kind="icd10")

    assert [(c.code, c.name_vi, c.name_en) for c in listed.concepts] == [
        ("Z97.0", "Bệnh thử không", "Test zero"),
        ("Z97.1", "Bệnh thử một", "Test one"),
        ("Z97.22", "Bệnh thử hai", "Test two"),
    ]
    assert [bool(c.properties.get("not_main")) for c in listed.concepts] == [True, False, False]


def test_a_misprinted_code_is_read_from_the_column_without_dot_and_reported(tmp_path):
    path = write_workbook(
        tmp_path / "list.xlsx",
        {
            "ICD10": [
                HEADINGS_22,
                row_22("U13/9", "Mã in sai", bare="U139"),
                row_22("U1?", "Mã hỏng", bare="??"),
                row_22("Z97.0", "Bệnh thử"),
                row_22("Z97.0", "Bệnh thử lần hai"),
            ]
        },
    )

    listed = readers.read_list(path, kind="icd10")

    assert [item.code for item in listed.concepts] == ["U13.9", "Z97.0"]
    assert [(m.line, m.code, m.is_repaired) for m in listed.misprints] == [
        (2, "U13/9", True),
        (3, "U1?", False),
        (5, "Z97.0", False),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.xlsx", b"not a workbook"),
        ("list.tsv", b"a\tb\n1\t2\n"),
        ("list.tsv", b"\xff\xfe\xfa"),
        ("list.tsv", b"code\tname_vi\tname_en\tflags\n"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_a_reason(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UnreadableList) as refused:
        readers.read_list(path, kind="icd10")

    assert refused.value.text().startswith("Not imported: ")


def test_a_lost_leading_zero_of_a_procedure_code_is_put_back(tmp_path):
    path = write_workbook(
        tmp_path / "list.xlsx",
        {"dm": [["maicd9", "tenicd9", "chuongicd9"], ["3.31", "Chọc dò tủy sống", "(01-05)"]]},
    )

    listed = readers.read_list(path, kind="icd9cm")

    assert [item.code for item in listed.concepts] == ["03.31"]
    assert listed.misprints[0].is_repaired


# --- The ministry's real files ---------------------------------------------------


@pytest.mark.slow
async def test_the_list_of_decision_4469_loads_and_its_rules_hold(tx):
    listed = readers.read_list(ministry_data("icd10-decision-4469.xlsx"), kind="icd10")

    report = await service.import_list(tx, published=listed, valid_from=OLD)
    again = await service.import_list(tx, published=listed, valid_from=OLD)

    assert len(listed.concepts) > 12_000
    assert report.closed == 0
    assert not again.has_changes
    problems = await service.check_diagnosis(
        tx, code="O80.0", on=EVE, sex="male", age_days=9000, as_main=True
    )
    assert [problem.kind for problem in problems] == ["sex"]
    found = await service.search_concepts(tx, system="icd10", text="viem phoi", on=EVE)
    assert found[0].code == "J18.9"


@pytest.mark.slow
def test_every_shipped_diagnosis_is_in_the_ministrys_list():
    listed = readers.read_list(ministry_data("icd10-vn.tsv"), kind="icd10")

    shipped = {item.code for item in service.shipped_concepts("icd10")}

    assert shipped - {item.code for item in listed.concepts} == set()
    groups = {item.code for item in listed.concepts if item.properties.get("group")}
    assert shipped & groups == set()


@pytest.mark.slow
async def test_the_list_of_technical_services_keeps_prices_and_closes_nothing(tx):
    listed = readers.read_list(ministry_data("technical-services.tsv"), kind="service")

    report = await service.import_list(tx, published=listed, valid_from=NEW)

    assert len(listed.concepts) > 8_000
    assert report.closed == 0
    ultrasound = await service.concept(tx, system="service", code="18.0015.0001", on=NEW)
    assert ultrasound.properties["price"] > 0
    assert ultrasound.properties["icd9cm"]
