"""VietQR: a transfer to one account, as text inside a QR code.

Pure. Tag-length-value with two-digit tags and lengths, closed by a CRC-16
over everything including its own tag and length.
Standard: EMVCo QR code specification for payment systems, merchant-presented
mode, with the NAPAS template 38 (AID A000000727).
"""

import re
from dataclasses import dataclass
from typing import Final

from yba.kernel.money import Dong
from yba.kernel.refusal import Refusal

_AID: Final = "A000000727"
_TO_ACCOUNT: Final = "QRIBFTTA"
_TO_CARD: Final = "QRIBFTTC"
_CURRENCY: Final = "704"
_COUNTRY: Final = "VN"
_PURPOSE = re.compile(r"^[A-Za-z0-9 .\-/]{1,25}$")
_BIN = re.compile(r"^\d{6}$")
_ACCOUNT = re.compile(r"^[A-Za-z0-9]{1,19}$")
_AMOUNT = re.compile(r"^[1-9]\d{0,12}$")
_TEXT_MAX: Final = 512


class UnreadableVietQR(Refusal):
    """The text is not a VietQR, or it was damaged."""

    code = "payments.unreadable-qr"
    status = 422
    message = "Not read: this is not a valid VietQR code."


class BadTransfer(Refusal):
    """A transfer that no bank could read was asked for."""

    code = "payments.bad-transfer"
    status = 422
    message = "No QR code made: bank, account, amount or purpose is not usable."


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where the money goes. Without an amount the payer types it (a static code)."""

    bank_bin: str
    account: str
    amount: Dong | None = None
    purpose: str = ""
    to_card: bool = False

    @property
    def is_usable(self) -> bool:
        """Return whether every part fits its field."""
        return bool(
            _BIN.match(self.bank_bin)
            and _ACCOUNT.match(self.account)
            and (self.amount is None or _AMOUNT.match(str(self.amount)))
            and (not self.purpose or _PURPOSE.match(self.purpose))
            and self.purpose == self.purpose.strip()
        )


def crc16(data: bytes) -> int:
    """Return CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, nothing reflected."""
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return register


def encode(transfer: Transfer) -> str:
    """Return the text of the QR. Raises BadTransfer."""
    if not transfer.is_usable:
        raise BadTransfer
    account = _field("00", transfer.bank_bin) + _field("01", transfer.account)
    merchant = (
        _field("00", _AID)
        + _field("01", account)
        + _field("02", _TO_CARD if transfer.to_card else _TO_ACCOUNT)
    )
    text = (
        _field("00", "01")
        + _field("01", "11" if transfer.amount is None else "12")
        + _field("38", merchant)
        + _field("53", _CURRENCY)
    )
    if transfer.amount is not None:
        text += _field("54", str(transfer.amount))
    text += _field("58", _COUNTRY)
    if transfer.purpose:
        text += _field("62", _field("08", transfer.purpose))
    text += "6304"
    return text + f"{crc16(text.encode()):04X}"


def decode(text: str) -> Transfer:
    """Return the transfer written in a QR. Raises UnreadableVietQR."""
    text = text.strip()
    if len(text) > _TEXT_MAX or not text.isascii() or text[-8:-4] != "6304":
        raise UnreadableVietQR
    if f"{crc16(text[:-4].encode()):04X}" != text[-4:].upper():
        raise UnreadableVietQR
    root = _fields(text[:-8])
    merchant = _fields(root.get("38", ""))
    account = _fields(merchant.get("01", ""))
    amount = root.get("54", "")
    if (
        root.get("00") != "01"
        or root.get("53") != _CURRENCY
        or root.get("58") != _COUNTRY
        or merchant.get("00") != _AID
        or merchant.get("02", _TO_ACCOUNT) not in (_TO_ACCOUNT, _TO_CARD)
        or (amount and not _AMOUNT.match(amount))
    ):
        raise UnreadableVietQR
    transfer = Transfer(
        bank_bin=account.get("00", ""),
        account=account.get("01", ""),
        amount=int(amount) if amount else None,
        purpose=_fields(root.get("62", "")).get("08", ""),
        to_card=merchant.get("02") == _TO_CARD,
    )
    if not transfer.is_usable:
        raise UnreadableVietQR
    return transfer


def _field(tag: str, value: str) -> str:
    if len(value) > 99:
        raise BadTransfer
    return f"{tag}{len(value):02}{value}"


def _fields(text: str) -> dict[str, str]:
    """Return tag → value. Raises UnreadableVietQR on torn or doubled tags."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        head = text[position : position + 4]
        if len(head) < 4 or not head.isdigit():
            raise UnreadableVietQR
        tag, length = head[:2], int(head[2:])
        value = text[position + 4 : position + 4 + length]
        if len(value) < length or tag in found:
            raise UnreadableVietQR
        found[tag] = value
        position += 4 + length
    return found
