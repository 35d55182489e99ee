"""A visit as the claim needs it: plain values, no table names.

Care and charging know these things under their own names; `gathering` puts
them together. Times are aware UTC, money lines are charging's split lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from yba.money.charging.model import SplitLine


@dataclass(frozen=True, slots=True)
class PersonForClaim:
    """Whom the claim is about. `born_at` is known to the minute for newborns only."""

    patient_number: str
    full_name: str
    born: date
    sex: str  # GIOI_TINH
    address: str
    province: str
    commune: str
    identity: str = ""
    born_at: datetime | None = None
    only_year_known: bool = False
    nationality: str = "000"
    ethnicity: str = "01"
    occupation: str = "00"
    phone: str = ""
    blood_group: str = ""


@dataclass(frozen=True, slots=True)
class CardForClaim:
    """One insurance card as shown."""

    number: str
    registered_at: str
    valid_from: date | None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class DrugForClaim:
    """A drug that was given, with its split money."""

    split: SplitLine
    code: str
    name: str
    strength: str
    route: str
    dose: str
    unit: str = ""
    form: str = ""
    directions: str = ""
    registration: str = ""
    tender: str = ""
    department: str = ""
    doctor: str = ""
    service: str = ""
    supplier: str = ""
    processing: str = ""
    given_at: datetime | None = None
    payment_method: str = "1"
    payer: str = "1"


@dataclass(frozen=True, slots=True)
class ServiceForClaim:
    """A service, exam, bed or supply, with its split money."""

    split: SplitLine
    code: str
    name: str
    unit: str = ""
    department: str = ""
    orderer: str = ""
    performer: str = ""
    diagnosis: str = ""
    supply_code: str = ""
    supply_name: str = ""
    tender: str = ""
    procedure: str = ""
    bed: str = ""
    machine: str = ""
    anaesthesia: str = ""
    fuel: str = ""
    model_number: str = ""
    is_reused: bool = False
    done_at: datetime | None = None
    result_at: datetime | None = None
    payment_method: str = "1"


@dataclass(frozen=True, slots=True)
class ResultForClaim:
    """One value or one reading of a test."""

    service: str
    name: str
    index: str = ""
    value: str = ""
    unit: str = ""
    description: str = ""
    conclusion: str = ""
    result_at: datetime | None = None
    reader: str = ""


@dataclass(frozen=True, slots=True)
class NoteForClaim:
    """One clinical note."""

    text: str
    at: datetime
    writer: str
    stage: str = ""
    consultation: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class ReExamForClaim:
    """A re-exam that was booked."""

    slip: str
    day: date
    doctor: str
    issued: date


@dataclass(frozen=True, slots=True)
class DischargeForClaim:
    """The discharge paper of a stay (XML7), dated the day of leaving."""

    archive_number: str
    department: str
    signer: str
    signer_name: str
    method: str
    advice: str = ""
    father: str = ""
    mother: str = ""


@dataclass(frozen=True, slots=True)
class TransferForClaim:
    """The slip with which a person is transferred (XML13)."""

    file_number: str
    book_number: str
    slip: str
    signs: str
    course: str
    condition: str
    reason: str  # MA_LYDO_CT
    plan: str
    transport: str
    doctor: str
    results: str = ""
    escort: str = ""


@dataclass(frozen=True, slots=True)
class VisitForClaim:
    """Everything of one episode that the check-in and the claim's tables tell."""

    key: str  # MA_LK
    facility: str  # MA_CSKCB
    record_number: str  # MA_HSBA
    person: PersonForClaim
    category: str  # MA_DOITUONG_KCB
    care_type: str  # MA_LOAI_KCB
    arrived_at: datetime
    ended_at: datetime
    reason: str
    diagnosis_on_arrival: str
    diagnosis: str
    main_code: str
    departments: Sequence[str]
    head_licence: str
    outcome: str = "2"  # KET_QUA_DTRI
    leaving: str = "1"  # MA_LOAI_RV
    cards: Sequence[CardForClaim] = ()
    admitted_at: datetime | None = None
    admission_reason: str = ""
    paid_at: datetime | None = None
    other_codes: Sequence[str] = ()
    traditional_codes: Sequence[str] = ()
    procedure_codes: Sequence[str] = ()
    sender: str = ""
    receiver: str = ""
    slip: str = ""
    injury: str = ""
    treatment: str = ""
    advice: str = ""
    weight_kg: Decimal | None = None
    baby_weights_g: Sequence[int] = ()
    living_area: str = ""
    five_years_on: date | None = None
    exempt_from: datetime | None = None
    drugs: Sequence[DrugForClaim] = ()
    services: Sequence[ServiceForClaim] = ()
    results: Sequence[ResultForClaim] = ()
    notes: Sequence[NoteForClaim] = ()
    re_exams: Sequence[ReExamForClaim] = ()
    discharge: DischargeForClaim | None = None
    transfer: TransferForClaim | None = None


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """What the notation of XML5 can hold; unknown values stay out."""

    pulse: int | None = None
    temperature: Decimal | None = None
    systolic: int | None = None
    diastolic: int | None = None
    breathing: int | None = None
    oxygen: int | None = None

    def notation(self) -> str:
        """Return `CSST<M78_T36.8_HA120/70>`, empty if nothing is known.

        Source: 4750/QĐ-BYT, XML5 field DIEN_BIEN_LS.
        """
        parts: list[str] = []
        if self.pulse is not None:
            parts.append(f"M{self.pulse}")
        if self.temperature is not None:
            parts.append(f"T{self.temperature.normalize():f}")
        if self.systolic is not None and self.diastolic is not None:
            parts.append(f"HA{self.systolic}/{self.diastolic}")
        if self.breathing is not None:
            parts.append(f"NT{self.breathing}")
        if self.oxygen is not None:
            parts.append(f"SP{self.oxygen}")
        return f"CSST<{'_'.join(parts)}>" if parts else ""


def dose_notation(per_take: str, unit: str, times: int, days: int, per_day: str) -> str:
    """Return LIEU_DUNG: amount a time * times a day * days [amount a day].

    Source: 4750/QĐ-BYT, XML2 field LIEU_DUNG.
    """
    return f"{per_take} {unit} * {times} lần * {days} ngày [{per_day} {unit}/ngày]"
