"""Conformance resources by their canonical address: shipped R4 ones, those of packages, those of the caller.

    packages = Packages.of_r4().with_package(Path("hl7.fhir.uv.ips-2.0.0.tgz"))

The main rule: a layer never changes the layer below it, so the shipped definitions are read once for all.
Standard: FHIR R4 canonical references; FHIR packages (npm layout, "package/*.json").
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from yba.fhir.profiles.rules import Structure, read_structure
from yba.fhir.profiles.snapshots import with_snapshot

Json: TypeAlias = Mapping[str, Any]

_SHIPPED: Final = Path(__file__).parent / "data" / "r4.json.xz"
_CORE: Final = "http://hl7.org/fhir/"
_KEPT: Final = ("StructureDefinition", "ValueSet", "CodeSystem")
_LARGEST_FILE: Final = 256 * 1024 * 1024


class Packages:
    """A set of conformance resources, laid over another one."""

    def __init__(self, below: Packages | None = None) -> None:
        self._below = below
        self._found: dict[tuple[str, str], dict[str, Json]] = {}
        self._structures: dict[str, Structure | None] = {}

    @staticmethod
    def of_r4() -> Packages:
        """Return an empty layer over the definitions of R4 itself, which are read once."""
        return Packages(_shipped())

    def add(self, resource: Json) -> None:
        """Add a StructureDefinition, ValueSet or CodeSystem as plain JSON; anything else is passed over."""
        type_, url = resource.get("resourceType"), resource.get("url")
        if type_ in _KEPT and isinstance(url, str):
            versions = self._found.setdefault((str(type_), url), {})
            versions[str(resource.get("version", ""))] = resource
            self._structures.clear()

    def with_package(self, path: Path) -> Packages:
        """Add everything in an npm package, a .tgz or its unpacked folder, and return self.

        Raises ValueError if the file is no package.
        """
        for _, resource in read_package(path):
            self.add(resource)
        return self

    def find(self, type_: str, canonical: str) -> Json | None:
        """Return the resource of a canonical address ("url" or "url|version"), or None.

        A version may be the beginning of the real one ("4.0"). Without a version the newest is meant. Versions of
        R4's own addresses are not compared: there is one.
        """
        url, _, version = canonical.partition("|")
        versions = self._found.get((type_, url))
        if versions:
            for number in sorted(versions, key=_version_order, reverse=True):
                if not version or number == version or number.startswith(version + "."):
                    return versions[number]
            if url.startswith(_CORE):
                return next(iter(versions.values()))
        return None if self._below is None else self._below.find(type_, canonical)

    def structure(self, canonical: str) -> Structure | None:
        """Return a type, profile or extension as a tree of rules, its snapshot generated if it has none.

        None if it is not known. Raises ValueError if it cannot be understood.
        """
        if canonical in self._structures:
            return self._structures[canonical]
        resource = self._found_here(canonical)
        if resource is None and self._below is not None:
            return self._below.structure(canonical)
        found = None
        if resource is not None:
            try:
                found = read_structure(with_snapshot(resource, self.snapshot_of))
            except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as problem:
                # What is stored is valid R4, and still may make no sense as a definition.
                raise ValueError(f"not a usable StructureDefinition: {problem!r}") from None
        self._structures[canonical] = found
        return found

    def type(self, name: str) -> Structure | None:
        """Return the definition of an R4 type by its name."""
        return self.structure(f"{_CORE}StructureDefinition/{name}")

    def snapshot_of(self, canonical: str) -> Json | None:
        """Return a StructureDefinition with its snapshot, or None if it is not known. Raises NoSnapshot."""
        resource = self.find("StructureDefinition", canonical)
        return None if resource is None else with_snapshot(resource, self.snapshot_of)

    def all(self, type_: str) -> Iterator[Json]:
        """Give every resource of a type in this layer."""
        for (kind, _), versions in self._found.items():
            if kind == type_:
                yield from versions.values()

    def profiles_of(self, type_: str) -> list[str]:
        """Return the addresses of all profiles of a type in this layer."""
        return sorted(
            url
            for (kind, url), versions in self._found.items()
            if kind == "StructureDefinition"
            and any(
                v.get("type") == type_ and v.get("derivation") == "constraint"
                for v in versions.values()
            )
        )

    def _found_here(self, canonical: str) -> Json | None:
        if ("StructureDefinition", canonical.partition("|")[0]) not in self._found:
            return None
        return self.find("StructureDefinition", canonical)


def read_package(path: Path, *, examples: bool = False) -> Iterator[tuple[str, Json]]:
    """Give (name, resource) of every resource in an npm package: its definitions, or its examples.

    `path` is a .tgz or an unpacked folder. Raises ValueError if it is neither.
    """
    for name, content in files_in(path):
        parts = name.split("/")
        if (
            parts[-1] in ("package.json", ".index.json")
            or len(parts) != 2 + examples
            or (examples and parts[1] != "example")
        ):
            continue
        resource = read_json(content)
        if isinstance(resource, dict) and "resourceType" in resource:
            yield parts[-1], resource


def read_json(content: bytes) -> Any:
    """Return JSON with decimals as Decimal."""
    return json.loads(content, parse_float=Decimal)


def files_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give (path inside, content) of every JSON file in a .tgz or a folder. Raises ValueError."""
    if path.is_dir():
        folder = path / "package" if (path / "package").is_dir() else path
        for file in sorted(folder.rglob("*.json")):
            yield f"package/{file.relative_to(folder).as_posix()}", file.read_bytes()
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".json"):
                    content = archive.extractfile(member)
                    if content is not None and member.size <= _LARGEST_FILE:
                        yield member.name.removeprefix("./"), content.read()
    except (OSError, tarfile.TarError) as error:
        raise ValueError(f"not a package: {error}") from None


@cache
def _shipped() -> Packages:
    layer = Packages()
    _fill(layer, read_json(lzma.decompress(_SHIPPED.read_bytes())))
    return layer


@cache
def core_rules() -> frozenset[tuple[str, str]]:
    """Return (key, expression) of every invariant of R4's own types, whose sources profiles repeat."""
    found: set[tuple[str, str]] = set()
    for resource in _shipped().all("StructureDefinition"):
        if resource.get("derivation") != "constraint":
            for element in resource.get("snapshot", {}).get("element", ()):
                for rule in element.get("constraint", ()):
                    found.add((rule["key"], rule.get("expression", "")))
    return frozenset(found)


def _fill(layer: Packages, resources: Iterable[Json]) -> None:
    for resource in resources:
        layer.add(resource)


def _version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    parts = version.replace("-", ".").split(".")
    return tuple((1, int(p), "") if p.isdecimal() and len(p) < 19 else (0, 0, p) for p in parts)
