"""Writes extractors: one Python function per resource type, its paths merged so that each is walked once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeVar

from tools.fhir_generator.search import Composite, Path, Step, TypeSearch
from tools.fhir_generator.structs import module_name
from tools.fhir_generator.types import PRIMITIVES, Definitions, TypeRef, attribute

_T = TypeVar("_T")
_DEFINITION = "http://hl7.org/fhir/SearchParameter/"
_QUANTITIES = ("Quantity", "Age", "Duration", "Count", "Distance")
_CODED = ("code", "id", "string", "uri", "url", "canonical", "oid", "uuid", "markdown")
_DATES = ("date", "dateTime", "instant")

# How a value of a datatype is filed under a kind of parameter; {n} is the number, {v} the value.
_LEAVES: dict[tuple[str, str], str] = {
    ("token", "Coding"): (
        "if {v}.code is not None:\n"
        "    tokens.append(({n}, {v}.system, {v}.code))\n"
        "if {v}.display is not None:\n"
        "    labels.append(({n}, {v}.display, {v}.system, {v}.code))"
    ),
    ("text", "CodeableConcept"): "if {v}.text is not None:\n    file_text(x, {n}, {v})",
    ("token", "Identifier"): "file_identifier(x, {n}, {v})",
    ("token", "ContactPoint"): "file_contact(x, {n}, {v})",
    ("token", "boolean"): 'tokens.append(({n}, None, "true" if {v} else "false"))',
    ("reference", "canonical"): "file_canonical(x, {n}, {v})",
    ("reference", "uri"): "file_canonical(x, {n}, {v})",
    ("reference", "url"): "file_canonical(x, {n}, {v})",
    ("string", "string"): "x.strings.append(({n}, {v}))",
    ("string", "markdown"): "x.strings.append(({n}, {v}))",
    ("string", "HumanName"): "file_name(x, {n}, {v})",
    ("string", "Address"): "file_address(x, {n}, {v})",
    ("string", "CodeableConcept"): "file_concept_texts(x, {n}, {v})",
    ("string", "ContactDetail"): (
        "if {v}.name is not None:\n    x.strings.append(({n}, {v}.name))"
    ),
    ("special", "LocationPosition"): "file_position(x, {n}, {v})",
    ("date", "Period"): "file_period(x, {n}, {v}, zone)",
    ("date", "Timing"): "file_timing(x, {n}, {v}, zone)",
    ("quantity", "Range"): "file_range(x, {n}, {v})",
    ("quantity", "Money"): "file_money(x, {n}, {v})",
    ("quantity", "SampledData"): "file_sampled(x, {n}, {v})",
    ("number", "Range"): "file_number_range(x, {n}, {v})",
    ("number", "decimal"): "x.numbers.append(({n}, {v}, {v}))",
    ("uri", "uri"): "x.uris.append(({n}, {v}))",
    ("uri", "url"): "x.uris.append(({n}, {v}))",
    ("uri", "oid"): "x.uris.append(({n}, {v}))",
    ("uri", "canonical"): "x.uris.append(({n}, {v}))",
    **{("token", code): "tokens.append(({n}, {system}, {v}))" for code in _CODED},
    **{
        ("date", code): "low, high = range_of({v}, zone)\ndates.append(({n}, low, high))"
        for code in _DATES
    },
    **{("quantity", code): "file_quantity(x, {n}, {v})" for code in _QUANTITIES},
    **{
        ("number", code): "x.numbers.append(({n}, Decimal({v}), Decimal({v})))"
        for code in ("integer", "positiveInt", "unsignedInt")
    },
    ("reference", "Reference"): (
        "url = {v}.reference\n"
        "pair = None if url is None else relative(url)\n"
        "if pair is not None and {v}.identifier is None:\n"
        "    references.append(({n}, pair[0], pair[1]))\n"
        "else:\n"
        "    file_reference(x, {n}, {v})"
    ),
}
# The values of a datatype as parts of a composite.
_PARTS: dict[tuple[str, str], str] = {
    ("token", "CodeableConcept"): "concept_parts({v})",
    ("token", "Coding"): "coding_parts({v})",
    ("token", "Identifier"): "[] if {v}.value is None else [({v}.system, {v}.value)]",
    ("token", "boolean"): '[(None, "true" if {v} else "false")]',
    ("token", "code"): "[({system}, {v})]",
    ("quantity", "Quantity"): "quantity_parts({v})",
    ("quantity", "Range"): "range_parts({v})",
    ("reference", "Reference"): "reference_parts({v})",
    ("date", "dateTime"): "[range_of({v}, zone)]",
    ("date", "Period"): "period_parts({v}, zone)",
    ("string", "string"): "[({v},)]",
    ("number", "integer"): "[(Decimal({v}), Decimal({v}))]",
}
# A choice may also have types that the kind of parameter cannot hold; these are known and passed over.
_PASSED_OVER = {
    ("token", "Quantity"),
    ("token", "Range"),
    ("token", "Reference"),
    ("date", "Age"),
    ("date", "Range"),
    ("date", "string"),
    ("date", "boolean"),
    ("date", "Duration"),
    ("reference", "CodeableConcept"),
    ("reference", "Attachment"),
    ("string", "SampledData"),
    ("uri", "Reference"),
}


@dataclass
class Node:
    """A place in a resource: what is filed there and where the paths go on."""

    types: str
    is_list: bool = False
    system: str = "None"
    leaves: list[tuple[str, int]] = field(default_factory=list)
    children: dict[str, Node] = field(default_factory=dict)
    conditions: dict[tuple[str, str], Node] = field(default_factory=dict)
    composites: list[int] = field(default_factory=list)


class Extractor:
    """Writes the function of one resource type."""

    def __init__(self, type_: str, search: TypeSearch, definitions: Definitions) -> None:
        self.type = type_
        self.search = search
        self.definitions = definitions
        self.count = 0
        self.root = Node(type_)

    def function(self) -> str:
        whole: list[str] = []
        for number, (kind, path) in self.search.elements.items():
            if path.special in ("?true", "!first entry"):
                whole += self._whole(number, path)
                continue
            for node in self._ends(self.root, path.steps):
                leaf = "exists" if path.special == "?given" else kind
                self._add_leaf(node, leaf, number, path)
        for number, composite in self.search.composites.items():
            for node in self._ends(self.root, composite.base.steps):
                node.composites.append(number)
        lines = [
            "meta = r.meta",
            "if meta is not None:",
            "    file_meta(x, meta)",
            *whole,
            *self._node(self.root, "r"),
        ]
        body = "\n".join(lines)
        lines = [f"def {module_name(self.type)}(r: {self.type}, x: Index, zone: tzinfo) -> None:"]
        for name in ("tokens", "labels", "references", "dates"):
            if re.search(rf"^ *{name}\.append", body, re.MULTILINE):
                lines.append(f"    {name} = x.{name}")
        return "\n".join(lines + ["    " + line for line in body.split("\n")]) + "\n"

    def _whole(self, number: int, path: Path) -> list[str]:
        """Return the lines of an expression that is no path."""
        if path.special == "!first entry":
            return [
                "if r.entry and r.entry[0].resource is not None:",
                f"    file_resource(x, {number}, r.entry[0].resource)",
            ]
        fields = [
            f"r.{name}" if ref.name == "boolean" else f"r.{name} is not None"
            for name, ref, _, _ in self._fields(self.type, path.steps[0])
        ]
        return [f'tokens.append(({number}, None, "true" if {" or ".join(fields)} else "false"))']

    def _add_leaf(self, node: Node, kind: str, number: int, path: Path) -> None:
        if kind == "token" and node.types == "CodeableConcept":
            if ("text", number) not in node.leaves:
                node.leaves.append(("text", number))
            node = node.children.setdefault("coding", Node("Coding", is_list=True))
        if kind != "exists" and (kind, node.types) not in _LEAVES:
            last = path.steps[-1]
            if last.fitting or ((kind, node.types) in _PASSED_OVER and not last.cast):
                return
            raise ValueError(f"{self.type}.{path}: no way to file {node.types} as {kind}")
        if (kind, number) not in node.leaves:
            node.leaves.append((kind, number))

    def _ends(self, node: Node, steps: tuple[Step, ...]) -> Iterator[Node]:
        """Give the nodes at the end of a path, making those that are missing."""
        if not steps:
            yield node
            return
        step, rest = steps[0], steps[1:]
        for name, ref, is_list, binding in self._fields(node.types, step):
            child = node.children.setdefault(name, Node(ref.name, is_list))
            codes = self.definitions.codes.get(binding)
            if codes is not None and len(codes.systems) == 1 and ref.name == "code":
                child.system = f'"{codes.systems[0]}"'
            if step.condition is not None:
                child = child.conditions.setdefault(step.condition, Node(ref.name))
            yield from self._ends(child, rest)

    def _fields(self, type_: str, step: Step) -> Iterator[tuple[str, TypeRef, bool, str]]:
        element = self.definitions.element(type_, step.name)
        if element is None:
            raise ValueError(f"{type_} has no element {step.name}")
        for name, ref in element.fields():
            # "value as Quantity" also takes what specialises it (Age, Duration...).
            if not step.cast or step.cast == ref.name or not element.is_choice:
                yield name, ref, element.is_list, element.binding

    def _variable(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def _node(self, node: Node, value: str) -> list[str]:
        lines: list[str] = []
        for kind, number in node.leaves:
            lines += self._leaf(node, kind, number, value)
        for (name, wanted), inner in node.conditions.items():
            test = f'{value}.{attribute(name)} == "{wanted}"'
            if name == "extension":
                test = f'has_extension({value}, "{wanted}")'
            body = self._node(inner, value)
            if body:
                lines += [f"if {test}:", *_indented(body)]
        for name, child in node.children.items():
            variable = self._variable()
            body = self._child(child, variable)
            if body:
                lines.append(f"{variable} = {value}.{attribute(name)}")
                lines.append(f"if {variable} is not None:")
                lines += _indented(body)
        for number in node.composites:
            lines += self._composite(number, self.search.composites[number], node.types, value)
        return lines

    def _child(self, child: Node, variable: str) -> list[str]:
        if not child.is_list:
            return self._node(child, variable)
        item = self._variable()
        inner = self._node(child, item)
        if not inner:
            return []
        if child.types in PRIMITIVES:
            inner = [f"if {item} is not None:", *_indented(inner)]
        return [f"for {item} in {variable}:", *_indented(inner)]

    def _leaf(self, node: Node, kind: str, number: int, value: str) -> list[str]:
        if kind == "exists":
            says = f'"true" if {value} else "false"' if node.types == "boolean" else '"true"'
            return [f"tokens.append(({number}, None, {says}))"]
        template = _LEAVES[kind, node.types]
        return template.format(n=number, v=value, system=node.system).split("\n")

    def _composite(self, number: int, composite: Composite, type_: str, value: str) -> list[str]:
        lines: list[str] = []
        for combination in _combinations([paths for _, _, paths in composite.parts]):
            wheres: list[list[tuple[str, str]]] = []
            for path, (_, kind, _) in zip(combination, composite.parts, strict=True):
                wheres.append(self._part(path, kind, type_, value))
            for choice in _combinations(wheres):
                # The rarest part is usually the last; asking for it first is cheap.
                tests = " and ".join(f"{where} is not None" for where, _ in reversed(choice))
                values = ", ".join(expression for _, expression in choice)
                lines += [f"if {tests}:", f"    file_composite(x, {number}, {values})"]
        return lines

    def _part(self, path: Path, kind: str, type_: str, value: str) -> list[tuple[str, str]]:
        """Return (access, parts) of each datatype that the part may have."""
        steps = path.steps
        if steps[0].name == "%resource":
            steps, type_, value = steps[1:], self.type, "r"
        for step in steps[:-1]:
            [(name, ref, _, _)] = self._fields(type_, step)
            type_, value = ref.name, f'getattr({value}, "{attribute(name)}", None)'
        found: list[tuple[str, str]] = []
        for name, ref, _, binding in self._fields(type_, steps[-1]):
            access = f"{value}.{attribute(name)}"
            if value.startswith("getattr"):
                access = f'getattr({value}, "{attribute(name)}", None)'
            codes = self.definitions.codes.get(binding)
            system = (
                f'"{codes.systems[0]}"' if codes is not None and len(codes.systems) == 1 else "None"
            )
            if (kind, ref.name) in _PARTS:
                found.append((access, _PARTS[kind, ref.name].format(v=access, system=system)))
            elif (kind, ref.name) not in _PASSED_OVER:
                raise ValueError(f"{self.type} composite: no way to file {ref.name} as {kind}")
        return found


def _combinations(lists: Sequence[Sequence[_T]]) -> Iterator[tuple[_T, ...]]:
    return product(*lists)


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


_MODULE = '''\
"""Extractors of searchable values, and what each search parameter covers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from yba.fhir.filing import (
    coding_parts,
    concept_parts,
    file_address,
    file_canonical,
    file_composite,
    file_concept_texts,
    file_contact,
    file_identifier,
    file_meta,
    file_money,
    file_name,
    file_number_range,
    file_period,
    file_position,
    file_quantity,
    file_range,
    file_reference,
    file_resource,
    file_sampled,
    file_text,
    file_timing,
    has_extension,
    period_parts,
    quantity_parts,
    range_parts,
    reference_parts,
    relative,
)
from yba.fhir.generated.types import *
from yba.fhir.index import Index
from yba.fhir.moments import range_of

