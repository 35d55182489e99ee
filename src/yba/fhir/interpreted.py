"""Search parameters read by FHIRPath: those that a site adds, and the proof of the generated ones.

The main rule: an expression gives elements, and an element is filed as `filing` files its datatype,
so an added parameter finds what a generated one with the same expression would.
Standard: FHIR R4 SearchParameter.expression; search, tables of datatypes for each kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, Final

from yba.fhir import filing, r4
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.service import Expression, compile_expression
from yba.fhir.fhirpath.values import Item, Node, children
from yba.fhir.index import Index, Kind
from yba.fhir.moments import range_of

_TEXTS: Final = ("code", "id", "string", "uri", "url", "canonical", "oid", "uuid", "markdown")
_QUANTITIES: Final = ("Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity")
_WHOLE: Final = ("integer", "positiveInt", "unsignedInt")
_TARGET: Final = re.compile(
    r"(?:^|/)([A-Z]\w+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$", re.ASCII
)
_AS_OPERATOR: Final = re.compile(r"\(([\w.]+) as (\w+)\)")
_AS_FUNCTION: Final = re.compile(r"\.as\(")
Filer = Callable[[Index, int, Any, tzinfo], None]


def _concept(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    filing.file_text(x, n, value)
    for coding in value.coding or ():
        filing.file_coding(x, n, coding)


def _token(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    if isinstance(value, bool):
        value = "true" if value else "false"
    x.tokens.append((n, None, str(value)))


def _date(x: Index, n: int, value: Any, zone: tzinfo) -> None:
    x.dates.append((n, *range_of(str(value).removeprefix("@").removesuffix("T"), zone)))


def _number(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    x.numbers.append((n, Decimal(value), Decimal(value)))


def _string(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    x.strings.append((n, str(value)))


def _uri(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    x.uris.append((n, str(value)))


def _contact_detail(x: Index, n: int, value: Any, zone: tzinfo) -> None:  # noqa: ARG001
    if value.name is not None:
        x.strings.append((n, value.name))


def _unzoned(file: Callable[[Index, int, Any], None]) -> Filer:
    return lambda x, n, value, zone: file(x, n, value)  # noqa: ARG005


_FILERS: Final[dict[tuple[str, str], Filer]] = {
    ("token", "Coding"): _unzoned(filing.file_coding),
    ("token", "CodeableConcept"): _concept,
    ("token", "Identifier"): _unzoned(filing.file_identifier),
    ("token", "ContactPoint"): _unzoned(filing.file_contact),
    ("token", "boolean"): _token,
    ("reference", "Reference"): _unzoned(filing.file_reference),
    ("reference", "canonical"): _unzoned(filing.file_canonical),
    ("reference", "uri"): _unzoned(filing.file_canonical),
    ("reference", "url"): _unzoned(filing.file_canonical),
    ("string", "HumanName"): _unzoned(filing.file_name),
    ("string", "Address"): _unzoned(filing.file_address),
    ("string", "CodeableConcept"): _unzoned(filing.file_concept_texts),
    ("string", "ContactDetail"): _contact_detail,
    ("special", "LocationPosition"): _unzoned(filing.file_position),
    ("date", "Period"): filing.file_period,
    ("date", "Timing"): filing.file_timing,
    ("quantity", "Range"): _unzoned(filing.file_range),
    ("quantity", "Money"): _unzoned(filing.file_money),
    ("quantity", "SampledData"): _unzoned(filing.file_sampled),
    ("number", "Range"): _unzoned(filing.file_number_range),
    ("number", "decimal"): _number,
    **{("token", name): _token for name in _TEXTS},
    **{("string", name): _string for name in ("string", "markdown", "code", "id")},
    **{("uri", name): _uri for name in ("uri", "url", "oid", "uuid", "canonical")},
    **{("date", name): _date for name in ("date", "dateTime", "instant")},
    **{("quantity", name): _unzoned(filing.file_quantity) for name in _QUANTITIES},
    **{("number", name): _number for name in _WHOLE},
    # What functions of the language return.
    ("token", "System.bool"): _token,
    ("token", "System.str"): _token,
    ("string", "System.str"): _string,
    ("uri", "System.str"): _uri,
    ("number", "System.int"): _number,
    ("number", "System.Decimal"): _number,
}
INDEXED_KINDS: Final = ("token", "reference", "string", "date", "number", "quantity", "uri")


@dataclass(frozen=True, slots=True)
class Interpreted:
    """A search parameter that is extracted by evaluating its expression."""

    number: int
    kind: Kind
    branches: tuple[Expression, ...]

    def file(self, resource: Any, x: Index, zone: tzinfo = UTC) -> bool:
        """File what the expression finds under the parameter's number; return whether it found any.

        An expression that fails on this resource finds nothing in it.
        """
        found = False
        for branch in self.branches:
            try:
                items = branch.evaluate(resource, resolve=_resolve)
            except FhirPathError:
                continue
            for item in items:
                found = file_item(x, self.number, self.kind, item, zone) or found
        return found


@dataclass(frozen=True, slots=True)
class Pairs:
    """A composite that is evaluated on each resource: its base, and of each part kind and path."""

    number: int
    base: tuple[Expression, ...]
    parts: tuple[tuple[Kind, tuple[Expression, ...]], ...]

    @property
    def branches(self) -> tuple[Expression, ...]:
        """Return what finds the elements whose parts belong together."""
        return self.base

    def file(self, resource: Any, x: Index, zone: tzinfo = UTC) -> bool:
        """File each combination of parts of one element; return whether there was any.

        An expression that fails on this resource finds nothing in it.
        """
        before = len(x.composites)
        for branch in self.base:
            with suppress(FhirPathError):
                for item in branch.evaluate(resource, resolve=_resolve):
                    if isinstance(item, Node):
                        self.file_item(item, resource, x, zone)
        return len(x.composites) > before

    def file_item(self, item: Node, resource: Any, x: Index, zone: tzinfo) -> None:
        """File the combinations of one element's parts."""
        found: list[list[tuple[Any, ...]]] = []
        for kind, branches in self.parts:
            inner = Index()
            for branch in branches:
                for value in branch.evaluate(item, resource=resource, resolve=_resolve):
                    file_item(inner, 0, kind, value, zone)
            found.append(values_of(inner, kind))
        filing.file_composite(x, self.number, *found)


