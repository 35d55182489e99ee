"""Writes the msgspec Structs: codes.py, datatypes.py, one module per resource and the list of all."""

from __future__ import annotations

import re

from tools.fhir_generator.types import (
    ABSTRACT,
    PRIMITIVES,
    Definitions,
    Element,
    FhirType,
    attribute,
)

Files = dict[str, str]

_PYTHON = {
    "boolean": "bool",
    "decimal": "Number",
    "integer": "Integer",
    "positiveInt": "PositiveInt",
    "unsignedInt": "UnsignedInt",
}
_PRIMITIVE_NAMES = "Integer, Maybe, Number, PositiveInt, Text, UnsignedInt"


def write_structs(definitions: Definitions) -> Files:
    """Return the Python modules that declare every type."""
    files: Files = {"codes.py": _codes(definitions), "datatypes.py": _datatypes(definitions)}
    for name in definitions.resources:
        files[f"resources/{module_name(name)}.py"] = _resource(definitions, name)
    files["resources/__init__.py"] = '"""One module per resource type."""\n'
    files["types.py"] = _all(definitions)
    return files


def module_name(resource: str) -> str:
    """Return "medication_request" for "MedicationRequest"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", resource).lower()


def _codes(definitions: Definitions) -> str:
    lines = ['"""Codes of required bindings."""', "", "from typing import Literal", ""]
    for codes in sorted(definitions.codes.values(), key=lambda c: c.name):
        if codes.name in _used_as_code(definitions):
            listed = ", ".join(f'"{code}"' for code in codes.codes)
            lines.append(f"{codes.name} = Literal[{listed}]")
    return "\n".join(lines) + "\n"


def _used_as_code(definitions: Definitions) -> set[str]:
    return {
        e.binding
        for t in definitions.types.values()
        for e in t.elements
        if e.binding and e.types[0].name == "code"
    }


def _datatypes(definitions: Definitions) -> str:
    own = [t for t in definitions.types.values() if not definitions.types[t.root].is_resource]
    bases = [definitions.types[n] for n in ("Resource", "DomainResource")]
    lines = [
        '"""Datatypes and the bases of resources."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING",
        "",
        "from yba.fhir.generated import codes",
        f"from yba.fhir.primitives import FhirStruct, {_PRIMITIVE_NAMES}",
        "",
        "if TYPE_CHECKING:",
        "    from yba.fhir.generated.types import AnyResource",
    ]
    for type_ in _bases_first(definitions, own) + bases:
        lines += _class(type_)
    return "\n".join(lines) + "\n"


def _bases_first(definitions: Definitions, types: list[FhirType]) -> list[FhirType]:
    def depth(type_: FhirType) -> int:
        return 1 + depth(definitions.types[type_.base]) if type_.base else 0

    return sorted(types, key=lambda t: (depth(t), t.path))


def _resource(definitions: Definitions, name: str) -> str:
    parts = [t for t in definitions.types.values() if t.root == name]
    lines = [
        f'"""FHIR R4 {name}."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING",
        "",
        "from yba.fhir.generated import codes",
        "from yba.fhir.generated.datatypes import *",
        f"from yba.fhir.primitives import {_PRIMITIVE_NAMES}",
    ]
    if any(ref.name == "Resource" for t in parts for e in t.elements for ref in e.types):
        lines += ["", "if TYPE_CHECKING:", "    from yba.fhir.generated.types import AnyResource"]
    for type_ in sorted(parts, key=lambda t: (t.path.count("."), t.path), reverse=True):
        lines += _class(type_)
    text = "\n".join(lines) + "\n"
    return (
        text if "AnyResource" in text else text.replace("from typing import TYPE_CHECKING\n\n", "")
    )


def _class(type_: FhirType) -> list[str]:
    base = type_.base or "FhirStruct"
    options = "kw_only=True"
    if type_.is_resource and type_.name not in ABSTRACT:
        options += f', tag="{type_.name}"'
    elif type_.name == "Resource":
        options += ', tag_field="resourceType"'
    lines = ["", "", f"class {type_.name}({base}, {options}):"]
    body: list[str] = []
    for element in type_.elements:
        body += _fields(element)
    return lines + [f"    {line}" for line in body or ["pass"]]


def _fields(element: Element) -> list[str]:
    lines: list[str] = []
    for name, ref in element.fields():
        python = _python_type(element, ref.name)
        primitive = ref.name in PRIMITIVES
        if element.is_list:
            python = f"list[{python} | None]" if primitive else f"list[{python}]"
        lines.append(f"{attribute(name)}: Maybe[{python}] = None")
        if (
            primitive
            and ref.name != "xhtml"
            and not (name == "id" and ref.name in ("id", "string"))
        ):
            extension = "list[Element | None]" if element.is_list else "Element"
            lines.append(f"{name}_ext: Maybe[{extension}] = None")
    return lines


def _python_type(element: Element, name: str) -> str:
    if name not in PRIMITIVES:
        return "AnyResource" if name == "Resource" else name
    if name == "code" and element.binding:
        return f"codes.{element.binding}"
    return _PYTHON.get(name, "Text")


def _all(definitions: Definitions) -> str:
    lines = [
        '"""Every R4 type by name, and the union of all resources."""',
        "",
        "from typing import Union",
        "",
    ]
    holders = sorted(
        t.root
        for t in definitions.types.values()
        if t.root != "DomainResource"
        and any(r.name == "Resource" for e in t.elements for r in e.types)
    )
    lines.append("from yba.fhir.generated import datatypes")
    lines.append(f"from yba.fhir.generated.resources import {', '.join(map(module_name, holders))}")
    datatypes = sorted(
        t.name
        for t in definitions.types.values()
        if not definitions.types[t.root].is_resource or t.name in ABSTRACT
    )
    lines.append(_import("yba.fhir.generated.datatypes", datatypes))
    exported = list(datatypes)
    for name in definitions.resources:
        parts = sorted(t.name for t in definitions.types.values() if t.root == name)
        lines.append(_import(f"yba.fhir.generated.resources.{module_name(name)}", parts))
        exported += parts
    lines += ["", "AnyResource = Union[", *(f"    {name}," for name in definitions.resources), "]"]
    lines += ["# Annotations of the bases name it; it cannot exist before its members do."]
    lines += [
        f"{module}.AnyResource = AnyResource"
        for module in ("datatypes", *map(module_name, holders))
    ]
    lines.append("")
    lines += ["RESOURCES: dict[str, type[Resource]] = {"]
    lines += [*(f'    "{name}": {name},' for name in definitions.resources), "}"]
    lines += [
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in sorted([*exported, "AnyResource", "RESOURCES"])),
        "]",
    ]
    return "\n".join(lines) + "\n"


def _import(module: str, names: list[str]) -> str:
    return f"from {module} import (\n" + "".join(f"    {n} as {n},\n" for n in names) + ")"
