"""What happened to visits; delivered after commit, at least once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class VisitOpened:
    """A visit was opened and its ticket issued.

    `exam_service_code` is the service that the clinic charges for an
    examination; empty when the clinic charges none.
    """

    encounter_id: str
    claim_key: str
    patient_id: str
    facility_code: str
    clinic_id: str
    department_code: str
    patient_category: str
    care_type: str
    exam_service_code: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitStarted:
    """A doctor began to see the patient."""

    encounter_id: str
    patient_id: str
    practitioner_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitTransferred:
    """A visit went on in another clinic, whose examination may cost something else."""

    encounter_id: str
    patient_id: str
    clinic_id: str
    department_code: str
    exam_service_code: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class DiagnosesRecorded:
    """The diagnoses of a visit were set or corrected; main disease first."""

    encounter_id: str
    patient_id: str
    codes: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitClosed:
    """The visit is complete: bill, documents and claim may be made."""

    encounter_id: str
    claim_key: str
    patient_id: str
    facility_code: str
    outcome: str
    discharge_type: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitReopened:
    """A closed visit is being corrected; what was made from it must be made again."""

    encounter_id: str
    patient_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitCancelled:
    """A visit opened by mistake was cancelled before anything was done."""

    encounter_id: str
    patient_id: str
    at: datetime
