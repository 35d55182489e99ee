"""Fictitious visits: the same for everybody, coded right, in season, of every kind."""

import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from yba.app.fiction import service as fiction
from yba.app.fiction.scenarios import scenarios
from yba.foundation.rules import service as rules
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import problems_of
from yba.kernel.clock import local, local_date

SEED = 11
DAY = date(2026, 9, 15)


@pytest.fixture(scope="module")
def year():
    return list(fiction.visits(SEED, 1500))


def in_force(system: str):
    return {c.code: c for c in terminology.shipped_concepts(system) if c.is_valid(DAY)}


def test_a_visit_follows_from_seed_and_number_alone():
    straight = [fiction.visit(SEED, number) for number in range(25)]
    backwards = [fiction.visit(SEED, number) for number in reversed(range(25))]

    assert straight == backwards[::-1]
    assert fiction.visit(SEED + 1, 3) != fiction.visit(SEED, 3)


def test_keys_are_unique(year):
    assert len({visit.key for visit in year}) == len(year)


def test_diagnoses_are_in_the_list_and_fit_the_person(year):
    concepts = in_force("icd10")

    for visit in year:
        assert visit.diagnoses[0].is_main
        assert len(visit.diagnoses) <= 13
        codes = [item.code for item in visit.diagnoses]
        assert len(set(codes)) == len(codes)
        for item in visit.diagnoses:
            age_days = visit.person.age_days(local_date(visit.arrived_at))
            problems = problems_of(
                concepts[item.code], sex=visit.person.sex, age_days=age_days, as_main=item.is_main
            )
            assert problems == [], (visit.key, problems)


def test_lines_carry_codes_names_and_prices_of_the_lists(year):
    services, drugs, groups = in_force("service"), in_force("drug"), in_force("ma_nhom")
    departments = in_force("department")

    for visit in year:
        for line in visit.services:
            concept = services[line.code]
            assert line.name == concept.name_vi
            assert line.price == concept.properties["price"]
            assert line.department in departments
            assert str(line.cost_group) in groups
            assert line.quantity > 0
            assert line.payment_ratio in (100, 50, 30)
        for line in visit.drugs:
            assert line.name == drugs[line.code].name_vi
            assert line.quantity > 0
            assert line.days > 0


def test_categories_types_and_outcomes_are_in_the_lists(year):
    categories, types = in_force("ma_doituong_kcb"), in_force("ma_loai_kcb")
    outcomes, leavings = in_force("ket_qua_dtri"), in_force("ma_loai_rv")

    for visit in year:
        assert visit.category in categories
        assert visit.care_type in types
        assert visit.outcome in outcomes
        assert visit.leaving in leavings
        assert visit.injury == "" or visit.injury in in_force("ma_tai_nan")


def test_who_is_insured_shows_a_card_and_who_is_not_does_not(year):
    for visit in year:
        assert (visit.category == "9") == (visit.card is None)
        if visit.card:
            day = local_date(visit.arrived_at)
            assert visit.card.valid_from <= day <= visit.card.valid_to


def test_everything_happens_between_arrival_and_leaving(year):
    for visit in year:
        assert visit.arrived_at < visit.ended_at
        assert visit.person.birth_date < local_date(visit.arrived_at)
        if visit.admitted_at:
            assert visit.arrived_at < visit.admitted_at < visit.ended_at
        for line in visit.services:
            assert visit.arrived_at <= line.ordered_at <= line.done_at <= visit.ended_at
            if line.result_at:
                assert line.ordered_at <= line.result_at <= visit.ended_at
        for drug in visit.drugs:
            assert visit.arrived_at <= drug.ordered_at <= visit.ended_at
        for note in visit.notes:
            assert visit.arrived_at <= note.at <= visit.ended_at
        for signs in visit.vitals:
            assert visit.arrived_at <= signs.at <= visit.ended_at


