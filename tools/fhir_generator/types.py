"""Types, elements and required bindings of FHIR, as the generator sees them."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field

from tools.fhir_generator.package import Json, Package

PRIMITIVES = frozenset(
    [
        "base64Binary",
        "boolean",
        "canonical",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
        "markdown",
        "oid",
        "positiveInt",
        "string",
        "time",
        "unsignedInt",
        "uri",
        "url",
        "uuid",
        "xhtml",
    ]
)
ABSTRACT = ("Element", "BackboneElement", "Resource", "DomainResource")
_SYSTEM_TYPE = "http://hl7.org/fhirpath/"
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True)
class TypeRef:
    """One allowed type of an element, with the types that a reference may point to."""

    name: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Element:
    """An element as defined; `value[x]` is one element."""

    name: str
    minimum: int
    maximum: str
    types: tuple[TypeRef, ...]
    binding: str = ""

    @property
    def is_choice(self) -> bool:
        return self.name.endswith("[x]")

    @property
    def is_list(self) -> bool:
        return self.maximum != "1"

    def fields(self) -> list[tuple[str, TypeRef]]:
        """Return the JSON names with their types; several for a choice."""
        if not self.is_choice:
            return [(self.name, self.types[0])]
        stem = self.name[:-3]
        return [(stem + ref.name[0].upper() + ref.name[1:], ref) for ref in self.types]


@dataclass
class FhirType:
    """A resource, a datatype or a nested part of one ("ObservationComponent")."""

    name: str
    path: str
    base: str
    is_resource: bool
    elements: list[Element] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.path.split(".", 1)[0]


@dataclass
class Codes:
    """The codes of a required binding."""

    name: str
    codes: list[str]
    systems: list[str]


@dataclass
class Definitions:
    types: dict[str, FhirType]
    codes: dict[str, Codes]

    @property
    def resources(self) -> list[str]:
        return sorted(
            t.name for t in self.types.values() if t.is_resource and t.name not in ABSTRACT
        )

    def elements(self, name: str) -> list[Element]:
        """Return all elements of a type, inherited ones first."""
        type_ = self.types[name]
        inherited = self.elements(type_.base) if type_.base else []
        return inherited + type_.elements

    def element(self, name: str, child: str) -> Element | None:
        return next((e for e in self.elements(name) if e.name in (child, child + "[x]")), None)


def attribute(json_name: str) -> str:
    """Return the Python attribute of a JSON property."""
    return json_name + "_" if keyword.iskeyword(json_name) else json_name


def read_definitions(package: Package) -> Definitions:
    """Return every concrete and abstract type of R4 with its elements and required codes."""
    definitions = Definitions({}, {})
    for structure in package.structures:
        if structure["kind"] not in ("complex-type", "resource"):
            continue
        if structure.get("derivation") == "constraint":
            continue
        if not structure["url"].startswith(_STRUCTURE) or "snapshot" not in structure:
            continue
        _add_structure(definitions, structure, package)
    # The parts shared by all types are written once, in their base.
    for type_ in definitions.types.values():
        inherited = {e.name for e in definitions.elements(type_.base)} if type_.base else set[str]()
        type_.elements = [e for e in type_.elements if e.name not in inherited]
    return definitions


def _add_structure(definitions: Definitions, structure: Json, package: Package) -> None:
    root: str = structure["name"]
    base: str = structure.get("baseDefinition", "").removeprefix(_STRUCTURE)
    is_resource = structure["kind"] == "resource"
    names: dict[str, str] = {root: root}
    parts: dict[str, FhirType] = {root: FhirType(root, root, base, is_resource)}
    elements: list[Json] = structure["snapshot"]["element"]
    parents = {e["path"].rsplit(".", 1)[0] for e in elements if "." in e["path"]}
    for raw in elements[1:]:
        path: str = raw["path"]
        owner, name = path.rsplit(".", 1)
        if path in parents:
            class_name = names[owner] + name[0].upper() + name[1:]
            names[path] = class_name
            part_base = raw["type"][0]["code"]
            parts[path] = FhirType(class_name, path, part_base, is_resource=False)
            refs: tuple[TypeRef, ...] = (TypeRef(class_name),)
        elif "contentReference" in raw:
            refs = (TypeRef(names[raw["contentReference"].split("#")[1]]),)
        else:
            # The definitions call Resource.id a string; its regex and meaning are those of id.
            system_type = "id" if is_resource and path == f"{root}.id" else "string"
            refs = tuple(_type_ref(kind, system_type) for kind in raw["type"])
        binding = _binding(definitions, raw, refs, package)
        element = Element(name, raw["min"], raw["max"], refs, binding)
        if element.maximum != "0":
            parts[owner].elements.append(element)
    for part in parts.values():
        if part.name in definitions.types:
            raise ValueError(f"two types are named {part.name}")
        definitions.types[part.name] = part


def _type_ref(kind: Json, system_type: str) -> TypeRef:
    code: str = kind["code"]
    if code.startswith(_SYSTEM_TYPE):
        code = system_type
    targets = tuple(t.removeprefix(_STRUCTURE) for t in kind.get("targetProfile", ()))
    return TypeRef(code, tuple(sorted(t for t in targets if t != "Resource" and "/" not in t)))


def _binding(
    definitions: Definitions, raw: Json, refs: tuple[TypeRef, ...], package: Package
) -> str:
    binding: Json = raw.get("binding", {})
    if binding.get("strength") != "required" or "valueSet" not in binding:
        return ""
    if refs[0].name not in ("code", "CodeableConcept", "Coding"):
        return ""
    value_set = package.value_sets.get(binding["valueSet"].split("|")[0])
    if value_set is None:
        return ""
    found = _expand(value_set, package)
    if found is None:
        return ""
    codes, systems = found
    name = _class_name(value_set["name"])
    if definitions.codes.setdefault(name, Codes(name, codes, systems)).codes != codes:
        name = _class_name(value_set["id"])
        if definitions.codes.setdefault(name, Codes(name, codes, systems)).codes != codes:
            raise ValueError(f"two value sets are named {name}")
    return name


def _class_name(text: str) -> str:
    return "".join(part[0].upper() + part[1:] for part in re.split(r"[-. ]+", text))


def _expand(value_set: Json, package: Package) -> tuple[list[str], list[str]] | None:
    """Return (codes, systems) of a value set, or None where it cannot be enumerated."""
    codes: list[str] = []
    systems: list[str] = []
    for include in value_set["compose"]["include"]:
        if "filter" in include or "valueSet" in include:
            return None
        system = package.code_systems.get(include["system"])
        if "concept" in include:
            listed = [c["code"] for c in include["concept"]]
        elif system is not None and system["content"] == "complete" and system.get("concept"):
            listed = _flat(system["concept"])
        else:
            return None
        systems.append(include["system"])
        codes += [c for c in listed if c not in codes]
    return codes, sorted(set(systems))


def _flat(concepts: list[Json]) -> list[str]:
    codes: list[str] = []
    for concept in concepts:
        # Abstract groupings ("_ActReason") are not for use in data.
        if not any(
            p["code"] == "notSelectable" and p.get("valueBoolean")
            for p in concept.get("property", ())
        ):
            codes.append(concept["code"])
        codes += _flat(concept.get("concept", []))
    return codes
