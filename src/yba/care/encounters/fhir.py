"""A visit as FHIR resources: Encounter, Observation, Condition, Appointment.

Everything that a claim needs to know about the visit is in the Encounter
itself: the card as it was (a contained Coverage), category, type of care,
outcome. `view` reads it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from yba.care.encounters import notes, vitals
from yba.care.encounters.model import (
    Allergy,
    Closing,
    DiagnosisEntry,
    Examination,
    FollowUp,
    NewVisit,
    VitalSigns,
)
from yba.care.scheduling.model import Clinic
from yba.fhir import r4
from yba.foundation.parties.service import coverage_resource
from yba.kernel import systems
from yba.kernel.actor import Actor
from yba.kernel.clock import local

EXT = systems.EXTENSION
DISCHARGE_TYPE = "urn:yba:vn:code:ma-loai-rv"
OUTCOME = "urn:yba:vn:code:ket-qua-dtri"
FINAL_USE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
NO_KNOWN_ALLERGY = "716186003"
_SNOMED = "http://snomed.info/sct"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_FLAGS = {"L": "Low", "H": "High", "LL": "Critical low", "HH": "Critical high"}


def moment(at: datetime) -> str:
    """Write a moment as FHIR does, on Vietnam's clock."""
    return local(at).isoformat(timespec="seconds")


def concept(system: str, code: str, display: str = "", text: str = "") -> r4.CodeableConcept:
    """Return one coded concept."""
    coding = r4.Coding(system=system, code=code, display=display or None)
    return r4.CodeableConcept(coding=[coding], text=text or None)


