"""Checks a query against the definitions of FHIR, before it costs anything.

Main rule: an unknown field, argument, fragment, directive or variable is refused, never answered
with nothing. Depth, fields and searches have limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.language.ast import EnumValueNode

from yba.fhir.definitions import PRIMITIVES, Property, is_resource_type, properties_of
from yba.surfaces.fhir_api.graphql.problems import Problem, Refused

DEEPEST = 20
MOST_FIELDS = 2000
MOST_SEARCHES = 20
ANY = "Resource"
CONNECTION, EDGE = "#Connection", "#Edge"
CONNECTION_FIELDS = frozenset({
    "count", "edges", "first", "last", "next", "offset", "pageSize", "pagesize", "previous",
})  # fmt: skip
_EDGE_FIELDS = frozenset({"mode", "resource", "score"})
_DIRECTIVES = {
    "include": {"if"}, "skip": {"if"}, "flatten": set[str](), "first": set[str](),
    "singleton": set[str](), "slice": {"path"},
}  # fmt: skip
_ABSTRACT = frozenset({"Resource", "DomainResource"})
LISTED, CONNECTED = "List", "Connection"


@dataclass(slots=True)
class Query:
    """A checked document: the operation to carry out and the fragments it may use."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode] = field(
        default_factory=dict[str, FragmentDefinitionNode]
    )


def choose(document: DocumentNode, name: str | None) -> Query:
    """Return the operation asked for. Raises Refused if it cannot be told or is no query."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    fragments = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    if name:
        operations = [d for d in operations if d.name is not None and d.name.value == name]
    if len(operations) != 1:
        raise Refused(Problem("operationName must name one operation of the document."))
    if operations[0].operation != OperationType.QUERY:
        raise Refused(Problem("Only queries are answered here.", operations[0]))
    return Query(operations[0], {each.name.value: each for each in fragments})


def property_of(type_: str, name: str) -> Property | None:
    """Return the property of a FHIR type by its name in GraphQL, which is that in JSON."""
    try:
        return properties_of(type_).get(name)
    except KeyError:
        return None


def search_of(name: str) -> tuple[str, str]:
    """Return (resource type, "List" or "Connection") of a search field, or two empty texts."""
    for kind in (LISTED, CONNECTED):
        type_ = name.removesuffix(kind)
        if type_ != name and is_resource_type(type_):
            return type_, kind
    return "", ""


class Checker:
    """Walks one query with the types of its fields, and collects what is wrong with it."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._problems: list[Problem] = []
        self._fields = self._searches = 0
        definitions = query.operation.variable_definitions or ()
        self._variables = {each.variable.name.value for each in definitions}

    def check(self, type_: str | None) -> None:
        """Check the query at a resource of `type_`, or at the system. Raises Refused."""
        self._selections(query_set(self._query), type_, 1, ())
        self._check_variables()
        if self._problems:
            raise Refused(*self._problems[:20])

    def _check_variables(self) -> None:
        missing: list[Problem] = []
        known = self._variables

        class _Uses(Visitor):
            def enter_variable(self, node: VariableNode, *_: object) -> None:
                if node.name.value not in known:
                    missing.append(
                        Problem(f"The variable ${node.name.value} is not defined.", node)
                    )

        visit(self._query.operation, _Uses())
        self._problems += missing

    def _wrong(self, message: str, node: Node) -> None:
        self._problems.append(Problem(message, node))

    def _selections(
        self, selected: SelectionSetNode, type_: str | None, depth: int, within: tuple[str, ...]
    ) -> None:
        if depth > DEEPEST:
            raise Refused(Problem(f"The query is deeper than {DEEPEST} levels.", selected))
        for node in selected.selections:
            self._directives(node)
            if isinstance(node, FieldNode):
                self._fields += 1
                if self._fields > MOST_FIELDS:
                    raise Refused(Problem(f"The query has more than {MOST_FIELDS} fields.", node))
                self._field(node, type_, depth, within)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self._query.fragments.get(name)
                if fragment is None:
                    self._wrong(f"There is no fragment {name}.", node)
                elif name in within:
                    raise Refused(Problem(f"The fragment {name} contains itself.", node))
                else:
                    inner = self._narrowed(type_, fragment.type_condition.name.value, node)
                    self._selections(fragment.selection_set, inner, depth, (*within, name))
            elif isinstance(node, InlineFragmentNode):
                inner = type_
                if node.type_condition is not None:
                    inner = self._narrowed(type_, node.type_condition.name.value, node)
                self._selections(node.selection_set, inner, depth, within)

    def _narrowed(self, type_: str | None, condition: str, node: Node) -> str | None:
        """Return the type inside a fragment on `condition`."""
        if type_ is None or condition in _ABSTRACT:
            return type_
        try:
            properties_of(condition)
        except KeyError:
            self._wrong(f"There is no type {condition}.", node)
        return condition

    def _directives(self, node: Node) -> None:
        for directive in getattr(node, "directives", None) or ():
            name = directive.name.value
            wanted = _DIRECTIVES.get(name)
            if wanted is None:
                self._wrong(f"There is no directive @{name}.", directive)
                continue
            given = {argument.name.value for argument in directive.arguments or ()}
            if name == "slice" and given == {"fhirpath"}:
                continue
            if given != wanted:
                listed = ", ".join(sorted(wanted)) or "no arguments"
                self._wrong(f"@{name} takes {listed}.", directive)

    def _field(
        self, node: FieldNode, type_: str | None, depth: int, within: tuple[str, ...]
    ) -> None:
        name = node.name.value
        if name.startswith("__"):
            if name != "__typename":
                self._wrong(f"{name} can only be asked for alone.", node)
            return
        if len({given for given, _ in _arguments(node)}) < len(node.arguments or ()):
            self._wrong(f"{name} is given an argument twice.", node)
        try:
            inner = self._type_of(node, type_, name)
        except Problem as problem:
            self._problems.append(problem)
            return
        if inner in PRIMITIVES or not inner:
            if node.selection_set is not None:
                self._wrong(f"{name} has no fields.", node)
        elif node.selection_set is None:
            self._wrong(f"{name} needs a choice of its fields.", node)
        else:
            self._selections(node.selection_set, inner, depth + 1, within)

    def _type_of(self, node: FieldNode, type_: str | None, name: str) -> str:
        """Return the type of a field; "" if it is a plain value. Raises Problem."""
        if type_ is not None and type_.endswith((CONNECTION, EDGE)):
            return _of_connection(type_, name, node)
        searched, kind = search_of(name)
        if searched and (type_ is None or type_ == ANY or is_resource_type(type_)):
            self._searches += 1
            if self._searches > MOST_SEARCHES:
                raise Refused(Problem(f"The query has more than {MOST_SEARCHES} searches.", node))
            return searched if kind == LISTED else searched + CONNECTION
        if type_ is None:
            if is_resource_type(name):
                _only(node, "id")
                return name
            raise Problem(f"There is no field {name} at the base.", node)
        if type_ == ANY:
            return self._type_in_any(name, node)
        if type_ == "Reference" and name == "resource":
            _only(node, "optional", "type")
            return _target(node)
        if name == "resourceType" and is_resource_type(type_):
            return ""
        found = property_of(type_, name)
        if found is None:
            raise Problem(f"{type_} has no field {name}.", node)
        _check_filters(node, found)
        return found.type

    def _type_in_any(self, name: str, node: FieldNode) -> str:
        """Return the type of a field of a resource whose own type is not known."""
        if name == "resourceType":
            return ""
        found = property_of("DomainResource", name)
        if found is None:
            raise Problem(f"{name} needs a fragment that says of which resource type.", node)
        return found.type


