"""CodeSystem, ValueSet and ConceptMap as rows. Pure.

Main rule: what cannot be kept exactly is refused when it is taken up, with the reason: codes given
twice, a hierarchy that goes in a circle, more than the limits below.
Standard: FHIR R4 CodeSystem, ValueSet, ConceptMap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yba.foundation.terminology.errors import UnusableDefinition
from yba.foundation.terminology.model import words_of

Json = Mapping[str, Any]

MOST_CONCEPTS = 500_000
MOST_PAIRS = 8_000_000
_LONGEST_CODE = 1000
_LONGEST_WORD = 100
_MOST_SEARCHED = 20_000
_PARENTS = frozenset({"parent", "subsumedBy"})
# What says that a concept should no longer be used (concept-properties#status, #inactive).
_INACTIVE = frozenset({"retired", "inactive"})


@dataclass(slots=True)
class ConceptRow:
    """One concept of a CodeSystem."""

    code: str
    display: str
    definition: str = ""
    designations: list[Any] = field(default_factory=list[Any])
    attributes: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    parents: list[str] = field(default_factory=list[str])
    is_abstract: bool = False
    is_inactive: bool = False
    english: str = ""

    def search_text(self) -> str:
        """Return the folded words of display and designations, names apart by a bar."""
        names = [self.display, self.english, *(str(d.get("value", "")) for d in self.designations)]
        folded = (" ".join(w[:_LONGEST_WORD] for w in words_of(name)) for name in names)
        text = " | ".join(dict.fromkeys(name for name in folded if name))
        return text[:_MOST_SEARCHED] or self.code.lower()[:_LONGEST_WORD]


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A CodeSystem without its concepts."""

    url: str
    version: str
    name: str
    status: str
    content: str
    language: str
    case_sensitive: bool
    hierarchy: str
    value_set: str
    supplements: str
    definitions: Json


