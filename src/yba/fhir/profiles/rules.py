"""One StructureDefinition as a tree of rules: what each element must be, its slices, and its children.

The main rule: the tree is read from the order of paths and slice names in the snapshot, so ids are not needed.
Standard: FHIR R4 StructureDefinition, ElementDefinition, profiling.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

BEST_PRACTICE: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
MAXIMAL_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_SYSTEM_TYPE: Final = "http://hl7.org/fhirpath/"
_EXTENSIONS: Final = ("extension", "modifierExtension")


@dataclass(frozen=True, slots=True)
class TypeRule:
    """One type that an element may have."""

    code: str
    """Name of the FHIR type; "" for the plain text inside primitives and ids."""
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    """Profiles of what a Reference or canonical may point to."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Codes that an element should have."""

    strength: str
    value_set: str
    maximal: str = ""
    """The value set that nothing may lie outside of, where the binding itself is weaker."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant: a FHIRPath expression that must be true."""

    key: str
    severity: str
    human: str
    expression: str
    is_best_practice: bool = False


@dataclass(frozen=True, slots=True)
class Slicing:
    """How the repetitions of an element are told apart."""

    discriminators: tuple[tuple[str, str], ...]
    """Pairs of type ("value", "pattern", "exists", "type", "profile") and path."""
    rules: str = "open"
    is_ordered: bool = False


