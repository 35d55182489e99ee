"""Finding codes: without accents, in any order, by code, fitting the person."""

from datetime import date

import pytest

from yba.foundation.terminology import service

DAY = date(2026, 9, 15)
ADULT, NEWBORN = 35 * 365, 3


async def codes(tx, text: str, system: str = "icd10", **who: object) -> list[str]:
    found = await service.search_concepts(tx, system=system, text=text, on=DAY, **who)
    return [item.code for item in found]


@pytest.mark.parametrize(
    "text",
    [
        "viêm phổi",
        "viem phoi",
        "VIEM PHOI",
        "phoi viem",
        "viem ph",
        "pneumonia",
        "vie\u0302m pho\u0309i",
    ],
)
async def test_a_diagnosis_is_found_with_and_without_accents_in_any_word_order(tx, text):
    assert (await codes(tx, text))[0] == "J18.9"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("J18.9", "J18.9"),
        ("j189", "J18.9"),
        ("tha", "I10"),
        ("tieu duong", "E11.9"),
        ("SXH", "A97.0"),
    ],
)
async def test_codes_abbreviations_and_everyday_names_find_the_diagnosis(tx, text, first):
    assert (await codes(tx, text))[0] == first


async def test_accents_that_are_typed_decide_between_words_that_fold_alike(tx):
    eyes = await service.search_concepts(tx, system="icd10", text="mắt", on=DAY)
    loss = await service.search_concepts(tx, system="icd10", text="mất", on=DAY)

    assert "mắt" in eyes[0].name_vi.lower()
    assert "mất" in loss[0].name_vi.lower()


async def test_the_beginning_of_a_code_offers_its_codes_and_nothing_else(tx):
    assert sorted(await codes(tx, "A97")) == ["A97.0", "A97.1", "A97.2", "A97.9"]


async def test_common_diagnoses_come_before_rare_ones(tx):
    found = await service.search_concepts(
        tx, system="icd10", text="dai thao duong", on=DAY, limit=30
    )

    common = [item.is_common for item in found]
    assert common == sorted(common, reverse=True)


async def test_one_or_two_letters_offer_common_concepts_whole_words_and_codes_only(tx):
    found = await service.search_concepts(tx, system="icd10", text="h", on=DAY, limit=200)
    short = await service.search_concepts(tx, system="icd10", text="ho", on=DAY, limit=200)

    assert all(item.is_common or item.code.startswith("H") for item in found)
    assert short[0].code == "R05"
    assert "A37.9" in [item.code for item in short]


async def test_pregnancy_is_not_offered_to_a_man_and_the_reason_is_told(tx):
    found = await service.search(
        tx, system="icd10", text="theo doi thai", on=DAY, sex="male", age_days=ADULT
    )

    assert not [item.code for item in found.concepts if item.code.startswith(("O", "Z34"))]
    assert "Z34.9" in [held.concept.code for held in found.withheld]
    assert {held.problem.kind for held in found.withheld} == {"sex"}


async def test_pregnancy_is_offered_to_a_woman(tx):
    assert "Z34.9" in await codes(tx, "theo doi thai", sex="female", age_days=ADULT)


async def test_a_newborns_disease_is_held_back_from_an_adult(tx):
    assert "P59.9" in await codes(tx, "vang da so sinh", age_days=NEWBORN)
    assert "P59.9" not in await codes(tx, "vang da so sinh", age_days=ADULT)


async def test_a_code_is_found_only_while_it_is_valid(tx):
    old = await service.search_concepts(
        tx, system="province", text="binh duong", on=date(2025, 6, 30)
    )
    now = await service.search_concepts(
        tx, system="province", text="binh duong", on=date(2025, 7, 1)
    )

    assert ([item.code for item in old], now) == (["74"], [])


@pytest.mark.parametrize("text", ["", "   ", "'", "%", "\\", "!!", "'; DROP TABLE x; --", ":*&|"])
async def test_odd_input_finds_nothing_or_something_but_never_fails(tx, text):
    await codes(tx, text)


