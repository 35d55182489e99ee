"""Results go from the bench to the chart only through two persons and a release."""

import pytest
from tests.builders.care import DOCTOR, NURSE, SECOND_TECHNICIAN, TECHNICIAN, open_visit

from yba.care.encounters import service as encounters
from yba.care.laboratory import listeners
from yba.care.laboratory import service as laboratory
from yba.care.laboratory.errors import (
    CorrectionReasonMissing,
    ResultIncomplete,
    ResultNotVerified,
    SecondPersonNeeded,
    StepNotPossible,
)
from yba.care.laboratory.model import EnteredValue, RequestState
from yba.care.orders import service as orders
from yba.care.orders.errors import OrderNotCancellable
from yba.care.orders.events import OrderCancelled, OrderPlaced
from yba.care.orders.model import ServiceLine
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused

GLUCOSE = "23.0075.1494"
GLUCOSE_INDEX = "1000201"
URINE = "23.0206.1596"
X_RAY = "18.0119.0028"


async def place(tx, at, *codes):
    """Order services and let the laboratory hear of it."""
    opened = await open_visit(tx, at)
    placed = await orders.order_services(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        lines=[ServiceLine(service_code=code) for code in codes],
        at=at,
    )
    event = OrderPlaced(
        encounter_id=opened.encounter_id,
        patient_id=opened.patient_id,
        request_ids=tuple(order.request_id for order in placed),
        service_codes=tuple(codes),
        quantities=tuple("1" for _ in codes),
        at=at,
    )
    await listeners.receive_orders(tx, event)
    return opened, placed, event


@pytest.fixture
async def glucose(tx, at):
    """Return a visit and the id of a glucose request that was collected."""
    opened, (placed,), _ = await place(tx, at, GLUCOSE)
    await laboratory.collect(tx, actor=NURSE, request_id=placed.request_id, at=at)
    return opened.encounter_id, placed.request_id


async def enter(tx, at, request_id, value, actor=TECHNICIAN, index=GLUCOSE_INDEX):
    await laboratory.enter_result(
        tx,
        actor=actor,
        request_id=request_id,
        values=[EnteredValue(index_code=index, value=value)],
        at=at,
    )


async def verify(tx, at, request_id, actor=SECOND_TECHNICIAN):
    await laboratory.verify_result(tx, actor=actor, request_id=request_id, at=at)


async def release(tx, at, request_id):
    return await laboratory.release_result(tx, actor=TECHNICIAN, request_id=request_id, at=at)


async def results(tx, at, encounter_id):
    view = await encounters.visit(tx, actor=DOCTOR, encounter_id=encounter_id, at=at)
    return [(r.value, r.unit, r.flag) for r in view.results]


async def test_only_laboratory_services_reach_the_bench_and_only_once(tx, at):
    _, placed, event = await place(tx, at, GLUCOSE, X_RAY)
    await listeners.receive_orders(tx, event)

    waiting = await laboratory.pending(tx, actor=TECHNICIAN, at=at)

    mine = [line for line in waiting if line.encounter_id == event.encounter_id]
    assert [line.request_id for line in mine] == [placed[0].request_id]
    assert mine[0].patient_name == "Nguyễn Thị Lan"
    assert mine[0].state == RequestState.ORDERED


async def test_a_specimen_gets_a_number_for_its_label(tx, at):
    _, (placed,), _ = await place(tx, at, GLUCOSE)

    number = await laboratory.collect(tx, actor=NURSE, request_id=placed.request_id, at=at)

    assert number.startswith("260915")
    with pytest.raises(StepNotPossible):
        await laboratory.collect(tx, actor=NURSE, request_id=placed.request_id, at=at)


async def test_values_are_flagged_against_the_range(tx, at, glucose):
    _, request_id = glucose
    await enter(tx, at, request_id, "11,2")

    view = await laboratory.request(tx, actor=TECHNICIAN, request_id=request_id, at=at)

    (result,) = view.results
    assert (result.value, result.unit, result.flag) == ("11,2", "mmol/L", "H")
    assert result.reference


async def test_a_result_is_invisible_in_the_chart_until_released(tx, at, glucose):
    encounter_id, request_id = glucose
    await enter(tx, at, request_id, "5,2")
    await verify(tx, at, request_id)
    assert await results(tx, at, encounter_id) == []

    await release(tx, at, request_id)

    assert await results(tx, at, encounter_id) == [("5.2", "mmol/L", "")]
    order = await orders.order(tx, actor=DOCTOR, request_id=request_id, at=at)
    assert order.status == "completed"


