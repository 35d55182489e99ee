"""Snapshots of profiles that came with a differential only.

A simple generator: the snapshot of the base, changed and opened where the differential says so. Elements inside
a datatype, a slice or a content reference are taken in when the differential reaches into them.
Standard: FHIR R4 profiling.html, "Differential and Snapshot"; ElementDefinition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, TypeAlias

Json: TypeAlias = Mapping[str, Any]
Element: TypeAlias = dict[str, Any]
Snapshots: TypeAlias = Callable[[str], Json | None]

_STRUCTURE: Final = "http://hl7.org/fhir/StructureDefinition/"
_DEEPEST: Final = 40


class NoSnapshot(ValueError):
    """A profile whose snapshot cannot be generated; the text says why."""


def with_snapshot(resource: Json, snapshot_of: Snapshots) -> Json:
    """Return a StructureDefinition with a snapshot: its own, or one generated over its base.

    Raises NoSnapshot if the base is not known or the differential does not fit it.
    """
    if resource.get("snapshot", {}).get("element"):
        return resource
    differential: list[Json] = list(resource.get("differential", {}).get("element", ()))
    base_url: str = resource.get("baseDefinition", "")
    if resource.get("derivation") != "constraint" or not base_url:
        raise NoSnapshot(f"{resource.get('url')} has no snapshot and constrains nothing")
    try:
        base = snapshot_of(base_url)
    except RecursionError:
        raise NoSnapshot(f"{resource.get('url')} is built on itself") from None
    if base is None:
        raise NoSnapshot(f"the base {base_url} is not known")
    maker = _Maker(base["snapshot"]["element"], snapshot_of)
    for element in differential:
        maker.apply(element)
    return {**resource, "snapshot": {"element": maker.elements}}


class _Maker:
    def __init__(self, base: list[Json], snapshot_of: Snapshots) -> None:
        self.elements: list[Element] = [dict(deepcopy(e)) for e in base]
        self.snapshot_of = snapshot_of
        ids = identities(self.elements)
        for element, identity in zip(self.elements, ids, strict=True):
            element["id"] = identity
        self.current: dict[str, str] = {}
        self.explicit: set[str] = set()
        self.narrowed: dict[str, list[Json]] = {}

    def apply(self, change: Json) -> None:
        path: str = change["path"]
        identity = self.ensured(self.identity(change, path), 0)
        target = self.elements[self.index(identity)]
        _merge(target, change)
        if identity.endswith("[x]"):
            self.explicit.add(identity)
        elif not path.endswith("[x]") and "[x]:" in _split(identity)[1]:
            self.narrow(identity, change)
        self.current = {p: i for p, i in self.current.items() if not p.startswith(path + ".")}
        self.current[path] = identity

    def narrow(self, identity: str, change: Json) -> None:
        """Leave a choice the types whose short names ("valueQuantity") the differential uses, if it says no more."""
        whole = identity.rpartition(":")[0]
        if whole in self.explicit:
            return
        self.narrowed.setdefault(whole, []).extend(self.elements[self.index(identity)]["type"])
        choice = self.elements[self.index(whole)]
        choice["type"] = self.narrowed[whole]
        if len(choice["type"]) == 1:
            choice["min"] = max(choice.get("min", 0), change.get("min", 0))

    def identity(self, change: Json, path: str) -> str:
        """Return the id of a change as it is in a snapshot: slices named, choices with "[x]"."""
        if ":" in change.get("id", "") or "/" in change.get("sliceName", ""):
            return self.spelled(change["id"])
        parent_path, _, last = path.rpartition(".")
        if not parent_path:
            return last
        parent = self.spelled(self.around(parent_path))
        slice_name = change.get("sliceName", "")
        return self.spelled(f"{parent}.{last}" + (f":{slice_name}" if slice_name else ""))

    def around(self, path: str) -> str:
        """Return the id of a path below the element that was changed last; steps between may be unsaid."""
        rest = ""
        while path not in self.current and "." in path:
            path, _, last = path.rpartition(".")
            rest = f".{last}{rest}"
        return self.current.get(path, path) + rest

    def spelled(self, identity: str) -> str:
        """Write every "valueQuantity" as "value[x]:valueQuantity"."""
        done = ""
        for step in _steps(identity):
            name, _, slice_name = step.partition(":")
            if done and not name.endswith("[x]") and not self.has(f"{done}.{name}"):
                choice = self.choice(done, name)
                if choice:
                    name, slice_name = choice, slice_name or name
            done = f"{done}.{name}" if done else name
            done += f":{slice_name}" if slice_name else ""
        return done

    def choice(self, parent: str, name: str) -> str:
        for cut in range(len(name) - 1, 0, -1):
            if name[cut].isupper():
                stem = f"{name[:cut]}[x]"
                if self.has(f"{parent}.{stem}") or self.source_of(parent, stem) is not None:
                    return stem
        return ""

    def has(self, identity: str) -> bool:
        return any(e["id"] == identity for e in self.elements)

    def index(self, identity: str) -> int:
        return next(n for n, e in enumerate(self.elements) if e["id"] == identity)

    def ensured(self, identity: str, depth: int) -> str:
        """Return the id after making sure that the snapshot has such an element."""
        if self.has(identity):
            return identity
        if depth > _DEEPEST:
            raise NoSnapshot(f"{identity} is nested too deeply")
        parent, last = _split(identity)
        if not parent:
            raise NoSnapshot(f"{identity} is not the type of the base")
        self.ensured(parent, depth + 1)
        name, _, slice_name = last.partition(":")
        whole = f"{parent}.{name}"
        if slice_name:
            outer = slice_name.rpartition("/")[0]
            origin = self.ensured(f"{whole}:{outer}" if outer else whole, depth + 1)
            made = deepcopy(self.elements[self.index(origin)])
            made.pop("slicing", None)
            made.update(id=identity, sliceName=slice_name, min=0)
            if name.endswith("[x]"):
                made["type"] = _types_named(made.get("type", []), name[:-3], slice_name)
                made["max"] = "1"
            self.insert(made, origin)
            return identity
        source = self.source_of(parent, name)
        if source is None:
            raise NoSnapshot(f"there is no element {identity}")
        made = {**deepcopy(source), "id": identity, "path": self.path_of(parent) + "." + name}
        self.insert(made, parent)
        return identity

    def path_of(self, identity: str) -> str:
        return self.elements[self.index(identity)]["path"]

    def insert(self, element: Element, after: str) -> None:
        """Put an element behind another one, that one's slices and all that is below them."""
        place = self.index(after) + 1
        while place < len(self.elements) and self.elements[place]["id"].startswith(
            (after + ".", after + ":", after + "/")
        ):
            place += 1
        self.elements.insert(place, element)

    def source_of(self, parent: str, name: str) -> Json | None:
        """Return where the definition of a child comes from: the unsliced twin, the content, or the type."""
        owner = next((e for e in self.elements if e["id"] == parent), None)
        if owner is None:
            return None
        before, last = _split(parent)
        if ":" in last:
            twin = f"{before}.{last.partition(':')[0]}.{name}"
            found = next((e for e in self.elements if e["id"] == twin), None)
            if found is not None:
                return found
        reference: str = owner.get("contentReference", "").partition("#")[2]
        if reference:
            return next((e for e in self.elements if e["id"] == f"{reference}.{name}"), None)
        for kind in owner.get("type", ()):
            profiles = kind.get("profile") or [_STRUCTURE + kind["code"]]
            structure = self.snapshot_of(profiles[0]) or self.snapshot_of(_STRUCTURE + kind["code"])
            for element in structure["snapshot"]["element"] if structure else ():
                if element["path"].partition(".")[2] == name and "sliceName" not in element:
                    return element
        return None