'''


def write_search(searches: dict[str, TypeSearch], definitions: Definitions) -> dict[str, str]:
    """Return extractors.py (functions) and parameters.py (tables)."""
    functions = [
        Extractor(name, search, definitions).function() for name, search in searches.items()
    ]
    table = ["EXTRACTORS: dict[type, Callable[[Any, Index, tzinfo], None]] = {"]
    table += [f"    {name}: {module_name(name)}," for name in searches]
    text = _MODULE + "\n" + "\n\n".join(functions) + "\n\n" + "\n".join(table) + "\n}\n"
    return {"extractors.py": text, "parameters.py": _parameters(searches)}


def _parameters(searches: dict[str, TypeSearch]) -> str:
    lines = [
        '"""Search parameters of each resource type, one a line; read by yba.fhir.index."""',
        "",
    ]
    lines += ["# code kind elements targets components definition expression"]
    lines += ["PARAMETERS: dict[str, str] = {"]
    tables = [(type_, search.parameters) for type_, search in searches.items()]
    common = [p for p in tables[0][1] if p.code.startswith("_")]
    for type_, parameters in [("Resource", common), *tables]:
        lines.append(f'    "{type_}": """')
        for p in parameters:
            if type_ != "Resource" and p in common:
                continue
            numbers = ",".join(map(str, p.numbers)) or "-"
            components = ",".join(f"{code}:{kind}" for code, kind in p.components) or "-"
            targets = ",".join(p.targets) or "-"
            url = p.url.removeprefix(_DEFINITION)
            lines.append(f"{p.code} {p.kind} {numbers} {targets} {components} {url} {p.expression}")
        lines.append('""",')
    lines += [
        "}",
        "",
        "# Reference elements that put a resource into a patient's compartment, best first.",
    ]
    lines += ["PATIENT_ELEMENTS: dict[str, tuple[int, ...]] = {"]
    lines += [
        f'    "{t}": {tuple(s.patient_numbers)!r},'
        for t, s in searches.items()
        if s.patient_numbers
    ]
    lines += ["}", "", "# Date elements that say when the thing itself happened, best first."]
    lines += ["TIME_ELEMENTS: dict[str, tuple[int, ...]] = {"]
    lines += [
        f'    "{t}": {tuple(s.time_numbers)!r},' for t, s in searches.items() if s.time_numbers
    ]
    return "\n".join([*lines, "}"]) + "\n"
