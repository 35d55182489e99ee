"""The lists inside the program are complete, well formed and agree with each other."""

import re
from datetime import date

import pytest

from yba.foundation.terminology import service

DAY = date(2026, 9, 15)


def in_force(system: str):
    return {c.code: c for c in service.shipped_concepts(system) if c.is_valid(DAY)}


@pytest.mark.parametrize(
    ("system", "at_least"),
    [
        ("icd10", 600),
        ("service", 300),
        ("drug", 300),
        ("lab_index", 60),
        ("province", 34),
        ("commune", 3321),
        ("ethnicity", 54),
        ("department", 51),
        ("occupation", 10),
        ("ma_nhom", 19),
        ("ma_doituong_kcb", 27),
        ("card_prefix", 54),
    ],
)
def test_a_shipped_list_is_as_long_as_promised(system, at_least):
    assert len(in_force(system)) >= at_least


def test_every_concept_has_a_name_and_a_source():
    for system in ("icd10", "service", "drug", "lab_index", "commune"):
        for concept in service.shipped_concepts(system):
            assert concept.name_vi == concept.name_vi.strip()
            assert concept.name_vi


def test_diagnoses_have_english_names_and_well_formed_codes():
    for concept in service.shipped_concepts("icd10"):
        assert re.fullmatch(r"[A-Z]\d{2}(\.\d{1,2})?", concept.code)
        assert concept.name_en


def test_no_shipped_diagnosis_is_the_group_of_another():
    codes = set(in_force("icd10"))

    assert not {code.partition(".")[0] for code in codes if "." in code} & codes


def test_services_belong_to_a_cost_group_a_department_and_known_indexes():
    groups, departments, indexes = (
        in_force("ma_nhom"),
        in_force("department"),
        in_force("lab_index"),
    )

    for concept in in_force("service").values():
        properties = concept.properties
        assert str(properties["cost_group"]) in groups, concept.code
        assert properties["department"] in departments, concept.code
        assert set(properties.get("indexes", [])) <= set(indexes), concept.code
        assert properties["price"] >= properties["insurance_price"] >= 0
        assert re.fullmatch(r"\d{2}\.\d{4}\.\d{4}|VC\.\d{5}", concept.code)


def test_every_laboratory_index_is_measured_by_a_service():
    measured = {
        index
        for concept in in_force("service").values()
        for index in concept.properties.get("indexes", [])
    }

    assert set(in_force("lab_index")) == measured


def test_an_index_has_a_range_or_answers():
    for concept in in_force("lab_index").values():
        properties = concept.properties
        if properties.get("answers"):
            assert len(properties["answers"]) >= 2
        else:
            assert properties["low"] < properties["high"], concept.code
            assert properties["decimals"] in range(4)


def test_drugs_have_a_known_route_a_registration_and_a_price():
    routes = in_force("route")

    for concept in in_force("drug").values():
        properties = concept.properties
        assert properties["route"] in routes, concept.code
        assert re.fullmatch(r"VD-\d{5}-26", properties["registration"])
        assert re.fullmatch(r"[A-Z]\d{2}[A-Z]{0,2}\d{0,2}", properties["atc"]), concept.code
        assert properties["price"] > 0
        assert properties["control"] in ("none", "N", "H")
        assert 0 <= properties["insurance_ratio"] <= 100
        assert concept.code.startswith(properties["substance_code"] + ".")


def test_narcotic_and_psychotropic_drugs_are_marked():
    control = {
        c.properties["substance"]: c.properties["control"] for c in in_force("drug").values()
    }

    assert (control["Morphin"], control["Tramadol"]) == ("N", "N")
    assert (control["Diazepam"], control["Ephedrin"]) == ("H", "H")
    # Combinations with a small amount are prescribed like other drugs.
    assert (control["Paracetamol"], control["Paracetamol + Tramadol"]) == ("none", "none")


def test_registration_numbers_are_all_different():
    numbers = [c.properties["registration"] for c in in_force("drug").values()]

    assert len(set(numbers)) == len(numbers)


def test_card_groups_carry_their_benefit_digit():
    digits = {c.code: c.properties["benefit_digit"] for c in in_force("card_prefix").values()}

    assert (digits["TE"], digits["HN"], digits["HT"], digits["GD"], digits["QN"]) == (1, 2, 3, 4, 5)
