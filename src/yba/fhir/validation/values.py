"""Fixed values, patterns, bounds and lengths.

Standard: FHIR R4 ElementDefinition.fixed[x], pattern[x], minValue[x], maxValue[x], maxLength.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yba.fhir.fhirpath.values import Node
from yba.fhir.profiles.matching import compared, equals, fits, plain
from yba.fhir.profiles.rules import Rule
from yba.fhir.validation import messages

if TYPE_CHECKING:
    from yba.fhir.validation.examiner import Examiner


def check(examiner: Examiner, node: Node, path: str, rule: Rule) -> None:
    """Say where a value is not what its rule allows."""
    name = "" if rule.structure is None else rule.structure.name or rule.structure.url
    if rule.fixed is not None and not equals(plain(node), rule.fixed):
        examiner.say("error", "value", path, messages.NOT_FIXED, profile=name)
    if rule.pattern is not None and not fits(plain(node), rule.pattern):
        examiner.say("error", "value", path, messages.NOT_PATTERN, profile=name)
    if rule.longest is not None and isinstance(node.value, str) and len(node.value) > rule.longest:
        examiner.say("error", "too-long", path, messages.TOO_LONG, limit=rule.longest)
    if rule.least is not None and compared(node, rule.least) == -1:
        examiner.say("error", "value", path, messages.TOO_SMALL, limit=_shown(rule.least))
    if rule.most is not None and compared(node, rule.most) == 1:
        examiner.say("error", "value", path, messages.TOO_GREAT, limit=_shown(rule.most))


def _shown(bound: object) -> object:
    return bound.get("value") if isinstance(bound, dict) else bound
