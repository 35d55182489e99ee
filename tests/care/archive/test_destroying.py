"""Destruction: due, not held, approved by somebody else; afterwards only its account remains."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import asyncpg
import pikepdf
import pytest
from tests.care.archive.conftest import HEAD, KEEPER, NOON, person_with

from yba.care.archive import listeners, service
from yba.care.archive.errors import (
    NotApproved,
    NotDue,
    NothingDue,
    RecordHeld,
    RecordNotFound,
    SamePerson,
)
from yba.care.archive.events import RecordDestroyed
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.record.errors import ResourceNotFound
from yba.foundation.signing.service import open_signing
from yba.kernel.actor import Actor

# Ten years after the year in which the work ended.
TODAY = datetime(2037, 1, 5, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def later_signing(tmp_path_factory):
    """Return a signing folder of the year of the destruction."""
    return open_signing(
        tmp_path_factory.mktemp("later"), organisation="Thử", facility_code="01001", at=TODAY
    )


@pytest.fixture
def later(archive, later_signing):
    """Return the same archive, years later."""
    return replace(archive, signing=later_signing)


async def approved_list(tx) -> str:
    listed = await service.propose_destruction(tx, actor=KEEPER, reason="Hết hạn", at=TODAY)
    await service.approve_destruction(tx, actor=HEAD, destruction_id=listed, at=TODAY)
    return listed


async def test_nothing_is_destroyed_before_its_period_has_passed(tx, archived_visit):
    await archived_visit(tx)

    last_day = datetime(2036, 12, 31, 5, 0, tzinfo=UTC)
    with pytest.raises(NothingDue):
        await service.propose_destruction(tx, actor=KEEPER, reason="Hết hạn", at=last_day)


async def test_a_held_record_is_not_listed_and_stops_a_list_it_is_on(tx, archived_visit, later):
    one = await archived_visit(tx)
    listed = await approved_list(tx)
    hold = {"actor": KEEPER, "encounter_id": one.encounter_id, "at": TODAY}
    hold_id = await service.place_hold(tx, ordered_by="Tòa án", reason="Vụ án 7", **hold)

    with pytest.raises(RecordHeld):
        await service.carry_out(tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY)
    await service.lift_hold(tx, hold_id=hold_id, reason="Vụ án kết thúc", **hold)
    assert await service.carry_out(tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY)


async def test_a_period_raised_after_listing_stops_the_list(tx, archived_visit, later):
    one = await archived_visit(tx)
    listed = await approved_list(tx)
    await service.add_circumstance(
        tx, actor=KEEPER, encounter_id=one.encounter_id, kind="transplant", at=TODAY
    )

    with pytest.raises(NotDue):
        await service.carry_out(tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY)


async def test_who_makes_the_list_does_not_approve_it(tx, archived_visit, later):
    await archived_visit(tx)
    both = person_with("Một Mình", *KEEPER.permissions, *HEAD.permissions)
    listed = await service.propose_destruction(tx, actor=both, reason="Hết hạn", at=TODAY)

    with pytest.raises(SamePerson):
        await service.approve_destruction(tx, actor=both, destruction_id=listed, at=TODAY)
    with pytest.raises(NotApproved):
        await service.carry_out(tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY)


async def test_only_the_account_of_the_destruction_remains(tx, archived_visit, later):
    one = await archived_visit(tx)
    [paper] = await service.documents.documents_of(
        tx, actor=KEEPER, encounter_id=one.encounter_id, at=NOON
    )
    listed = await approved_list(tx)

    minutes = await service.carry_out(
        tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY
    )

    left = "SELECT summary || patient_id FROM signing.request WHERE encounter_id = $1"
    assert set(await tx.values(left, one.encounter_id)) == {""}
    about = {"actor": KEEPER, "encounter_id": one.encounter_id, "at": TODAY}
    found = await service.record(tx, **about)
    assert (found.state, found.patient_id) == ("destroyed", "")
    with pytest.raises(ResourceNotFound):
        await record.read(tx, actor=KEEPER, type_=r4.Encounter, id_=one.encounter_id, at=TODAY)
    counts = await tx.connection.fetchrow(
        "SELECT (SELECT count(*) FROM record.history h JOIN record.resource r USING (type, rid)"
        " WHERE r.rid IS NULL) AS old,"
        " (SELECT count(*) FROM documents.document WHERE encounter_id = $1) AS papers",
        one.encounter_id,
    )
    assert tuple(counts) == (0, 0)
    # The person's own record goes on.
    system = Actor.system("test")
    await record.read(tx, actor=system, type_=r4.Patient, id_=one.patient_id, at=TODAY)
    event = RecordDestroyed(encounter_id=one.encounter_id, files=(paper.sha256,), at=TODAY)
    await listeners.remove_files(later.blobs)(tx, event)
    assert paper.sha256 not in later.blobs
    pdf = await service.minutes_of(tx, archive=later, actor=KEEPER, destruction_id=listed)
    assert minutes in later.blobs
    assert len(pikepdf.open(BytesIO(pdf)).pages) == 1
    with pytest.raises(RecordNotFound):
        await service.hand_over(tx, request="CV 9", **about)


async def test_carrying_out_twice_changes_nothing(tx, archived_visit, later):
    await archived_visit(tx)
    listed = await approved_list(tx)
    call = {"archive": later, "actor": KEEPER, "destruction_id": listed}

    first = await service.carry_out(tx, at=TODAY, **call)
    again = await service.carry_out(tx, at=TODAY + timedelta(days=1), **call)

    assert first == again


async def test_a_destroyed_record_never_changes(tx, archived_visit, later):
    one = await archived_visit(tx)
    listed = await approved_list(tx)
    await service.carry_out(tx, archive=later, actor=KEEPER, destruction_id=listed, at=TODAY)

    with pytest.raises(asyncpg.RaiseError):
        await tx.execute(
            "UPDATE archive.record SET state = 'archived', patient_id = 'x' WHERE encounter_id = $1",
            one.encounter_id,
        )
