"""Writes the code systems, value sets and maps that FHIR R4 itself defines, for the terminology server.

    python -m tools.fhir_generator.terminology hl7.fhir.r4.examples-4.0.1.tgz

One resource a line, without narrative and publishing details, sorted, packed with zstandard. Licence of
the definitions: CC0-1.0.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

_TARGET = Path(__file__).parents[2] / "src/yba/foundation/terminology/data/r4.jsonl.zst"
_TYPES = ("CodeSystem-", "ConceptMap-", "ValueSet-")
_KEPT = (
    *("resourceType", "url", "version", "name", "title", "status", "language", "caseSensitive"),
    *("valueSet", "hierarchyMeaning", "content", "supplements", "property", "filter", "concept"),
    *(
        "contained",
        "compose",
        "sourceUri",
        "sourceCanonical",
        "targetUri",
        "targetCanonical",
        "group",
    ),
)
_DROPPED = frozenset({"extension", "modifierExtension", "text"})


def lines(package: Path) -> list[bytes]:
    """Return the resources of a package's .tgz as JSON lines, in a fixed order."""
    found = {(r["resourceType"], r["url"]): _slim(r) for r in _resources(package)}
    return [
        json.dumps(found[key], ensure_ascii=False, separators=(",", ":")).encode()
        for key in sorted(found)
    ]


def _resources(package: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(package) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name.startswith(_TYPES) and name.endswith(".json"):
                content = archive.extractfile(member)
                assert content is not None
                resource = json.loads(content.read())
                # An example of a value set may hold only an expansion: it is made anew here.
                yield {key: resource[key] for key in _KEPT if key in resource}


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _slim(part)
            for key, part in value.items()  # pyright: ignore[reportUnknownVariableType]
            if key not in _DROPPED and not str(key).startswith("_")  # pyright: ignore[reportUnknownArgumentType]
        }
    if isinstance(value, list):
        return [_slim(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(prog="tools.fhir_generator.terminology", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--target", type=Path, default=_TARGET)
    arguments = parser.parse_args()
    written = lines(arguments.package)
    packed = zstandard.ZstdCompressor(level=19).compress(b"\n".join(written))
    arguments.target.write_bytes(packed)
    print(f"{len(written)} resources, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