async def test_very_long_input_is_cut(tx):
    assert await codes(tx, "ho " * 100_000) != []


async def test_drugs_are_found_by_substance_strength_and_use(tx):
    assert (await codes(tx, "para 500", "drug"))[0] == "40.1.01"
    assert (await codes(tx, "metf 850", "drug")) == ["40.183.02"]
    assert await codes(tx, "ha sot", "drug") != []


async def test_services_are_found_by_everyday_name(tx):
    assert (await codes(tx, "cong thuc mau", "service")) == ["22.0120.1370"]


async def test_a_commune_is_found_with_its_province(tx):
    assert await codes(tx, "ba dinh ha noi", "commune") == ["00004"]


# --- Checks -----------------------------------------------------------------------


async def kinds(tx, code: str, **case: object) -> list[str]:
    return [p.kind for p in await service.check_diagnosis(tx, code=code, on=DAY, **case)]


async def test_a_code_that_may_not_be_main_is_refused_as_main_only(tx):
    assert await kinds(tx, "Z95.5", as_main=True) == ["not-main"]
    assert await kinds(tx, "Z95.5") == []


async def test_sex_and_age_are_warnings(tx):
    problems = await service.check_diagnosis(
        tx, code="O80.0", on=DAY, sex="male", age_days=NEWBORN, as_main=True
    )

    assert [(p.kind, p.severity) for p in problems] == [("sex", "warning"), ("age", "warning")]


async def test_unknown_sex_and_age_are_no_problem(tx):
    assert await kinds(tx, "O80.0", sex="unknown") == []


@pytest.mark.parametrize("code", ["X", "Q99.99X", "", "ABC", "A97.5"])
async def test_an_unknown_code_is_said_to_be_unknown_on_that_day(tx, code):
    problems = await service.check_diagnosis(tx, code=code, on=DAY)

    assert [p.kind for p in problems] == ["unknown"]
    assert "15/09/2026" in problems[0].text()


async def test_a_code_without_its_dot_is_the_same_code(tx):
    assert (await service.concept(tx, system="icd10", code="a970", on=DAY)).code == "A97.0"


# --- Lists ------------------------------------------------------------------------


async def test_the_categories_of_patients_changed_with_the_law_of_2025(tx):
    before = await service.concepts(tx, system="MA_DOITUONG_KCB", on=date(2024, 12, 31))
    after = await service.concepts(tx, system="ma_doituong_kcb", on=date(2025, 1, 1))

    assert (len(before), len(after)) == (18, 27)


async def test_there_are_34_provinces_with_3321_communes(tx):
    provinces = await service.provinces(tx, on=DAY)
    communes = [await service.communes(tx, province=p.code, on=DAY) for p in provinces]

    assert len(provinces) == 34
    assert sum(map(len, communes)) == 3321
    assert await service.province_of_commune(tx, commune="00004", on=DAY) == "01"


async def test_a_code_book_answers_like_the_database(tx):
    book = await service.code_book(tx, systems=["icd10", "MA_KHOA"], on=DAY)

    assert book.has("icd10", "J18.9")
    assert book.has("icd10", "J189")
    assert book.has("department", "K01")
    assert not book.has("icd10", "J18.x")


async def test_loading_the_shipped_lists_again_does_nothing(tx):
    assert await service.load_shipped(tx) == 0


@pytest.mark.slow
async def test_every_search_uses_an_index(tx):
    await tx.execute("SET LOCAL enable_seqscan = off")
    plan = await tx.values(
        "EXPLAIN SELECT code FROM terminology.concept c WHERE c.words @@ "
        "'''#icd10'' & ''viem'':*'::tsquery OR (c.system = 'icd10' AND c.code_key >= 'A97')"
    )
    assert any("concept_by_word" in line for line in plan)
    assert any("concept_by_code" in line for line in plan)
