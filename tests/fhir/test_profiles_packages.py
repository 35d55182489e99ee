"""Profiles of published packages: their examples are valid, and each rule that is broken in them is found."""

import json
import lzma
import random
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from tests.fhir.package import package
from tools.pack_definitions import _TARGET as SHIPPED
from tools.pack_definitions import pack

from yba.fhir.definitions import is_resource_type, properties_of
from yba.fhir.profiles import Packages, Rule, read_package
from yba.fhir.profiles.snapshots import identities, with_snapshot
from yba.fhir.profiles.terminology import PackagedTerminology
from yba.fhir.validation import Issue, examine

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition/"


@cache
def ips() -> tuple[Packages, PackagedTerminology]:
    packages = Packages.of_r4().with_package(package("hl7.fhir.uv.ips-2.0.0"))
    return packages, PackagedTerminology(packages)


@cache
def examples() -> dict[str, Any]:
    return dict(read_package(package("hl7.fhir.uv.ips-2.0.0"), examples=True))


def issues(resource: Any, *profiles: str) -> list[Issue]:
    packages, terminology = ips()
    body = json.dumps(resource, default=float).encode()
    found = examine(body, profiles=profiles, packages=packages, terminology=terminology)
    return [i for i in found if i.is_error]


def errors(resource: Any, *profiles: str) -> set[tuple[str, str]]:
    return {(i.code, i.expression) for i in issues(resource, *profiles)}


def test_examples_of_the_patient_summary_are_valid_by_the_profiles_they_declare():
    assert len(examples()) == 44
    assert sum(bool(e.get("meta", {}).get("profile")) for e in examples().values()) >= 40

    assert {name: found for name, one in examples().items() if (found := issues(one))} == {}


def _bundle() -> Any:
    return deepcopy(examples()["Bundle-bundle-ips-all-sections.json"])


def _entry(bundle: Any, type_: str) -> tuple[int, Any]:
    return next(
        (n, e["resource"])
        for n, e in enumerate(bundle["entry"])
        if e["resource"]["resourceType"] == type_
    )


def _section(bundle: Any, code: str) -> tuple[int, Any]:
    sections = bundle["entry"][0]["resource"]["section"]
    return next((n, s) for n, s in enumerate(sections) if s["code"]["coding"][0]["code"] == code)


def test_document_without_a_mandatory_section_is_refused():
    bundle = _bundle()
    number, _ = _section(bundle, "48765-2")
    del bundle["entry"][0]["resource"]["section"][number]

    assert ("required", "Bundle.entry[0].resource.section") in errors(bundle)


def test_section_without_its_text_is_refused():
    bundle = _bundle()
    number, section = _section(bundle, "11450-4")
    del section["text"]

    assert ("required", f"Bundle.entry[0].resource.section[{number}].text") in errors(bundle)


def test_section_twice_is_refused():
    bundle = _bundle()
    _, section = _section(bundle, "11450-4")
    bundle["entry"][0]["resource"]["section"].append(section)

    assert ("structure", "Bundle.entry[0].resource.section") in errors(bundle)


def test_entry_of_a_section_must_be_what_the_section_is_about():
    bundle = _bundle()
    number, section = _section(bundle, "48765-2")
    patient = next(
        e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"
    )
    section["entry"] = [{"reference": patient}]

    found = errors(bundle)

    assert ("structure", f"Bundle.entry[0].resource.section[{number}].entry[0]") in found


def test_resource_in_the_document_is_held_to_its_profile():
    bundle = _bundle()
    number, patient = _entry(bundle, "Patient")
    del patient["birthDate"]

    assert ("required", f"Bundle.entry[{number}].resource.birthDate") in errors(bundle)


def test_document_of_another_kind_of_bundle_is_refused():
    bundle = {**_bundle(), "type": "collection"}

    assert ("value", "Bundle.type") in errors(bundle)


def test_code_outside_a_required_value_set_of_the_profile_is_found():
    bundle = _bundle()
    number, allergy = _entry(bundle, "AllergyIntolerance")
    allergy["clinicalStatus"]["coding"][0]["code"] = "gone"

    assert ("code-invalid", f"Bundle.entry[{number}].resource.clinicalStatus") in errors(bundle)


# Each mandatory element of each example, by the profiles themselves


def _mandatory(value: Any, rule: Rule, path: str) -> Iterator[tuple[list[str | int], str]]:
    """Give (way to an element, FHIRPath) of everything mandatory that is there, without slices."""
    if not isinstance(value, dict):
        return
    for child in rule.children.values():
        if child.name in ("id", "meta") or child.is_choice:
            continue
        inner = value.get(child.name)
        if inner is None:
            continue
        place = f"{path}.{child.name}"
        if child.minimum and not child.slices:
            yield [child.name], place
        many = isinstance(inner, list)
        for number, one in enumerate(inner if many else [inner]):
            here = f"{place}[{number}]" if many else place
            for way, expression in _mandatory(one, child, here):
                yield [child.name, *([number] if many else []), *way], expression


def _removed(resource: Any, way: list[str | int]) -> Any:
    changed = deepcopy(resource)
    holder = changed
    for step in way[:-1]:
        holder = holder[step]
    del holder[way[-1]]
    return changed


