"""Slices: which repetition belongs to which, and whether each slice has what it needs.

Standard: FHIR R4 profiling.html, "Slicing" and "Discriminator"; ElementDefinition.slicing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from yba.fhir.fhirpath.values import Node, is_type
from yba.fhir.profiles.matching import equals, fits, plain
from yba.fhir.profiles.rules import Rule, Slicing
from yba.fhir.validation import codes, messages
from yba.fhir.validation.invariants import values_at
from yba.fhir.validation.issues import Issue
from yba.fhir.validation.scope import Scope, restful

if TYPE_CHECKING:
    from yba.fhir.validation.examiner import Examiner

Placed = tuple[Node, str]

_MOST_CANDIDATES: Final = 20
_STEPS: Final = re.compile(r"\.(?=(?:[^'()]|'[^']*'|\([^()]*\))*$)")
_EXTENSION: Final = re.compile(r"(?:extension|modifierExtension)\('([^']+)'\)")
_OF_TYPE: Final = re.compile(r"(?:ofType|as)\((\w+)\)")


def check(examiner: Examiner, items: Sequence[Placed], path: str, rule: Rule, scope: Scope) -> None:
    """Examine repetitions against the slices of their element."""
    how = rule.slicing or Slicing(())
    members: list[list[Placed]] = [[] for _ in rule.slices]
    others: list[Placed] = []
    uncertain: set[int] = set()
    highest, outside = 0, False
    name = "" if rule.structure is None else rule.structure.name or rule.structure.url
    for node, place in items:
        number = _slice_of(examiner, node, place, rule, how, scope, uncertain)
        if number is None:
            outside = True
            others.append((node, place))
            if how.rules == "closed":
                examiner.say("error", "structure", place, messages.SLICE_UNKNOWN, profile=name)
            continue
        if outside and how.rules == "openAtEnd":
            examiner.say("error", "structure", place, messages.SLICE_NOT_LAST, profile=name)
            outside = False
        if how.is_ordered and number < highest:
            slice_ = rule.slices[number].slice_name
            examiner.say(
                "error", "structure", place, messages.SLICE_ORDER, slice=slice_, profile=name
            )
        highest = max(highest, number)
        members[number].append((node, place))
    for number, slice_ in enumerate(rule.slices):
        _count(examiner, len(members[number]), path, slice_, name, is_sure=number not in uncertain)
        if len(members[number]) < slice_.minimum and any(
            k == "profile" for k, _ in how.discriminators
        ):
            _explain(examiner, others, slice_, scope)
        for node, place in members[number]:
            inner = examiner.inner_scope(node, place, slice_, scope)
            examiner.element(node, place, slice_, inner, base=False)
        if slice_.slices:
            check(examiner, members[number], path, slice_, scope)


def _explain(examiner: Examiner, items: Sequence[Placed], rule: Rule, scope: Scope) -> None:
    """Say why no element conforms to the profile of a slice that is missing: of the one that nearly does."""
    nearest: list[Issue] = []
    for node, place in items[:_MOST_CANDIDATES]:
        with examiner.aside() as found:
            inner = examiner.inner_scope(node, place, rule, scope)
            examiner.element(node, place, rule, inner, base=False)
        errors = [one for one in found if one.is_error]
        if any(one.message == messages.WRONG_TYPE for one in errors):
            continue
        if errors and (not nearest or len(errors) < len(nearest)):
            nearest = errors
    for one in nearest:
        examiner.note(one)


def _count(
    examiner: Examiner, found: int, path: str, rule: Rule, name: str, *, is_sure: bool
) -> None:
    if found < rule.minimum:
        examiner.say(
            "error" if is_sure else "warning", "required", path, messages.SLICE_MISSING,
            slice=rule.slice_name, least=rule.minimum, found=found, profile=name,
        )  # fmt: skip
    if rule.maximum is not None and found > rule.maximum:
        examiner.say(
            "error", "structure", path, messages.SLICE_TOO_OFTEN,
            slice=rule.slice_name, most=rule.maximum, found=found, profile=name,
        )  # fmt: skip


def _slice_of(
    examiner: Examiner, node: Node, path: str, rule: Rule, how: Slicing, scope: Scope,
    uncertain: set[int],
) -> int | None:  # fmt: skip
    """Return the number of the first slice that an element belongs to."""
    for number, slice_ in enumerate(rule.slices):
        answer = _belongs(examiner, node, path, slice_, how, scope)
        if answer:
            return number
        if answer is None:
            uncertain.add(number)
    return None


def _belongs(
    examiner: Examiner, node: Node, path: str, rule: Rule, how: Slicing, scope: Scope
) -> bool | None:
    if not how.discriminators:
        return _is_valid(examiner, node, path, rule, scope)
    answer: bool | None = True
    for kind, where in how.discriminators:
        match kind:
            case "exists":
                one = _by_existence(examiner, node, rule, where, scope)
            case "type":
                one = _by_type(examiner, node, rule, where, scope)
            case "profile":
                one = _by_profile(examiner, node, path, rule, where, scope)
            case _:
                one = _by_value(examiner, node, path, rule, where, scope)
        if one is False:
            return False
        if one is None:
            answer = None
    return answer


def _is_valid(examiner: Examiner, node: Node, path: str, rule: Rule, scope: Scope) -> bool:
    with examiner.aside() as found:
        examiner.element(node, path, rule, scope, base=False)
        for inner in rule.slices:
            examiner.element(node, path, inner, scope, base=False)
    return not any(one.is_error for one in found)


def _by_existence(
    examiner: Examiner, node: Node, rule: Rule, where: str, scope: Scope
) -> bool | None:
    found = bool(values_at(where, node, scope))
    rules = rules_at(examiner, rule, where)
    if rules and all(r.maximum == 0 for r in rules):
        return not found
    if any(r.minimum > 0 for r in rules):
        return found
    return None


def _by_type(examiner: Examiner, node: Node, rule: Rule, where: str, scope: Scope) -> bool:
    wanted: set[str] = set()
    for one in rules_at(examiner, rule, where):
        if one.types:
            wanted.update(t.code for t in one.types)
        elif one.structure is not None:
            wanted.add(one.structure.type)
    types = {v.type for v in values_at(where, node, scope) if isinstance(v, Node)}
    if not types and where.endswith("resolve()"):
        types = _types_told(node, where, scope)
    return any(is_type(t, w) for t in types for w in wanted if w)


def _types_told(node: Node, where: str, scope: Scope) -> set[str]:
    """Return the types that references themselves tell, where their targets are not at hand."""
    inner = where.removesuffix("resolve()").rstrip(".") or "$this"
    found: set[str] = set()
    for value in values_at(inner, node, scope):
        if isinstance(value, Node) and value.type == "Reference":
            name = restful(value.value.reference or "")
            type_ = name[1] if name is not None else value.value.type
            if type_:
                found.add(type_)
    return found


def _by_profile(
    examiner: Examiner, node: Node, path: str, rule: Rule, where: str, scope: Scope
) -> bool | None:
    if where.endswith("resolve()"):
        inner = where.removesuffix("resolve()").rstrip(".") or "$this"
        wanted = [p for r in rules_at(examiner, rule, inner) for t in r.types for p in t.targets]
        targets = [
            scope.target(value.value.reference)
            for value in values_at(inner, node, scope)
            if isinstance(value, Node) and value.type == "Reference" and value.value.reference
        ]
        answers = [
            examiner.conforms(Node(t.resource, type(t.resource).__name__), t.path, p, t.scope)
            for t in targets
            if t is not None
            for p in wanted
        ]
    else:
        wanted = [p for r in rules_at(examiner, rule, where) for p in r.profiles]
        answers = [
            examiner.conforms(value, path, p, examiner.inner_scope(value, path, rule, scope))
            for value in values_at(where, node, scope)
            if isinstance(value, Node)
            for p in wanted
        ]
    if True in answers:
        return True
    return None if None in answers else False


def _by_value(
    examiner: Examiner, node: Node, path: str, rule: Rule, where: str, scope: Scope
) -> bool | None:
    found = [v for v in values_at(where, node, scope) if isinstance(v, Node)]
    rules = rules_at(examiner, rule, where)
    deciding = [r for r in rules if _decides(r)]
    if deciding:
        answers = [_agrees(examiner, v, r) for v in found for r in deciding]
        if True in answers:
            return True
        return None if None in answers else False
    inner = [r for r in rules if r.children or r.slices or r.profiles]
    if inner:
        return any(_is_valid(examiner, v, path, r, scope) for v in found for r in inner)
    return _is_valid(examiner, node, path, rule, scope)


def _decides(rule: Rule) -> bool:
    return (
        rule.fixed is not None
        or rule.pattern is not None
        or (rule.binding is not None and rule.binding.strength == "required")
    )


def _agrees(examiner: Examiner, node: Node, rule: Rule) -> bool | None:
    value = plain(node)
    if rule.fixed is not None or rule.pattern is not None:
        return (rule.fixed is None or equals(value, rule.fixed)) and (
            rule.pattern is None or fits(value, rule.pattern)
        )
    codings = codes.codings_of(node)
    if not codings or rule.binding is None:
        return False
    return codes.is_in(examiner, codings, rule.binding.value_set)


# The side of the definition: which rules a discriminator's path leads to.


def rules_at(examiner: Examiner, rule: Rule, path: str) -> list[Rule]:
    """Return the rules of the elements that a discriminator's path names, below a slice."""
    current = [rule]
    for step in _STEPS.split(path):
        if step != "$this":
            current = [found for one in current for found in _step(examiner, one, step)]
    return current


