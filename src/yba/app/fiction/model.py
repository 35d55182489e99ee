"""What is generated: frozen values without behaviour.

Times are aware UTC; money is whole đồng; quantities are Decimal.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Sex = Literal["male", "female"]


@dataclass(frozen=True, slots=True)
class FictitiousCard:
    """An insurance card: 15 characters, group letters and benefit digit that fit."""

    number: str
    group: str
    benefit_digit: int
    registered_at: str
    valid_from: date
    valid_to: date
    five_years_on: date | None
    living_area: str  # K1, K2, K3 or empty


@dataclass(frozen=True, slots=True)
class FictitiousPerson:
    """Somebody who does not exist."""

    number: int
    full_name: str
    sex: Sex
    birth_date: date
    birth_time: tuple[int, int]
    identity_number: str  # 12 digits beginning with 099; empty for the youngest
    social_insurance_number: str
    phone: str
    ethnicity: str
    occupation: str
    nationality: str
    province: str
    province_name: str
    commune: str
    commune_name: str
    address: str
    household: int
    relative_name: str  # of the adult who comes with somebody under 16, else empty
    blood_group: str
    height_cm: int
    weight_kg: Decimal
    card: FictitiousCard | None

    def age_days(self, on: date) -> int:
        """Return the age in days on that day."""
        return (on - self.birth_date).days

    def age_years(self, on: date) -> int:
        """Return the completed years on that day."""
        early = (on.month, on.day) < (self.birth_date.month, self.birth_date.day)
        return on.year - self.birth_date.year - early


@dataclass(frozen=True, slots=True)
class FictitiousDiagnosis:
    """One ICD-10 code; the main one comes first."""

    code: str
    name: str
    is_main: bool


@dataclass(frozen=True, slots=True)
class FictitiousVitals:
    """Vital signs at one moment."""

    at: datetime
    pulse: int
    temperature: Decimal
    systolic: int | None
    diastolic: int | None
    breathing: int
    oxygen: int
    weight_kg: Decimal
    height_cm: int


@dataclass(frozen=True, slots=True)
class FictitiousResult:
    """One index of a laboratory test, or the reading of an image (index empty)."""

    index: str
    name: str
    value: Decimal | None
    text: str  # the value as written, or the answer of a qualitative test
    unit: str
    low: Decimal | None
    high: Decimal | None
    flag: Literal["", "L", "H", "A"]
    conclusion: str
    result_at: datetime


@dataclass(frozen=True, slots=True)
class FictitiousServiceLine:
    """A service, exam, operation or bed of a visit."""

    code: str
    name: str
    unit: str
    cost_group: int  # MA_NHOM
    kind: str
    quantity: Decimal
    price: int
    insurance_price: int
    is_covered: bool
    payment_ratio: int  # TYLE_TT_DV
    department: str
    orderer: str
    performer: str
    bed: str
    anaesthesia: str  # PP_VO_CAM or empty
    ordered_at: datetime
    done_at: datetime
    result_at: datetime | None
    results: tuple[FictitiousResult, ...]


@dataclass(frozen=True, slots=True)
class FictitiousDrugLine:
    """A drug of a visit, prescribed to take home or given on the ward."""

    code: str
    substance_code: str  # MA_THUOC
    name: str
    substance: str
    strength: str
    form: str
    unit: str
    route: str
    registration: str
    cost_group: int
    control: str  # none, N or H
    quantity: Decimal
    price: int
    insurance_ratio: int  # TYLE_TT_BH; 0 = not covered
    per_take: Decimal
    times_a_day: int
    days: int
    dose: str
    department: str
    orderer: str
    ordered_at: datetime
    is_prescribed: bool  # taken home on the prescription, not given on the ward


@dataclass(frozen=True, slots=True)
class FictitiousNote:
    """One note of the course."""

    at: datetime
    text: str
    writer: str


@dataclass(frozen=True, slots=True)
class FictitiousVisit:
    """One episode of care, from arrival to leaving.

    `prescription_code` is empty when nothing was prescribed to take home.
    """

    key: str  # MA_LK
    number: int
    facility: str  # MA_CSKCB
    person: FictitiousPerson
    card: FictitiousCard | None  # None: not insured, or not shown
    record_number: str
    category: str  # MA_DOITUONG_KCB
    care_type: str  # MA_LOAI_KCB
    arrived_at: datetime
    admitted_at: datetime | None
    ended_at: datetime
    reason: str
    admission_reason: str
    diagnosis_on_arrival: str
    diagnoses: tuple[FictitiousDiagnosis, ...]
    departments: tuple[str, ...]
    doctor: str
    head_licence: str
    sender: str  # MA_NOI_DI
    receiver: str  # MA_NOI_DEN
    slip: str
    injury: str  # MA_TAI_NAN or empty
    treatment: str
    advice: str
    outcome: str  # KET_QUA_DTRI
    leaving: str  # MA_LOAI_RV
    re_exam_on: date | None
    exempt_from: date | None  # NGAY_MIEN_CCT
    baby_weights_g: tuple[int, ...]
    vitals: tuple[FictitiousVitals, ...]
    services: tuple[FictitiousServiceLine, ...]
    drugs: tuple[FictitiousDrugLine, ...]
    notes: tuple[FictitiousNote, ...]
    prescription_code: str

    @property
    def main_diagnosis(self) -> FictitiousDiagnosis:
        """Return the main disease."""
        return self.diagnoses[0]

    @property
    def is_inpatient(self) -> bool:
        """Tell whether the person was admitted."""
        return self.admitted_at is not None
