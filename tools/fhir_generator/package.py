"""Reads the definitions package: one dictionary per resource, by type."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_WANTED = (
    "StructureDefinition-",
    "SearchParameter-",
    "ValueSet-",
    "CodeSystem-",
    "CompartmentDefinition-",
)


@dataclass
class Package:
    """The definitions of a FHIR package, by resource type."""

    structures: list[Json] = field(default_factory=list)
    search_parameters: list[Json] = field(default_factory=list)
    value_sets: dict[str, Json] = field(default_factory=dict)
    code_systems: dict[str, Json] = field(default_factory=dict)
    compartments: dict[str, Json] = field(default_factory=dict)


def read_package(path: Path) -> Package:
    """Return the definitions in `path`, a .tgz of the npm package or its unpacked folder."""
    package = Package()
    for name, content in sorted(_files(path)):
        resource: Json = json.loads(content)
        match name.split("-", 1)[0]:
            case "StructureDefinition":
                package.structures.append(resource)
            case "SearchParameter":
                package.search_parameters.append(resource)
            case "ValueSet":
                package.value_sets[resource["url"]] = resource
            case "CodeSystem":
                package.code_systems[resource["url"]] = resource
            case "CompartmentDefinition":
                package.compartments[resource["id"]] = resource
            case _:
                pass
    return package


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        folder = path / "package" if (path / "package").is_dir() else path
        for file in folder.glob("*.json"):
            if file.name.startswith(_WANTED):
                yield file.name, file.read_bytes()
        return
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name.startswith(_WANTED) and name.endswith(".json"):
                content = archive.extractfile(member)
                assert content is not None
                yield name, content.read()
