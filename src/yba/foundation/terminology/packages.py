"""Reading definitions from files: npm packages of FHIR, single resources, bundles, tables.

Main rule: a package is read, never unpacked; nothing in it is run.
Standards: FHIR NPM package specification (`package/*.json`); RFC 4180 for tables.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from yba.foundation.terminology.definitions import ConceptRow, SystemRow
from yba.foundation.terminology.errors import UnreadableList

Json = dict[str, Any]

# What a node keeps of a package; examples and guides stay out.
KEPT = frozenset({"CodeSystem", "ValueSet", "ConceptMap", "StructureDefinition", "SearchParameter"})
_LARGEST_MEMBER = 200 * 1024 * 1024
_MOST_MEMBERS = 100_000
_BOOLEANS = frozenset({"true", "false"})
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "code": ("code", "id", "concept", "ma", "mã"),
    "display": ("display", "name", "term", "name_vi", "ten", "tên"),
    "english": ("name_en", "english"),
    "parent": ("parent", "parents", "parent_code", "is-a", "ma_cha", "mã cha"),
    "definition": ("definition", "description"),
}


def resources(path: Path) -> Iterator[Json]:
    """Yield the definitions in a .tgz package, a .json resource or bundle, or .ndjson lines.

    Each has an id; one without is given one that follows from its URL.
    Raises UnreadableList.
    """
    if not path.is_file():
        raise UnreadableList(reason=f"there is no file {path.name}")
    try:
        if path.name.endswith((".tgz", ".tar.gz")):
            found = _in_package(path)
        elif path.suffix in (".ndjson", ".jsonl"):
            found = (orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip())
        else:
            found = _in_json(orjson.loads(path.read_bytes()))
        for one in found:
            if isinstance(one, dict) and one.get("resourceType") in KEPT:
                yield {"resourceType": one["resourceType"], **_identified(one)}
    except (tarfile.TarError, orjson.JSONDecodeError, EOFError, OSError) as problem:
        raise UnreadableList(reason=f"{path.name} is not a FHIR package or resource") from problem


def _in_package(path: Path) -> Iterator[Json]:
    with tarfile.open(path, "r:gz") as archive:
        for number, member in enumerate(archive):
            if number > _MOST_MEMBERS or member.size > _LARGEST_MEMBER:
                raise UnreadableList(reason=f"{path.name} is larger than a package may be")
            folder, _, name = member.name.rpartition("/")
            if folder != "package" or not name.endswith(".json") or not member.isfile():
                continue
            if name == "package.json" or name.startswith("."):
                continue
            content = archive.extractfile(member)
            if content is not None:
                yield orjson.loads(content.read())


def _in_json(found: Any) -> Iterator[Json]:
    if isinstance(found, dict) and found.get("resourceType") == "Bundle":  # pyright: ignore[reportUnknownMemberType]
        entries: list[Json] = found.get("entry", [])  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        yield from (entry["resource"] for entry in entries if "resource" in entry)
    else:
        yield found


def _identified(one: Json) -> Json:
    if one.get("id"):
        return one
    name = f"{one.get('url', '')}|{one.get('version', '')}"
    return {**one, "id": "u" + hashlib.sha256(name.encode()).hexdigest()[:32]}


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which heading holds what; '' means that it is found by the usual names."""

    code: str = ""
    display: str = ""
    english: str = ""
    parent: str = ""
    definition: str = ""


def table(
    path: Path, *, url: str, version: str, name: str, language: str, columns: TableColumns
) -> tuple[SystemRow, list[ConceptRow]]:
    """Return a code system from a table with headings (comma, semicolon or tab).

    Other columns are properties of the concept. Several parents stand apart by `|`. A parent
    that the table lacks, a code given twice or an empty one is refused with its line.
    Raises UnreadableList.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise UnreadableList(reason=f"{path.name} is not UTF-8 text") from problem
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    heading = [cell.strip() for cell in next(reader, [])]
    places = _places(heading, columns)
    if "code" not in places:
        raise UnreadableList(reason="no column holds codes: name it with --code")
    rest = [(n, title) for n, title in enumerate(heading) if n not in places.values() and title]
    rows: dict[str, ConceptRow] = {}
    for line, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(cells, places, rest)
        if not row.code or row.code in rows:
            what = "twice" if row.code else "empty"
            raise UnreadableList(reason=f"line {line}: the code is {what}")
        rows[row.code] = row
    _refuse_unknown_parents(rows)
    kinds = [{"code": title, "type": _kind(rows.values(), title)} for _, title in rest]
    system = SystemRow(
        url, version, name or path.stem, "active", "complete", language, case_sensitive=True,
        hierarchy="is-a" if "parent" in places else "", value_set="", supplements="",
        definitions={"property": kinds, "filter": []},
    )  # fmt: skip
    return system, list(rows.values())


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _places(heading: Sequence[str], columns: TableColumns) -> dict[str, int]:
    lower = [title.lower() for title in heading]
    places: dict[str, int] = {}
    for part, usual in _HEADINGS.items():
        wanted = getattr(columns, part)
        if wanted:
            if wanted.lower() not in lower:
                raise UnreadableList(reason=f"no column has the heading {wanted}")
            places[part] = lower.index(wanted.lower())
        else:
            found = [lower.index(one) for one in usual if one in lower]
            if found and found[0] not in places.values():
                places[part] = found[0]
    return places


def _row(
    cells: Sequence[str], places: Mapping[str, int], rest: Sequence[tuple[int, str]]
) -> ConceptRow:
    def cell(part: str) -> str:
        place = places.get(part, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    code = cell("code")
    attributes = [
        {"c": title, "t": "boolean" if value in _BOOLEANS else "string", "v": value}
        for n, title in rest
        if n < len(cells) and (value := cells[n].strip())
    ]
    return ConceptRow(
        code,
        cell("display") or code,
        cell("definition"),
        [{"language": "en", "value": cell("english")}] if cell("english") else [],
        attributes,
        [parent.strip() for parent in cell("parent").split("|") if parent.strip()],
        is_abstract=any(a["c"] == "notSelectable" and a["v"] == "true" for a in attributes),
        is_inactive=any(a["c"] == "inactive" and a["v"] == "true" for a in attributes),
    )


def _kind(rows: Any, title: str) -> str:
    values = {a["t"] for row in rows for a in row.attributes if a["c"] == title}
    return "boolean" if values == {"boolean"} else "string"


def _refuse_unknown_parents(rows: Mapping[str, ConceptRow]) -> None:
    for row in rows.values():
        for parent in row.parents:
            if parent not in rows:
                raise UnreadableList(reason=f"the parent of {row.code[:50]} is not in the table")
