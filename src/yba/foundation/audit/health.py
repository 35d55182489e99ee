"""How the log stands, for those who watch over the node: `/health` and the metrics.

The sequencer runs in the worker, the pages elsewhere: what both see is in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, LiteralString

from prometheus_client import Gauge

from yba.plumbing.database import Tx

STALLED_AFTER = timedelta(seconds=30)
"""Without a sign of life from the sequencer for so long, the log counts as down."""
_MOST_COUNTED = 10_000

_HEALTH: LiteralString = """
    SELECT g.size, g.beat_at, g.problem,
           (SELECT count(*) FROM (
               SELECT FROM audit.event e
                WHERE (e.xid, e.id) > (g.last_xid, g.last_id) LIMIT $1) AS w) AS waiting
      FROM audit.log g
"""

_SIZE = Gauge("yba_audit_size", "Entries of the audit log")
_WAITING = Gauge("yba_audit_waiting", "Rows without a place in the audit log, at most 10,000")
_AGE = Gauge("yba_audit_beat_age_seconds", "Since the last sign of life of the sequencer")
_WORKS = Gauge("yba_audit_works", "1 while the audit log takes entries, else 0")


@dataclass(frozen=True, slots=True)
class LogHealth:
    """Whether the log takes entries, and what waits."""

    status: Literal["ok", "stalled", "problem", "none"]
    size: int = 0
    waiting: int = 0
    """Rows that are kept and have no place yet; more than 10,000 are not counted."""
    problem: str = ""
    """The kind of the last failure, such as DiskFullError; never what it says."""
    quiet_seconds: float = 0.0


async def health(tx: Tx, *, at: datetime) -> LogHealth:
    """Return how the log stands at `at`, and set the gauges of this process."""
    row = await tx.connection.fetchrow(_HEALTH, _MOST_COUNTED)
    if row is None or row["beat_at"] is None:
        found = LogHealth("none")
    else:
        quiet = max((at - row["beat_at"]).total_seconds(), 0.0)
        problem = row["problem"] or ""
        status = "problem" if problem else "ok"
        if quiet > STALLED_AFTER.total_seconds():
            status = "stalled"
        found = LogHealth(status, row["size"], row["waiting"], problem, quiet)
    _SIZE.set(found.size)
    _WAITING.set(found.waiting)
    _AGE.set(found.quiet_seconds)
    _WORKS.set(found.status == "ok")
    return found
