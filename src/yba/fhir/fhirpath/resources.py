"""Functions about types, time, tracing, and those that FHIR adds.

Standard: FHIRPath 2.0, "Utility" and "Types"; FHIR R4, "Additional functions"; SQL on FHIR 2, resource keys.
"""

# ruff: noqa: ARG001, ARG005  (all functions of the language have one signature)

from __future__ import annotations

from typing import Final

from yba.fhir.definitions import is_resource_type
from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.evaluation import Code, Env, Function, maybe, text, truth
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.values import (
    Collection,
    Item,
    Node,
    TypeName,
    children,
    is_type,
    system,
    system_type,
    type_of,
)
from yba.fhir.filing import relative

_STRUCTURE: Final = "http://hl7.org/fhir/StructureDefinition/"


def has_type(item: Item, wanted: TypeName, *, exact: bool) -> bool:
    """Return whether a value is of a type; `exact` leaves out specialisations of primitives."""
    if isinstance(item, Node):
        if wanted.namespace != "FHIR":
            return False
        if exact and item.is_primitive:
            return item.type == wanted.name
        return is_type(item.type, wanted.name)
    name = system_type(item)
    return name == wanted.name and (wanted.namespace == "System" or name == "Quantity")


def iif(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    """Return the second argument where the first holds, else the third or nothing; the other is not looked at."""
    if len(focus) > 1:
        raise FhirPathError("iif takes one value at most")
    inner = env.at(focus, env.index)
    condition = arguments[0](inner)
    if len(condition) > 1 or (condition and not isinstance(system(condition[0]), bool)):
        raise FhirPathError("the criterion of iif must be a boolean")
    if truth(condition):
        return arguments[1](inner)
    return arguments[2](inner) if len(arguments) > 2 else []


def _extension(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    url = text(arguments[0](env))
    found = [
        e for item in focus if isinstance(item, Node) for e in children(item, "extension") or ()
    ]
    return [e for e in found if isinstance(e, Node) and e.value.url == url]


def _has_extension(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    """Search parameters over extensions of R4 use it, though its text does not define it."""
    return [bool(_extension(env, focus, arguments))]


def _has_value(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    item = focus[0] if len(focus) == 1 else None
    if isinstance(item, Node):
        return [item.is_primitive and item.value is not None]
    return [item is not None]


def _get_value(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    item = focus[0] if len(focus) == 1 else None
    if isinstance(item, Node):
        return maybe(system(item)) if item.is_primitive else []
    return maybe(item)


def _resolve(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    found: Collection = []
    for item in focus:
        value = system(item)
        url = (
            value.value.reference
            if isinstance(value, Node) and value.type == "Reference"
            else value
        )
        if isinstance(url, str):
            found += maybe(_target(env, url))
    return found


def _target(env: Env, url: str) -> Node | None:
    if not url.startswith("#"):
        return None if env.shared.resolve is None else env.shared.resolve(url)
    root = env.shared.root
    inside = [n for n in children(root, "contained") or () if isinstance(n, Node)]
    if url == "#":
        return root
    return next((n for n in inside if n.value.id == url[1:]), None)


def _conforms_to(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    profile = text(arguments[0](env))
    if profile is None or not focus:
        return []
    item = focus[0] if len(focus) == 1 else None
    if not isinstance(item, Node):
        return [False]
    name = profile.removeprefix(_STRUCTURE)
    if name != profile and (is_resource_type(name) or name in ("Resource", "DomainResource")):
        return [is_type(item.type, name)]
    answer = None if env.shared.conforms is None else env.shared.conforms(item, profile)
    if answer is None:
        raise FhirPathError("the profile is not known here")
    return [answer]


def _member_of(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    value_set = text(arguments[0](env))
    if value_set is None or not focus:
        return []
    if len(focus) > 1:
        raise FhirPathError("memberOf takes one value")
    answer = None if env.shared.member_of is None else env.shared.member_of(focus[0], value_set)
    if answer is None:
        raise FhirPathError("whether the code is in the value set is not known here")
    return [answer]


def _trace(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    name = text(arguments[0](env)) or ""
    if len(arguments) > 1:
        shown = [v for n, item in enumerate(focus) for v in arguments[1](env.at([item], n))]
    else:
        shown = focus
    env.shared.traces.append((name, shown))
    return focus


def _now(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [temporal.from_datetime(env.shared.now)]


def _today(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    now = env.shared.now
    return [Temporal("Date", (now.year, now.month, now.day))]


def _time_of_day(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    now = temporal.from_datetime(env.shared.now)
    return [Temporal("Time", now.parts[3:], now.second)]


def _resource_key(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [
        f"{n.type}/{n.value.id}" for n in focus if isinstance(n, Node) and is_resource_type(n.type)
    ]


def _reference_key(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    wanted = arguments[0](env) if arguments else []
    found: Collection = []
    for item in focus:
        url = item.value.reference if isinstance(item, Node) and item.type == "Reference" else None
        pair = relative(url) if url else None
        if pair is not None and (not wanted or pair[0] == system(wanted[0])):
            found.append(f"{pair[0]}/{pair[1]}")
    return found


def _html_checks(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    # Structure and safety of XHTML are looked at where it is shown; here it must only look like it.
    return [all(str(system(item)).lstrip().startswith("<div") for item in focus)]


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "iif": (2, 3, iif),
    "type": (0, 0, lambda env, focus, arguments: [type_of(item) for item in focus]),
    "extension": (1, 1, _extension),
    "hasExtension": (1, 1, _has_extension),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _get_value),
    "resolve": (0, 0, _resolve),
    "conformsTo": (1, 1, _conforms_to),
    "memberOf": (1, 1, _member_of),
    "trace": (1, 2, _trace),
    "now": (0, 0, _now),
    "today": (0, 0, _today),
    "timeOfDay": (0, 0, _time_of_day),
    "getResourceKey": (0, 0, _resource_key),
    "getReferenceKey": (0, 1, _reference_key),
    "htmlChecks": (0, 0, _html_checks),
}
