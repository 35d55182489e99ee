"""Visits: their states, vital signs, notes and diagnoses. Pure."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from yba.care.scheduling.model import PriorityReason, Ticket
from yba.foundation.parties.model import HealthInsurance


class VisitState(StrEnum):
    """FHIR encounter-status, as far as a visit uses it."""

    ARRIVED = "arrived"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class NewVisit:
    """What the desk enters. Codes are those of the claim lists.

    `patient_category` is MA_DOITUONG_KCB ("9": not an insured visit),
    `care_type` MA_LOAI_KCB ("01": examination). `idempotency_key` is made by
    the form; the same key always gives the same visit.
    """

    patient_id: str
    clinic_id: str
    reason: str
    patient_category: str = "9"
    care_type: str = "01"
    insurance: HealthInsurance | None = None
    priority: PriorityReason = PriorityReason.NONE
    referring_facility: str = ""
    referral_number: str = ""
    injury_cause: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit that has just been opened (or was, under the same key)."""

    encounter_id: str
    claim_key: str
    patient_id: str
    ticket: Ticket
    already_open: bool = False


@dataclass(frozen=True, kw_only=True)
class VitalSigns:
    """One set of measurements, in the units of the ward.

    Pulse and breaths a minute, temperature °C, blood pressure mmHg, oxygen
    saturation %, weight kg, height cm. None: not measured.
    """

    pulse: Decimal | None = None
    temperature: Decimal | None = None
    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    breaths: Decimal | None = None
    saturation: Decimal | None = None
    weight: Decimal | None = None
    height: Decimal | None = None

    @property
    def body_mass_index(self) -> Decimal | None:
        """Weight by height squared, one decimal; None if either is missing."""
        if self.weight is None or not self.height:
            return None
        metres = self.height / 100
        return (self.weight / (metres * metres)).quantize(Decimal("0.1"))


@dataclass(frozen=True, kw_only=True)
class VitalFinding:
    """One measurement as the chart shows it. `flag` is "", "L", "H", "LL" or "HH".

    `field` is the name in VitalSigns (or body_mass_index), `name` a msgid.
    """

    field: str
    name: str
    value: Decimal
    unit: str
    flag: str
    measured_at: datetime
    observation_id: str


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The doctor's note, plain text with line breaks. Empty: nothing noted."""

    reason: str = ""
    history: str = ""
    past_history: str = ""
    findings: str = ""
    course: str = ""
    preliminary_diagnosis: str = ""
    plan: str = ""


@dataclass(frozen=True, kw_only=True)
class DiagnosisEntry:
    """One ICD-10 code; the first of a list is the main disease.

    `text` is the doctor's own wording; empty takes the name of the list.
    """

    code: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A diagnosis in force."""

    condition_id: str
    code: str
    name: str
    text: str
    main: bool


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """When the patient should come again, and why."""

    on: date
    reason: str = ""
    clinic_id: str = ""
    appointment_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How the visit ended. KET_QUA_DTRI, MA_LOAI_RV, PP_DIEU_TRI, GHI_CHU."""

    outcome: str = "2"
    discharge_type: str = "1"
    treatment: str = ""
    advice: str = ""
    transferred_to: str = ""


@dataclass(frozen=True, kw_only=True)
class MedicationLine:
    """A prescribed drug as the chart lists it; orders.service has the full view."""

    request_id: str
    encounter_id: str
    prescription_code: str
    drug_code: str
    substance_code: str
    name: str
    quantity: str
    dosage: str
    days: int
    status: str
    prescribed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """An ordered service as the chart lists it."""

    request_id: str
    service_code: str
    name: str
    quantity: Decimal
    status: str
    ordered_at: datetime | None
    requester: str
    note: str


@dataclass(frozen=True, kw_only=True)
class ResultLine:
    """One released laboratory index."""

    observation_id: str
    request_id: str
    code: str
    name: str
    value: str
    unit: str
    reference: str
    flag: str
    resulted_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Allergy:
    """One recorded allergy; an empty list with `none_known` says so."""

    allergy_id: str
    code: str
    text: str
    criticality: str


@dataclass(frozen=True, kw_only=True)
class Practitioner:
    """Who did something, with the licence that claims ask for."""

    practitioner_id: str
    name: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class VisitView:
    """Everything of one visit for the chart, the documents and the claim.

    `missing` are msgids of what close_visit still wants; `item_id` is the
    ticket; `other_medications` are active ones of earlier visits.
    """

    encounter_id: str
    claim_key: str
    state: VisitState
    patient_id: str
    patient_number: str
    patient_name: str
    birth_date: str
    sex: str
    identity_number: str
    phone: str
    address: str
    facility_code: str
    clinic_id: str
    clinic_name: str
    department_code: str
    patient_category: str
    care_type: str
    insurance: HealthInsurance | None
    referring_facility: str
    referral_number: str
    injury_cause: str
    reason: str
    opened_at: datetime
    started_at: datetime | None
    closed_at: datetime | None
    doctor: Practitioner | None
    examination: Examination
    vitals: tuple[VitalFinding, ...]
    diagnoses: tuple[Diagnosis, ...]
    orders: tuple[OrderLine, ...]
    medications: tuple[MedicationLine, ...]
    other_medications: tuple[MedicationLine, ...]
    results: tuple[ResultLine, ...]
    follow_up: FollowUp | None
    closing: Closing | None
    allergies: tuple[Allergy, ...]
    no_known_allergy: bool
    earlier_visits: tuple["VisitLine", ...]
    missing: tuple[str, ...] = field(default=())
    item_id: int = 0

    @property
    def latest_vitals(self) -> tuple[VitalFinding, ...]:
        """The newest value of each measurement, in measuring order."""
        newest: dict[str, VitalFinding] = {}
        for finding in self.vitals:
            newest.setdefault(finding.field, finding)
        return tuple(newest.values())

    @property
    def main_diagnosis(self) -> Diagnosis | None:
        """The one main disease, if it has been chosen."""
        return next((d for d in self.diagnoses if d.main), None)


@dataclass(frozen=True, kw_only=True)
class VisitLine:
    """One visit in the history of a patient."""

    encounter_id: str
    opened_at: datetime
    closed_at: datetime | None
    state: VisitState
    clinic_name: str
    facility_code: str
    reason: str
    main_code: str
    main_name: str
