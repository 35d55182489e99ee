"""What every node needs before its first user: code lists, rules, tariff."""

from yba.foundation.terminology import service as terminology
from yba.money.charging import seed as tariff
from yba.plumbing.database import Tx


async def load_shipped(tx: Tx, *, facility_code: str = "99999") -> None:
    """Load the data that ships with the program; doing it again changes nothing."""
    await terminology.load_shipped(tx)
    await tariff.load_shipped(tx, facility_code=facility_code)