def query_set(query: Query) -> SelectionSetNode:
    """Return what the operation selects."""
    return query.operation.selection_set


def _of_connection(type_: str, name: str, node: FieldNode) -> str:
    if type_.endswith(CONNECTION):
        if name not in CONNECTION_FIELDS:
            raise Problem(f"A connection has no field {name}.", node)
        return type_.replace(CONNECTION, EDGE) if name == "edges" else ""
    if name not in _EDGE_FIELDS:
        raise Problem(f"An edge has no field {name}.", node)
    return type_.removesuffix(EDGE) if name == "resource" else ""


def _arguments(node: FieldNode) -> Iterator[tuple[str, Node]]:
    for argument in node.arguments or ():
        yield argument.name.value, argument.value


def _only(node: FieldNode, *known: str) -> None:
    for name, _ in _arguments(node):
        if name not in known:
            raise Problem(f"{node.name.value} takes no argument {name}.", node)


def _target(node: FieldNode) -> str:
    for name, value in _arguments(node):
        if name == "type" and isinstance(value, EnumValueNode | StringValueNode):
            if not is_resource_type(value.value):
                raise Problem(f"There is no resource type {value.value}.", node)
            return value.value
    return ANY


def _check_filters(node: FieldNode, found: Property) -> None:
    """Raise Problem unless the arguments choose among the values of a list."""
    for name, _ in _arguments(node):
        if not found.is_list:
            raise Problem(f"{node.name.value} is no list, so it takes no arguments.", node)
        if name in ("fhirpath", "_count", "_offset"):
            continue
        inner = property_of(found.type, name)
        if inner is None or not inner.is_primitive:
            raise Problem(f"{node.name.value} takes no argument {name}.", node)