@dataclass(frozen=True, slots=True)
class MapRow:
    """A ConceptMap: its head, what to do with unmapped codes, and its mappings."""

    url: str
    version: str
    source: str
    target: str
    unmapped: list[Json]
    mappings: list[tuple[Any, ...]]


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that orders versions as people do: 2.10 after 2.9, dates by date."""
    parts = re.findall(r"\d+|[^\d.\-+]+", version)
    return tuple((1, int(p), "") if p.isdecimal() and len(p) < 19 else (0, 0, p) for p in parts)


def canonical(text: str) -> tuple[str, str]:
    """Return (url, version) of a canonical; the version is '' where it names none."""
    url, _, version = text.partition("|")
    return url, version


def system_row(resource: Json) -> SystemRow:
    """Return the head of a CodeSystem."""
    return SystemRow(
        url=str(resource.get("url", "")),
        version=str(resource.get("version", "")),
        name=str(resource.get("title") or resource.get("name") or resource.get("url", "")),
        status=str(resource.get("status", "")),
        content=str(resource.get("content", "")),
        language=str(resource.get("language", "")),
        # Absent means unknown: then codes are compared as written.
        case_sensitive=resource.get("caseSensitive") is not False,
        hierarchy=str(resource.get("hierarchyMeaning", "")),
        value_set=str(resource.get("valueSet", "")),
        supplements=str(resource.get("supplements", "")),
        definitions={
            "property": resource.get("property", []), "filter": resource.get("filter", [])
        },
    )  # fmt: skip


def concept_rows(resource: Json) -> list[ConceptRow]:
    """Return the concepts of a CodeSystem in their order, with their parents.

    Raises UnusableDefinition for a code given twice, without end or too long, or too many.
    """
    found: dict[str, ConceptRow] = {}
    children: list[tuple[str, str]] = []
    waiting: list[tuple[Any, str]] = [(c, "") for c in reversed(resource.get("concept", []))]
    while waiting:
        concept, parent = waiting.pop()
        row = _concept(concept, parent, children)
        if row.code in found:
            raise UnusableDefinition(reason="a code is given twice in the code system")
        if len(found) >= MOST_CONCEPTS:
            raise UnusableDefinition(reason=f"more than {MOST_CONCEPTS} concepts")
        found[row.code] = row
        waiting.extend((c, row.code) for c in reversed(concept.get("concept", [])))
    for parent, child in children:
        if child in found and parent not in found[child].parents:
            found[child].parents.append(parent)
    for row in found.values():
        row.parents = [p for p in row.parents if p in found]
    return list(found.values())


def _concept(concept: Json, parent: str, children: list[tuple[str, str]]) -> ConceptRow:
    code = str(concept.get("code", ""))
    if not code or len(code) > _LONGEST_CODE:
        raise UnusableDefinition(reason="a concept has no code, or one that is too long")
    row = ConceptRow(
        code,
        str(concept.get("display") or code),
        str(concept.get("definition", "")),
        list(concept.get("designation", [])),
        parents=[parent] if parent else [],
    )
    for item in concept.get("property", []):
        attribute = _attribute(item)
        if attribute is None:
            continue
        name, value = attribute["c"], attribute["v"]
        if name in _PARENTS:
            if value not in row.parents:
                row.parents.append(value)
        elif name == "child":
            children.append((code, value))
        else:
            row.attributes.append(attribute)
        row.is_abstract |= name in ("notSelectable", "abstract") and value == "true"
        row.is_inactive |= (name == "inactive" and value == "true") or (
            name == "status" and value in _INACTIVE
        )
    return row


def _attribute(item: Json) -> dict[str, str] | None:
    for key, value in item.items():
        if not key.startswith("value"):
            continue
        type_ = key.removeprefix("value")
        kind = type_[0].lower() + type_[1:] if type_ != "Coding" else type_
        if kind == "Coding":
            coding = {"c": str(item.get("code", "")), "t": kind, "v": str(value.get("code", ""))}
            return coding | {
                k: str(value[n]) for k, n in (("s", "system"), ("d", "display")) if n in value
            }
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        return {"c": str(item.get("code", "")), "t": kind, "v": text}
    return None


def closure(parents: Mapping[str, Sequence[str]]) -> list[tuple[str, str, bool]]:
    """Return (ancestor, descendant, is direct) for every pair of a hierarchy.

    Raises UnusableDefinition where somebody is above himself, or for too many pairs.
    """
    above: dict[str, frozenset[str]] = {}
    result: list[tuple[str, str, bool]] = []
    for code in _parents_first(parents):
        direct = parents.get(code, ())
        ancestors = frozenset(direct).union(*(above[parent] for parent in direct))
        above[code] = ancestors
        result += [(ancestor, code, ancestor in direct) for ancestor in ancestors]
        if len(result) > MOST_PAIRS:
            raise UnusableDefinition(reason="the hierarchy is too deep")
    return result


def _parents_first(parents: Mapping[str, Sequence[str]]) -> Iterator[str]:
    children: dict[str, list[str]] = {}
    open_parents: dict[str, int] = {}
    for code, direct in parents.items():
        open_parents[code] = len(direct)
        for parent in direct:
            children.setdefault(parent, []).append(code)
            open_parents.setdefault(parent, 0)
    ready = [code for code, count in open_parents.items() if count == 0]
    done = 0
    while ready:
        code = ready.pop()
        done += 1
        yield code
        for child in children.get(code, ()):
            open_parents[child] -= 1
            if open_parents[child] == 0:
                ready.append(child)
    if done < len(open_parents):
        raise UnusableDefinition(reason="the hierarchy goes in a circle")


# -- value sets and maps ------------------------------------------------------------------------


def value_set_definition(resource: Json) -> dict[str, Any]:
    """Return what a value set is made of: its compose, or its expansion where that is all."""
    if resource.get("compose"):
        return {"compose": resource["compose"]}
    if resource.get("expansion"):
        return {"expansion": resource["expansion"]}
    return {"compose": {}}


def contained_systems(resource: Json) -> Iterator[tuple[str, Json]]:
    """Yield ('#id', CodeSystem) for the code systems inside a value set."""
    for inner in resource.get("contained", []):
        if inner.get("resourceType") == "CodeSystem" and inner.get("id"):
            yield "#" + str(inner["id"]), inner


def map_row(resource: Json) -> MapRow:
    """Return a ConceptMap as rows."""
    mappings: list[tuple[Any, ...]] = []
    unmapped: list[Json] = []
    for group in resource.get("group", []):
        source, target = str(group.get("source", "")), str(group.get("target", ""))
        if group.get("unmapped"):
            unmapped.append({"source": source, "target": target, **group["unmapped"]})
        for element in group.get("element", []):
            mappings += _mappings(source, target, group, element)
    return MapRow(
        str(resource.get("url", "")),
        str(resource.get("version", "")),
        str(resource.get("sourceUri") or resource.get("sourceCanonical") or ""),
        str(resource.get("targetUri") or resource.get("targetCanonical") or ""),
        unmapped,
        mappings,
    )


def _mappings(source: str, target: str, group: Json, element: Json) -> Iterable[tuple[Any, ...]]:
    for to in element.get("target", [{"equivalence": "unmatched"}]):
        yield (
            source,
            str(element.get("code", "")),
            target,
            str(group.get("targetVersion", "")),
            str(to.get("code", "")),
            str(to.get("display", "")),
            str(to.get("equivalence", "relatedto")),
            list(to.get("dependsOn", [])),
            list(to.get("product", [])),
            str(element.get("display", "")),
        )
