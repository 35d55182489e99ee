"""Extensions: known or not, where they may stand, and whether they keep their own definition.

Standard: FHIR R4 extensibility.html, defining-extensions.html "Context".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from yba.fhir.definitions import is_resource_type
from yba.fhir.fhirpath import FhirPathError, is_true
from yba.fhir.fhirpath.values import Node, is_type, known_type, root
from yba.fhir.profiles.rules import Rule, Structure
from yba.fhir.validation import messages
from yba.fhir.validation.scope import Scope

if TYPE_CHECKING:
    from yba.fhir.validation.examiner import Examiner

_STEP: Final = re.compile(r"\[\d+\]|\.ofType\(\w+\)")


# Extensions that R4 itself uses in more places than their definitions of that release name.
_ALSO_AT: Final = {
    "structuredefinition-fhir-type": ("ElementDefinition.type",),
    "structuredefinition-normative-version": ("ElementDefinition", "DomainResource"),
    "regex": ("ElementDefinition.type",),
}


def check(
    examiner: Examiner, node: Node, path: str, rule: Rule, scope: Scope, *, holder: Node
) -> None:
    """Examine the extensions of an element; `holder` is the primitive that `node` extends, or `node`."""
    for name in ("extension", "modifierExtension"):
        for number, extension in enumerate(getattr(node.value, name, None) or ()):
            place = f"{path}.{name}[{number}]"
            _one(examiner, extension, place, rule, scope, holder, is_modifier=name != "extension")


def _one(
    examiner: Examiner, extension: Any, path: str, rule: Rule, scope: Scope, holder: Node,
    *, is_modifier: bool,
) -> None:  # fmt: skip
    values = [
        f
        for f in extension.__struct_fields__
        if f.startswith("value") and getattr(extension, f) is not None
    ]
    if bool(values) == bool(extension.extension):
        examiner.say("error", "invariant", path, messages.EXTENSION_BOTH)
    url: str = extension.url or ""
    if not url:
        return
    if ":" not in url:
        # Inside of a complex extension the parent's definition says what there may be.
        if holder.type != "Extension":
            examiner.say("error", "value", f"{path}.url", messages.EXTENSION_RELATIVE)
        elif url not in (known := _parts_of(examiner, holder)) and known:
            examiner.say("error", "extension", path, messages.EXTENSION_PART, url=holder.value.url)
        return
    try:
        structure = examiner.packages.structure(url)
    except ValueError:
        structure = None
    if structure is None or structure.type != "Extension":
        if is_modifier:
            examiner.say("error", "extension", path, messages.MODIFIER_UNKNOWN, url=url)
        else:
            examiner.say("information", "extension", path, messages.EXTENSION_UNKNOWN, url=url)
        return
    if structure.is_modifier and not is_modifier:
        examiner.say("error", "extension", path, messages.EXTENSION_MODIFIES, url=url)
    elif is_modifier and not structure.is_modifier:
        examiner.say("error", "extension", path, messages.EXTENSION_MODIFIES_NOT, url=url)
    if not _may_stand(examiner, structure, rule, scope, path, holder):
        examiner.say("error", "extension", path, messages.EXTENSION_CONTEXT, url=url)
    if examiner.is_new("profile", path, url):
        examiner.element(root(extension), path, structure.root, scope, base=False)


def _parts_of(examiner: Examiner, holder: Node) -> set[str]:
    """Return the addresses that a complex extension's definition gives to its parts; none if it is not known."""
    url = holder.value.url or ""
    structure = examiner.known(url) if ":" in url else None
    inner = None if structure is None else structure.root.children.get("extension")
    rules = [] if inner is None else [s.children.get("url") for s in inner.slices]
    return {r.fixed for r in rules if r is not None and isinstance(r.fixed, str)}


def _may_stand(
    examiner: Examiner, structure: Structure, rule: Rule, scope: Scope, path: str, holder: Node
) -> bool:
    if not structure.context:
        return True
    places = _places(rule, scope, path, holder)
    also = _ALSO_AT.get(structure.url.rpartition("/")[2], ())
    for kind, expression in (*structure.context, *(("element", e) for e in also)):
        match kind:
            case "element":
                if _is_place(expression, places, holder):
                    return True
            case "extension":
                if _is_inside(examiner, expression, holder):
                    return True
            case _:
                if _by_fhirpath(expression, scope, holder):
                    return True
    return False


def _is_inside(examiner: Examiner, expression: str, holder: Node) -> bool:
    """Return whether an element is the extension that a context names, its part after "#", or its value."""
    around = examiner.within
    if holder.type == "Extension":
        around = [*around, holder.value.url or ""]
    url, _, part = expression.partition("#")
    wanted = [url, part] if part else [url]
    return around[-len(wanted) :] == wanted


def _is_place(expression: str, places: set[str], holder: Node) -> bool:
    text = expression.rpartition("#")[2] if "://" in expression else expression
    if "://" in text:
        # A profile as a whole: its name says nothing about types; who uses it is trusted.
        return True
    text = text.replace("[x]", "")
    if text == "Element":
        return True
    if text in places:
        return True
    if "." in text:
        return False
    # Later releases have interfaces (CanonicalResource) that R4 does not know.
    return is_type(holder.type, text) or known_type(text) is None


def _places(rule: Rule, scope: Scope, path: str, holder: Node) -> set[str]:
    """Return the ways to name the element that holds an extension."""
    around = type(scope.resource).__name__
    inside = _STEP.sub("", path[len(scope.path) :]).rpartition(".")[0]
    found = {around + inside, rule.path.replace("[x]", ""), holder.type}
    if is_resource_type(around):
        found |= {f"DomainResource{inside}", f"Resource{inside}"}
    return found


def _by_fhirpath(expression: str, scope: Scope, holder: Node) -> bool:
    try:
        from yba.fhir.fhirpath import compile_expression

        found = compile_expression(expression).evaluate(
            root(scope.resource), resource=scope.root, resolve=scope.resolve
        )
    except FhirPathError:
        return True
    if any(isinstance(f, Node) and f.value is holder.value for f in found):
        return True
    try:
        return is_true(expression, holder, resource=scope.root)
    except FhirPathError:
        return False
