"""Invariants: the FHIRPath rules of definitions, compiled once; and those of R4 that are known to be broken.

Standard: FHIR R4 ElementDefinition.constraint, fhirpath.html (variables).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from yba.fhir.fhirpath import Expression, FhirPathError, Node, compile_expression
from yba.fhir.fhirpath.evaluation import truth
from yba.fhir.fhirpath.values import Collection, Item, root
from yba.fhir.profiles.rules import Constraint
from yba.fhir.validation.scope import Scope

Answer: TypeAlias = Literal["kept", "broken", "undecided"]

CHECKED_OTHERWISE: Final = {
    "ele-1": "the structure check refuses empty elements",
    "ext-1": "asked of every extension by itself",
    "ref-1": "its expression is empty for a reference without address; asked of every reference by itself",
    "dom-3": "its expression casts collections, which FHIRPath refuses; asked by itself",
    "txt-1": "htmlChecks() is no FHIRPath; the narrative is read",
    "txt-2": "htmlChecks() is no FHIRPath; the narrative is read",
}
"""Rules that are not evaluated as FHIRPath, and why."""

BROKEN: Final = {
    "cid-0": "speaks of ChargeItemDefinition.name, an element that R4 does not have",
}
"""Rules of R4 that have no meaning, and why; they are not asked."""

REPAIRED: Final = {
    # "Boolean" is the type of FHIRPath; an answer is the FHIR type "boolean".
    "que-7": "operator = 'exists' implies (answer is boolean)",
    # Says what a Range must be, but is asked of a decimal, too.
    "ras-1": "($this is Range).not() or ((low.empty() or ((low.code = '%') and (low.system = %ucum)))"
    " and (high.empty() or ((high.code = '%') and (high.system = %ucum))))",
}
"""Rules of R4 whose expression contradicts their own sentence, with one that says it."""


def ask(
    constraint: Constraint,
    node: Node,
    scope: Scope,
    *,
    now: datetime,
    is_core: bool,
    conforms: Callable[[Node, str], bool | None],
    member_of: Callable[[Item, str], bool | None],
) -> Answer:
    """Return whether an element keeps a rule; the last two answer conformsTo() and memberOf().

    An empty answer keeps a rule of R4 itself: their XPath twins say "not(exists(...)) or". A profile's rule it breaks,
    as an invariant must be true.
    """
    if not constraint.expression or constraint.key in CHECKED_OTHERWISE or constraint.key in BROKEN:
        return "kept"
    text = REPAIRED.get(constraint.key, constraint.expression) if is_core else constraint.expression
    expression = _compiled(text)
    if expression is None:
        return "undecided"
    try:
        found = expression.evaluate(
            node,
            resource=scope.root,
            variables=variables(node, scope),
            now=now,
            resolve=scope.resolve,
            conforms=conforms,
            member_of=member_of,
        )
        answer = truth(found)
        return "kept" if answer or (answer is None and is_core) else "broken"
    except FhirPathError:
        return "undecided"


def values_at(path: str, node: Node, scope: Scope) -> Collection:
    """Return what a discriminator's path finds at an element; nothing if the path has no meaning there."""
    if path == "$this":
        return [node]
    expression = _compiled(path)
    if expression is None:
        return []
    try:
        return expression.evaluate(
            node, resource=scope.root, variables=variables(node, scope), resolve=scope.resolve
        )
    except FhirPathError:
        return []


def variables(node: Node, scope: Scope) -> dict[str, Any]:
    """Return the variables that FHIR gives to an expression about an element."""
    return {
        "resource": [root(scope.resource)],
        "rootResource": [root(scope.root)],
        "context": [node],
    }


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Expression | None:
    try:
        return compile_expression(text)
    except FhirPathError:
        return None