async def test_result_is_not_released_before_a_second_person_verifies_it(tx, at, glucose):
    _, request_id = glucose
    await enter(tx, at, request_id, "5,2")

    with pytest.raises(ResultNotVerified):
        await release(tx, at, request_id)


async def test_who_entered_a_result_does_not_verify_it(tx, at, glucose):
    _, request_id = glucose
    await enter(tx, at, request_id, "5,2")

    with pytest.raises(SecondPersonNeeded):
        await verify(tx, at, request_id, actor=TECHNICIAN)


async def test_a_site_with_one_technician_may_say_so(tx, at, glucose):
    _, request_id = glucose
    await laboratory.allow_single_verifier(tx, actor=Actor.system("test"), allowed=True, at=at)
    await enter(tx, at, request_id, "5,2")

    await verify(tx, at, request_id, actor=TECHNICIAN)

    assert await release(tx, at, request_id)


async def test_a_changed_value_must_be_verified_again(tx, at, glucose):
    _, request_id = glucose
    await enter(tx, at, request_id, "5,2")
    await verify(tx, at, request_id)
    await enter(tx, at, request_id, "5,3")

    with pytest.raises(ResultNotVerified):
        await release(tx, at, request_id)


async def test_a_correction_keeps_the_released_value_until_it_is_released_itself(tx, at, glucose):
    encounter_id, request_id = glucose
    await enter(tx, at, request_id, "5,2")
    await verify(tx, at, request_id)
    report_id = await release(tx, at, request_id)
    corrected = [EnteredValue(index_code=GLUCOSE_INDEX, value="15,2")]

    async def correct(reason):
        await laboratory.correct_result(
            tx, actor=TECHNICIAN, request_id=request_id, values=corrected, reason=reason, at=at
        )

    with pytest.raises(CorrectionReasonMissing):
        await correct("")
    await correct("Nhầm ống")
    assert await results(tx, at, encounter_id) == [("5.2", "mmol/L", "")]
    await verify(tx, at, request_id)
    assert await release(tx, at, request_id) == report_id
    assert await results(tx, at, encounter_id) == [("15.2", "mmol/L", "H")]
    report = await record.read(tx, actor=DOCTOR, type_=r4.DiagnosticReport, id_=report_id, at=at)
    assert report.status == "corrected"
    states = await record.history(tx, actor=DOCTOR, type_=r4.DiagnosticReport, id_=report_id, at=at)
    assert len(states) == 2


@pytest.mark.parametrize(
    ("index", "value"),
    [(GLUCOSE_INDEX, ""), (GLUCOSE_INDEX, "cao"), ("9999999", "1"), (GLUCOSE_INDEX, "x" * 300)],
)
async def test_values_that_make_no_sense_are_refused(tx, at, glucose, index, value):
    _, request_id = glucose

    with pytest.raises(ResultIncomplete) as caught:
        await enter(tx, at, request_id, value, index=index)

    assert set(caught.value.fields) == {index}


async def test_text_indices_take_listed_answers_only(tx, at):
    _, (placed,), _ = await place(tx, at, URINE)
    await laboratory.collect(tx, actor=NURSE, request_id=placed.request_id, at=at)

    with pytest.raises(ResultIncomplete):
        await enter(tx, at, placed.request_id, "hơi đục", index="1000404")
    await enter(tx, at, placed.request_id, "Dương tính", index="1000404")

    view = await laboratory.request(tx, actor=TECHNICIAN, request_id=placed.request_id, at=at)
    assert [(r.flag, r.reference) for r in view.results] == [("A", "Âm tính")]
    assert len(view.indices) == 10


async def test_a_cancelled_order_leaves_the_worklist(tx, at):
    opened, (placed,), _ = await place(tx, at, GLUCOSE)
    await orders.cancel_order(tx, actor=DOCTOR, request_id=placed.request_id, reason="Nhầm", at=at)
    await listeners.drop_order(
        tx,
        OrderCancelled(
            encounter_id=opened.encounter_id,
            patient_id=opened.patient_id,
            request_id=placed.request_id,
            at=at,
        ),
    )

    waiting = await laboratory.pending(tx, actor=TECHNICIAN, at=at)
    assert placed.request_id not in [line.request_id for line in waiting]


async def test_an_order_is_not_cancelled_once_the_specimen_is_taken(tx, at, glucose):
    _, request_id = glucose

    with pytest.raises(OrderNotCancellable):
        await orders.cancel_order(tx, actor=DOCTOR, request_id=request_id, reason="Nhầm", at=at)


async def test_the_desk_has_no_business_at_the_bench(tx, at, glucose):
    _, request_id = glucose

    with pytest.raises(AccessRefused):
        await enter(tx, at, request_id, "5,2", actor=NURSE)
