"""Leaves as SQL: one parameter and its values on one row of record.resource, a module per kind.

Two forms exist of every test of `keys`: the operator, which the GIN index can serve, and the
function of the same meaning, which it cannot; so it is decided here, not by the planner, which
condition drives.
"""

from yba.foundation.record.query.leaves.asking import Arguments, Asking, Late
from yba.foundation.record.query.leaves.kinds import Leaves

__all__ = ["Arguments", "Asking", "Late", "Leaves"]
