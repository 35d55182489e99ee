"""What is charged, who covers it, and how it came out: plain values.

Names in the law's tables stand beside the fields, since the claim file is
written from them. Quantities and unit prices have three decimals, amounts
two; times are aware UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from yba.kernel.money import Dong

ZERO = Decimal(0)
_FULL_NUMBER = 15


class Table(StrEnum):
    """Which claim table a line belongs to, since the row formulas differ."""

    DRUG = "drug"  # XML2
    SERVICE = "service"  # XML3, supplies included


class Group(IntEnum):
    """MA_NHOM, the cost groups the rules look at by name."""

    LABORATORY = 1
    IMAGING = 2
    FUNCTION_TEST = 3
    DRUG = 4
    BLOOD = 7
    SURGERY = 8
    SUPPLY = 10
    SUPPLY_BY_RATIO = 11
    TRANSPORT = 12
    EXAM = 13
    DAY_BED = 14
    WARD_BED = 15
    OBSERVATION_BED = 16
    PROCEDURE = 18
    OTHER = 19


BEDS = frozenset({Group.DAY_BED, Group.WARD_BED, Group.OBSERVATION_BED})
SUPPLIES = frozenset({Group.SUPPLY, Group.SUPPLY_BY_RATIO})


class Scope(IntEnum):
    """PHAM_VI: whether insurance covers the item at all."""

    COVERED = 1
    NOT_COVERED = 2
    ARMED_FORCES_ONLY = 3


class OtherCase(StrEnum):
    """How money of other sources meets the bill (decision 130, explanation of T_NGUONKHAC)."""

    ONE_PATIENT = "a"
    FACILITY = "b"
    CO_PAYMENT = "c"


class Source(StrEnum):
    """The four kinds of other money."""

    STATE = "nsnn"
    FOREIGN = "vtnn"
    DOMESTIC = "vttn"
    REMAINING = "cl"


@dataclass(frozen=True, slots=True)
class OtherMoney:
    """Money of one other source for one line; case c takes the co-payment, whatever it is."""

    case: OtherCase
    source: Source
    amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that costs money, before anybody's share is known."""

    key: str
    table: Table
    group: int  # MA_NHOM
    quantity: Decimal  # SO_LUONG
    hospital_price: Decimal  # DON_GIA_BV
    insurance_price: Decimal  # DON_GIA_BH
    ordered_at: datetime  # NGAY_YL
    insurance_ratio: int = 100  # TYLE_TT_BH of the Ministry's lists
    scope: Scope = Scope.COVERED  # PHAM_VI
    code: str = ""
    name: str = ""
    unit: str = ""
    department: str = ""  # MA_KHOA
    charges_difference: bool = True  # a price difference is charged on reduced rows too
    bed_shared_by: int = 1
    over_table_limit: bool = False  # beyond 65 exams of one table in eight hours
    operation: str = ""  # lines of one operation share this
    team: str = ""
    package: str = ""  # GOI_VTYT
    other: OtherMoney | None = None
    service_ratio: int | None = None  # TYLE_TT_DV if somebody has already settled it
    priced: bool = True  # an approved price was found


@dataclass(frozen=True, slots=True)
class Card:
    """One insurance card of the person."""

    number: str  # 15 characters, or 10 of which the portal told the benefit digit
    valid_from: date
    valid_to: date | None
    registered_at: str = ""  # MA_DKBD
    shown_at: datetime | None = None  # None: shown on arrival
    benefit_digit: str = ""

    @property
    def group(self) -> str:
        """Return the two letters of the group, if the number has them."""
        return self.number[:2].upper() if len(self.number) == _FULL_NUMBER else ""

    @property
    def digit(self) -> str:
        """Return the benefit digit, if it is known."""
        in_number = self.number[2] if len(self.number) == _FULL_NUMBER else ""
        return self.benefit_digit or in_number


@dataclass(frozen=True, slots=True)
class CoPaid:
    """A right-line co-payment made earlier in the year."""

    on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CoverageTerms:
    """Everything about the person and the visit that decides the shares.

    `ended_at` is the end of care (NGAY_RA), or now while care goes on: it
    chooses the base salary and the factor of the category.
    """

    category: str  # MA_DOITUONG_KCB
    is_inpatient: bool
    arrived_at: datetime
    ended_at: datetime
    cards: Sequence[Card] = ()
    original_category: str = ""  # for picked-up drugs
    five_years_on: date | None = None  # NAM_NAM_LIEN_TUC
    exempt_from: datetime | None = None  # NGAY_MIEN_CCT from the paper
    co_paid: Sequence[CoPaid] = ()
    is_emergency: bool = False


@dataclass(frozen=True, slots=True)
class DongShares:
    """Who pays how many whole đồng."""

    own: Dong = 0  # T_BNTT
    co_payment: Dong = 0  # T_BNCCT
    insurance: Dong = 0  # T_BHTT
    other: Dong = 0  # T_NGUONKHAC

    @property
    def patient(self) -> Dong:
        """Return what the person pays."""
        return self.own + self.co_payment

    @property
    def total(self) -> Dong:
        """Return the sum of all payers."""
        return self.own + self.co_payment + self.insurance + self.other

    def __add__(self, more: "DongShares") -> "DongShares":
        return DongShares(
            self.own + more.own,
            self.co_payment + more.co_payment,
            self.insurance + more.insurance,
            self.other + more.other,
        )

    def __sub__(self, less: "DongShares") -> "DongShares":
        return DongShares(
            self.own - less.own,
            self.co_payment - less.co_payment,
            self.insurance - less.insurance,
            self.other - less.other,
        )


