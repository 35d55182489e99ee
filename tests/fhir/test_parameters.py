"""Every search parameter of the specification finds what its own expression finds.

The generated extraction is compared with the official FHIRPath, evaluated by the language's engine.
"""

import json
import re
import tarfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from functools import cache
from typing import Any

from tests.fhir.package import examples, package

from yba.fhir import r4
from yba.fhir.index import Index, Kind, SearchParam, extract, search_parameters
from yba.fhir.interpreted import file_pairs, interpreted, values_of

_N = 1
# The package's own expressions for these cannot be evaluated as they stand; see the generator.
_ONLY_IN_XPATH = ("-extensions-",)
_ANY = ("", "Resource", "DomainResource")
_NOT_SEARCHED_BY_VALUE = {"_id", "_lastUpdated", "_content", "_text", "_filter", "_query"}


@cache
def definitions() -> Mapping[str, Any]:
    """Return the official SearchParameters by canonical url."""
    found: dict[str, Any] = {}
    with tarfile.open(package()) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name.startswith("SearchParameter-") and name.endswith(".json"):
                content = archive.extractfile(member)
                assert content is not None
                one = json.load(content)
                found[one["url"]] = one
    return found


@cache
def example_resources() -> tuple[Any, ...]:
    return tuple(r4.decode(content) for _, content in sorted(examples().items()))


def expression_of(parameter: SearchParam, type_: str) -> str:
    official = definitions()[parameter.definition]
    if any(part in official["id"] for part in _ONLY_IN_XPATH):
        return parameter.expression.replace(
            "where(hasExtension('", "where(extension.exists(url = '"
        )
    text: str = official["expression"]
    own = [part.strip() for part in text.split("|") if _root(part) in (type_, *_ANY)]
    return " | ".join(own) or "{}"


def _root(part: str) -> str:
    """Return the type a branch begins with, "" where it names none."""
    found = re.match(r"\s*\(?([A-Z]\w*)", part)
    return found[1] if found else ""


def generated(x: Index, parameter: SearchParam) -> Counter[Any]:
    if parameter.kind == "composite":
        entries: list[Any] = [(n, parts) for n, parts in x.composites]
    else:
        entries = [(n, *rest) for n, *rest in _entries(x, parameter)]
    wanted = [entry[1:] for entry in entries if entry[0] in parameter.elements]
    if parameter.kind == "reference" and parameter.targets:
        wanted = [v for v in wanted if _may_be(parameter, v)]
    return Counter(set(wanted))


def _may_be(parameter: SearchParam, value: tuple[str, ...]) -> bool:
    """Return whether a reference is to one of the parameter's types, as far as its url tells."""
    if len(value) == 2:
        return value[0] in parameter.targets
    type_ = value[0].rsplit("/", 2)[-2] if value[0].count("/") > 1 else ""
    return type_ not in r4.RESOURCES or type_ in parameter.targets


def _entries(x: Index, parameter: SearchParam) -> list[tuple[Any, ...]]:
    match parameter.kind:
        case "token":
            return list(x.tokens)
        case "reference":
            return [*x.references, *x.urls]
        case "string":
            return list(x.strings)
        case "date":
            return list(x.dates)
        case "number":
            return list(x.numbers)
        case "quantity":
            return list(x.quantities)
        case "uri":
            return list(x.uris)
        case _:
            return list(x.positions)


def by_expression(resource: Any, parameter: SearchParam, type_: str) -> Counter[Any]:
    x = Index()
    text = expression_of(parameter, type_)
    if parameter.kind == "composite":
        official = definitions()[parameter.definition]
        parts: list[tuple[Kind, str]] = [
            (kind, component["expression"])
            for (_, kind), component in zip(
                parameter.components, official["component"], strict=True
            )
        ]
        file_pairs(x, _N, resource, text, parts, UTC)
        return Counter({(parts,) for _, parts in x.composites})
    interpreted(_N, parameter.kind, text).file(resource, x, UTC)
    found = {
        value if parameter.kind != "reference" or value[0] is not None else value[1:]
        for value in values_of(x, parameter.kind)
    }
    if parameter.kind == "reference" and parameter.targets:
        found = {v for v in found if _may_be(parameter, v)}
    return Counter(found)


def without_system(values: Counter[Any]) -> Counter[Any]:
    """Return tokens by code: the language does not tell of which system a `code` is."""
    return Counter({_bare(value) for value in values})


def _bare(value: Any) -> Any:
    if isinstance(value, tuple):
        if len(value) == 2 and isinstance(value[1], str):
            return value[1]
        return tuple(_bare(part) for part in value)
    return value


def differences(resource: Any, x: Index, parameter: SearchParam, type_: str) -> str:
    ours, theirs = generated(x, parameter), by_expression(resource, parameter, type_)
    if ours != theirs and parameter.kind in ("token", "composite"):
        ours, theirs = without_system(ours), without_system(theirs)
    if ours == theirs:
        return ""
    return f"{type_}/{resource.id} {parameter.code}: {ours - theirs} instead of {theirs - ours}"


def test_extraction_finds_what_the_official_expression_finds():
    wrong: list[str] = []
    for resource in example_resources():
        type_ = type(resource).__name__
        x = extract(resource)
        for parameter in search_parameters(type_).values():
            if parameter.code in _NOT_SEARCHED_BY_VALUE or parameter.code == "age":
                continue
            problem = differences(resource, x, parameter, type_)
            if problem:
                wrong.append(problem)
    assert not wrong, "\n".join(wrong[:40])


def test_every_official_parameter_is_one_of_its_base():
    missing = [
        (base, official["code"])
        for official in definitions().values()
        for base in official.get("base", ())
        if base not in ("Resource", "DomainResource")
        and official["code"] not in search_parameters(base)
    ]
    assert missing == []
