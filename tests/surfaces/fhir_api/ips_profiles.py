"""Checks a summary against its profiles, twice.

`broken_rules` is a small reader of the snapshots (cardinality, fixed values, patterns), so that the
program's validator is not its own judge; slices are checked where the discriminator is the code of
a section or the category of an observation. `found_errors` asks the program's validator, for the
document and for each entry by the profile that its section means.
"""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from yba.fhir.profiles import Packages
from yba.fhir.validation import examine

Json = dict[str, Any]
_IPS = "StructureDefinition-{}-uv-ips.json"
_BY_TYPE = {
    name: name
    for name in (
        "AllergyIntolerance", "Bundle", "Composition", "Condition", "Device",
        "DeviceUseStatement", "DiagnosticReport", "Immunization", "Medication",
        "MedicationRequest", "MedicationStatement", "Organization", "Patient", "Practitioner",
        "PractitionerRole", "Procedure",
    )
} | {"Flag": "Flag-alert"}  # fmt: skip
_OBSERVATIONS = {
    "72166-2": "Observation-tobaccouse",
    "74013-4": "Observation-alcoholuse",
    "82810-3": "Observation-pregnancy-status",
}


@cache
def _profile(package: Path, name: str) -> Json:
    with tarfile.open(package) as archive:
        file = archive.extractfile("package/" + _IPS.format(name))
        assert file is not None
        return json.load(file)


@cache
def _packages(package: Path) -> Packages:
    return Packages.of_r4().with_package(package)


def found_errors(package: Path, bundle: Json) -> list[str]:
    """Return the errors that the program's validator finds, as "place: what"."""
    urls = "http://hl7.org/fhir/uv/ips/StructureDefinition/{}-uv-ips"
    checked: list[tuple[Json, str]] = [(bundle, urls.format("Bundle"))]
    for entry in bundle["entry"][1:]:
        name = profile_name(entry["resource"])
        if name:
            checked.append((entry["resource"], urls.format(name)))
    return [
        f"{issue.expression}: {issue.diagnostics}"
        for resource, profile in checked
        for issue in examine(
            json.dumps(resource).encode(), profiles=[profile], packages=_packages(package),
            at=datetime(2026, 9, 15, tzinfo=UTC),
        )
        if issue.is_error
    ]  # fmt: skip


def profile_name(resource: Json) -> str:
    """Return the name of the profile that a resource of a summary must meet, or ""."""
    if resource["resourceType"] == "Observation":
        return _profile_of(resource)
    return _BY_TYPE.get(resource["resourceType"], "")


def broken_rules(package: Path, bundle: Json) -> list[str]:
    """Return what the document and its resources break, as "place: rule"."""
    broken = _check(package, "Bundle", bundle)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        name = profile_name(resource)
        if name:
            broken += _check(package, name, resource)
    return broken


def _profile_of(observation: Json) -> str:
    codes = [c.get("code") for c in observation["code"].get("coding", [])]
    named = next((_OBSERVATIONS[code] for code in codes if code in _OBSERVATIONS), "")
    categories = [c.get("code") for k in observation.get("category", []) for c in k["coding"]]
    lab = "Observation-results-laboratory-pathology" if "laboratory" in categories else ""
    return named or lab


def _check(package: Path, name: str, resource: Json) -> list[str]:
    broken: list[str] = []
    for element in _profile(package, name)["snapshot"]["element"]:
        path: list[str] = element["id"].split(".")[1:]
        if not path:
            continue
        if name == "Composition" and path[0].startswith("section:"):
            broken += _section(resource, element, path)
        elif name == "Observation-results-laboratory-pathology" and path == ["category:laboratory"]:
            found = [one for one in resource["category"] if _fits(one, _fixed(element))]
            broken += _count(name, element, len(found))
        elif not any(":" in part for part in path):
            for holder in _holders(resource, path[:-1]):
                values = _values(holder, path[-1])
                broken += _count(name, element, len(values))
                fixed = _fixed(element)
                if fixed is not None:
                    broken += [f"{element['id']}: value" for one in values if not _fits(one, fixed)]
    return broken


def _section(composition: Json, element: Json, path: list[str]) -> list[str]:
    """Check one rule of a section slice; the slice is known by its code."""
    codes = {
        "sectionProblems": "11450-4", "sectionAllergies": "48765-2",
        "sectionMedications": "10160-0",
    }  # fmt: skip
    code = codes.get(path[0].partition(":")[2])
    if code is None:
        return []
    found = [
        each for each in composition["section"]
        if code in [c.get("code") for c in each["code"]["coding"]]
    ]  # fmt: skip
    if len(path) == 1:
        rule = "ips-comp-1"
        broken = [rule for one in found if not (one.get("entry") or one.get("emptyReason"))]
        return broken + _count("Composition", element, len(found))
    if len(path) == 2 and ":" not in path[1]:
        return [
            rule for one in found
            for rule in _count("Composition", element, len(_values(one, path[1])))
        ]  # fmt: skip
    return []


def _holders(value: Any, path: list[str]) -> list[Any]:
    found = [value]
    for part in path:
        found = [one for each in found for one in _values(each, part) if isinstance(one, dict)]
        found = [one for one in found if "resourceType" not in one]
    return found


def _values(holder: Any, part: str) -> list[Any]:
    if part.endswith("[x]"):
        stem = part.removesuffix("[x]")
        names = {n.removeprefix("_") for n in holder if n.removeprefix("_").startswith(stem)}
        names = {n for n in names if n[len(stem) :][:1].isupper()}
    else:
        names = {part}
    found: list[Any] = []
    for name in names:
        value = holder.get(name, holder.get("_" + name))
        if value is not None:
            found += value if isinstance(value, list) else [value]
    return found


def _count(name: str, element: Json, count: int) -> list[str]:
    most = element["max"]
    if count < element["min"] or (most != "*" and count > int(most)):
        return [f"{name} {element['id']}: {count} of {element['min']}..{most}"]
    return []


def _fixed(element: Json) -> Any:
    return next((v for k, v in element.items() if k.startswith(("fixed", "pattern"))), None)


def _fits(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            k in value and _fits(value[k], v) for k, v in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_fits(v, p) for v in value) for p in pattern)
    return bool(value == pattern)
