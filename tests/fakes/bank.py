"""A stand-in for the facility's bank: it signs notices as the real one would.

Its contract is the endpoint's own reader: what `notice` writes, `read_notice`
accepts, and nothing else (tests/money/payments/test_notices.py checks both).
"""

import json
from dataclasses import dataclass
from datetime import datetime

from yba.kernel.ids import new_id
from yba.money.payments import vietqr
from yba.money.payments.service import sign


@dataclass(frozen=True)
class SignedNotice:
    """A body with the headers that prove it."""

    body: bytes
    timestamp: str
    signature: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers as they travel."""
        return {
            "content-type": "application/json",
            "x-timestamp": self.timestamp,
            "x-signature": self.signature,
        }


@dataclass
class StandInBank:
    """Reads the QR as a banking app does, moves the money, tells the facility."""

    secret: bytes

    def pay(self, qr: str, at: datetime, *, amount: int | None = None) -> SignedNotice:
        """Pay what the QR asks for, or another amount."""
        transfer = vietqr.decode(qr)
        paid = transfer.amount if amount is None else amount
        assert paid is not None
        return self.notice(transfer.account, paid, f"CT DEN {transfer.purpose} tai VCB", at)

    def notice(
        self, account: str, amount: int, purpose: str, at: datetime, transaction_id: str = ""
    ) -> SignedNotice:
        """Return a signed notice of any movement."""
        body = json.dumps(
            {
                "transaction_id": transaction_id or f"FT{new_id().upper()}",
                "account": account,
                "amount": amount,
                "purpose": purpose,
                "booked_at": at.isoformat(),
            }
        ).encode()
        timestamp = str(int(at.timestamp()))
        return SignedNotice(body, timestamp, sign(body, timestamp=timestamp, secret=self.secret))
