"""Writes elements.py: what validation must know of each element, as compact text, and bound concepts."""

from __future__ import annotations

from tools.fhir_generator.types import Definitions, Element


def write_tables(definitions: Definitions) -> dict[str, str]:
    """Return elements.py."""
    lines = [
        '"""Elements of every type, one a line; read by yba.fhir.definitions.',
        "",
        "Line: name minimum maximum types binding. Types are separated by commas; what a reference may point",
        "to follows its type after >.",
        '"""',
        "",
        "ELEMENTS: dict[str, tuple[str, str]] = {",
    ]
    for name, type_ in sorted(definitions.types.items()):
        lines.append(f'    "{name}": ("{type_.base}", """')
        lines += [_line(element) for element in type_.elements]
        lines.append('"""),')
    lines += ["}", "", "# Required bindings of CodeableConcept and Coding: (systems, codes)."]
    lines.append("CONCEPTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {")
    bound = {
        e.binding
        for t in definitions.types.values()
        for e in t.elements
        if e.binding and e.types[0].name != "code"
    }
    lines += [
        f'    "{name}": ({tuple(definitions.codes[name].systems)!r}, {tuple(definitions.codes[name].codes)!r}),'
        for name in sorted(bound)
    ]
    return {"elements.py": "\n".join([*lines, "}"]) + "\n"}


def _line(element: Element) -> str:
    types = ",".join(">".join((ref.name, *ref.targets)) for ref in element.types)
    return f"{element.name} {element.minimum} {element.maximum} {types} {element.binding}".rstrip()
