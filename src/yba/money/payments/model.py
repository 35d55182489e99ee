"""Bills, references, notices and what they mean. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from yba.kernel.ids import encode_id
from yba.kernel.money import Dong
from yba.kernel.refusal import Unusable
from yba.plumbing.i18n import N_

QR_LIFE: Final = timedelta(minutes=30)
RECEIPT_SERIES: Final = "PT"
REFUND_SERIES: Final = "PC"

# Thirty-one letters, a prime, so that the weighted sum below notices every
# single slip and every swap of neighbours; I, L, O, U and Z are left out.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXY"
_BASE: Final = len(_ALPHABET)
_PREFIX: Final = "YB"
_DIGITS: Final = 7
_IN_TEXT: Final = re.compile(rf"(?=({_PREFIX}[{_ALPHABET}]{{{_DIGITS + 1}}}))")
_NOT_AN_AMOUNT: Final = N_("Write a whole number of đồng, for instance 150.000.")
_MOST_DIGITS: Final = 12
_FILLERS: Final = (".", ",", " ", "\u00a0", "đ", "₫")
_NOT_LETTER: Final = re.compile(r"[^0-9A-Z]")


class Method(StrEnum):
    """How money comes."""

    CASH = "cash"
    TRANSFER = "transfer"


class Outcome(StrEnum):
    """What a bank notice turned out to be."""

    PAID = "paid"
    PART = "part"
    OVER = "over"
    DOUBLE = "double"
    UNKNOWN = "unknown"
    WRONG_ACCOUNT = "wrong-account"


@dataclass(frozen=True, slots=True)
class BillDue:
    """What an invoice adds to (or takes off) the bill of a visit, in whole đồng."""

    bill_id: str
    encounter_id: str
    patient_id: str
    payer_name: str
    amount: Dong


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a visit as it stands. Below zero, `remaining` is owed to the person."""

    bill_id: str
    encounter_id: str
    patient_id: str
    payer_name: str
    state: str
    opened_at: datetime
    settled_at: datetime | None
    billed: Dong
    remaining: Dong

    @property
    def paid(self) -> Dong:
        """Return what was paid so far, refunds taken off."""
        return self.billed - self.remaining

    @property
    def is_paid(self) -> bool:
        """Return whether nothing is left to pay."""
        return self.state == "paid"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A QR that asks for one bill until it expires."""

    request_id: int
    reference: str
    bill_id: str
    amount: Dong
    qr: str
    created_at: datetime
    expires_at: datetime
    state: str

    @property
    def purpose(self) -> str:
        """Return the words that the payer's bank sends along."""
        return purpose_of(self.reference)


@dataclass(frozen=True, slots=True)
class Notice:
    """One movement on our account, as the bank reports it."""

    transaction_id: str
    account: str
    amount: Dong
    purpose: str
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice and what became of it."""

    transaction_id: str
    account: str
    amount: Dong
    purpose: str
    booked_at: datetime
    received_at: datetime
    outcome: str
    is_late: bool
    bill_id: str | None
    in_suspense: Dong

    def same_as(self, notice: Notice) -> bool:
        """Return whether `notice` reports the same movement."""
        return (self.account, self.amount, self.purpose) == (
            notice.account,
            notice.amount,
            notice.purpose,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a notice is, and how its money is divided."""

    outcome: Outcome
    to_bill: Dong
    to_suspense: Dong


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt slip (phiếu thu), or a pay-out slip (phiếu chi)."""

    receipt_id: int
    series: str
    year: int
    number: int
    posting_id: int
    bill_id: str
    amount: Dong
    method: str
    tendered: Dong | None
    payer_name: str
    issued_at: datetime
    issued_by: str

    @property
    def label(self) -> str:
        """Return the number as printed: PT26-000123."""
        return f"{self.series}{self.year % 100:02}-{self.number:06}"

    @property
    def is_refund(self) -> bool:
        """Return whether money went out."""
        return self.series == REFUND_SERIES

    @property
    def change(self) -> Dong:
        """Return the cash given back at once."""
        return self.tendered - self.amount if self.tendered is not None else 0

    @property
    def key(self) -> str:
        """Return the id as it stands in addresses."""
        return encode_id(self.receipt_id)


@dataclass(frozen=True, slots=True)
class Shift:
    """A cashier's till from opening to count."""

    shift_id: int
    cashier_id: str
    cashier_name: str
    opened_at: datetime
    opening_cash: Dong
    closed_at: datetime | None
    expected_cash: Dong | None
    counted_cash: Dong | None
    note: str

    @property
    def difference(self) -> Dong:
        """Return counted less expected; zero while open."""
        return (self.counted_cash or 0) - (self.expected_cash or 0)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money asked back, and who decided."""

    refund_id: int
    bill_id: str
    amount: Dong
    method: str
    reason: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    state: str
    posting_id: int | None

    @property
    def key(self) -> str:
        """Return the id as it stands in addresses."""
        return encode_id(self.refund_id)


@dataclass(frozen=True, slots=True)
class DayOfMethod:
    """One method on one day: what came in and went out by our ledger."""

    method: str
    payments: int
    received: Dong
    refunded: Dong


@dataclass(frozen=True, slots=True)
class BankDay:
    """The bank's side of a day beside ours."""

    notices: int
    amount: Dong
    booked: Dong
    in_suspense: Dong

    @property
    def difference(self) -> Dong:
        """Return the bank's sum less our ledger's; anything but zero needs a person."""
        return self.amount - self.booked


def reference_of(number: int) -> str:
    """Return the payment reference of a running number: YB, seven letters, a check letter."""
    letters: list[str] = []
    for _ in range(_DIGITS):
        number, rest = divmod(number, _BASE)
        letters.append(_ALPHABET[rest])
    body = "".join(reversed(letters))
    return _PREFIX + body + _check_letter(body)


def _check_letter(body: str) -> str:
    return _ALPHABET[sum((i + 2) * _ALPHABET.index(c) for i, c in enumerate(body)) % _BASE]


def references_in(text: str) -> list[str]:
    """Return every reference that a bank's purpose text may contain.

    Banks put their own words around it, change case and insert blanks.
    """
    squeezed = _NOT_LETTER.sub("", text.upper())
    found = (match[1] for match in _IN_TEXT.finditer(squeezed))
    return [ref for ref in found if _check_letter(ref[len(_PREFIX) : -1]) == ref[-1]]


def purpose_of(reference: str) -> str:
    """Return the purpose line: plain letters, 13 of the 25 that the QR allows."""
    return f"VP {reference}"


def judge(*, amount: Dong, remaining: Dong) -> Judgement:
    """Say what `amount` means for a bill of which `remaining` is still to pay."""
    if remaining <= 0:
        return Judgement(Outcome.DOUBLE, 0, amount)
    if amount < remaining:
        return Judgement(Outcome.PART, amount, 0)
    if amount > remaining:
        return Judgement(Outcome.OVER, remaining, amount - remaining)
    return Judgement(Outcome.PAID, amount, 0)


def typed_amount(values: Mapping[str, str], name: str) -> Dong:
    """Return an amount typed with or without points and blanks. Raises Unusable."""
    text = values.get(name, "")
    for filler in _FILLERS:
        text = text.replace(filler, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Unusable(fields={name: _NOT_AN_AMOUNT})
    return int(text)