def author_of(actor: Actor) -> r4.Reference:
    """Return who acts, with the licence that claims ask for."""
    licence = r4.Identifier(system=systems.LICENCE, value=actor.licence) if actor.licence else None
    reference = f"Practitioner/{actor.practitioner_id}" if actor.practitioner_id else None
    return r4.Reference(reference=reference, identifier=licence, display=actor.name or None)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What an Encounter starts with."""

    encounter_id: str
    claim_key: str
    visit: NewVisit
    clinic: Clinic
    at: datetime


def encounter_resource(opening: Opening) -> r4.Encounter:
    """Return a visit that has just been opened."""
    visit, clinic = opening.visit, opening.clinic
    start = moment(opening.at)
    texts = {
        "patient-category": visit.patient_category,
        "referring-facility": visit.referring_facility,
        "referral-number": visit.referral_number,
        "injury-cause": visit.injury_cause,
    }
    contained: list[r4.AnyResource] = []
    if visit.insurance:
        contained.append(coverage_resource("coverage", visit.patient_id, visit.insurance))
    return r4.Encounter(
        id=opening.encounter_id,
        contained=contained or None,
        extension=[string_extension(name, text) for name, text in texts.items() if text],
        identifier=[
            r4.Identifier(
                use="official", system=systems.ENCOUNTER_CLAIM_KEY, value=opening.claim_key
            )
        ],
        status="arrived",
        statusHistory=[_history("arrived", start)],
        class_=r4.Coding(system=_HL7 + "v3-ActCode", code="AMB", display="ambulatory"),
        type=[concept(systems.CARE_TYPE, visit.care_type)],
        serviceType=concept(systems.DEPARTMENT_CODE, clinic.department_code)
        if clinic.department_code
        else None,
        subject=patient_reference(visit.patient_id),
        period=r4.Period(start=start),
        reasonCode=[r4.CodeableConcept(text=visit.reason)] if visit.reason else None,
        location=[_location(clinic.clinic_id, clinic.name)],
        serviceProvider=r4.Reference(
            identifier=r4.Identifier(system=systems.FACILITY_CODE, value=clinic.facility_code)
        ),
    )


def started(encounter: r4.Encounter, actor: Actor, at: datetime) -> r4.Encounter:
    """Mark a visit as begun by a doctor."""
    move_status(encounter, "in-progress", at)
    attending = r4.EncounterParticipant(
        type=[concept(_HL7 + "v3-ParticipationType", "ATND", "attender")],
        period=r4.Period(start=moment(at)),
        individual=author_of(actor),
    )
    encounter.participant = [*(encounter.participant or []), attending]
    return encounter


def closed(encounter: r4.Encounter, closing: Closing, at: datetime) -> r4.Encounter:
    """Mark a visit as finished, with how it ended."""
    move_status(encounter, "finished", at)
    encounter.period = r4.Period(
        start=encounter.period.start if encounter.period else None, end=moment(at)
    )
    encounter.hospitalization = r4.EncounterHospitalization(
        dischargeDisposition=concept(DISCHARGE_TYPE, closing.discharge_type),
        destination=r4.Reference(
            identifier=r4.Identifier(system=systems.FACILITY_CODE, value=closing.transferred_to)
        )
        if closing.transferred_to
        else None,
    )
    set_extension(encounter, "outcome", closing.outcome)
    set_extension(encounter, "treatment", closing.treatment)
    set_extension(encounter, "advice", closing.advice)
    return encounter


def reopened(encounter: r4.Encounter, at: datetime) -> r4.Encounter:
    """Take a finished visit up again for correction."""
    move_status(encounter, "in-progress", at)
    encounter.period = r4.Period(start=encounter.period.start if encounter.period else None)
    return encounter


def move_status(encounter: r4.Encounter, status: str, at: datetime) -> None:
    """Set the status and keep when each began and ended."""
    history = list(encounter.statusHistory or [])
    if history and history[-1].period:
        history[-1].period.end = moment(at)
    history.append(_history(status, moment(at)))
    encounter.statusHistory = history
    encounter.status = status  # pyright: ignore[reportAttributeAccessIssue]


def moved(encounter: r4.Encounter, clinic: Clinic, at: datetime) -> r4.Encounter:
    """Let a visit go on in another clinic; the earlier places stay listed as completed."""
    places = list(encounter.location or [])
    for place in places:
        place.status = "completed"
    here = _location(clinic.clinic_id, clinic.name)
    here.status = "active"
    here.period = r4.Period(start=moment(at))
    encounter.location = [*places, here]
    if clinic.department_code:
        encounter.serviceType = concept(systems.DEPARTMENT_CODE, clinic.department_code)
    return encounter


def set_extension(encounter: r4.Encounter, name: str, text: str) -> None:
    """Replace one text extension of ours; an empty text removes it."""
    others = [e for e in encounter.extension or [] if e.url != EXT + name]
    encounter.extension = [*others, *([string_extension(name, text)] if text else [])] or None


def string_extension(name: str, text: str) -> r4.Extension:
    """Return one text extension of ours."""
    return r4.Extension(url=EXT + name, valueString=text)


def patient_reference(patient_id: str) -> r4.Reference:
    """Return the reference to a patient."""
    return r4.Reference(reference=f"Patient/{patient_id}")


def encounter_reference(encounter_id: str) -> r4.Reference:
    """Return the reference to a visit."""
    return r4.Reference(reference=f"Encounter/{encounter_id}")


@dataclass(frozen=True, kw_only=True)
class About:
    """Whom and which visit a resource is about, and who wrote it when."""

    patient_id: str
    encounter_id: str
    actor: Actor
    at: datetime


def vital_observations(
    ids: Sequence[str], signs: VitalSigns, about: About, measured_at: datetime, months: int | None
) -> list[r4.Observation]:
    """Return one Observation a measurement; both blood pressures share one.

    `ids` has at least as many fresh ids as measurements.
    """
    values = vitals.measured(signs)
    spare = iter(ids)
    found: list[r4.Observation] = []
    for field, value in values.items():
        kind = vitals.kinds()[field]
        if field == "diastolic":
            continue
        observation = _vital(next(spare), about, measured_at)
        if field == "systolic":
            observation.code = concept(systems.LOINC, vitals.PRESSURE, "Blood pressure panel")
            observation.component = [
                _pressure(name, values[name], months) for name in ("systolic", "diastolic")
            ]
        else:
            observation.code = concept(systems.LOINC, kind.loinc)
            observation.valueQuantity = _quantity(kind, value)
            observation.interpretation = _interpretation(kind.flag(value, months))
        found.append(observation)
    return found


def is_vital_sign(observation: r4.Observation) -> bool:
    """Whether an Observation is a measurement of this context."""
    codings = [c for category in observation.category or [] for c in category.coding or []]
    return any(coding.code == "vital-signs" for coding in codings)


def note_composition(composition_id: str, examination: Examination, about: About) -> r4.Composition:
    """Return the doctor's note of a visit."""
    return r4.Composition(
        id=composition_id,
        status="final",
        type=concept(systems.LOINC, notes.NOTE_TYPE, "History and physical note"),
        subject=patient_reference(about.patient_id),
        encounter=encounter_reference(about.encounter_id),
        date=moment(about.at),
        author=[author_of(about.actor)],
        title="Khám bệnh",
        section=notes.sections_of(examination) or None,
    )


def condition_resource(
    condition_id: str, entry: DiagnosisEntry, name: str, about: About
) -> r4.Condition:
    """Return one diagnosis of a visit."""
    return r4.Condition(
        id=condition_id,
        clinicalStatus=concept(_HL7 + "condition-clinical", "active"),
        verificationStatus=concept(_HL7 + "condition-ver-status", "confirmed"),
        category=[concept(_HL7 + "condition-category", "encounter-diagnosis")],
        code=concept(systems.ICD10, entry.code, name, entry.text or name),
        subject=patient_reference(about.patient_id),
        encounter=encounter_reference(about.encounter_id),
        recordedDate=moment(about.at),
        recorder=author_of(about.actor),
    )


