"""Reads SearchParameters and compartments: element paths, their numbers, the table of parameters.

Only the small part of FHIRPath that the official expressions use is understood; anything else stops
the generator, so that no parameter is lost in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tools.fhir_generator.package import Json, Package
from tools.fhir_generator.types import Definitions

FIRST_NUMBER = 16
COMMON = {"_id": 1, "_lastUpdated": 2, "_tag": 3, "_profile": 4, "_security": 5, "_source": 6}
# A parameter with more targets than this may point to anything.
_MANY = 100
_NOT_A_VALUE = {"_query", "_content", "_text"}
_URL = "http://hl7.org/fhir/SearchParameter/"
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
# Examples of how a SearchParameter looks, which define a real one again.
_EXAMPLES = {"example", "example-reference"}
# What the package leaves out: these have an XPath only, which says the base and the element.
_COMPLETED: dict[str, tuple[str, str]] = {
    "patient-extensions-Patient-age": ("Patient", "Patient.birthDate"),
    "patient-extensions-Patient-birthOrderBoolean": (
        "Patient",
        "Patient.multipleBirth.select(iif($this is boolean, $this, true))",
    ),
    **{
        f"{base.lower()}-extensions-{base}-{code}": (
            base,
            f"{base}.extension('{_STRUCTURE}{base.lower()}-{extension}')",
        )
        for base in ("CodeSystem", "ValueSet")
        for code, extension in (
            ("author", "author"),
            ("effective", "effectiveDate"),
            ("end", "expirationDate"),
            ("keyword", "keyWord"),
            ("workflow", "workflowStatus"),
        )
    },
}
# These came later than the others, whose numbers are in stored keys: theirs follow.
_LATER = re.compile(r"extension\(|hasExtension|multipleBirth|entry\[0\]|^Location\.position$")

# The main clinical moment of a resource: the first of these parameters that its type has.
_TIMES = [
    "authoredon",
    "authored-on",
    "authored",
    "effective",
    "effective-time",
    "whenhandedover",
    "sent",
    "started",
    "collected",
    "onset-date",
    "date",
    "recorded-date",
    "created",
    "period",
    "occurrence",
    "recorded",
    "issued",
]


@dataclass(frozen=True)
class Step:
    """One element of a path, with a choice type or a condition on it."""

    name: str
    cast: str = ""
    condition: tuple[str, str] | None = None
    fitting: bool = False
    """Whether only the types of a choice count that the kind of parameter can hold."""

    def __str__(self) -> str:
        cast = f":{self.cast}" if self.cast else ""
        return self.name + cast + (f"[{'='.join(self.condition)}]" if self.condition else "")


@dataclass(frozen=True)
class Path:
    """One branch of an expression, without its resource type."""

    steps: tuple[Step, ...]
    target: str = ""
    special: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.steps)) + self.special


@dataclass(frozen=True)
class Composite:
    """A composite's base path and, for each part, kind and alternatives of paths ("%resource" first)."""

    base: Path
    parts: tuple[tuple[str, str, tuple[Path, ...]], ...]


@dataclass
class Parameter:
    code: str
    url: str
    kind: str
    numbers: list[int]
    targets: list[str]
    components: list[tuple[str, str]]
    expression: str


@dataclass
class TypeSearch:
    """What is searchable in one resource type."""

    parameters: list[Parameter] = field(default_factory=list)
    elements: dict[int, tuple[str, Path]] = field(default_factory=dict)
    composites: dict[int, Composite] = field(default_factory=dict)
    patient_numbers: list[int] = field(default_factory=list)
    time_numbers: list[int] = field(default_factory=list)