@dataclass(frozen=True, slots=True)
class SplitLine:
    """One line with the share of every payer and the rules that made it."""

    cost: CostLine
    quantity: Decimal  # SO_LUONG, halved when two wards share a day
    service_ratio: int  # TYLE_TT_DV
    insurance_ratio: int  # TYLE_TT_BH as applied
    level: Decimal  # MUC_HUONG
    amount: Decimal  # THANH_TIEN_BV
    insured_amount: Decimal  # THANH_TIEN_BH
    insurance_pays: Decimal  # T_BHTT
    co_payment: Decimal  # T_BNCCT
    patient_pays: Decimal  # T_BNTT
    other_pays: Decimal  # T_NGUONKHAC
    card: str = ""
    ceiling: Decimal | None = None  # T_TRANTT
    dong: DongShares = DongShares()
    because: tuple[str, ...] = ()

    def other_of(self, source: Source) -> Decimal:
        """Return the part of T_NGUONKHAC that comes from `source`."""
        other = self.cost.other
        return self.other_pays if other is not None and other.source is source else ZERO


@dataclass(frozen=True, slots=True)
class SplitBill:
    """All lines of one visit, split. Totals are sums of the rounded lines."""

    lines: tuple[SplitLine, ...]
    exempt_from: datetime | None = None  # NGAY_MIEN_CCT, given or reached inside this visit
    amount: Decimal = field(init=False, default=ZERO)  # T_TONGCHI_BV
    insured_amount: Decimal = field(init=False, default=ZERO)  # T_TONGCHI_BH
    insurance_pays: Decimal = field(init=False, default=ZERO)  # T_BHTT
    co_payment: Decimal = field(init=False, default=ZERO)  # T_BNCCT
    patient_pays: Decimal = field(init=False, default=ZERO)  # T_BNTT
    other_pays: Decimal = field(init=False, default=ZERO)  # T_NGUONKHAC
    dong: DongShares = field(init=False, default=DongShares())

    def __post_init__(self) -> None:
        """Add the lines up."""
        for name in (
            "amount",
            "insured_amount",
            "insurance_pays",
            "co_payment",
            "patient_pays",
            "other_pays",
        ):
            object.__setattr__(self, name, sum((getattr(line, name) for line in self.lines), ZERO))
        object.__setattr__(self, "dong", sum((line.dong for line in self.lines), DongShares()))


INPATIENT_CARE = frozenset({"03", "04", "06", "09"})  # MA_LOAI_KCB


@dataclass(frozen=True, slots=True)
class Price:
    """One item of a price list on one day."""

    kind: str
    code: str
    name: str
    unit: str
    cost_group: int
    hospital_price: Decimal
    insurance_price: Decimal
    insurance_ratio: int
    scope: int


@dataclass(frozen=True, slots=True)
class NewCharge:
    """Something that was done, ordered or prescribed and costs money.

    `cause` names it for ever (`order:<id>`): the same cause is charged once.
    """

    cause: str
    kind: str
    code: str
    quantity: Decimal
    ordered_at: datetime
    department: str = ""
    details: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge in force."""

    charge_id: int
    cause: str
    kind: str
    code: str
    quantity: Decimal
    department: str
    details: Mapping[str, object]
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """What charging needs to know of a visit."""

    encounter_id: str
    patient_id: str
    patient_name: str
    facility_code: str
    department: str
    is_closed: bool
    terms: CoverageTerms
    patient_number: str = ""
    birth_date: str = ""
    sex: str = ""
    clinic_name: str = ""
    co_paid_elsewhere: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Bill:
    """The statement of a visit at one moment."""

    visit: VisitFacts
    at: datetime
    split: SplitBill
    unpriced: tuple[str, ...] = ()
    invoiced: DongShares = DongShares()

    @property
    def lines(self) -> tuple[SplitLine, ...]:
        """Return the lines in the order in which they were charged."""
        return self.split.lines

    @property
    def dong(self) -> DongShares:
        """Return who pays how many whole đồng."""
        return self.split.dong


@dataclass(frozen=True, slots=True)
class Invoice:
    """A frozen statement, or the difference to the one before."""

    invoice_id: int
    encounter_id: str
    patient_id: str
    sequence: int
    category: str
    own_dong: Dong
    co_payment_dong: Dong
    insurance_dong: Dong
    other_dong: Dong
    issued_at: datetime
    actor_name: str

    @property
    def dong(self) -> DongShares:
        """Return the shares of the payers."""
        return DongShares(self.own_dong, self.co_payment_dong, self.insurance_dong, self.other_dong)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice; on a later invoice its amounts are differences."""

    position: int
    charge_id: int
    kind: str
    code: str
    name: str
    unit: str
    cost_group: int
    quantity: Decimal
    hospital_price: Decimal
    insurance_price: Decimal
    service_ratio: int
    insurance_ratio: int
    level: Decimal
    amount: Decimal
    insured_amount: Decimal
    insurance_pays: Decimal
    co_payment: Decimal
    patient_pays: Decimal
    other_pays: Decimal
    own_dong: Dong
    co_payment_dong: Dong
    insurance_dong: Dong
    other_dong: Dong
    because: list[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One visit in the cashier's list."""

    encounter_id: str
    patient_id: str
    name: str
    patient_number: str
    birth_date: str
    is_closed: bool
    opened_at: datetime
    closed_at: datetime | None
    new_lines: int
    remaining: Dong | None