@dataclass(eq=False, slots=True)
class Rule:
    """What one element (or one slice of it) must be."""

    path: str
    name: str
    """Name of the element as in FHIRPath, without "[x]"."""
    slice_name: str = ""
    minimum: int = 0
    maximum: int | None = None
    """None means any number."""
    types: tuple[TypeRule, ...] = ()
    fixed: Any = None
    pattern: Any = None
    least: Any = None
    most: Any = None
    longest: int | None = None
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    slicing: Slicing | None = None
    slices: list[Rule] = field(default_factory=list)
    children: dict[str, Rule] = field(default_factory=dict)
    content: str = ""
    """Path of the element whose content is meant (contentReference)."""
    is_choice: bool = False
    is_modifier: bool = False
    structure: Structure | None = None

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles of all types."""
        return tuple(p for t in self.types for p in t.profiles)


@dataclass(eq=False, slots=True)
class Structure:
    """A type, profile or extension."""

    url: str
    version: str
    name: str
    type: str
    base: str
    is_profile: bool
    is_abstract: bool
    context: tuple[tuple[str, str], ...]
    """Where an extension may stand: pairs of type ("element", "extension", "fhirpath") and expression."""
    context_invariants: tuple[str, ...]
    root: Rule
    by_path: dict[str, Rule]
    """The rules of unsliced elements by their path."""

    @property
    def is_modifier(self) -> bool:
        """Return whether this is an extension that changes the meaning of what holds it."""
        return self.root.is_modifier


def read_structure(resource: Mapping[str, Any]) -> Structure:
    """Return a StructureDefinition with snapshot as a tree. Raises ValueError if it cannot be read."""
    try:
        elements: Sequence[Mapping[str, Any]] = resource["snapshot"]["element"]
        root = _rule(elements[0], elements[0]["path"])
        by_path = {root.path: root}
        _grow(root, elements[1:], by_path)
        structure = Structure(
            url=_text(resource["url"]),
            version=resource.get("version", ""),
            name=_text(resource.get("name", "")),
            type=_text(resource.get("type", elements[0]["path"])),
            base=resource.get("baseDefinition", ""),
            is_profile=resource.get("derivation") == "constraint",
            is_abstract=bool(resource.get("abstract")),
            context=tuple(
                (_text(c["type"]), _text(c["expression"])) for c in resource.get("context", ())
            ),
            context_invariants=tuple(resource.get("contextInvariant", ())),
            root=root,
            by_path=by_path,
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a readable StructureDefinition: {error!r}") from None
    _own(root, structure)
    return structure


def _own(rule: Rule, structure: Structure) -> None:
    rule.structure = structure
    for other in (*rule.slices, *rule.children.values()):
        _own(other, structure)


def _grow(root: Rule, elements: Sequence[Mapping[str, Any]], by_path: dict[str, Rule]) -> None:
    """Hang every element below the last one whose path it continues."""
    stack = [(root.path, root)]
    for element in elements:
        path: str = element["path"]
        parent_path, _, last = path.rpartition(".")
        while stack and stack[-1][0] != parent_path:
            stack.pop()
        if not stack:
            raise ValueError(f"{path} has no parent element")
        parent = stack[-1][1]
        rule = _rule(element, last)
        _place(parent, rule, last)
        if not rule.slice_name and not any(":" in p for p, _ in stack):
            by_path.setdefault(path, rule)
        stack.append((path, rule))


def _place(parent: Rule, rule: Rule, last: str) -> None:
    choice = _choice_of(parent, last)
    if choice is not None:
        # "valueQuantity" is the slice of "value[x]" with that type.
        rule.name, rule.is_choice = choice.name, True
        rule.slice_name = rule.slice_name or last
        if choice.slicing is None:
            choice.slicing = Slicing((("type", "$this"),))
        choice.slices.append(rule)
        return
    whole = parent.children.get(rule.name)
    if not rule.slice_name or whole is None:
        if rule.slice_name:
            # A slice of an element that the snapshot does not list itself.
            whole = Rule(rule.path, rule.name, is_choice=rule.is_choice)
            parent.children[rule.name] = whole
            _add_slice(whole, rule)
        else:
            parent.children[rule.name] = rule
        return
    _add_slice(whole, rule)


def _add_slice(whole: Rule, rule: Rule) -> None:
    if whole.slicing is None:
        if whole.name in _EXTENSIONS:
            whole.slicing = Slicing((("value", "url"),))
        elif whole.is_choice:
            whole.slicing = Slicing((("type", "$this"),))
        else:
            whole.slicing = Slicing(())
    outer = rule.slice_name.rpartition("/")[0]
    owner = next((s for s in whole.slices if outer and s.slice_name == outer), None)
    if owner is None:
        whole.slices.append(rule)
        return
    if owner.slicing is None:
        owner.slicing = whole.slicing
    owner.slices.append(rule)


def _choice_of(parent: Rule, last: str) -> Rule | None:
    """Return the choice that "valueQuantity" belongs to, or None if `last` is an element by itself."""
    if last.endswith("[x]") or last in parent.children:
        return None
    for child in parent.children.values():
        rest = last.removeprefix(child.name)
        if child.is_choice and rest != last and rest[:1].isupper():
            return child
    return None


def _rule(element: Mapping[str, Any], last: str) -> Rule:
    maximum = element.get("max", "*")
    rule = Rule(
        path=_text(element["path"]),
        name=last.rpartition(".")[2].removesuffix("[x]"),
        slice_name=_text(element.get("sliceName", "")),
        minimum=int(element.get("min", 0)),
        maximum=None if maximum == "*" else int(maximum),
        types=tuple(_type(t) for t in element.get("type", ())),
        longest=None if "maxLength" not in element else int(element["maxLength"]),
        constraints=tuple(_constraint(c) for c in element.get("constraint", ())),
        content=_text(element.get("contentReference", "")),
        is_choice=last.endswith("[x]"),
        is_modifier=bool(element.get("isModifier")),
    )
    if "binding" in element and "valueSet" in element["binding"]:
        rule.binding = _binding(element["binding"])
    if "slicing" in element:
        rule.slicing = _slicing(element["slicing"])
    for name, value in element.items():
        if name.startswith("fixed"):
            rule.fixed = value
        elif name.startswith("pattern"):
            rule.pattern = value
        elif name.startswith("minValue"):
            rule.least = value
        elif name.startswith("maxValue"):
            rule.most = value
    return rule


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text was expected")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _type(kind: Mapping[str, Any]) -> TypeRule:
    code = _text(kind["code"])
    if code.startswith(_SYSTEM_TYPE):
        code = ""
    return TypeRule(code, _texts(kind.get("profile", ())), _texts(kind.get("targetProfile", ())))


def _binding(binding: Mapping[str, Any]) -> Binding:
    maximal = next(
        (
            e.get("valueCanonical", "")
            for e in binding.get("extension", ())
            if e["url"] == MAXIMAL_SET
        ),
        "",
    )
    return Binding(_text(binding["strength"]), _text(binding["valueSet"]), _text(maximal))


def _constraint(constraint: Mapping[str, Any]) -> Constraint:
    extensions = constraint.get("extension", ())
    return Constraint(
        key=_text(constraint["key"]),
        severity=_text(constraint["severity"]),
        human=_text(constraint.get("human", "")),
        expression=_text(constraint.get("expression", "")),
        is_best_practice=any(
            e.get("url") == BEST_PRACTICE and e.get("valueBoolean") for e in extensions
        ),
    )


def _slicing(slicing: Mapping[str, Any]) -> Slicing:
    return Slicing(
        tuple((_text(d["type"]), _text(d["path"])) for d in slicing.get("discriminator", ())),
        _text(slicing.get("rules", "open")),
        bool(slicing.get("ordered")),
    )
