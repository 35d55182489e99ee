"""Writes which parameters put a resource into which compartment."""

from __future__ import annotations

from tools.fhir_generator.package import Package


def write_compartments(package: Package) -> dict[str, str]:
    """Return the module with the table, by file name."""
    lines = [
        '"""Compartments: the parameters by which a resource of a type belongs to one."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        "# Compartment -> resource type -> search parameters. The resource itself is not listed.",
        "COMPARTMENTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {",
    ]
    for definition in sorted(package.compartments.values(), key=lambda each: str(each["code"])):
        if definition.get("experimental") and definition["id"] == "example":
            continue
        lines.append(f'    "{definition["code"]}": {{')
        for entry in definition["resource"]:
            codes = [code for code in entry.get("param", ()) if code != "{def}"]
            if codes:
                listed = ", ".join(f'"{code}"' for code in codes)
                comma = "," if len(codes) == 1 else ""
                lines.append(f'        "{entry["code"]}": ({listed}{comma}),')
        lines.append("    },")
    lines.append("}")
    return {"compartments.py": "\n".join(lines) + "\n"}
