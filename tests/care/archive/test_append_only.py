"""Nothing that was written is overwritten: the database refuses a superuser's statement, too."""

import asyncpg
import pytest
from tests.care.archive.conftest import NOON, TREATING

from yba.care.encounters import service as encounters
from yba.care.encounters.model import Examination

CARELESS = [
    "DELETE FROM record.history",
    "TRUNCATE record.history",
    "UPDATE record.history SET body = ''",
    "UPDATE record.history SET version = 7",
    "DELETE FROM record.resource",
    "TRUNCATE record.resource",
    "UPDATE record.resource SET body = ''",
    "UPDATE record.resource SET version = version - 1",
    "UPDATE record.resource SET version = version + 2",
    "DELETE FROM documents.document",
    "TRUNCATE documents.document CASCADE",
    "UPDATE documents.document SET reason = 'x'",
    "DELETE FROM documents.paper_copy",
    "DELETE FROM documents.revision",
    "UPDATE documents.revision SET number = 9",
    "UPDATE archive.step SET reason = 'x'",
    "DELETE FROM archive.step",
    "DELETE FROM archive.record",
    "TRUNCATE archive.record CASCADE",
    "UPDATE archive.record SET state = 'destroyed'",
    "UPDATE archive.record SET claim_key = 'x'",
    "DELETE FROM archive.hold",
    "DELETE FROM archive.circumstance",
    "DELETE FROM archive.destruction",
    "DELETE FROM audit.event",
    "UPDATE audit.event SET actor_name = 'x'",
]


@pytest.mark.parametrize("statement", CARELESS)
async def test_a_careless_statement_of_a_superuser_is_refused(tx, signed_visit, statement):
    one = await signed_visit(tx)
    assert await tx.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")

    with pytest.raises(asyncpg.PostgresError):
        await tx.execute(statement)
    assert one.encounter_id


async def test_every_version_that_was_written_can_be_read_again(tx, signed_visit):
    from yba.fhir import r4
    from yba.foundation.record import service as record

    one = await signed_visit(tx, sign=False)
    about = {"actor": TREATING, "encounter_id": one.encounter_id, "at": NOON}
    await encounters.reopen_visit(tx, reason="Bổ sung", **about)
    await encounters.record_examination(
        tx, examination=Examination(history="Bốn ngày", findings="Phổi trong"), **about
    )

    [note] = await record.search(
        tx, actor=TREATING, type_=r4.Composition, query=f"patient={one.patient_id}", at=NOON
    )
    states = await record.history(tx, actor=TREATING, type_=r4.Composition, id_=note.id, at=NOON)
    assert [state.version for state in states] == list(range(len(states), 0, -1))
    assert len(states) >= 2
    assert "Ba ngày" in states[-1].body.decode()
    assert "Bốn ngày" in states[0].body.decode()
