"""Writes which elements belong to the summary of a resource."""

from __future__ import annotations

from tools.fhir_generator.package import Package


def write_summaries(package: Package) -> dict[str, str]:
    """Return the module with the table, by file name."""
    found: dict[str, list[str]] = {}
    for structure in package.structures:
        if structure["kind"] != "resource" or structure.get("derivation") == "constraint":
            continue
        for element in structure["snapshot"]["element"]:
            *parents, name = element["path"].split(".")
            if parents and element.get("isSummary"):
                owner = "".join(part[0].upper() + part[1:] for part in parents)
                found.setdefault(owner, []).append(name.removesuffix("[x]"))
    lines = [
        '"""Elements that make up the summary of a resource (ElementDefinition.isSummary)."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        "# Resource type, or part of one -> its elements, as in FHIRPath. Data types are kept whole.",
        "SUMMARIES: Final[dict[str, str]] = {",
        *(f'    "{owner}": "{" ".join(names)}",' for owner, names in sorted(found.items())),
        "}",
    ]
    return {"summaries.py": "\n".join(lines) + "\n"}
