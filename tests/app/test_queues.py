"""Who sees whose queue: names for those on duty in the department, numbers for everybody else."""

from typing import Any

import pytest
from tests.app.people import signed_in
from tests.builders import care

from yba.app.asgi import Shell
from yba.care.encounters.model import Visit
from yba.care.scheduling import service as scheduling
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database

NAMES = {"K21": "Vũ Thị Khoa Trước", "K22": "Bùi Văn Khoa Sau"}


@pytest.fixture(scope="module")
async def waiting(shell: Shell, database: Database) -> dict[str, dict[str, Any]]:
    """Return one person who waits in each of two departments: her visit, her clinic."""
    found: dict[str, dict[str, Any]] = {}
    async with database.transaction() as tx:
        for number, (department, name) in enumerate(NAMES.items(), 6121):
            at = utc_now()
            clinic_id = await care.add_clinic(
                tx, at, f"Q{number}", department_code=department, ticket_prefix=department[-1]
            )
            visit: Visit = await care.encounters.open_visit(
                tx, actor=care.DESK, at=at,
                visit=care.NewVisit(
                    patient_id=await care.register(tx, at, care.person_named(name, number)),
                    clinic_id=clinic_id, reason="Sốt", patient_category="9",
                ),
            )  # fmt: skip
            ticket = await scheduling.ticket_of_visit(tx, encounter_id=visit.encounter_id)
            assert ticket is not None
            found[department] = {"clinic": clinic_id, "number": ticket.number}
    return found


@pytest.mark.parametrize("role", ["doctor", "nurse", "head"])
async def test_a_queue_is_seen_by_those_on_duty_in_its_department(
    role: str, shell: Shell, database: Database, waiting: dict[str, dict[str, Any]]
):
    async with signed_in(shell, database, role, departments=["K21"]) as person:
        for asked in ("/chart", f"/chart?clinic={waiting['K22']['clinic']}", "/chart?part=1"):
            page = (await person.get(asked)).text
            assert NAMES["K21"] in page, asked
            assert NAMES["K22"] not in page, asked
    async with signed_in(shell, database, role) as nowhere:
        page = (await nowhere.get(f"/chart?clinic={waiting['K21']['clinic']}")).text
        assert not any(name in page for name in NAMES.values())
        assert "chưa được phân công" in page


async def test_nobody_calls_from_the_queue_of_another_department(
    shell: Shell, database: Database, waiting: dict[str, dict[str, Any]]
):
    async with signed_in(shell, database, "doctor", departments=["K22"]) as doctor:
        for clinic in (waiting["K21"]["clinic"], "no-such-clinic"):
            answer = await doctor.post("/chart/call-next", data={"clinic": clinic})
            assert answer.status_code == 403


async def test_a_board_shows_numbers_of_its_department_and_no_name(
    shell: Shell, database: Database, waiting: dict[str, dict[str, Any]]
):
    async with signed_in(shell, database, "receptionist") as anybody:
        board = (await anybody.get("/boards/queue/numbers?department=K21")).text
        assert waiting["K21"]["number"] in board
        assert waiting["K22"]["clinic"] not in board
        nothing = (await anybody.get("/boards/queue/numbers?department=K99")).text
        everything = (await anybody.get("/boards/queue")).text
    assert not any(one["clinic"] in nothing for one in waiting.values())
    assert all(one["clinic"] in everything for one in waiting.values())
    assert not any(name in everything for name in NAMES.values())
