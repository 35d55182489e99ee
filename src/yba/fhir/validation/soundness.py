"""The fast check: one Python function per type, made from the definitions when the type is first seen.

A function answers only whether a decoded value is sound: mandatory elements, one type per choice, no empty
lists or objects, formats, bound concepts. Types, names, codes and nulls were checked by the decoder. Where it
says no, `walker` explains, or overrules it for rare things that are allowed (null beside an extension).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from yba.fhir.definitions import Property, concepts_of, properties_of
from yba.fhir.validation.formats import FORMATS, known_codes, known_uris
from yba.fhir.validation.walker import DEEPEST

Check = Callable[[Any, int], bool]

_URIS = ("uri", "url", "canonical")
# Decoding has checked that these are not empty; NUL is looked for in the bytes.
_FREE = ("string", "markdown", "boolean", "decimal", "integer", "positiveInt", "unsignedInt")


def is_sound(resource: Any) -> bool:
    """Return whether a decoded resource keeps the rules that decoding did not check."""
    return _sound_resource(resource, 0)


def _sound_resource(resource: Any, depth: int) -> bool:
    name = type(resource).__name__
    check = _checks.get(name)
    if check is None:
        _make(name)
        check = _checks[name]
    return check(resource, depth)


def _sound_concept(concept: Any, binding: str) -> bool:
    systems, codes = concepts_of(binding)
    return any(c.system in systems and c.code in codes for c in concept.coding or ())


def _sound_coding(coding: Any, binding: str) -> bool:
    systems, codes = concepts_of(binding)
    return coding.system in systems and coding.code in codes


_namespace: Final[dict[str, Any]] = {
    "sound_Resource": _sound_resource,
    "sound_concept": _sound_concept,
    "sound_coding": _sound_coding,
    "known_uris": known_uris,
    "known_codes": known_codes,
    **{f"is_{name}": check for name, check in FORMATS.items()},
}
_checks: Final[dict[str, Check]] = {}


def _make(type_: str) -> None:
    """Compile the functions of a type and of all types below it that are still missing."""
    wanted, sources = [type_], dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name in _checks or name in sources:
            continue
        sources[name] = _function(name, properties_of(name).values())
        wanted += [
            p.type
            for p in properties_of(name).values()
            if not p.is_primitive and p.type != "Resource"
        ]
        wanted.append("Element")
    # The source is made of names in our own generated tables, as dataclasses and namedtuple do it.
    exec("\n".join(sources.values()), _namespace)  # noqa: S102
    _checks.update({name: _namespace[f"sound_{name}"] for name in sources})


def _function(type_: str, properties: Iterable[Property]) -> str:
    listed = list(properties)
    lines = [f"def sound_{type_}(o, d):"]
    if _may_hold_itself(type_):
        lines += ["    d += 1", f"    if d > {DEEPEST}:", "        return False"]
    is_resource = any(
        p.element == "meta" and p.type == "Meta" for p in listed
    ) and "implicitRules" in {p.name for p in listed}
    if not is_resource and all(p.minimum == 0 for p in listed):
        present = [p for p in listed if p.element != "id"]
        present.sort(key=lambda p: p.element in ("extension", "modifierExtension"))
        tests = [f"o.{p.attribute} is None" for p in present]
        tests += [
            f"o.{p.name}_ext is None" for p in present if p.is_primitive and p.type != "xhtml"
        ]
        lines += [
            f"    if {' and '.join(tests)}:",
            f"        return {'o.id is not None' if type_ == 'Element' else 'False'}",
        ]
    choices: dict[str, list[Property]] = {}
    for p in listed:
        if p.is_choice:
            choices.setdefault(p.element, []).append(p)
        else:
            lines += _property(p)
    for group in choices.values():
        lines += _choice(group)
    lines += _extensions([p for p in listed if not p.is_choice and _has_extension(p)])
    lines.append("    return True\n")
    return "\n".join(lines)


@cache
def _may_hold_itself(type_: str) -> bool:
    """Return whether values of this type can nest without end; extensions are looked at where they begin."""
    if type_ == "Extension" or any(p.type == "Resource" for p in properties_of(type_).values()):
        return True
    seen, wanted = set[str](), [type_]
    while wanted:
        for p in properties_of(wanted.pop()).values():
            if p.type == type_:
                return True
            if (
                p.type not in seen
                and not p.is_primitive
                and p.type not in ("Extension", "Resource")
            ):
                seen.add(p.type)
                wanted.append(p.type)
    return False


def _property(p: Property) -> list[str]:
    test = _value_test(p, "e" if p.is_list else "v")
    lines: list[str] = []
    if p.minimum or test or p.is_list:
        lines.append(f"    v = o.{p.attribute}")
    if p.minimum:
        absent = f" and o.{p.name}_ext is None" if _has_extension(p) else ""
        lines += [f"    if v is None{absent}:", "        return False"]
    if p.is_list:
        lines += ["    if v is not None:", "        if not v:", "            return False"]
        inner = (
            f"e is None or {test}"
            if p.is_primitive and test
            else ("e is None" if p.is_primitive else test)
        )
        if inner:
            lines += [
                "        for e in v:",
                f"            if {inner}:",
                "                return False",
            ]
    elif test:
        lines += [f"    if v is not None and {test}:", "        return False"]
    return lines


def _has_extension(p: Property) -> bool:
    return p.is_primitive and p.type != "xhtml" and p.name != "id"


def _extensions(properties: list[Property]) -> list[str]:
    """Look at the extensions of primitives together: in most resources there is none at all."""
    lines: list[str] = []
    singles = [f"o.{p.name}_ext" for p in properties if not p.is_list]
    if singles:
        lines += [f"    if {' or '.join(f'{name} is not None' for name in singles)}:"]
        lines += [f"        for v in ({', '.join(singles)},):"]
        lines += [
            "            if v is not None and not sound_Element(v, d):",
            "                return False",
        ]
    lists = [f"o.{p.name}_ext is not None" for p in properties if p.is_list]
    if lists:
        # They are matched with their values by position; rare, so the walker does it.
        lines += [f"    if {' or '.join(lists)}:", "        return False"]
    return lines


def _choice(group: list[Property]) -> list[str]:
    lines = ["    n = 0"]
    for p in group:
        test = _value_test(p, "v")
        lines.append(f"    v = o.{p.attribute}")
        if p.is_primitive:
            lines += [
                f"    w = o.{p.name}_ext",
                "    if v is not None or w is not None:",
                "        n += 1",
            ]
            if test:
                lines += [f"        if v is not None and {test}:", "            return False"]
            lines += [
                "        if w is not None and not sound_Element(w, d):",
                "            return False",
            ]
        else:
            lines += [
                "    if v is not None:",
                "        n += 1",
                f"        if {test}:",
                "            return False",
            ]
    lines += ["    if n != 1:" if group[0].minimum else "    if n > 1:", "        return False"]
    return lines


def _value_test(p: Property, v: str) -> str:
    """Return a Python expression that is true when the value is not sound; empty if all are."""
    if not p.is_primitive:
        test = f"not sound_{p.type}({v}, d)"
        if p.binding and p.type == "CodeableConcept":
            test += f" or not sound_concept({v}, {p.binding!r})"
        elif p.binding and p.type == "Coding":
            test += f" or not sound_coding({v}, {p.binding!r})"
        return f"({test})" if " or " in test else test
    if p.type in _FREE or (p.type == "code" and p.binding):
        return ""
    if p.type in _URIS:
        return f"{v} not in known_uris and not is_uri({v})"
    if p.type == "code":
        return f"{v} not in known_codes and not is_code({v})"
    return f"not is_{p.type}({v})"
