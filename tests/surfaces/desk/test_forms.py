"""The forms of the desk lose nothing on the way to the record and back."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.care.scheduling.model import PriorityReason
from yba.foundation.parties.errors import PersonIncomplete
from yba.foundation.parties.model import (
    Guardian,
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.kernel.refusal import Unusable
from yba.surfaces.desk import forms

LAN = PersonDetails(
    name="Nguyễn Thị Lan",
    birth_date="1985-03",
    sex=Sex.FEMALE,
    identifiers=(
        PersonIdentifier(kind=IdentifierKind.CCCD, value="001185000123"),
        PersonIdentifier(kind=IdentifierKind.SOCIAL_INSURANCE, value="0100000001"),
    ),
    address=PersonAddress(text="Số 1 Phố Thử", province_code="01", commune_code="00004"),
    phone="+84901234567",
    ethnicity="01",
    occupation="51",
    guardian=Guardian(name="Trần Thị Mẹ", relationship="mẹ", phone="0901234568"),
    insurance=HealthInsurance(
        number="DN4010100000001",
        registered_facility="01001",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
        benefit_digit="4",
        five_years_on=date(2025, 1, 1),
    ),
)


def test_a_person_shown_and_saved_unchanged_stays_the_same():
    assert forms.read_person(forms.person_values(LAN), LAN) == LAN


def test_a_number_that_the_form_does_not_ask_for_is_kept():
    number = PersonIdentifier(kind=IdentifierKind.PATIENT_NUMBER, value="26000001")
    known = PersonDetails(name="Lan", identifiers=(number,))

    assert number in forms.read_person({"name": "Lan"}, known).identifiers


def test_an_old_number_beside_a_new_one_is_history():
    person = forms.read_person({"name": "Lan", "cccd": "001185000123", "cmnd": "123456789"})

    old = next(i for i in person.identifiers if i.kind == IdentifierKind.CMND)
    assert not old.active


def test_every_unreadable_field_is_named_at_once():
    sent = {"name": "Lan", "birth_date": "31/02/1990", "card_number": "1", "card_to": "soon"}

    with pytest.raises(PersonIncomplete) as refused:
        forms.read_person(sent)

    assert set(refused.value.fields) == {"birth_date", "card_to"}


def test_a_visit_needs_a_room():
    with pytest.raises(Unusable) as refused:
        forms.read_visit({"reason": "ho"}, "p1")

    assert set(refused.value.fields) == {"clinic"}


def test_an_uninsured_visit_carries_no_card():
    sent = {"clinic": "c1", "category": "9", "card_number": "DN4010100000001"}

    assert forms.read_visit(sent, "p1").insurance is None


def test_a_visit_takes_card_priority_and_key_from_the_form():
    sent = {
        "clinic": "c1",
        "category": "1.1",
        "card_number": " dn4 0101 0000 0001 ",
        "priority": "pregnant",
        "form_key": "k1",
    }

    visit = forms.read_visit(sent, "p1")

    assert visit.insurance is not None
    assert visit.insurance.number == "DN4010100000001"
    assert visit.insurance.benefit_digit == "4"
    assert visit.priority == PriorityReason.PREGNANT
    assert visit.idempotency_key == "k1"


@given(
    st.dictionaries(
        st.sampled_from(["name", "birth_date", "sex", "cccd", "card_number", "card_from", "phone"]),
        st.text(max_size=40),
    )
)
def test_whatever_is_typed_is_read_or_refused_by_field(sent: dict[str, str]):
    assert _refused_fields(sent) <= set(sent)


def _refused_fields(sent: dict[str, str]) -> set[str]:
    try:
        forms.read_person(sent)
    except PersonIncomplete as refusal:
        return set(refusal.fields)
    return set()
