"""Ordered services, prescriptions and their printed wording. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class ServiceLine:
    """One service to order, by the code of the service list."""

    service_code: str
    quantity: Decimal = Decimal(1)
    note: str = ""
    urgent: bool = False
    diagnosis_code: str = ""


@dataclass(frozen=True, kw_only=True)
class OrderedService:
    """One ordered service. `kind` is "laboratory", "imaging", "exam" or "procedure"."""

    request_id: str
    encounter_id: str
    patient_id: str
    service_code: str
    name: str
    kind: str
    quantity: Decimal
    urgent: bool
    note: str
    status: str
    diagnosis_code: str
    ordered_at: datetime
    requester: str
    requester_licence: str


class PrescriptionKind(StrEnum):
    """Kinds that never mix; the value is the letter of the specification of 2022."""

    ORDINARY = "c"
    NARCOTIC = "n"
    PSYCHOTROPIC = "h"


class PrescriptionState(StrEnum):
    """A sent prescription is never changed, only replaced or cancelled."""

    ISSUED = "issued"
    SENT = "sent"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class DrugLine:
    """One drug as the doctor writes it.

    `dose` is per intake, in `unit`; `quantity` in the same unit. Where the
    quantity cannot follow from the dose (cream, syrup, drops) `dose` is None
    and `directions` says how to use it.
    """

    drug_code: str
    quantity: Decimal
    dose: Decimal | None = None
    times_per_day: int = 0
    days: int = 0
    directions: str = ""
    when: str = ""


@dataclass(frozen=True, kw_only=True)
class PrescribedDrug:
    """One line of an issued prescription, complete for print and claim.

    `name` follows the rule "INN (brand)"; `quantity_text` has the leading zero
    and, for narcotics, Vietnamese words; `dosage_text` is LIEU_DUNG.
    """

    request_id: str
    drug_code: str
    substance_code: str
    substance: str
    brand: str
    name: str
    strength: str
    form: str
    route_code: str
    route: str
    unit: str
    registration: str
    quantity: Decimal
    quantity_text: str
    dose: Decimal | None
    times_per_day: int
    days: int
    dosage_text: str
    directions: str
    toxic: bool
    status: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """One of at most three rounds in which narcotics for cancer are collected."""

    number: int
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class Prescription:
    """An issued prescription, as printed and sent.

    `rounds` is empty unless a narcotic prescription is longer than one round.
    """

    code: str
    kind: PrescriptionKind
    state: PrescriptionState
    encounter_id: str
    patient_id: str
    days: int
    advice: str
    issued_at: datetime
    collect_until: date
    prescriber: str
    prescriber_licence: str
    prescriber_id: str
    lines: tuple[PrescribedDrug, ...]
    rounds: tuple[Round, ...] = ()
    warnings: tuple["PrescriptionWarning", ...] = ()
    replaces: str = ""
    replaced_by: str = ""


class WarningKind(StrEnum):
    """What the doctor must look at before signing."""

    ALLERGY = "allergy"
    CHILD = "child"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, kw_only=True)
class PrescriptionWarning:
    """Something that needs the doctor's confirmation, not a block."""

    kind: WarningKind
    drug_code: str
    message: str
    detail: str = ""