def _step(examiner: Examiner, rule: Rule, step: str) -> list[Rule]:
    if step == "resolve()":
        found = [examiner.known(t) for kind in rule.types for t in kind.targets]
        return [s.root for s in found if s is not None]
    match = _OF_TYPE.fullmatch(step)
    if match is not None:
        inner = [s for s in rule.slices if any(t.code == match[1] for t in s.types)]
        return inner or ([rule] if any(t.code == match[1] for t in rule.types) else [])
    match = _EXTENSION.fullmatch(step)
    if match is not None:
        return _extensions(examiner, rule, match[1])
    return _child(examiner, rule, step)


def _extensions(examiner: Examiner, rule: Rule, url: str) -> list[Rule]:
    found: list[Rule] = []
    for whole in _child(examiner, rule, "extension"):
        for slice_ in whole.slices:
            fixed = slice_.children.get("url")
            if url in slice_.profiles or (fixed is not None and fixed.fixed == url):
                found.append(slice_)
    structure = examiner.known(url)
    if structure is not None:
        found.append(structure.root)
    return found


def _child(examiner: Examiner, rule: Rule, name: str) -> list[Rule]:
    implied = _implied(rule, name)
    if implied:
        return implied
    found = _own_child(rule, name)
    if found and any(_decides(r) or r.children for r in found):
        return found
    owners: list[Rule] = []
    if rule.content:
        owners.append(examiner.content(rule))
    for kind in rule.types:
        structures = [examiner.known(p) for p in kind.profiles]
        owners += [s.root for s in structures if s is not None]
        type_ = examiner.packages.type(kind.code) if kind.code else None
        if type_ is not None and not kind.profiles:
            owners.append(type_.root)
    return found + [r for owner in owners if owner is not rule for r in _own_child(owner, name)]


def _implied(rule: Rule, name: str) -> list[Rule]:
    """Return what a fixed value or pattern of an element says of its child."""
    if not isinstance(rule.fixed or rule.pattern, dict):
        return []
    value = (rule.fixed or rule.pattern).get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [Rule(f"{rule.path}.{name}", name, pattern=v, structure=rule.structure) for v in values]


def _own_child(rule: Rule, name: str) -> list[Rule]:
    bare = name.removesuffix("[x]")
    child = rule.children.get(bare)
    if child is not None:
        # What is sliced itself is known by its slices, by those that must be there before others.
        needed = [s for s in child.slices if s.minimum and not child.is_choice]
        return [child, *(needed or child.slices)]
    return [
        s for c in rule.children.values() if c.is_choice for s in c.slices if s.slice_name == bare
    ]
