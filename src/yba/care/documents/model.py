"""What the papers of a visit say. Pure; texts are as the patient reads them.

Every sheet is a frozen dataclass; `sheets.py` turns it into the words of a
template. An empty string means "not recorded" and is written out as such.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from yba.plumbing.i18n import N_


class Kind(StrEnum):
    """Which paper it is."""

    OUTPATIENT_RECORD = "outpatient-record"
    PRESCRIPTION = "prescription"
    LABORATORY_REPORT = "laboratory-report"


TITLES = {
    Kind.OUTPATIENT_RECORD: N_("Outpatient medical record"),
    Kind.PRESCRIPTION: N_("Prescription"),
    Kind.LABORATORY_REPORT: N_("Laboratory report"),
}


class Standing(StrEnum):
    """Where a document stands. A draft is not kept; it is composed anew each time."""

    DRAFT = "draft"
    SIGNED = "signed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


STANDING_WORDS = {
    Standing.DRAFT: N_("Draft, not signed"),
    Standing.SIGNED: N_("Signed"),
    Standing.SUPERSEDED: N_("Replaced by a newer version"),
    Standing.CANCELLED: N_("Cancelled"),
}


@dataclass(frozen=True, slots=True)
class Document:
    """One signed paper of the register; `title` is a msgid."""

    document_id: str
    short_id: str
    kind: str
    about: str
    encounter_id: str
    patient_id: str
    version: int
    replaces: str | None
    reason: str
    sha256: str
    content_hash: str
    size: int
    signer_name: str
    signer_licence: str
    facility: str
    signed_at: datetime
    replaced_by: str | None

    @property
    def title(self) -> str:
        """What kind of paper it is, as a msgid."""
        return TITLES[Kind(self.kind)]

    @property
    def standing(self) -> Standing:
        """Whether it is in force."""
        return Standing.SUPERSEDED if self.replaced_by else Standing.SIGNED

    @property
    def file_name(self) -> str:
        """A name for downloads that tells nothing about the patient."""
        return f"{self.kind}-{self.short_id}.pdf"


@dataclass(frozen=True, kw_only=True)
class Facility:
    """The head of every paper."""

    code: str
    name: str
    address: str = ""
    phone: str = ""
    authority: str = ""


@dataclass(frozen=True, kw_only=True)
class InsuranceBlock:
    """The insurance card as printed."""

    number: str
    registered_facility: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, kw_only=True)
class PatientBlock:
    """The patient as every paper names one. `birth_date` is a partial FHIR date."""

    patient_number: str
    name: str
    birth_date: str
    sex: str
    identity_number: str = ""
    phone: str = ""
    address: str = ""
    guardian: str = ""
    insurance: InsuranceBlock | None = None


@dataclass(frozen=True, kw_only=True)
class SignerBlock:
    """Who signs, as printed above the digital signature."""

    name: str
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class VitalLine:
    """One measurement as printed. `flag` is "", "L", "H", "LL" or "HH"."""

    name: str
    value: str
    unit: str
    flag: str = ""


@dataclass(frozen=True, kw_only=True)
class DiagnosisLine:
    """One diagnosis with its ICD-10 code."""

    code: str
    name: str
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class ServiceLine:
    """One ordered service."""

    name: str
    quantity: Decimal = Decimal(1)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ResultLine:
    """One result index. `flag` as in VitalLine, or "A": not as expected."""

    name: str
    value: str
    unit: str = ""
    reference: str = ""
    flag: str = ""


@dataclass(frozen=True, kw_only=True)
class DrugLine:
    """One prescribed drug: "INN (brand)", strength, quantity and unit as the law writes them."""

    name: str
    strength: str
    quantity: str
    dosage: str


@dataclass(frozen=True, kw_only=True)
class PrescriptionBlock:
    """One prescription with its national code of 14 characters. `kind` is c, n or h."""

    code: str
    kind: str
    issued_at: datetime
    collect_until: date | None = None
    days: int = 0
    advice: str = ""
    lines: tuple[DrugLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sealing:
    """What a paper says of itself once it is signed; absent on a draft."""

    document_id: str
    short_id: str
    address: str
    version: int
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OutpatientRecord:
    """Form 15/BV1, as far as one outpatient visit fills it."""

    facility: Facility
    patient: PatientBlock
    encounter_id: str
    claim_key: str
    clinic: str
    patient_category: str
    opened_at: datetime
    closed_at: datetime | None
    reason: str
    history: str
    past_history: str
    allergies: str
    vitals: tuple[VitalLine, ...]
    findings: str
    preliminary_diagnosis: str
    services: tuple[ServiceLine, ...]
    results: tuple[ResultLine, ...]
    diagnoses: tuple[DiagnosisLine, ...]
    prescriptions: tuple[PrescriptionBlock, ...]
    course: str
    treatment: str
    outcome: str
    advice: str
    follow_up: date | None
    follow_up_reason: str
    doctor: SignerBlock


@dataclass(frozen=True, kw_only=True)
class PrescriptionSheet:
    """The prescription that the patient takes to the pharmacy."""

    facility: Facility
    patient: PatientBlock
    encounter_id: str
    weight_kg: Decimal | None
    diagnoses: tuple[DiagnosisLine, ...]
    prescription: PrescriptionBlock
    follow_up: date | None
    doctor: SignerBlock


@dataclass(frozen=True, kw_only=True)
class LaboratoryReport:
    """Released results of one visit."""

    facility: Facility
    patient: PatientBlock
    encounter_id: str
    clinic: str
    requester: str
    diagnosis: str
    resulted_at: datetime
    results: tuple[ResultLine, ...]
    performer: SignerBlock


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """One line of a receipt, whole đồng."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    amount: int
    insurance: int
    patient: int


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A cash receipt ("phiếu thu"), whole đồng; `qr` is any text, empty for none."""

    facility: Facility
    number: str
    patient_name: str
    patient_number: str
    address: str
    lines: tuple[ReceiptLine, ...]
    total: int
    insurance: int
    paid: int
    method: str
    reference: str
    paid_at: datetime
    cashier: str
    qr: str = ""


@dataclass(frozen=True, kw_only=True)
class QueueSlip:
    """The 80 mm slip of the desk; `qr` is any text, empty for none."""

    facility: Facility
    number: str
    clinic: str
    room: str
    waiting_before: int
    priority: bool
    patient_name: str
    patient_number: str
    issued_at: datetime
    qr: str = ""


@dataclass(frozen=True, kw_only=True)
class PaperCopy:
    """A paper copy of an electronic record: the marks that Decree 137/2024 asks for."""

    system: str
    owner: str
    number: int
    person: str
    at: datetime
    address: str
    short_id: str
    sha256: str
    superseded: bool


Signable = OutpatientRecord | PrescriptionSheet | LaboratoryReport
Sheet = Signable | Receipt | QueueSlip