def read_search(package: Package, definitions: Definitions) -> dict[str, TypeSearch]:
    """Return the search of every resource type."""
    official = [
        p
        for p in package.search_parameters
        if p["url"].startswith(_URL) and p["id"] not in _EXAMPLES
    ]
    for raw in official:
        if raw["id"] in _COMPLETED:
            base, raw["expression"] = _COMPLETED[raw["id"]]
            raw["base"] = [base]
    by_url = {p["url"]: p for p in official}
    # Erratum: the two components of this composite name each other's definition.
    first, second = by_url[_URL + "DocumentReference-relationship"]["component"]
    first["definition"], second["definition"] = second["definition"], first["definition"]
    searches = {
        name: _of_type(name, official, by_url, definitions) for name in definitions.resources
    }
    for entry in package.compartments["patient"]["resource"]:
        search = searches[entry["code"]]
        codes: list[str] = sorted(
            entry.get("param", []), key=lambda c: (c not in ("patient", "subject"), c)
        )
        for code in codes:
            parameter = next((p for p in search.parameters if p.code == code), None)
            if parameter is not None and parameter.kind == "reference":
                search.patient_numbers += [
                    n for n in parameter.numbers if n not in search.patient_numbers
                ]
    return searches


def _of_type(
    type_: str, official: list[Json], by_url: dict[str, Json], definitions: Definitions
) -> TypeSearch:
    search = TypeSearch()
    drafts: list[tuple[Json, list[Path]]] = []
    for raw in sorted(official, key=lambda p: p["code"]):
        if not {type_, "Resource", "DomainResource"} & set(raw["base"]):
            continue
        if raw["code"] in _NOT_A_VALUE or "expression" not in raw:
            if raw["code"] != "_query":
                parameter = Parameter(
                    raw["code"], raw["url"], "special", [], [], [], raw.get("expression", "-")
                )
                search.parameters.append(parameter)
            continue
        drafts.append((raw, _branches(raw["expression"], type_)))
    numbers = _number(drafts, type_)
    for raw, paths in drafts:
        kind: str = raw["type"]
        code: str = raw["code"]
        mine = [COMMON[code]] if code in COMMON else []
        for path in paths:
            if code not in COMMON:
                filed = _filed_as(raw)
                number = numbers[_key(filed, code, path)]
                mine.append(number)
                if kind == "composite":
                    search.composites[number] = _composite(raw, path, by_url)
                else:
                    search.elements[number] = (filed, path)
        expression = " | ".join(_own_text(raw["expression"], type_)) or "{}"
        targets = _targets(raw, paths, type_, definitions)
        components = [
            (by_url[c["definition"]]["code"], by_url[c["definition"]]["type"])
            for c in raw.get("component", ())
        ]
        unique = list(dict.fromkeys(mine))
        search.parameters.append(
            Parameter(code, raw["url"], kind, unique, targets, components, expression)
        )
    search.time_numbers = _times(search)
    return search


def _filed_as(raw: Json) -> str:
    """Return the kind of value that is filed: an age is worked out from the date of birth."""
    return "date" if raw["id"] == "patient-extensions-Patient-age" else raw["type"]


def _key(kind: str, code: str, path: Path) -> tuple[str, str]:
    # combo-code-value-quantity on Observation is the same as code-value-quantity.
    suffix = code.removeprefix("combo-").removeprefix("component-") if kind == "composite" else ""
    return kind, f"{path} {suffix}".strip()


def _number(drafts: list[tuple[Json, list[Path]]], type_: str) -> dict[tuple[str, str], int]:
    early: set[tuple[str, str]] = set()
    late: set[tuple[str, str]] = set()
    for raw, paths in drafts:
        texts = _own_text(raw["expression"], type_)
        for text, path in zip(texts, paths, strict=True):
            if raw["code"] not in COMMON:
                key = _key(_filed_as(raw), raw["code"], path)
                (late if _LATER.search(text) else early).add(key)
    keys = [*sorted(early), *sorted(late - early)]
    return {key: FIRST_NUMBER + place for place, key in enumerate(keys)}


def _times(search: TypeSearch) -> list[int]:
    by_code = {
        p.code: p for p in search.parameters if p.kind == "date" and not _LATER.search(p.expression)
    }
    return [n for code in _TIMES if code in by_code for n in by_code[code].numbers]


