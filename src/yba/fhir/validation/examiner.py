"""The deep walk: every element against the definition of its type, and against the profiles asked for.

The main rule: one walk for the base definitions, which goes everywhere, and one for each profile, which goes only
where the profile says something. Nothing stops at the first issue.
Standard: FHIR R4 validation.html, profiling.html.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec

from yba.fhir.definitions import Property, is_resource_type, properties_of
from yba.fhir.fhirpath.values import Node, is_type, root
from yba.fhir.profiles.packages import Packages, core_rules
from yba.fhir.profiles.rules import Rule, Structure
from yba.fhir.profiles.terminology import Terminology
from yba.fhir.validation import codes, containing, extensions, messages, narrative, slicing, values
from yba.fhir.validation.invariants import ask
from yba.fhir.validation.issues import Issue, Severity, issue
from yba.fhir.validation.scope import Entries, Scope

Placed = tuple[Node, str]

_DEEPEST: Final = 60
# A bundle of 20 MB takes a tenth of these; profiles that multiply slices by elements are stopped.
_MOST_STEPS: Final = 3_000_000
_ANY_PART: Final = ("", "Element", "BackboneElement", "Resource", "DomainResource")


class Enough(Exception):
    """So many issues that listing more helps nobody."""


@dataclass(slots=True)
class Findings:
    """What was found, and what was asked already."""

    limit: int
    issues: list[Issue] = field(default_factory=list)
    asked: set[tuple[Any, ...]] = field(default_factory=set)


class Examiner:
    """One examination of one resource."""

    def __init__(
        self,
        packages: Packages,
        terminology: Terminology,
        *,
        now: datetime,
        limit: int,
        unknown_profile: Severity = "warning",
    ) -> None:
        self.packages = packages
        self.terminology = terminology
        self.now = now
        self.unknown_profile: Severity = unknown_profile
        self.findings = Findings(limit)
        self._conforming: dict[tuple[int, str], bool] = {}
        # Addresses of the extensions around an element, outermost first.
        self.within: list[str] = []
        self._depth = 0
        self.steps = 0
        self._core = core_rules()

    def say(
        self, severity: Severity, code: str, expression: str, message: str, **values: object
    ) -> None:
        """Note an issue. Raises Enough when there are too many."""
        self.note(issue(severity, code, expression, message, **values))

    def note(self, one: Issue) -> None:
        """Note an issue as it is. Raises Enough when there are too many."""
        self.findings.issues.append(one)
        if len(self.findings.issues) >= self.findings.limit:
            raise Enough

    def is_new(self, *question: Any) -> bool:
        """Return whether a question was not asked yet, and remember it."""
        if question in self.findings.asked:
            return False
        self.findings.asked.add(question)
        return True

    @contextmanager
    def aside(self) -> Generator[list[Issue]]:
        """Examine without noting: what is found goes into the list given."""
        kept, self.findings = self.findings, Findings(self.findings.limit)
        found = self.findings.issues
        try:
            yield found
        except Enough:
            pass
        finally:
            self.findings = kept

    @property
    def is_exhausted(self) -> bool:
        """Return whether there was more to examine than is examined."""
        return self.steps > _MOST_STEPS

    # Resources

    def resource(self, resource: Any, path: str, scope: Scope) -> None:
        """Examine a resource against its type and the profiles that it declares."""
        node = root(resource)
        structure = self.packages.type(node.type)
        if structure is None:
            return
        if node.type == "Bundle":
            scope = Scope(resource, resource, path, path, Entries(resource, path, scope), scope.url)
            containing.full_urls(self, resource, path)
        containing.contained(self, resource, path, scope)
        self.element(node, path, structure.root, scope, base=True)
        meta = resource.meta
        for number, profile in enumerate((meta and meta.profile) or ()):
            if profile:
                self.declared(node, path, profile, scope, f"{path}.meta.profile[{number}]")

    def declared(self, node: Node, path: str, profile: str, scope: Scope, said_at: str) -> None:
        """Examine against a profile that the resource or the caller names."""
        if not self.is_new("profile", path, profile):
            return
        structure = self.structure(profile, said_at, self.unknown_profile)
        if structure is None:
            return
        if not is_type(node.type, structure.type):
            self.say(
                "error", "invalid", said_at, messages.PROFILE_OF_OTHER,
                profile=profile, type=structure.type,
            )  # fmt: skip
            return
        self.element(node, path, structure.root, scope, base=False)

    def structure(
        self, canonical: str, path: str, severity: Severity = "warning"
    ) -> Structure | None:
        """Return a definition, or None after saying at `path` that it is not known."""
        try:
            found = self.packages.structure(canonical)
        except ValueError:
            if self.is_new("unreadable", canonical):
                self.say(
                    severity, "not-supported", path, messages.PROFILE_UNREADABLE, profile=canonical
                )
            return None
        if found is None and self.is_new("unknown", path, canonical):
            self.say(severity, "not-found", path, messages.PROFILE_UNKNOWN, profile=canonical)
        return found

    def conforms(self, node: Node, path: str, profile: str, scope: Scope) -> bool | None:
        """Return whether an element conforms to a profile; None if the profile is not known."""
        try:
            structure = self.packages.structure(profile)
        except ValueError:
            structure = None
        if structure is None:
            return None
        if not is_type(node.type, structure.type):
            return False
        if not structure.is_profile:
            return True
        key = (id(node.value), structure.url)
        if key not in self._conforming:
            self._conforming[key] = True
            with self.aside() as found:
                self.element(node, path, structure.root, scope, base=False)
            self._conforming[key] = not any(one.is_error for one in found)
        return self._conforming[key]

    # Elements

    def element(self, node: Node, path: str, rule: Rule, scope: Scope, *, base: bool) -> None:
        """Examine one element against one rule, and what is below it."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise Enough
        if self._depth > _DEEPEST:
            return
        self._depth += 1
        try:
            self._element(node, path, rule, scope, base=base)
        finally:
            self._depth -= 1

    def _element(self, node: Node, path: str, rule: Rule, scope: Scope, *, base: bool) -> None:
        if not base and not self.has_type(node, path, rule):
            return
        values.check(self, node, path, rule)
        if rule.binding is not None:
            codes.check(self, node, path, rule.binding)
        self.invariants(node, path, rule, scope, base=base)
        if rule.types:
            self.types(node, path, rule, scope)
        if base:
            self.everywhere(node, path, rule, scope)
        elif rule.children:
            self.children(node, path, rule, scope, base=False)
        elif rule.content:
            self.children(node, path, self.content(rule), scope, base=False)

    def everywhere(self, node: Node, path: str, rule: Rule, scope: Scope) -> None:
        """Go on with the definition of the type where the rule itself says nothing about children."""
        if node.is_primitive:
            if node.extra is not None:
                element = self.packages.type("Element")
                if element is not None:
                    extensions.check(self, root(node.extra), path, rule, scope, holder=node)
                    self.children(root(node.extra), path, element.root, scope, base=True)
            if node.type == "xhtml" and isinstance(node.value, str):
                for message, given in narrative.problems_of(node.value):
                    self.say("error", "invariant", path, message, **given)
            return
        if node.type == "Coding":
            codes.check_system(self, node, path)
        if not rule.children and not rule.content:
            structure = self.packages.type(node.type)
            if structure is None:
                return
            rule = structure.root
            self.invariants(node, path, rule, scope, base=True)
        elif rule.content:
            rule = self.content(rule)
            self.invariants(node, path, rule, scope, base=True)
        extensions.check(self, node, path, rule, scope, holder=node)
        if node.type != "Extension":
            self.children(node, path, rule, scope, base=True)
            return
        self.within.append(node.value.url or "")
        self.children(node, path, rule, scope, base=True)
        self.within.pop()

    def content(self, rule: Rule) -> Rule:
        """Return the rule that a contentReference names."""
        wanted = rule.content.partition("#")[2]
        structure = rule.structure
        if structure is not None and wanted in structure.by_path:
            return structure.by_path[wanted]
        base = self.packages.type(wanted.partition(".")[0])
        return base.by_path.get(wanted, rule) if base is not None else rule

    def children(self, node: Node, path: str, rule: Rule, scope: Scope, *, base: bool) -> None:
        """Examine the children of an element against the children of a rule."""
        present = _present(node, path)
        for name, child in rule.children.items():
            items = present.get(name, ())
            if base:
                for item, place in items:
                    self.child(item, place, child, scope)
            else:
                self.group(items, f"{path}.{name}", child, scope)
            if child.slices and (items or not base):
                slicing.check(self, items, f"{path}.{name}", child, scope)

    def child(self, node: Node, path: str, rule: Rule, scope: Scope) -> None:
        """Examine a child in the walk of base definitions; resources begin a scope of their own."""
        if not is_resource_type(node.type):
            self.element(node, path, rule, scope, base=True)
        elif rule.name == "contained":
            self.resource(node.value, path, scope.contained(node.value, path))
        else:
            self.resource(node.value, path, self.scope_of(node.value, path, scope))

    def scope_of(self, resource: Any, path: str, scope: Scope) -> Scope:
        """Return the scope of a resource that is an element of another one."""
        if scope.entries is not None:
            found = scope.entries.at(path)
            if found is not None:
                return found.scope
        return scope.entry(resource, path, "")

    def group(self, items: Sequence[Placed], path: str, rule: Rule, scope: Scope) -> None:
        """Examine all repetitions of an element against a profile."""
        self.count(len(items), path, rule)
        for node, place in items:
            self.element(node, place, rule, self.inner_scope(node, place, rule, scope), base=False)

    def inner_scope(self, node: Node, path: str, rule: Rule, scope: Scope) -> Scope:
        """Return the scope in which an element is examined; a resource has one of its own."""
        if not is_resource_type(node.type):
            return scope
        if rule.name == "contained":
            return scope.contained(node.value, path)
        return self.scope_of(node.value, path, scope)

    def known(self, canonical: str) -> Structure | None:
        """Return a definition, or None without a word."""
        try:
            return self.packages.structure(canonical)
        except ValueError:
            return None

    def count(self, found: int, path: str, rule: Rule) -> None:
        """Say where there are too few or too many."""
        profile = profile_of(rule)
        if found < rule.minimum:
            self.say(
                "error", "required", path, messages.MISSING,
                least=rule.minimum, found=found, profile=profile,
            )  # fmt: skip
        if rule.maximum is not None and found > rule.maximum:
            self.say(
                "error", "structure", path, messages.TOO_OFTEN,
                most=rule.maximum, found=found, profile=profile,
            )  # fmt: skip

    def has_type(self, node: Node, path: str, rule: Rule) -> bool:
        """Say it where a profile does not allow the type of an element."""
        if not rule.types or any(is_of(node, t.code) for t in rule.types):
            return True
        if node.is_primitive and not rule.is_choice:
            # Definitions spell the type of urls and ids in several ways; it is none that data could choose.
            return True
        self.say(
            "error", "structure", path, messages.WRONG_TYPE,
            types=", ".join(dict.fromkeys(t.code for t in rule.types)), type=node.type,
            profile=profile_of(rule),
        )  # fmt: skip
        return False

    def invariants(self, node: Node, path: str, rule: Rule, scope: Scope, *, base: bool) -> None:
        """Ask the rules of an element, each once."""
        for constraint in rule.constraints:
            if not self.is_new(path, constraint.key, constraint.expression):
                continue
            is_core = (constraint.key, constraint.expression) in self._core
            if is_core and not base:
                # The walk of the base definitions asks it.
                continue
            answer = ask(
                constraint,
                node,
                scope,
                now=self.now,
                is_core=is_core,
                conforms=lambda n, url: self.conforms(n, path, url, scope),
                member_of=lambda n, url: codes.is_member(self, n, url),
            )
            if answer == "broken":
                severity: Severity = "error" if constraint.severity == "error" else "warning"
                self.say(
                    severity, "invariant", path, messages.RULE,
                    key=constraint.key, human=constraint.human,
                )  # fmt: skip
            elif answer == "undecided":
                self.say(
                    "warning", "not-supported", path, messages.RULE_UNDECIDED, key=constraint.key
                )

    def types(self, node: Node, path: str, rule: Rule, scope: Scope) -> None:
        """Examine against the profiles of the type, and what a reference points to."""
        profiles: list[str] = []
        targets: list[str] = []
        for kind in rule.types:
            if is_of(node, kind.code):
                if not kind.profiles and not kind.targets and kind.code not in _ANY_PART:
                    return
                profiles += kind.profiles
                targets += kind.targets
        if node.type == "Reference" and targets:
            containing.target(self, node, path, targets, scope)
        if len(profiles) == 1:
            if self.is_new("profile", path, profiles[0]):
                structure = self.structure(profiles[0], path)
                if structure is not None and is_type(node.type, structure.type):
                    self.element(node, path, structure.root, scope, base=False)
        elif profiles:
            answers = [self.conforms(node, path, p, scope) for p in profiles]
            if all(answer is False for answer in answers):
                self.say(
                    "error", "structure", path, messages.CONFORMS_TO_NONE,
                    profiles=", ".join(profiles),
                )  # fmt: skip


