"""The shipped rules and a real visit, as charging tests use them."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from decimal import Decimal

import pytest

from yba.care.encounters import service as encounters
from yba.care.encounters.model import NewVisit
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.model import Clinic
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import HealthInsurance, PersonDetails, Sex
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.money.charging import service, store
from yba.money.charging.model import NewCharge, Price
from yba.money.charging.rulebook import Rulebook, shipped_rules
from yba.plumbing.database import Tx

PRICES = [
    ("service", "TEST.EXAM", 13, "42100", "42100", 100, 1),
    ("service", "TEST.BLOOD", 1, "400000", "400000", 100, 1),
    ("service", "TEST.SCAN", 2, "900000", "700000", 100, 1),
    ("service", "TEST.COMFORT", 19, "150000", "0", 0, 2),
    ("drug", "TEST.DRUG", 4, "1234.567", "1234.567", 100, 1),
]


@pytest.fixture(scope="session")
def rules() -> Rulebook:
    """Return the shipped rulebook."""
    return shipped_rules()


class Ward:
    """A visit with a card of level 80, and the verbs that tests repeat."""

    def __init__(self, tx: Tx, actor: Actor, at: datetime) -> None:
        self.tx, self.actor, self.at = tx, actor, at
        self.encounter_id = self.patient_id = ""
        self._causes = 0

    async def charge(self, code: str, quantity: str = "1", *, kind: str = "service") -> str:
        """Charge something and return its cause."""
        self._causes += 1
        cause = f"test:{self.encounter_id}:{self._causes}"
        await service.charge(
            self.tx,
            actor=self.actor,
            encounter_id=self.encounter_id,
            patient_id=self.patient_id,
            charges=[NewCharge(cause, kind, code, Decimal(quantity), self.at)],
            at=self.at,
        )
        return cause

    async def bill(self):
        """Return the statement now."""
        return await service.statement(self.tx, encounter_id=self.encounter_id, at=self.at)

    async def invoice(self):
        """Freeze what is new."""
        return await service.issue_invoice(
            self.tx, actor=self.actor, encounter_id=self.encounter_id, at=self.at
        )


OpenVisit = Callable[[str], Awaitable[Ward]]


async def visit_in(tx: Tx, actor: Actor, at: datetime, category: str) -> Ward:
    """Open a visit of a category ("9": not insured) in the test's clinic."""
    await store.keep_prices(
        tx,
        facility_code="01999",
        decision="test",
        valid_from=date(2026, 1, 1),
        fingerprint="test",
        prices=[
            Price(kind, code, code, "lần", group, Decimal(price), Decimal(insured), ratio, scope)
            for kind, code, group, price, insured, ratio, scope in PRICES
        ],
    )
    ward = Ward(tx, actor, at)
    card = HealthInsurance(
        number=f"GD401{new_snowflake() // 1024 % 10**10:010}",
        registered_facility="01999",
        valid_from=date(2026, 1, 1),
        valid_to=date(2099, 12, 31),
        benefit_digit="4",
    )
    ward.patient_id = await parties.register_person(
        tx,
        actor=actor,
        person=PersonDetails(
            name="Nguyễn Văn Thử", birth_date="1980-05-20", sex=Sex.MALE, insurance=card
        ),
        at=at,
    )
    clinic_id = await scheduling.add_clinic(
        tx,
        actor=actor,
        clinic=Clinic(
            clinic_id="",
            facility_code="01999",
            code=f"PK{ward.patient_id[:-3]}",
            name="Phòng khám Nội",
            room="101",
            department_code="K01",
            ticket_prefix="N",
            exam_service_code="TEST.EXAM",
        ),
        at=at,
    )
    visit = await encounters.open_visit(
        tx,
        actor=actor,
        visit=NewVisit(
            patient_id=ward.patient_id,
            clinic_id=clinic_id,
            reason="Đau đầu",
            patient_category=category,
        ),
        at=at,
    )
    ward.encounter_id = visit.encounter_id
    return ward


@pytest.fixture
async def open_visit(tx: Tx, actor: Actor, at: datetime) -> OpenVisit:
    """Return a function that opens a visit of a category ("9": not insured)."""

    async def opened(category: str) -> Ward:
        return await visit_in(tx, actor, at, category)

    return opened


@pytest.fixture
async def ward(open_visit: OpenVisit) -> Ward:
    """Return a visit on the right line."""
    return await open_visit("1.1")
