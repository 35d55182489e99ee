"""Which condition is rare enough to drive a search, judged from PostgreSQL's own statistics.

The statistics of `keys` list the commonest keys with their share of all rows; a key that is not
listed is rarer than every one that is. They are re-read at most once a minute, outside of requests.
"""

from __future__ import annotations

import time

from yba.foundation.record import store
from yba.foundation.record.plans import TYPE_NAMES
from yba.plumbing.database import Tx

_FRESH_SECONDS = 60.0
# A page and one more, doubled because a row met while walking costs more than one collected.
_ROWS_OF_A_PAGE = 42.0
_FEW_ROWS = 200.0


class Statistics:
    """What is known of the density of keys and types in this process."""

    def __init__(self) -> None:
        self.rows = 0.0
        self.shares: dict[int, float] = {}
        self.types: dict[str, float] = {}
        self.read_at = float("-inf")
        # Rows that this process has written since PostgreSQL last looked; see `record.upkeep`.
        self.written = 0

    def stale(self) -> bool:
        """Return whether they should be read again."""
        return time.monotonic() - self.read_at > _FRESH_SECONDS

    async def read(self, tx: Tx) -> None:
        """Read the statistics of the tables."""
        self.read_at = time.monotonic()
        self.rows = await tx.value(store.ROW_ESTIMATE) or 0.0
        common = await tx.connection.fetch(store.COMMON_KEYS)
        self.shares = {record[0]: record[1] for record in common}
        types = await tx.connection.fetch(store.TYPE_SHARES)
        self.types = {TYPE_NAMES[record[0] - 1]: record[1] for record in types}

    def rows_of(self, type_: str) -> float:
        """Return how many resources of a type there are, about."""
        return self.types.get(type_, 0.0) * self.rows

    def is_dense(self, type_: str, keys: list[int]) -> bool:
        """Return whether so many rows have one of `keys` that walking in order finds a page sooner."""
        share = sum(self.shares.get(key, 0.0) for key in keys)
        matching = share * self.rows
        of_type = self.rows_of(type_)
        # Collecting reads every match; walking reads type / matching rows for each of a page.
        return matching * matching > _ROWS_OF_A_PAGE * of_type and matching > _FEW_ROWS


statistics = Statistics()