def withdrawn(condition: r4.Condition) -> r4.Condition:
    """Mark a diagnosis as entered in error; R4 then allows no clinical status (con-5)."""
    condition.clinicalStatus = None
    condition.verificationStatus = concept(_HL7 + "condition-ver-status", "entered-in-error")
    return condition


def ranked_diagnoses(condition_ids: Sequence[str]) -> list[r4.EncounterDiagnosis]:
    """Return the diagnoses of an Encounter; rank 1 is the main disease."""
    return [
        r4.EncounterDiagnosis(
            condition=r4.Reference(reference=f"Condition/{condition_id}"),
            use=concept(FINAL_USE, "CC" if rank == 1 else "CM"),
            rank=rank,
        )
        for rank, condition_id in enumerate(condition_ids, 1)
    ]


def appointment_resource(appointment_id: str, follow_up: FollowUp, about: About) -> r4.Appointment:
    """Return the wish to see the patient again; a desk turns it into a booking."""
    day = follow_up.on.isoformat()
    people = [
        r4.AppointmentParticipant(actor=patient_reference(about.patient_id), status="needs-action")
    ]
    if follow_up.clinic_id:
        place = r4.Reference(reference=f"Location/{follow_up.clinic_id}")
        people.append(r4.AppointmentParticipant(actor=place, status="accepted"))
    return r4.Appointment(
        id=appointment_id,
        status="proposed",
        appointmentType=concept(_HL7 + "v2-0276", "FOLLOWUP"),
        reasonCode=[r4.CodeableConcept(text=follow_up.reason)] if follow_up.reason else None,
        created=moment(about.at),
        participant=people,
        requestedPeriod=[r4.Period(start=day, end=day)],
        extension=[
            r4.Extension(
                url=EXT + "encounter", valueReference=encounter_reference(about.encounter_id)
            )
        ],
    )


def allergy_resource(allergy_id: str, allergy: Allergy, about: About) -> r4.AllergyIntolerance:
    """Return one allergy; without text it says that none is known."""
    if allergy.text:
        coding = [r4.Coding(system=systems.DRUG, code=allergy.code)] if allergy.code else None
        code = r4.CodeableConcept(coding=coding, text=allergy.text)
    else:
        code = concept(_SNOMED, NO_KNOWN_ALLERGY, "No known allergy")
    return r4.AllergyIntolerance(
        id=allergy_id,
        clinicalStatus=concept(_HL7 + "allergyintolerance-clinical", "active"),
        verificationStatus=concept(_HL7 + "allergyintolerance-verification", "confirmed"),
        criticality=allergy.criticality or None,  # pyright: ignore[reportArgumentType]
        code=code,
        patient=patient_reference(about.patient_id),
        recordedDate=moment(about.at),
        recorder=author_of(about.actor),
    )


def _history(status: str, start: str) -> r4.EncounterStatusHistory:
    return r4.EncounterStatusHistory(
        status=status,  # pyright: ignore[reportArgumentType]
        period=r4.Period(start=start),
    )


def _location(clinic_id: str, name: str) -> r4.EncounterLocation:
    return r4.EncounterLocation(
        location=r4.Reference(reference=f"Location/{clinic_id}", display=name)
    )


def _vital(observation_id: str, about: About, measured_at: datetime) -> r4.Observation:
    return r4.Observation(
        id=observation_id,
        meta=r4.Meta(profile=["http://hl7.org/fhir/StructureDefinition/vitalsigns"]),
        status="final",
        category=[concept(_HL7 + "observation-category", "vital-signs")],
        subject=patient_reference(about.patient_id),
        encounter=encounter_reference(about.encounter_id),
        effectiveDateTime=moment(measured_at),
        issued=moment(about.at),
        performer=[author_of(about.actor)],
    )


def _pressure(field: str, value: Decimal, months: int | None) -> r4.ObservationComponent:
    kind = vitals.kinds()[field]
    return r4.ObservationComponent(
        code=concept(systems.LOINC, kind.loinc),
        valueQuantity=_quantity(kind, value),
        interpretation=_interpretation(kind.flag(value, months)),
    )


def _quantity(kind: vitals.VitalKind, value: Decimal) -> r4.Quantity:
    return r4.Quantity(value=value, unit=kind.unit, system=systems.UCUM, code=kind.ucum)


def _interpretation(flag: str) -> list[r4.CodeableConcept] | None:
    if not flag:
        return None
    return [concept(_HL7 + "v3-ObservationInterpretation", flag, _FLAGS[flag])]
