"""What every node needs before its first user: code lists, rules, tariff."""

from yba.plumbing.database import Tx


async def load_shipped(tx: Tx) -> None:
    """Load the data that ships with the program; doing it again changes nothing."""
