"""What the store needs to know of each resource type, worked out once per process.

Main rule: the number of a type never changes (R4 is closed, so it is its place in the alphabet).
"""

from __future__ import annotations

import functools
import operator
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import msgspec

from yba.fhir.generated.types import AnyResource
from yba.fhir.index import SearchParam, search_parameters
from yba.fhir.interpreted import Interpreted, Pairs
from yba.foundation.record.errors import ParameterIndexing
from yba.foundation.record.keys import label_scope, scope

_ELEMENTS = 256
# Numbers of parameters that a site adds; see record.parameter.
FIRST_ADDED = _ELEMENTS
_BITS = 62
_FIRST_ELEMENT = 3
# Which date of a type is "when it happened", most telling first.
_CLINICAL_TIMES = (
    "date", "onset-date", "authoredon", "authored", "issued", "created", "effective-time", "period",
    "birthdate", "sent", "occurrence", "recorded-date", "started",
)  # fmt: skip
# What a resource of a type says it is; its codes have an ordered index of their own.
_PRINCIPAL_CODES = ("code", "vaccine-code", "type", "service-type", "category", "topic")
_BIRTH_DATE = "birthdate"
_HIGH_CARDINALITY = re.compile(
    r"identifier|telecom|phone|email|udi|lot-number|serial|^(?:series|instance|uid)$"
)

TYPES: dict[str, type[msgspec.Struct]] = {
    struct.__name__: struct for struct in typing.get_args(AnyResource)
}
TYPE_NAMES: tuple[str, ...] = tuple(sorted(TYPES))
TYPE_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(TYPE_NAMES, start=1)}


def bit(element: int) -> int:
    """Return the bit that says whether an element has a value, or 0 if it has none."""
    place = element - _FIRST_ELEMENT
    return 1 << place if 0 <= place < _BITS else 0


class Parameters(Mapping[str, SearchParam]):
    """The search parameters of a type by code. One that is still being indexed is refused."""

    __slots__ = ("_found", "indexing")

    def __init__(
        self, found: Mapping[str, SearchParam], indexing: frozenset[str] = frozenset()
    ) -> None:
        self._found = found
        self.indexing = indexing

    def __getitem__(self, code: str) -> SearchParam:
        """Return a parameter. Raises KeyError, and ParameterIndexing for one not ready yet."""
        found = self._found.get(code)
        if found is None:
            if code in self.indexing:
                raise ParameterIndexing(code=code)
            raise KeyError(code)
        return found

    def __iter__(self) -> Iterator[str]:
        """Give the codes of those that can be searched."""
        return iter(self._found)

    def __len__(self) -> int:
        """Return how many can be searched."""
        return len(self._found)


