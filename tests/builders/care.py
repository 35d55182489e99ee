"""Fictitious staff, persons, clinics and visits for the tests of care."""

from dataclasses import replace
from datetime import datetime

from yba.care.encounters import service as encounters
from yba.care.encounters.model import NewVisit, Visit
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.model import Clinic
from yba.foundation.accounts.model import permissions_of
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx


def staff(role: str, name: str = "Nhân viên Thử") -> Actor:
    """Return somebody with one role and its permissions, on duty in the department of the clinics."""
    return Actor(
        account_id=f"account-{role}-{name}",
        name=name,
        roles=frozenset({role}),
        permissions=permissions_of([role]),
        practitioner_id=f"practitioner-{role}",
        licence="000123/HNO-CCHN" if role == "doctor" else "",
        departments=frozenset({"K01"}) if role in ("doctor", "nurse") else frozenset(),
    )


DESK = staff("receptionist", "Lễ Tân Thử")
NURSE = staff("nurse", "Điều Dưỡng Thử")
DOCTOR = staff("doctor", "Bác Sĩ Thử")
TECHNICIAN = staff("laboratory", "Kỹ Thuật Viên Thử")
SECOND_TECHNICIAN = staff("laboratory", "Kỹ Thuật Viên Hai")


def citizen(patient_id: str) -> Actor:
    """Return a citizen who sees only herself."""
    return Actor(
        account_id=f"citizen-{patient_id}",
        name="Người Dân Thử",
        roles=frozenset({"citizen"}),
        permissions=permissions_of(["citizen"]),
        patient_id=patient_id,
        purpose="PATRQT",
    )


CARD = HealthInsurance(number="DN4010100000001", registered_facility="01001", benefit_digit="4")
LAN = PersonDetails(
    name="Nguyễn Thị Lan",
    birth_date="1985-03-12",
    sex=Sex.FEMALE,
    phone="0901234567",
    ethnicity="01",
    occupation="51",
    address=PersonAddress(text="Số 1 Phố Thử, Hà Nội", province_code="01", commune_code="00004"),
    identifiers=(PersonIdentifier(kind=IdentifierKind.CCCD, value="001185000123"),),
    insurance=CARD,
)


def person_named(name: str, number: int, **changes: object) -> PersonDetails:
    """Return another person with her own citizen number and card, born like Lan."""
    cccd = PersonIdentifier(kind=IdentifierKind.CCCD, value=f"0011850{number:05d}")
    card = replace(CARD, number=f"DN401{number:010d}")
    return replace(LAN, name=name, identifiers=(cccd,), insurance=card, **changes)  # type: ignore[arg-type]


def clinic_called(code: str, **changes: object) -> Clinic:
    """Return a clinic to add."""
    clinic = Clinic(
        clinic_id="",
        facility_code="01001",
        code=code,
        name=f"Phòng khám {code}",
        room="101",
        department_code="K01",
        ticket_prefix=code[:1],
        exam_service_code="02.03.1896",
    )
    return replace(clinic, **changes)  # type: ignore[arg-type]


async def add_clinic(tx: Tx, at: datetime, code: str = "A1", **changes: object) -> str:
    """Add a clinic and return its id."""
    return await scheduling.add_clinic(
        tx, actor=Actor.system("test"), clinic=clinic_called(code, **changes), at=at
    )


async def register(tx: Tx, at: datetime, person: PersonDetails = LAN) -> str:
    """Register a person and return her id."""
    return await parties.register_person(tx, actor=DESK, person=person, at=at)


async def open_visit(
    tx: Tx, at: datetime, *, person: PersonDetails = LAN, insured: bool = True, code: str = "A1"
) -> Visit:
    """Register a person, add a clinic and open a visit there."""
    patient_id = await register(tx, at, person)
    clinic_id = await add_clinic(tx, at, code)
    return await encounters.open_visit(
        tx,
        actor=DESK,
        visit=NewVisit(
            patient_id=patient_id,
            clinic_id=clinic_id,
            reason="Sốt, ho ba ngày",
            patient_category="1.1" if insured else "9",
        ),
        at=at,
    )