def _own_text(expression: str, type_: str) -> list[str]:
    parts = [part.strip() for part in expression.split("|")]
    roots = (type_, "Resource", "DomainResource")
    # An expression for another type is one that never has a value here.
    return [p for p in parts if re.match(r"\(?([A-Z]\w*)", p) is None or _root(p) in roots]


def _root(branch: str) -> str:
    found = re.match(r"\(?([A-Z]\w*)", branch)
    return found[1] if found else ""


def _branches(expression: str, type_: str) -> list[Path]:
    return [parse_branch(text, _root(text)) for text in _own_text(expression, type_)]


def parse_branch(text: str, root: str) -> Path:
    """Return the path that one branch of an expression means.

    Raises ValueError for FHIRPath that the official R4 expressions do not use.
    """
    if text == f"{root}.deceased.exists() and {root}.deceased != false":
        return Path((Step("deceased"),), special="?true")
    if text == "Bundle.entry[0].resource":
        return Path((Step("entry"), Step("resource")), special="!first entry")
    if text == "Patient.multipleBirth.select(iif($this is boolean, $this, true))":
        return Path((Step("multipleBirth"),), special="?given")
    rest, target = text, ""
    found = re.fullmatch(r"(.*)\.where\(resolve\(\) is (\w+)\)", rest)
    if found:
        rest, target = found[1], found[2]
    found = re.fullmatch(r"\(([\w.]+) as (\w+)\)(\.\w+)?", rest)
    if found:
        rest = f"{found[1]}.as({found[2]}){found[3] or ''}"
    steps: list[Step] = []
    for piece in re.findall(r"(?:[^.(]|\([^)]*\))+", rest):
        cast = re.fullmatch(r"(?:as|ofType)\((\w+)\)", piece)
        where = re.fullmatch(r"where\((\w+)='([\w-]+)'\)", piece)
        extension = re.fullmatch(r"extension\('([^']+)'\)", piece)
        extended = re.fullmatch(r"where\(hasExtension\('([^']+)'\)\)", piece)
        if extension:
            steps.append(Step("extension", condition=("url", extension[1])))
            steps.append(Step("value", fitting=True))
        elif extended:
            steps[-1] = Step(steps[-1].name, condition=("extension", extended[1]))
        elif cast:
            # One official expression writes DateTime for dateTime.
            name = "dateTime" if cast[1] == "DateTime" else cast[1]
            steps[-1] = Step(steps[-1].name, name)
        elif where:
            steps[-1] = Step(steps[-1].name, condition=(where[1], where[2]))
        elif re.fullmatch(r"%?\w+", piece):
            steps.append(Step(piece))
        else:
            raise ValueError(f"cannot compile {text!r}")
    if steps and steps[0].name == root and root:
        del steps[0]
    return Path(tuple(steps), target)


def _composite(raw: Json, base: Path, by_url: dict[str, Json]) -> Composite:
    parts: list[tuple[str, str, tuple[Path, ...]]] = []
    for component in raw["component"]:
        definition = by_url[component["definition"]]
        alternatives = tuple(
            parse_branch(text.strip(), "") for text in component["expression"].split("|")
        )
        parts.append((definition["code"], definition["type"], alternatives))
    return Composite(base, tuple(parts))


def _targets(raw: Json, paths: list[Path], type_: str, definitions: Definitions) -> list[str]:
    if raw["type"] != "reference":
        return []
    resolved = [p.target for p in paths if p.target]
    if resolved:
        return sorted(set(resolved))
    allowed: set[str] = set()
    for path in paths:
        owner = type_
        for step in path.steps:
            element = definitions.element(owner, step.name)
            if element is None:
                break
            owner = element.types[0].name
            if step is path.steps[-1]:
                allowed |= {t for ref in element.types for t in ref.targets}
    declared = set(raw.get("target", ()))
    both = declared & allowed if allowed else declared
    return [] if len(both) > _MANY else sorted(both or allowed)
