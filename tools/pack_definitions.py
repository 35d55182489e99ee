"""Pack what validation needs of the official R4 definitions into src/yba/fhir/profiles/data/r4.json.xz.

Kept are the snapshots of all types, profiles and extensions without their prose, and the codes (not the displays) of
value sets and code systems. The result is committed; the same package gives the same bytes.

    python -m tools.pack_definitions PACKAGE
"""

from __future__ import annotations

import argparse
import json
import lzma
from pathlib import Path
from typing import Any

from yba.fhir.profiles.packages import read_package
from yba.fhir.profiles.rules import BEST_PRACTICE, MAXIMAL_SET

_TARGET = Path(__file__).parents[1] / "src/yba/fhir/profiles/data/r4.json.xz"
_STRUCTURE = (
    *("resourceType", "url", "version", "name", "kind", "abstract", "type", "baseDefinition"),
    *("derivation", "context", "contextInvariant"),
)
_ELEMENT = (
    *("id", "path", "sliceName", "min", "max", "type", "slicing", "contentReference", "maxLength"),
    *("isModifier", "binding", "constraint"),
)
_VALUES = ("fixed", "pattern", "minValue", "maxValue")
# These hold for every element and every extension; the examiner knows them.
_EVERYWHERE = ("ele-1", "ext-1")


def pack(package: Path) -> bytes:
    """Return the packed definitions of a package."""
    found: list[dict[str, Any]] = []
    for _, resource in read_package(package):
        match resource["resourceType"]:
            case "StructureDefinition":
                found.append(_structure(resource))
            case "ValueSet":
                kept = ("resourceType", "url", "version")
                value_set = {k: resource[k] for k in kept if k in resource}
                value_set["compose"] = _compose(resource.get("compose", {}))
                found.append(value_set)
            case "CodeSystem":
                kept = ("resourceType", "url", "version", "content", "caseSensitive")
                code_system = {k: resource[k] for k in kept if k in resource}
                code_system["concept"] = _concepts(resource.get("concept", ()))
                found.append(code_system)
            case _:
                pass
    found.sort(key=lambda r: (r["resourceType"], r["url"]))
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False, default=str)
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def _structure(resource: Any) -> dict[str, Any]:
    kept = {k: resource[k] for k in _STRUCTURE if k in resource}
    for part in ("snapshot", "differential"):
        elements = resource.get(part, {}).get("element", ())
        if elements and (part == "snapshot" or "snapshot" not in resource):
            kept[part] = {"element": [_element(e) for e in elements]}
    return kept


def _element(element: Any) -> dict[str, Any]:
    kept = {k: v for k, v in element.items() if k in _ELEMENT or k.startswith(_VALUES)}
    if "binding" in kept:
        binding = kept["binding"]
        kept["binding"] = {k: v for k, v in binding.items() if k in ("strength", "valueSet")}
        extensions = [e for e in binding.get("extension", ()) if e["url"] == MAXIMAL_SET]
        if extensions:
            kept["binding"]["extension"] = extensions
    constraints = [
        _constraint(c) for c in kept.pop("constraint", ()) if c["key"] not in _EVERYWHERE
    ]
    if constraints:
        kept["constraint"] = constraints
    return kept


def _constraint(constraint: Any) -> dict[str, Any]:
    kept = {k: v for k, v in constraint.items() if k in ("key", "severity", "human", "expression")}
    extensions = [e for e in constraint.get("extension", ()) if e["url"] == BEST_PRACTICE]
    if extensions:
        kept["extension"] = extensions
    return kept


def _compose(compose: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for side in ("include", "exclude"):
        if side in compose:
            kept[side] = [_include(i) for i in compose[side]]
    return kept


def _include(include: Any) -> dict[str, Any]:
    kept = {k: include[k] for k in ("system", "version", "filter", "valueSet") if k in include}
    if "concept" in include:
        kept["concept"] = [{"code": c["code"]} for c in include["concept"]]
    return kept


def _concepts(concepts: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for concept in concepts:
        kept: dict[str, Any] = {"code": concept["code"]}
        if "concept" in concept:
            kept["concept"] = _concepts(concept["concept"])
        found.append(kept)
    return found


def main() -> None:
    """Read the command line and write the pack."""
    parser = argparse.ArgumentParser(prog="tools.pack_definitions", description=__doc__)
    parser.add_argument("package", type=Path, help="hl7.fhir.r4.examples-4.0.1.tgz or its folder")
    parser.add_argument("--target", type=Path, default=_TARGET)
    arguments = parser.parse_args()
    content = pack(arguments.package)
    arguments.target.parent.mkdir(parents=True, exist_ok=True)
    arguments.target.write_bytes(content)
    print(f"{len(content):,} bytes")


if __name__ == "__main__":
    main()
