"""Bindings: whether a coded element has a code of its value set.

Standard: FHIR R4 terminologies.html, "Binding Strengths"; elementdefinition-maxValueSet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yba.fhir.fhirpath.values import Item, Node
from yba.fhir.profiles.rules import Binding
from yba.fhir.validation import messages

if TYPE_CHECKING:
    from yba.fhir.validation.examiner import Examiner

_PLAIN: Final = ("code", "string", "uri", "url", "canonical", "markdown", "id")
_QUANTITIES: Final = ("Quantity", "Age", "Duration", "Count", "Distance")

Coded = tuple[str | None, str]


def check(examiner: Examiner, node: Node, path: str, binding: Binding) -> None:
    """Say where no code of an element is of its value set."""
    if binding.strength == "example":
        return
    codings = codings_of(node)
    if codings is None or not examiner.is_new("binding", path, binding.strength, binding.value_set):
        return
    if not codings:
        # Text alone is enough unless the binding is required.
        if binding.strength == "required" and node.type == "CodeableConcept":
            examiner.say(
                "error", "code-invalid", path, messages.NOT_IN_REQUIRED, set=binding.value_set
            )
        return
    found = is_in(examiner, codings, binding.value_set)
    if found is False:
        _say_outside(examiner, path, binding)
    elif found is None and binding.strength != "preferred":
        examiner.say(
            "information", "not-supported", path, messages.SET_UNKNOWN, set=binding.value_set
        )
    if binding.maximal and is_in(examiner, codings, binding.maximal) is False:
        examiner.say("error", "code-invalid", path, messages.NOT_IN_MAXIMAL, set=binding.maximal)


def check_system(examiner: Examiner, node: Node, path: str) -> None:
    """Say where a Coding has a code that its code system does not have."""
    system, code = node.value.system, node.value.code
    if system and code and examiner.terminology.has_code(system=system, code=code) is False:
        examiner.say("warning", "code-invalid", path, messages.CODE_UNKNOWN, system=system)


def is_in(examiner: Examiner, codings: list[Coded], value_set: str) -> bool | None:
    """Return whether one of the codings is in a value set; None if that cannot be said."""
    answer: bool | None = False
    for system, code in codings:
        one = examiner.terminology.validate(system=system, code=code, value_set=value_set)
        if one:
            return True
        if one is None:
            answer = None
    return answer


def is_member(examiner: Examiner, item: Item, value_set: str) -> bool | None:
    """Return whether a value of an expression has a code of a value set; None if that cannot be said."""
    bare: list[Coded] = [(None, str(item))]
    codings = codings_of(item) if isinstance(item, Node) else bare
    return False if codings is None else is_in(examiner, codings, value_set)


def codings_of(node: Node) -> list[Coded] | None:
    """Return (system, code) of a coded element; None if it has no value or cannot be coded."""
    value = node.value
    if value is None:
        return None
    if node.type in _PLAIN:
        return [(None, value)] if isinstance(value, str) else None
    if node.type == "Coding":
        return [] if value.code is None else [(value.system or "", value.code)]
    if node.type == "CodeableConcept":
        return [(c.system or "", c.code) for c in value.coding or () if c.code is not None]
    if node.type in _QUANTITIES:
        return None if value.code is None else [(value.system or "", value.code)]
    return None


def _say_outside(examiner: Examiner, path: str, binding: Binding) -> None:
    match binding.strength:
        case "required":
            examiner.say(
                "error", "code-invalid", path, messages.NOT_IN_REQUIRED, set=binding.value_set
            )
        case "extensible":
            examiner.say(
                "warning", "code-invalid", path, messages.NOT_IN_EXTENSIBLE, set=binding.value_set
            )
        case _:
            examiner.say(
                "information",
                "code-invalid",
                path,
                messages.NOT_IN_PREFERRED,
                set=binding.value_set,
            )