def test_visits_end_as_the_claim_wants_for_their_type(year):
    for visit in year:
        if visit.care_type in ("02", "05", "07"):
            assert local(visit.ended_at).strftime("%H%M") == "2359"
        if visit.care_type == "01":
            assert visit.ended_at - visit.arrived_at < timedelta(hours=8)
        if visit.care_type == "09":
            assert visit.ended_at - visit.arrived_at < timedelta(hours=4)
        assert visit.is_inpatient == (visit.care_type in ("03", "04", "09"))


def test_prescriptions_keep_the_legal_limits(year):
    limit = rules.limit("prescription.max_days.ordinary", DAY)

    for visit in year:
        home = [line for line in visit.drugs if line.is_prescribed]
        assert bool(visit.prescription_code) == bool(home)
        if home:
            assert re.fullmatch(r"99999[0-9a-z]{7}-C", visit.prescription_code)
            assert {line.control for line in home} == {"none"}
            assert max(line.days for line in home) <= limit


def test_a_line_is_as_much_as_its_dose_says(year):
    for visit in year:
        for line in visit.drugs:
            assert line.quantity == line.per_take * line.times_a_day * line.days


def test_an_operation_has_a_surgeon_and_an_anaesthetist(year):
    for visit in year:
        for line in visit.services:
            if line.kind == "surgery":
                assert len(set(line.performer.split(";"))) == 2


def test_results_are_flagged_against_the_range_of_their_sex(year):
    for visit in year:
        for line in visit.services:
            for result in line.results:
                if result.value is None:
                    assert result.text
                    continue
                assert isinstance(result.value, Decimal)
                expected = (
                    "L" if result.value < result.low else "H" if result.value > result.high else ""
                )
                assert result.flag == expected
                assert result.text == f"{result.value:f}"


def test_every_laboratory_line_reports_every_index(year):
    services = in_force("service")

    for visit in year:
        for line in visit.services:
            if line.kind == "lab":
                indexes = services[line.code].properties.get("indexes", [])
                assert [result.index for result in line.results] == indexes


def test_who_stays_four_hours_lies_in_a_bed_for_the_nights_and_others_do_not(year):
    for visit in year:
        beds = [line for line in visit.services if line.kind == "bed"]
        assert len(beds) == (1 if visit.care_type in ("03", "04") else 0)
        if visit.care_type == "03":
            days = local_date(visit.ended_at) - local_date(visit.admitted_at)
            assert beds[0].quantity == days.days
        assert all(re.fullmatch(r"H\d{3}", line.bed) for line in beds)


@pytest.mark.slow
def test_every_category_insurance_group_and_illness_comes():
    seen = list(fiction.visits(5, 6000))
    categories = {visit.category for visit in seen}
    groups = {visit.card.group for visit in seen if visit.card}
    digits = {visit.card.benefit_digit for visit in seen if visit.card}
    codes = {visit.main_diagnosis.code for visit in seen}

    assert set(in_force("ma_doituong_kcb")) - categories <= {"8", "1.6"}
    assert len(groups) >= 45
    assert digits == {1, 2, 3, 4, 5}
    common = {item.diagnosis.code for item in scenarios() if not item.is_newborns}
    assert len(common - codes) <= 2
    assert {"01", "02", "03", "04", "05", "07", "08", "09"} <= {v.care_type for v in seen}


@pytest.mark.slow
def test_diseases_come_in_their_season():
    months: dict[str, Counter[int]] = {}
    for visit in fiction.visits(3, 5000):
        code = visit.main_diagnosis.code
        months.setdefault(code, Counter())[local(visit.arrived_at).month] += 1

    dengue = months["A97.0"] + months["A97.1"]
    flu = months["J10.1"]
    assert sum(dengue[m] for m in (7, 8, 9, 10)) > 2 * sum(dengue[m] for m in (1, 2, 3, 4))
    assert sum(flu[m] for m in (1, 2, 3)) > 2 * sum(flu[m] for m in (6, 7, 8))


def test_every_scenario_is_named_weighted_and_in_the_year():
    for item in scenarios():
        assert item.reason
        assert item.weight > 0
        assert len(item.months) == 12
        assert sum(item.months) > 0
        assert item.ages[0] <= item.ages[1]
        assert 0 <= item.inpatient <= 1
        assert item.nights > 0 or item.inpatient == 0