def refuse_senseless(parameter: Interpreted | Pairs, type_: str) -> None:
    """Raise FhirPathError if no branch of the expression has a meaning for a resource type."""
    problem: FhirPathError | None = None
    for branch in parameter.branches:
        try:
            branch.evaluate(r4.RESOURCES[type_](), resolve=_resolve)
        except FhirPathError as found:
            problem = found
        else:
            return
    if problem is not None:
        raise problem


def interpreted(number: int, kind: Kind, expression: str) -> Interpreted:
    """Compile a parameter. Raises FhirPathError if the expression is none."""
    return Interpreted(number, kind, branches_of(expression))


def branches_of(text: str) -> tuple[Expression, ...]:
    """Compile each branch of a union by itself: `|` would merge quantities that differ in comparator."""
    return tuple(search_expression(branch) for branch in _split(text))


def _split(text: str) -> list[str]:
    found, depth, quoted, start = list[str](), 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'" and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "|" and depth == 0:
                found.append(text[start:place])
                start = place + 1
    return [*found, text[start:]]


def search_expression(text: str) -> Expression:
    """Compile an expression of a SearchParameter, where `as` chooses among several values.

    The language itself allows it one value only; the official parameters use it on repeating
    elements (and write DateTime for dateTime), and mean `ofType`.
    """
    text = _AS_OPERATOR.sub(r"\1.ofType(\2)", text)
    return compile_expression(
        _AS_FUNCTION.sub(".ofType(", text).replace("(DateTime)", "(dateTime)")
    )


def file_item(x: Index, n: int, kind: Kind, item: Item, zone: tzinfo) -> bool:
    """File one value as its datatype is filed; return whether the kind can hold that datatype."""
    if not isinstance(item, Node):
        filer = _FILERS.get((kind, f"System.{type(item).__name__}"))
        if filer is not None:
            filer(x, n, item, zone)
        return filer is not None
    if item.type == "Extension":
        values = children(item, "value") or ()
        return any(file_item(x, n, kind, value, zone) for value in values)
    if item.value is None:
        return False
    if kind == "reference" and item.type in r4.RESOURCES:
        filing.file_resource(x, n, item.value)
        return True
    filer = _FILERS.get((kind, item.type))
    if filer is not None:
        filer(x, n, item.value, zone)
    return filer is not None


def pairs(number: int, base: str, parts: Sequence[tuple[Kind, str]]) -> Pairs:
    """Compile a composite. Raises FhirPathError if an expression is none."""
    compiled: list[tuple[Kind, tuple[Expression, ...]]] = [
        (kind, branches_of(expression)) for kind, expression in parts
    ]
    return Pairs(number, branches_of(base), tuple(compiled))


def file_pairs(
    x: Index,
    n: int,
    resource: Any,
    base: str,
    parts: Sequence[tuple[Kind, str]],
    zone: tzinfo,
) -> None:
    """File a composite: for each element of `base`, every combination of its parts."""
    compiled = pairs(n, base, parts)
    for item in (i for b in compiled.base for i in b.evaluate(resource, resolve=_resolve)):
        assert isinstance(item, Node)
        compiled.file_item(item, resource, x, zone)


def values_of(x: Index, kind: Kind) -> list[tuple[Any, ...]]:
    """Return what is filed for a kind, in the shape of a composite's part."""
    match kind:
        case "token":
            return [entry[1:] for entry in x.tokens]
        case "reference":
            return [*(e[1:] for e in x.references), *((None, url) for _, url in x.urls)]
        case "string":
            return [entry[1:] for entry in x.strings]
        case "date":
            return [entry[1:] for entry in x.dates]
        case "number":
            return [entry[1:] for entry in x.numbers]
        case "quantity":
            return [entry[1:] for entry in x.quantities]
        case "uri":
            return [entry[1:] for entry in x.uris]
        case _:
            return [entry[1:] for entry in x.positions]


def _resolve(url: str) -> Node | None:
    """Return an empty resource of the type that a reference names, so that `is` can tell."""
    found = _TARGET.search(url)
    if found is None or found[1] not in r4.RESOURCES:
        return None
    return Node(r4.RESOURCES[found[1]](id=found[2]), found[1])