def test_every_mandatory_element_of_the_profiles_is_missed_when_it_is_removed():
    packages, _ = ips()
    tried, silent = 0, []
    for name, example in examples().items():
        for profile in example.get("meta", {}).get("profile", ()):
            structure = packages.structure(profile)
            if structure is None or example["resourceType"] == "Bundle":
                continue
            for way, place in _mandatory(example, structure.root, example["resourceType"]):
                if len(way) > 1 and len(_holder(example, way)) == 1:
                    continue
                tried += 1
                if ("required", place) not in errors(_removed(example, way)):
                    silent.append((name, place))

    assert silent == []
    assert tried >= 100


def _holder(resource: Any, way: list[str | int]) -> Any:
    for step in way[:-1]:
        resource = resource[step]
    return resource


def test_every_mandatory_element_of_r4_is_missed_when_it_is_removed():
    from tests.fhir.package import examples as of_r4

    chance = random.Random(4)
    small = sorted(name for name, body in of_r4().items() if len(body) < 8_000)
    tried, silent = 0, []
    for name in chance.sample(small, 150):
        example = json.loads(of_r4()[name])
        for way, place in _required(example, example["resourceType"], example["resourceType"]):
            tried += 1
            if ("required", place) not in errors(_removed(example, way)):
                silent.append((name, place))

    assert silent == []
    assert tried >= 500


def _required(value: Any, type_: str, path: str) -> Iterator[tuple[list[str | int], str]]:
    for p in properties_of(type_).values():
        inner = value.get(p.name)
        if inner is None or p.is_choice:
            continue
        place = f"{path}.{p.path}"
        if p.minimum and len(value) > 1:
            yield [p.name], place
        if p.is_primitive:
            continue
        for number, one in enumerate(inner if p.is_list else [inner]):
            here = f"{place}[{number}]" if p.is_list else place
            step: list[str | int] = [p.name, number] if p.is_list else [p.name]
            kind = one["resourceType"] if p.type == "Resource" else p.type
            if is_resource_type(kind) and p.type != "Resource":
                continue
            for way, expression in _required(one, kind, here):
                yield [*step, *way], expression


VITAL_SIGNS = {
    "8867-4": "heartrate", "9279-1": "resprate", "2708-6": "oxygensat", "59408-5": "oxygensat",
    "8310-5": "bodytemp", "8302-2": "bodyheight", "29463-7": "bodyweight", "39156-5": "bmi",
    "85354-9": "bp", "9843-4": "headcircum", "85353-1": "vitalspanel",
}  # fmt: skip


def test_vital_signs_of_r4_conform_to_the_profiles_of_their_codes():
    from tests.fhir.package import examples as of_r4

    tried, wrong = set[str](), set[tuple[str, str]]()
    for name, body in of_r4().items():
        one = json.loads(body)
        codes = (
            {c.get("code") for c in one["code"].get("coding", ())}
            if name.startswith("Observation")
            else ()
        )
        for profile in {VITAL_SIGNS[code] for code in codes if code in VITAL_SIGNS}:
            tried.add(profile)
            url = f"http://hl7.org/fhir/StructureDefinition/{profile}"
            wrong |= {(name, where) for _, where in errors(one, url)}

    assert tried == set(VITAL_SIGNS.values())
    # It says when it was issued, but not when it was measured.
    assert wrong == {("Observation-f202.json", "Observation.effective")}


# Snapshots


def test_shipped_definitions_are_what_the_tool_packs():
    packed, shipped = (
        lzma.decompress(content) for content in (pack(package()), SHIPPED.read_bytes())
    )

    assert packed == shipped


def _said(element: Any) -> dict[str, Any]:
    """Return what a snapshot says of an element, as far as it decides what is valid."""
    values = {k: v for k, v in element.items() if k.startswith(("fixed", "pattern"))}
    types = sorted(t["code"] for t in element.get("type", ()))
    return {"min": element["min"], "max": element["max"], "types": types, **values}


@pytest.mark.parametrize("name", ["hl7.fhir.uv.ips-2.0.0", "hl7.fhir.r4.examples-4.0.1"])
def test_generated_snapshots_say_what_the_published_ones_say(name: str):
    packages, _ = ips()
    compared, different = 0, []
    for _, resource in read_package(package(name)):
        if resource.get("derivation") != "constraint" or not {"differential", "snapshot"} <= set(
            resource
        ):
            continue
        bare = {k: v for k, v in resource.items() if k != "snapshot"}
        made = {
            e["id"]: e for e in with_snapshot(bare, packages.snapshot_of)["snapshot"]["element"]
        }
        published = resource["snapshot"]["element"]
        for identity, element in zip(identities(published), published, strict=True):
            # Publishers add up the minima of slices; slices themselves say that here.
            if identity in made and not identity.endswith(".extension"):
                compared += 1
                if _said(element) != _said(made[identity]):
                    different.append((resource["id"], identity))

    assert compared > 1_000
    # The published snapshots leave the choice optional although its only type is mandatory.
    assert set(different) <= {
        ("bmi", "Observation.value[x]"),
        ("devicemetricobservation", "Observation.effective[x]"),
    }
