"""The scopes of a program as a test in SQL: a guard beside that of the person's own policy.

Main rule: a row is shown if one of the granted scopes covers its type and this interaction, its
patient is the one that the program was opened for (`patient/…`), and it matches the scope's search
parameters. What a scope cannot decide of a row, it does not show.
Standard: HL7 SMART App Launch 2.2, "Scopes for requesting FHIR Resources", "Finer-grained resource
constraints using search parameters".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from yba.foundation.authorization.model import Granted, ResourceScope, granted_of
from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.chains import Conditions
from yba.foundation.record.query.leaves import Arguments, Leaves
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.tree import Condition, Leaf
from yba.kernel.actor import Actor

# Types that speak of no patient: a program opened on one patient may read them, not write them.
OF_NOBODY = frozenset(
    (
        "ActivityDefinition", "CodeSystem", "ConceptMap", "Endpoint", "HealthcareService", "Library",
        "Location", "Medication", "MedicationKnowledge", "NamingSystem", "Organization",
        "OrganizationAffiliation", "PlanDefinition", "Practitioner", "PractitionerRole",
        "Questionnaire", "Schedule", "SearchParameter", "Slot", "StructureDefinition", "Substance",
        "ValueSet",
    )
)  # fmt: skip
_READING = "rs"
# What "about now" is compared with where nobody says what time it is.
_NO_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def scope_guard(
    actor: Actor, letter: str, *, at: datetime | None = None, base: str = ""
) -> Scoping | None:
    """Return what the scopes of a program hide; None where nothing is limited by scopes.

    `letter` is c, r, u, d or s; `base` the server's own address in references.
    """
    if actor.scopes is None:
        return None
    return Scoping(granted_of(actor.scopes), letter, actor.patient_context, at or _NO_MOMENT, base)


@dataclass(frozen=True, slots=True)
class Scoping:
    """The guard of the scopes of one token, for one kind of interaction."""

    granted: Granted
    letter: str
    patient_id: str | None
    now: datetime
    base: str = ""

    @property
    def alone(self) -> bool:
        """Return whether most states tell by themselves who may see them."""
        return True

    def decides(self, version: Version) -> bool | None:
        """Return the decision where type and patient tell it, None where the database must be asked."""
        undecided = False
        for scope in self.granted.for_type(version.type, self.letter):
            if scope.context == "patient" and not self._is_in_context(version):
                continue
            if not scope.query:
                return True
            undecided = True
        return None if undecided else False

    def _is_in_context(self, version: Version) -> bool:
        if version.patient is None:
            return version.type in OF_NOBODY and self.letter in _READING
        return self.patient_id is not None and version.patient == row_id("Patient", self.patient_id)

    def sql(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return the test of a current row; see `query.guard`."""
        return self._test(row, type_, arguments, is_current=True)

    def state_sql(self, row: str, arguments: Arguments) -> str:
        """Return the test of a superseded or a new state: search parameters cannot be asked of it."""
        return self._test(row, None, arguments, is_current=False)

    def _test(self, row: str, type_: str | None, arguments: Arguments, *, is_current: bool) -> str:
        scopes = [
            scope
            for scope in self.granted.resources
            if self.letter in scope.letters
            and (is_current or not scope.query)
            and (type_ is None or scope.covers(type_))
        ]
        if any(self._shows_all(scope, type_) for scope in scopes):
            return ""
        ways: list[str] = []
        for scope in scopes:
            before = len(arguments.values)
            way = self._way(scope, row, type_, arguments)
            if way == "false":
                # An argument that no text names would leave the statement without its type.
                del arguments.values[before:]
            else:
                ways.append(way)
        return " OR ".join(ways) or "false"

    def _shows_all(self, scope: ResourceScope, type_: str | None) -> bool:
        """Return whether a scope hides no row of the type."""
        return (
            scope.context != "patient"
            and not scope.query
            and (scope.type == "*" or type_ is not None)
        )

    def _way(self, scope: ResourceScope, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return what one scope shows."""
        tests: list[str] = []
        if type_ is None and scope.type != "*":
            number = TYPE_NUMBERS.get(scope.type)
            if number is None:
                return "false"
            tests.append(f"{row}.type = {arguments.add(number, 'smallint')}")
        if scope.context == "patient":
            known = type_ if scope.type == "*" else scope.type
            tests.append(self._of_patient(row, known, arguments))
        if scope.query:
            tests.append(self._matching(scope, row, arguments))
        return "false" if "false" in tests else "(" + " AND ".join(tests) + ")"

    def _of_patient(self, row: str, type_: str | None, arguments: Arguments) -> str:
        ways: list[str] = []
        if self.patient_id is not None:
            patient = arguments.add(row_id("Patient", self.patient_id), "bigint")
            ways.append(f"{row}.patient = {patient}")
        if self.letter in _READING:
            if type_ is None:
                numbers = sorted(TYPE_NUMBERS[name] for name in OF_NOBODY if name in TYPE_NUMBERS)
                of_nobody = arguments.add(numbers, "smallint[]")
                ways.append(f"({row}.type = ANY({of_nobody}) AND {row}.patient IS NULL)")
            elif type_ in OF_NOBODY:
                ways.append(f"{row}.patient IS NULL")
        return "(" + " OR ".join(ways) + ")" if ways else "false"

    def _matching(self, scope: ResourceScope, row: str, arguments: Arguments) -> str:
        """Return "it matches the scope's search parameters", or "false" where that cannot be asked."""
        conditions = _conditions(scope.type, scope.query)
        if not conditions:
            return "false"
        leaves = Leaves(arguments, zone=settings.zone(), now=self.now, base=self.base)
        leaves.asking.probing = True
        try:
            asked = Conditions(leaves, _is_never_rare, None)
            tests = [asked.sql(condition, row, indexed=False) for condition in conditions]
        except UnsearchableQuery:
            return "false"
        return "(" + " AND ".join(f"({test})" for test in tests) + ")"


def _is_never_rare(condition: Condition) -> bool:
    """Return False: the row is at hand, no index leads to it."""
    del condition
    return False


@lru_cache(maxsize=1024)
def _conditions(type_: str, query: str) -> tuple[Condition, ...]:
    """Return the conditions of a scope, or nothing where one of them cannot be decided of a row."""
    try:
        found = parse(type_, query).conditions
    except (UnsearchableQuery, KeyError):
        return ()
    return tuple(found) if _are_plain(found) else ()


def _are_plain(conditions: Iterable[Condition]) -> bool:
    return all(isinstance(one, Leaf) and one.modifier == "" for one in conditions)