def identities(elements: list[Any]) -> list[str]:
    """Return the id of every element, made from path and slice names where it is missing."""
    current: dict[str, str] = {}
    found: list[str] = []
    for element in elements:
        path: str = element["path"]
        parent, _, last = path.rpartition(".")
        identity: str = element.get("id", "")
        if not identity:
            slice_name = element.get("sliceName", "")
            identity = f"{current.get(parent, parent)}.{last}" if parent else last
            identity += f":{slice_name}" if slice_name else ""
        current[path] = identity
        found.append(identity)
    return found


def _steps(identity: str) -> list[str]:
    """Cut an id at its points, but not inside slice names."""
    found: list[str] = []
    for part in identity.split("."):
        if found and ":" in found[-1] and part and not part[0].islower():
            found[-1] += "." + part
        else:
            found.append(part)
    return found


def _split(identity: str) -> tuple[str, str]:
    *before, last = _steps(identity)
    return ".".join(before), last


def _types_named(types: list[Json], stem: str, slice_name: str) -> list[Json]:
    wanted = slice_name.removeprefix(stem)
    found = [t for t in types if t["code"][:1].upper() + t["code"][1:] == wanted]
    return found or types


def _merge(target: Element, change: Json) -> None:
    """Write a change over an element; constraints are added, everything else is replaced."""
    for name, value in change.items():
        if name in ("id", "path", "base"):
            continue
        if name == "constraint":
            known = {c["key"] for c in value}
            kept = [c for c in target.get("constraint", ()) if c["key"] not in known]
            target["constraint"] = [*kept, *value]
        elif name.startswith(("fixed", "pattern")):
            for other in [n for n in target if n.startswith(("fixed", "pattern"))]:
                del target[other]
            target[name] = deepcopy(value)
        else:
            target[name] = deepcopy(value)
