"""What stands for an episode in the record: valid FHIR, whatever a field holds."""

from collections import defaultdict
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.money.insurance import visits
from tests.money.insurance.rule_cases import changed

from yba.fhir import r4
from yba.fhir.validation import check
from yba.kernel.ids import new_id
from yba.money.insurance.claim import Episode, Row
from yba.money.insurance.fhir import Episodic, Named, resources_of
from yba.money.insurance.person import details_of

NOW = datetime(2026, 9, 20, tzinfo=UTC)


def mapped(episode: Episode) -> list[Named]:
    ids: defaultdict[str, str] = defaultdict(new_id)
    about = Episodic("99999", new_id(), ids["encounter"], NOW, lambda name: ids[name])
    return resources_of(episode, about, created=date(2026, 9, 16))


def of(found: list[Named], kind: type) -> list:
    return [one.resource for one in found if isinstance(one.resource, kind)]


@pytest.mark.parametrize("kind", ["outpatient", "inpatient", "everything"])
def test_every_resource_is_valid_and_has_a_name_of_its_own(kind: str):
    found = mapped(visits.episode(kind))

    assert [issue for one in found for issue in check(one.resource)] == []
    assert len({one.name for one in found}) == len(found)


_ODD = st.one_of(
    st.sampled_from(["", " ", "\t", "0", "-1", "1e9", "9" * 40, ";;;", "20261301", "202602301261"]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\x00"),
        max_size=12,
    ),
)


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.slow
def test_odd_values_never_make_invalid_resources(data: st.DataObject):
    source = visits.episode(data.draw(st.sampled_from(["outpatient", "inpatient"])))
    tables = {
        name: tuple(
            Row(
                name,
                row.number,
                {
                    field: data.draw(_ODD) if data.draw(st.integers(0, 5)) == 0 else text
                    for field, text in row.items()
                },
            )
            for row in rows
        )
        for name, rows in source.tables.items()
    }

    found = mapped(Episode(tables))

    assert [issue for one in found for issue in check(one.resource)] == []


def test_the_main_disease_is_the_first_diagnosis_of_the_encounter():
    found = mapped(visits.episode("outpatient"))

    (encounter,) = of(found, r4.Encounter)
    names = {f"Condition/{c.id}": c.code.coding[0].code for c in of(found, r4.Condition)}
    assert [names[d.condition.reference] for d in encounter.diagnosis] == ["J02.9", "I10"]


def test_an_operation_is_a_procedure_and_other_services_are_requests():
    found = mapped(visits.episode("inpatient"))

    assert [p.code.text for p in of(found, r4.Procedure)] == ["Phẫu thuật cắt ruột thừa"]
    assert len(of(found, r4.ServiceRequest)) == 3


def test_a_result_is_a_number_with_its_unit_and_belongs_to_a_report():
    found = mapped(visits.episode("outpatient"))

    glucose = of(found, r4.Observation)[0]
    reports = of(found, r4.DiagnosticReport)
    assert (str(glucose.valueQuantity.value), glucose.valueQuantity.unit) == ("5.4", "mmol/L")
    assert f"Observation/{glucose.id}" in [r.reference for r in reports[0].result]


def test_the_claim_resource_adds_up_to_the_file():
    episode = visits.episode("outpatient")

    (claim,) = of(mapped(episode), r4.Claim)

    assert sum(item.net.value for item in claim.item) == claim.total.value
    assert claim.total.value == episode.main.amount("T_TONGCHI_BV")


def test_a_birth_of_which_only_the_year_is_known_stays_a_year():
    main = changed(visits.episode("outpatient"), "XML1.NGAY_SINH=198500000000").main

    assert details_of(main, date(2026, 9, 15)).birth_date == "1985"


def test_a_newborn_keeps_the_minute_of_birth():
    main = changed(visits.episode("outpatient"), "XML1.NGAY_SINH=202609140735").main

    details = details_of(main, date(2026, 9, 15))
    assert (details.birth_date, details.birth_time) == ("2026-09-14", "07:35")
