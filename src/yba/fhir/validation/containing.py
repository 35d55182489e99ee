"""Contained resources, entries of Bundles, and what references point to.

Standard: FHIR R4 references.html "Contained Resources" (dom-3, ref-1), bundle.html; targetProfile of ElementDefinition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from yba.fhir.definitions import is_resource_type, properties_of
from yba.fhir.fhirpath.values import Node, is_type, root
from yba.fhir.validation import messages
from yba.fhir.validation.scope import Scope, restful

if TYPE_CHECKING:
    from yba.fhir.validation.examiner import Examiner

_STRUCTURE: Final = "http://hl7.org/fhir/StructureDefinition/"
_POINTING: Final = ("canonical", "uri", "url")


def contained(examiner: Examiner, resource: Any, path: str, scope: Scope) -> None:
    """Say where contained resources have no id, share one, or belong to nothing."""
    inside: list[Any] = list(getattr(resource, "contained", None) or ())
    if not inside or scope.resource is not scope.root:
        return
    seen: set[str] = set()
    used = _local_references(resource)
    for number, inner in enumerate(inside):
        place = f"{path}.contained[{number}]"
        if not inner.id:
            examiner.say("error", "required", f"{place}.id", messages.CONTAINED_NO_ID)
            continue
        if inner.id in seen:
            examiner.say("error", "invalid", f"{place}.id", messages.CONTAINED_TWICE)
        seen.add(inner.id)
        if f"#{inner.id}" not in used and not _local_references(inner) & {"#"}:
            examiner.say("error", "invariant", place, messages.CONTAINED_UNUSED)


def _local_references(value: Any) -> set[str]:
    """Return every reference, canonical and uri in a resource that begins with "#"."""
    found: set[str] = set()
    waiting: list[Any] = [value]
    while waiting:
        struct = waiting.pop()
        type_ = type(struct).__name__
        for p in properties_of(type_).values():
            inner = getattr(struct, p.attribute, None)
            if inner is None:
                continue
            items = inner if p.is_list else (inner,)
            if p.type in _POINTING or (type_ == "Reference" and p.name == "reference"):
                found.update(i for i in items if isinstance(i, str) and i.startswith("#"))
            elif not p.is_primitive:
                waiting += [i for i in items if isinstance(i, msgspec.Struct)]
    return found


def full_urls(examiner: Examiner, bundle: Any, path: str) -> None:
    """Say where the fullUrl of an entry names another id than its resource has."""
    for number, entry in enumerate(bundle.entry or ()):
        name = restful(entry.fullUrl or "")
        resource = entry.resource
        if name is None or resource is None or not resource.id or not name[0]:
            continue
        if (name[1], name[2]) != (type(resource).__name__, resource.id):
            examiner.say(
                "error", "invalid", f"{path}.entry[{number}].fullUrl", messages.FULL_URL_OTHER
            )


def target(examiner: Examiner, node: Node, path: str, targets: list[str], scope: Scope) -> None:
    """Say where a reference points to something that the rule does not allow."""
    url: str | None = node.value.reference
    found = None if url is None else scope.target(url)
    if url is not None and found is None and url.startswith("#"):
        if examiner.is_new("contained", path):
            examiner.say("error", "invariant", path, messages.NO_CONTAINED)
        return
    type_ = type(found.resource).__name__ if found is not None else _type_of(node)
    if type_ is None or not is_resource_type(type_):
        return
    structures = [(t, _type_name(examiner, t)) for t in targets]
    fitting = [(t, name) for t, name in structures if name is None or is_type(type_, name)]
    if not fitting:
        if examiner.is_new("target", path, *targets):
            examiner.say(
                "error", "structure", path, messages.WRONG_TARGET,
                types=", ".join(name for _, name in structures if name), type=type_,
            )  # fmt: skip
        return
    if found is None or any(
        t.startswith(_STRUCTURE) and t == _STRUCTURE + (n or "") for t, n in fitting
    ):
        return
    answers = [
        examiner.conforms(root(found.resource), found.path, t, found.scope) for t, _ in fitting
    ]
    if all(answer is False for answer in answers) and examiner.is_new("conforming", path, *targets):
        examiner.say(
            "error", "structure", path, messages.TARGET_NOT_CONFORMING,
            profiles=", ".join(t for t, _ in fitting),
        )  # fmt: skip


def _type_of(node: Node) -> str | None:
    """Return the type that a reference itself tells."""
    name = restful(node.value.reference or "")
    return name[1] if name is not None else node.value.type


def _type_name(examiner: Examiner, canonical: str) -> str | None:
    bare = canonical.partition("|")[0].removeprefix(_STRUCTURE)
    if is_resource_type(bare) or bare in ("Resource", "DomainResource"):
        return bare
    try:
        structure = examiner.packages.structure(canonical)
    except ValueError:
        return None
    return None if structure is None else structure.type
