"""Which module answers for which kind of parameter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from yba.foundation.record.query.leaves import (
    age,
    amount,
    composite,
    date,
    fulltext,
    place,
    plain,
    reference,
    string,
    token,
)
from yba.foundation.record.query.leaves.asking import (
    Arguments,
    Asking,
    Late,
    unsupported,
)
from yba.foundation.record.query.tree import Condition, Leaf

_AGE = "http://hl7.org/fhir/SearchParameter/patient-extensions-Patient-age"


class Leaves:
    """Turns leaves into SQL, collecting arguments."""

    def __init__(self, arguments: Arguments, *, zone: tzinfo, now: datetime, base: str) -> None:
        self.asking = Asking(arguments, zone=zone, now=now, base=base)

    def sql(self, leaf: Leaf, row: str, *, indexed: bool) -> str:
        """Return a condition on `row`; `indexed` chooses the form that an index can serve.

        Raises UnsearchableQuery for values that cannot be read.
        """
        asking, parameter = self.asking, leaf.parameter
        if leaf.modifier == "missing":
            return plain.missing(asking, leaf, row)
        if parameter.code == "_id":
            return plain.by_id(asking, leaf, row)
        if parameter.code == "_lastUpdated":
            return date.updated(asking, leaf, row)
        if parameter.definition == _AGE:
            return age.sql(asking, leaf, row)
        match parameter.kind:
            case "token":
                return token.sql(asking, leaf, row, indexed)
            case "reference":
                return reference.sql(asking, leaf, row, indexed)
            case "uri":
                return plain.uri(asking, leaf, row, indexed)
            case "string":
                return string.sql(asking, leaf, row, indexed)
            case "date":
                return date.sql(asking, leaf, row)
            case "number":
                return amount.number(asking, leaf, row)
            case "quantity":
                return amount.quantity(asking, leaf, row)
            case "composite":
                return composite.sql(asking, leaf, row, indexed, self.sql)
            case _:
                if parameter.code == "near":
                    return place.sql(asking, leaf, row)
                if parameter.code in ("_text", "_content"):
                    return fulltext.sql(asking, leaf, row)
                raise unsupported(parameter.code)

    def has_keys(self, row: str, keys: list[int], lookups: list[str], indexed: bool) -> str:
        """Return "any of these keys", known ones and those that `lookups` find in record.term."""
        return self.asking.has_keys(row, keys, lookups, indexed)

    def pair_entries(self, leaf: Leaf) -> list[str]:
        """Return FROM and WHERE of the range entries that a paired composite asks for."""
        return composite.entries(self.asking, leaf)

    def token_keys(self, leaf: Leaf) -> tuple[list[int], list[str]]:
        """Return the keys that any value has, and look-ups for those not computable."""
        return token.keys_of(self.asking, leaf)

    def window(self, conditions: Sequence[Condition]) -> tuple[Late | None, Late | None]:
        """Return from when and until when the clinical time must be, by all conditions together."""
        return date.window(self.asking, conditions)

    def patients(self, leaf: Leaf) -> list[int]:
        """Return the rows of the patients asked for, if the patient's column answers; else nothing."""
        return reference.patients(self.asking, leaf)