def profile_of(rule: Rule) -> str:
    """Return the name of the profile that a rule belongs to."""
    return "" if rule.structure is None else rule.structure.name or rule.structure.url


def is_of(node: Node, code: str) -> bool:
    """Return whether an element is of the type that a rule names."""
    return node.type == code or code in _ANY_PART or is_type(node.type, code)


def _present(node: Node, path: str) -> dict[str, list[Placed]]:
    """Return the children of an element by name, each with its place."""
    struct = node.extra if node.is_primitive else node.value
    found: dict[str, list[Placed]] = {}
    if not isinstance(struct, msgspec.Struct):
        return found
    for p, attribute, extra_attribute in _attributes(type(struct).__name__):
        value = getattr(struct, attribute)
        extra = getattr(struct, extra_attribute) if extra_attribute else None
        if value is not None or extra is not None:
            found.setdefault(p.element, []).extend(_placed(p, value, extra, f"{path}.{p.path}"))
    return found


@cache
def _attributes(type_: str) -> tuple[tuple[Property, str, str], ...]:
    """Return the properties of a type with the names of their attributes for value and extension."""
    return tuple(
        (p, p.attribute, f"{p.name}_ext" if _may_extend(p) else "")
        for p in properties_of(type_).values()
    )


def _may_extend(p: Property) -> bool:
    return p.is_primitive and p.type != "xhtml" and p.name != "id"


def _placed(p: Property, value: Any, extra: Any, place: str) -> Iterator[Placed]:
    if not p.is_list:
        yield _node(p, value, extra), place
        return
    values: Sequence[Any] = value or ()
    extras: Sequence[Any] = extra or ()
    for n in range(max(len(values), len(extras))):
        one = values[n] if n < len(values) else None
        yield _node(p, one, extras[n] if n < len(extras) else None), f"{place}[{n}]"


def _node(p: Property, value: Any, extra: Any) -> Node:
    return Node(value, p.type, extra) if p.is_primitive else root(value)