class TypePlan:
    """How resources of one type are filed."""

    __slots__ = (
        "added", "bits", "by_time", "code_element", "identifier_elements", "label_keys", "label_scopes",
        "name", "narrowed", "number", "paired", "parameters", "patient_element", "present",
        "reference_keys",
        "rewritten", "scopes", "time_elements", "token_keys", "uri_keys",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = TYPE_NUMBERS[name]
        self.parameters = Parameters(search_parameters(name))
        # Parameters that this site has added, active or about to be; see `parameters`.
        self.added: tuple[Interpreted | Pairs, ...] = ()
        self.scopes = [scope(name, element) for element in range(_ELEMENTS)]
        self.label_scopes = [label_scope(scope) for scope in self.scopes]
        # Keys met before; emptied when they grow beyond what is worth remembering.
        self.token_keys: dict[tuple[int, str | None, str], int] = {}
        self.uri_keys: dict[tuple[int, str], int] = {}
        self.label_keys: dict[tuple[int, str, str | None, str | None], int] = {}
        # With the bits that say which parameters have a value then.
        self.reference_keys: dict[tuple[int, str, str], tuple[int, int]] = {}
        self.bits = [bit(element) for element in range(_ELEMENTS)]
        self.present, self.narrowed = _presence(self.parameters)
        # Values of these are many and rarely shared: filed by value alone as well, not in `term`.
        self.identifier_elements = frozenset(
            element
            for parameter in self.parameters.values()
            if parameter.kind == "token" and _HIGH_CARDINALITY.search(parameter.code)
            for element in parameter.elements
        )
        self.rewritten = _rewritten_composites(self.parameters, name)
        self.time_elements = self._time_elements()
        self.patient_element = self._patient_element()
        self.code_element = self._code_element()
        # Quantities that a composite asks for together with the principal code: filed under both,
        # so that a rare value of a common code is found by itself.
        self.paired = frozenset(
            element
            for parameter in self.parameters.values()
            if rooted_in_type(parameter, name) and len(parameter.components) == 2
            for first, second in [[self.parameters[code] for code, _ in parameter.components]]
            if second.kind == "quantity" and first.elements == (self.code_element,)
            for element in second.elements
        )
        # Whether "newest first" is by clinical time. A birth date says nothing of a record's age.
        self.by_time = not (
            _BIRTH_DATE in self.parameters
            and frozenset(self.parameters[_BIRTH_DATE].elements) == self.time_elements
        )

    def put_added(
        self, added: Sequence[tuple[SearchParam, Interpreted | Pairs]], ready: set[str]
    ) -> None:
        """Take over the parameters that this site has added, instead of those known before."""
        built_in = search_parameters(self.name)
        self.added = tuple(interpreted for _, interpreted in added)
        searchable = {p.code: p for p, _ in added if p.code in ready}
        waiting = frozenset(p.code for p, _ in added) - ready
        self.parameters = Parameters({**built_in, **searchable}, waiting)
        for number in range(len(self.scopes), max((i.number for i in self.added), default=0) + 1):
            self.scopes.append(scope(self.name, number))
            self.label_scopes.append(label_scope(self.scopes[number]))
            self.bits.append(0)
        self.identifier_elements = frozenset(
            {e for e in self.identifier_elements if e < FIRST_ADDED}
            | {
                interpreted.number
                for parameter, interpreted in added
                if parameter.kind == "token"
                and _HIGH_CARDINALITY.search(f"{parameter.code} {parameter.expression}")
            }
        )

    def _time_elements(self) -> frozenset[int]:
        """Return the elements whose single value is kept in the row itself."""
        dates = {
            code: frozenset(parameter.elements)
            for code, parameter in self.parameters.items()
            if parameter.kind == "date" and not code.startswith("_") and parameter.elements
        }
        for code in (*_CLINICAL_TIMES, *sorted(dates)):
            chosen = dates.get(code)
            if chosen and all(other == chosen or not other & chosen for other in dates.values()):
                return chosen
        return frozenset()

    def _patient_element(self) -> int | None:
        """Return the element whose only value is the patient, so that the column answers for it."""
        for code in ("patient", "subject", "beneficiary"):
            parameter = self.parameters.get(code)
            if parameter is None or len(parameter.elements) != 1 or parameter.kind != "reference":
                continue
            field = re.match(rf"{self.name}\.(\w+)(?:$|\.where\()", parameter.expression)
            if field and not _repeats(TYPES[self.name], field[1]):
                return parameter.elements[0]
        return None

    def _code_element(self) -> int | None:
        """Return the element of the principal code, or None if the type has none."""
        for code in _PRINCIPAL_CODES:
            parameter = self.parameters.get(code)
            if parameter is not None and parameter.kind == "token" and parameter.elements:
                return parameter.elements[0] if len(parameter.elements) == 1 else None
        return None


def _presence(
    parameters: Mapping[str, SearchParam],
) -> tuple[dict[str, int], dict[tuple[int, str], int]]:
    """Return the bits that say whether a parameter has a value, by code.

    Parameters that share an element and differ in where it may point (`patient`, `subject`) have a
    bit of their own each: the second result has it by (element, type).
    """
    present: dict[str, int] = {}
    narrowed: dict[tuple[int, str], int] = {}
    following = 1 + max((e for p in parameters.values() for e in p.elements), default=0)
    for code, parameter in sorted(parameters.items()):
        if parameter.kind == "reference" and _is_narrow(parameter, parameters):
            present[code] = bit(following)
            for element in parameter.elements:
                for target in parameter.targets:
                    place = (element, target)
                    narrowed[place] = narrowed.get(place, 0) | bit(following)
            following += 1
        else:
            bits = [bit(element) for element in parameter.elements]
            present[code] = functools.reduce(operator.or_, bits, 0) if all(bits) else 0
    return present, narrowed


def _is_narrow(parameter: SearchParam, parameters: Mapping[str, SearchParam]) -> bool:
    """Return whether another parameter of the same element may point to more types."""
    own = set(parameter.targets)
    return bool(own) and any(
        other.kind == "reference"
        and set(other.elements) & set(parameter.elements)
        and (not other.targets or set(other.targets) - own)
        for other in parameters.values()
    )


def _repeats(struct: type[msgspec.Struct], field: str) -> bool:
    hint = typing.get_type_hints(struct).get(field)
    if hint is None:
        return True
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return any(typing.get_origin(member) is list for member in members)


def rooted_in_type(parameter: SearchParam, name: str) -> bool:
    """Return whether a composite pairs elements of the resource itself, not of a repeating part.

    Then "both parts match" says the same as the pair, and no pair has to be filed.
    """
    return parameter.kind == "composite" and parameter.expression == name


def _rewritten_composites(
    parameters: typing.Mapping[str, SearchParam], name: str
) -> frozenset[int]:
    return frozenset(
        element
        for parameter in parameters.values()
        if rooted_in_type(parameter, name)
        for element in parameter.elements
    )


@cache
def plan_of(name: str) -> TypePlan:
    """Return the plan of a resource type. Raises KeyError if R4 has no such type."""
    return TypePlan(name)


_UNKNOWN = -1
_filed_with = [_UNKNOWN]


def filed_with() -> int:
    """Return the version of the added parameters that this process files by."""
    return _filed_with[0]


def put_filed_with(version: int = _UNKNOWN) -> None:
    """Say which version of the added parameters the plans have now; none without one."""
    _filed_with[0] = version
