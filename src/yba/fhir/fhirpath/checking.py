"""What is wrong with an expression whatever the data: the checks of strict mode.

An author's mistake shows before any resource is read. Lenient evaluation, which finds nothing there, is the default.
Standard: FHIRPath 2.0, "Type safety and strict evaluation"; "children" and "descendants" (their order is undefined).
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.tree import Call, Indexed, Member, Tree, TypeTest
from yba.fhir.fhirpath.values import elements_of, known_type

_BY_PLACE: Final = ("first", "last", "tail", "skip", "take")
_UNORDERED: Final = ("children", "descendants")
_TREE_MODULE: Final = Member.__module__


def check(tree: Tree) -> None:
    """Raise FhirPathError for an element that a type never has, and for places in what has no order."""
    match tree:
        case Member(focus, name) if focus is not None:
            _check_element(focus, name)
        case Call(focus, name, _) if name in _BY_PLACE and _is_unordered(focus):
            raise FhirPathError(f"{name} has no meaning in values without order")
        case Indexed(focus, _) if _is_unordered(focus):
            raise FhirPathError("an index has no meaning in values without order")
        case _:
            pass
    for field in fields(tree):
        _check_part(getattr(tree, field.name))


def _check_part(part: Any) -> None:
    if isinstance(part, tuple):
        for one in cast("tuple[Any, ...]", part):
            _check_part(one)
    elif is_dataclass(part) and type(part).__module__ == _TREE_MODULE:
        check(cast("Tree", part))


def _check_element(focus: Tree, name: str) -> None:
    match focus:
        case TypeTest("as", _, type_name):
            stated = type_name
        case Call(_, ("as" | "ofType"), (Member(None, type_name),)):
            stated = type_name
        case _:
            return
    found = known_type(stated)
    if found is None or found.namespace != "FHIR" or stated[:1].islower():
        return
    if name not in elements_of(found.name):
        raise FhirPathError(f"{found.name} has no element {name}")


def _is_unordered(tree: Tree | None) -> bool:
    match tree:
        case Call(focus, name, _):
            return name in _UNORDERED or (name in ("where", "select") and _is_unordered(focus))
        case Member(focus, _):
            return _is_unordered(focus)
        case _:
            return False
