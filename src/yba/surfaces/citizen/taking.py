"""Her data to take away: one FHIR bundle of everything that is about her.

Standard: FHIR R4 Bundle.type "collection". The signed papers come beside it as PDF.
"""

from datetime import datetime
from typing import Any

import orjson

from yba.fhir import r4
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

_TYPES: tuple[type[Any], ...] = (
    r4.Encounter, r4.Condition, r4.Observation, r4.DiagnosticReport, r4.MedicationRequest,
    r4.ServiceRequest, r4.DocumentReference, r4.Procedure, r4.AllergyIntolerance, r4.Immunization,
    r4.ClinicalImpression, r4.Composition, r4.CarePlan, r4.Communication, r4.Coverage, r4.Consent,
    r4.Claim, r4.Specimen, r4.Appointment, r4.QuestionnaireResponse, r4.Provenance,
)  # fmt: skip


async def bundle_of(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> bytes:
    """Return everything of a patient's record as a FHIR R4 collection, newest first in each type.

    Raises ResourceNotFound if there is no record. The look is audited as any other.
    """
    chart = await record.chart(tx, actor=actor, patient_id=patient_id, types=list(_TYPES), at=at)
    resources = [chart.patient, *(one for type_ in _TYPES for one in chart.of(type_))]
    entries = [
        {"resource": orjson.Fragment(r4.encode(one))} for one in resources if one is not None
    ]
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": at.isoformat(timespec="seconds"),
            "entry": entries,
        }
    )
