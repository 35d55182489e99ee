"""Nobody reaches somebody else's record by its address: every page with an id, tried by strangers.

A stranger here is a person of staff whose role fits and who has nothing to do with the patient, or
another citizen. She gets 403 or 404 (or what the page says to anybody), never the patient's name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from tests.app.people import signed_in
from tests.builders.care import DOCTOR, add_clinic, person_named

from yba.app import wiring
from yba.app.asgi import Shell
from yba.care.encounters import service as encounters
from yba.care.encounters.model import DiagnosisEntry, NewVisit
from yba.foundation.access.kinds import role_rules
from yba.foundation.accounts.model import PERMISSIONS
from yba.foundation.parties import service as parties
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.plumbing.web import PUBLIC, SIGNED_IN, Page

NAME = "Kiều Bí Mật Tuyệt"
SYSTEM = Actor.system("test")
NEAR = ("encounter_id", "patient_id", "item_id")
PAGES = [
    page for page in wiring.pages()
    if page.permission not in (PUBLIC, SIGNED_IN)
    and any(f"{{{name}" in page.path for name in NEAR)
    # Of everybody by law and by role: reception registers, the till bills, archivists keep records.
    and not page.permission.startswith(("desk", "cashier", "payments", "claims", "archive", "admin",
                                        "privacy", "boards", "person"))
]  # fmt: skip
# Without input they do nothing: they lead back to a page that is refused, or answer an empty part.
HARMLESS = {"chart:vitals", "chart:end_emergency", "chart:check_prescription"}
# Roles that see only some persons.
STRANGERS = [role for role, rule in role_rules().items() if not rule.anyone and role in PERMISSIONS]


@pytest.fixture(scope="module")
async def somebody(database: Database) -> dict[str, str]:
    """Store a patient of another department, with a visit and a diagnosis."""
    now = utc_now()
    async with database.transaction() as tx:
        patient_id = await parties.register_person(
            tx, actor=SYSTEM, person=person_named(NAME, int(now.timestamp()) % 90_000), at=now
        )
        clinic_id = await add_clinic(tx, now, "Z" + new_id()[-5:].upper())
        visit = await encounters.open_visit(
            tx, actor=SYSTEM, at=now,
            visit=NewVisit(
                patient_id=patient_id, clinic_id=clinic_id, reason="Sốt", patient_category="9"
            ),
        )  # fmt: skip
        await encounters.record_diagnoses(
            tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=now,
            diagnoses=[DiagnosisEntry(code="J06.9")],
        )  # fmt: skip
    return {
        "encounter_id": visit.encounter_id, "patient_id": patient_id,
        "item_id": str(visit.ticket.item_id),
    }  # fmt: skip


def _path(page: Page, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ids.get(found[1], "1"), page.path)


def test_there_are_pages_to_try():
    assert len(PAGES) > 15
    assert {"doctor", "nurse", "laboratory", "citizen"} <= set(STRANGERS)


@pytest.mark.parametrize("role", STRANGERS)
async def test_a_stranger_reaches_no_record(
    role: str, somebody: dict[str, str], shell: Shell, database: Database
):
    may = Actor("x", "x", permissions=PERMISSIONS[role]).may
    reached: list[str] = []
    async with signed_in(shell, database, role) as client:
        for page in PAGES:
            if not may(page.permission):
                continue
            for method in page.methods:
                answer = await client.request(method, _path(page, somebody))
                refused = answer.status_code in (400, 403, 404, 405, 409, 422)
                refused = refused or (answer.status_code in (200, 303) and page.name in HARMLESS)
                if NAME in answer.text or not refused:
                    reached.append(f"{method} {page.name}: {answer.status_code}")
    assert reached == []


async def test_nothing_was_changed_by_trying(somebody: dict[str, str], database: Database):
    async with database.transaction() as tx:
        view = await encounters.visit(
            tx, actor=SYSTEM, encounter_id=somebody["encounter_id"], at=datetime.now(UTC)
        )
    assert [one.code for one in view.diagnoses] == ["J06.9"]
