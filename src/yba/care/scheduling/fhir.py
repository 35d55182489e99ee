"""Clinics as Location, the face they show in the record."""

from yba.care.scheduling.model import Clinic
from yba.fhir import r4
from yba.kernel import systems


def location_of(clinic: Clinic) -> r4.Location:
    """Return the clinic as a Location of its facility."""
    identifiers = (
        [r4.Identifier(system=systems.DEPARTMENT_CODE, value=clinic.department_code)]
        if clinic.department_code
        else None
    )
    return r4.Location(
        id=clinic.clinic_id,
        identifier=identifiers,
        status="active" if clinic.open else "suspended",
        name=clinic.name,
        description=clinic.room or None,
        mode="instance",
        managingOrganization=r4.Reference(
            identifier=r4.Identifier(system=systems.FACILITY_CODE, value=clinic.facility_code)
        ),
    )
