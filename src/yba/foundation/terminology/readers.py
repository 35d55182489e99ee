"""Reading the ministry's published lists from the files they come in.

Workbooks are read with calamine, tables with tabs as text. Columns are found
by their headings, or by their content where the headings are unknown; the
rules of the 29-column list are found by place, because Circular 06/2026
numbers them.

Sources: Decision 4469/QĐ-BYT (22 columns and annexes A1 to A4), Circular
06/2026/TT-BYT (29 columns, rules in 24 to 29), Decision 4440/QĐ-BYT (ICD-9-CM).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import python_calamine

from yba.foundation.terminology.columns import Places, Table, by_content, by_heading, cell
from yba.foundation.terminology.errors import UnreadableList
from yba.foundation.terminology.importing import Misprint, PublishedList
from yba.foundation.terminology.model import Concept, Group, is_icd10_shaped, years
from yba.kernel.text import tidy

Sheets = Mapping[str, Table]

_OPEN = date(1900, 1, 1)  # replaced by the first day that the importer is given
_WIDE = 29
_MOST_ROWS = 200_000

_ICD10_OWNED = frozenset(
    {
        "sex",
        "min_age_days",
        "max_age_days",
        "not_main",
        "discouraged_main",
        "unusable",
        "death_cause_only",
        "group",
        "chapter",
        "block",
        "asterisks",
    }
)
_SERVICE_OWNED = frozenset({"specialty", "technical_level", "class", "icd9cm"})
_ICD9_OWNED = frozenset({"chapter"})

# Places (from 1) of the rules in the list of Circular 06/2026.
_RULES: Sequence[tuple[int, Mapping[str, Any]]] = (
    (24, {"not_main": True}),
    (25, {"discouraged_main": True}),
    (26, {"unusable": True}),
    (27, {"death_cause_only": True}),
    (28, {"sex": "female"}),
    (29, {"sex": "male"}),
)

# The ages that the titles of the annexes A3.1 to A3.10 say, as (title, first day, last day).
_AGES: Sequence[tuple[str, int | None, int | None]] = (
    ("A3.1 ", None, 365),
    ("A3.2 ", None, years(3) - 1),
    ("A3.3 ", None, years(11) - 1),
    ("A3.4 ", None, years(20) - 1),
    ("A3.5 ", 28, None),
    ("A3.6 ", years(1), None),
    ("A3.7 ", years(8), years(20) - 1),
    ("A3.8 ", years(9), years(61) - 1),
    ("A3.9 ", years(15), None),
    ("A3.10 ", years(30), None),
)


def read_list(path: Path, *, kind: str) -> PublishedList:
    """Read a published list: `icd10`, `service` or `icd9cm`.

    Raises UnreadableList, saying why, if the file is not that list.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise UnreadableList(reason=f"no list is called {kind}; known are {', '.join(_READERS)}")
    if not path.is_file():
        raise UnreadableList(reason=f"there is no file {path.name}")
    published = reader(path.name, _sheets(path))
    if not published.concepts:
        raise UnreadableList(reason="no code was found in it")
    return published


def _sheets(path: Path) -> Sheets:
    if path.suffix.lower() in (".tsv", ".txt"):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as problem:
            raise UnreadableList(reason="it is not UTF-8 text") from problem
        return {path.stem: [line.split("\t") for line in text.splitlines()[:_MOST_ROWS]]}
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        return {name: _cells(book, name) for name in book.sheet_names}
    except (python_calamine.CalamineError, OSError) as problem:
        raise UnreadableList(reason="it is neither a workbook nor a table with tabs") from problem


def _cells(book: python_calamine.CalamineWorkbook, name: str) -> Table:
    rows = book.get_sheet_by_name(name).to_python()
    return [[tidy(str(cell)) for cell in row] for row in rows[:_MOST_ROWS]]


# --- ICD-10 ------------------------------------------------------------------


def _icd10(source: str, sheets: Sheets) -> PublishedList:
    for table in sheets.values():
        found = by_heading(table, "MÃ BỆNH", "TÊN BỆNH", "MÃ BỆNH KHÔNG DẤU")
        if found is not None:
            start, places = found
            rules = _rules_by_place if len(table[start]) >= _WIDE else _no_rules
            concepts, misprints = _icd10_rows(table, start, places, rules)
            groups = _icd10_groups(table, start, places)
            return _icd10_list(source, concepts, misprints, sheets, groups)
    for table in sheets.values():
        found = by_heading(table, "code", "name_vi", "name_en", "flags")
        if found is not None:
            start, places = found
            places = _flat_places(places)
            concepts, misprints = _icd10_rows(table, start, places, _rules_by_flags)
            groups = _icd10_groups(table, start, places)
            return _icd10_list(source, concepts, misprints, {}, groups)
    for table in sheets.values():
        found = by_content(table) if _width(table) >= _WIDE else None
        if found is not None:
            start, places = found
            concepts, misprints = _icd10_rows(table, start, places, _rules_by_place)
            groups = _icd10_groups(table, start, places)
            return _icd10_list(source, concepts, misprints, sheets, groups)
    raise UnreadableList(reason="no sheet has the headings of the ICD-10 list")


def _width(table: Table) -> int:
    return max((len(row) for row in table[:200]), default=0)


def _flat_places(places: Places) -> Places:
    return {
        "ma benh": places["code"],
        "ten benh": places["name vi"],
        "disease name": places["name en"],
        "ma nhom chinh": places.get("group", -1),
        "ma chuong": places.get("chapter", -1),
        "flags": places["flags"],
    }


def _no_rules(_: Sequence[str], __: Places) -> dict[str, Any]:
    return {}


def _rules_by_place(row: Sequence[str], _: Places) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for place, rule in _RULES:
        if cell(row, place - 1) not in ("", "0", "0.0"):
            properties |= rule
    return properties


def _rules_by_flags(row: Sequence[str], places: Places) -> dict[str, Any]:
    flags = cell(row, places["flags"]).split()
    properties: dict[str, Any] = {}
    if "not-main" in flags:
        properties["not_main"] = True
    if "female" in flags or "male" in flags:
        properties["sex"] = "female" if "female" in flags else "male"
    if "newborn" in flags:
        properties["max_age_days"] = 365
    return properties


def _icd10_rows(
    table: Table,
    start: int,
    places: Places,
    rules: Callable[[Sequence[str], Places], dict[str, Any]],
) -> tuple[dict[str, Concept], list[Misprint]]:
    concepts: dict[str, Concept] = {}
    misprints: list[Misprint] = []
    for line, row in enumerate(table[start + 1 :], start=start + 2):
        printed = cell(row, places["ma benh"])
        if not printed:
            continue
        code, misprint = _icd10_code(line, printed, cell(row, places.get("ma benh khong dau")))
        name = cell(row, places["ten benh"])
        if misprint is None and code in concepts:
            if code != printed.upper():
                continue  # the list repeats a code to show its dagger or asterisk
            misprint = Misprint(line, printed, "printed twice, first row kept")
            code = ""
        if code and not name:
            misprint = Misprint(line, printed, "has no Vietnamese name")
            code = ""
        if misprint is not None:
            misprints.append(misprint)
        if code and code not in concepts:
            properties = rules(row, places) | {
                "chapter": cell(row, places.get("ma chuong")),
                "block": cell(row, places.get("ma nhom chinh")),
            }
            concepts[code] = Concept(
                "icd10",
                code,
                name,
                cell(row, places.get("disease name")),
                {key: value for key, value in properties.items() if value},
                _OPEN,
            )
    return concepts, misprints


def _icd10_code(line: int, printed: str, bare: str) -> tuple[str, Misprint | None]:
    """Return the code as stored, or '' with what is wrong with it.

    A malformed code is repaired only when the column without dot agrees on
    what was meant.
    """
    code = printed.upper().rstrip("†*+ ")
    if is_icd10_shaped(code):
        return code, None
    bare = bare.upper().rstrip("†*+ ")
    repaired = f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare
    if is_icd10_shaped(repaired):
        return repaired, Misprint(line, printed, f"read as {repaired}", is_repaired=True)
    return "", Misprint(line, printed, "not an ICD-10 code, left out")


# Headings of a chapter's or block's code, its Vietnamese and its English name.
_GROUP_PLACES = (
    ("ma chuong", "ten chuong", "chapter name"),
    ("ma nhom chinh", "ten nhom chinh", "main group name i"),
    ("ma nhom phu 1", "ten nhom phu 1", "sub group name i"),
    ("ma nhom phu 2", "ten nhom phu 2", "sub group name ii"),
)
_GROUP_CODE = re.compile(r"^[A-Z]\d{2}-[A-Z]\d{2}$")


def _icd10_groups(table: Table, start: int, places: Places) -> list[Group]:
    """Return chapters and blocks with the names that the list gives them."""
    found: dict[str, Group] = {}
    for row in table[start + 1 :]:
        for place, vi, en in _GROUP_PLACES:
            code = cell(row, places.get(place)).strip().upper().rstrip("*†+")
            if _GROUP_CODE.match(code) and code[:3] <= code[4:]:
                name_vi = cell(row, places.get(vi)).strip()
                name_en = cell(row, places.get(en)).strip()
                if code not in found or (found[code].name_vi == code and name_vi):
                    found[code] = Group(code, name_vi or code, name_en)
    return list(found.values())


def _icd10_list(
    source: str,
    concepts: Mapping[str, Concept],
    misprints: Sequence[Misprint],
    sheets: Sheets,
    groups: Sequence[Group],
) -> PublishedList:
    rules = _annex_rules(sheets)
    parents = {code.partition(".")[0] for code in concepts if "." in code}
    merged: list[Concept] = []
    for code, concept in concepts.items():
        properties = dict(concept.properties) | rules.get(code, {})
        if code in parents:
            properties["group"] = True
        merged.append(Concept("icd10", code, concept.name_vi, concept.name_en, properties, _OPEN))
    return PublishedList(
        "icd10",
        source,
        merged,
        _ICD10_OWNED,
        is_complete=True,
        misprints=tuple(misprints),
        groups=tuple(groups),
    )


def _annex_rules(sheets: Sheets) -> Mapping[str, dict[str, Any]]:
    """Return what the annexes of Decision 4469 add to each code."""
    rules: dict[str, dict[str, Any]] = {}
    for table in sheets.values():
        current: dict[str, Any] = {}
        for row in table:
            title = cell(row, 0)
            if title.startswith("Phụ lục"):
                current = _annex_rule(title.removeprefix("Phụ lục").strip() + " ")
                continue
            code = _dotted(title)
            if not code or not current:
                continue
            if "pair" in current:
                other = _dotted(cell(row, 2))
                if other:
                    rules.setdefault(code, {}).setdefault("asterisks", []).append(other)
            else:
                rules[code] = rules.get(code, {}) | current
    return rules


def _annex_rule(title: str) -> dict[str, Any]:
    if title.startswith("A1"):
        return {"pair": True}
    if title.startswith("A2"):
        return {"not_main": True}
    if title.startswith("A4.1"):
        return {"sex": "female"}
    if title.startswith("A4.2"):
        return {"sex": "male"}
    for name, first, last in _AGES:
        if title.startswith(name):
            ages = {"min_age_days": first, "max_age_days": last}
            return {key: value for key, value in ages.items() if value is not None}
    return {}


_BARE_CODE = re.compile(r"^[A-Z]\d{2}[0-9A-Z]{0,3}$")


def _dotted(bare: str) -> str:
    """Return `A00.1` for `A001`, or '' for what is no code."""
    bare = bare.rstrip("†*+ ")
    if not _BARE_CODE.match(bare):
        return ""
    return f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare


# --- Technical services and ICD-9-CM -------------------------------------------

_SERVICE_CODE = re.compile(r"^\d{2}\.\d{4}\.\d{4}(_[A-Z]{2})?$")
_LOST_ZERO = re.compile(r"^\d(\.\d{1,2})?$")
_ICD9_CODE = re.compile(r"^\d{2}(\.\d{1,2})?$")


def _services(source: str, sheets: Sheets) -> PublishedList:
    for table in sheets.values():
        found = by_heading(table, "service_code", "name_vi")
        if found is not None:
            return _service_list(source, table, *found)
    raise UnreadableList(reason="no sheet has the headings of the list of technical services")


def _service_list(source: str, table: Table, start: int, places: Places) -> PublishedList:
    concepts: dict[str, Concept] = {}
    misprints: list[Misprint] = []
    for line, row in enumerate(table[start + 1 :], start=start + 2):
        code, name = cell(row, places["service code"]), cell(row, places["name vi"])
        if not code:
            continue
        wrong = _what_is_wrong(code, name, _SERVICE_CODE, concepts)
        if wrong:
            misprints.append(Misprint(line, code, wrong))
            continue
        properties = {
            "specialty": cell(row, places.get("specialty")),
            "technical_level": cell(row, places.get("level")),
            "class": cell(row, places.get("class")),
            "icd9cm": cell(row, places.get("icd9cm")),
        }
        concepts[code] = Concept("service", code, name, "", _filled(properties), _OPEN)
    return PublishedList(
        "service",
        source,
        list(concepts.values()),
        _SERVICE_OWNED,
        is_complete=False,
        misprints=tuple(misprints),
    )


def _icd9cm(source: str, sheets: Sheets) -> PublishedList:
    for table in sheets.values():
        found = by_heading(table, "maicd9", "tenicd9")
        if found is not None:
            start, places = found
            break
    else:
        raise UnreadableList(reason="no sheet has the headings of the ICD-9-CM list")
    concepts: dict[str, Concept] = {}
    misprints: list[Misprint] = []
    for line, row in enumerate(table[start + 1 :], start=start + 2):
        printed, name = cell(row, places["maicd9"]), cell(row, places["tenicd9"])
        # The sheet holds numbers, which lose a leading zero.
        code = f"0{printed}" if _LOST_ZERO.match(printed) else printed
        if not code or code in concepts:
            continue
        if code != printed:
            misprints.append(Misprint(line, printed, f"read as {code}", is_repaired=True))
        wrong = _what_is_wrong(code, name, _ICD9_CODE, concepts)
        if wrong:
            misprints.append(Misprint(line, code, wrong))
            continue
        properties = _filled({"chapter": cell(row, places.get("chuongicd9"))})
        concepts[code] = Concept("icd9cm", code, name, "", properties, _OPEN)
    return PublishedList(
        "icd9cm",
        source,
        list(concepts.values()),
        _ICD9_OWNED,
        is_complete=True,
        misprints=tuple(misprints),
    )


def _filled(properties: Mapping[str, str]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value}


def _what_is_wrong(code: str, name: str, shape: re.Pattern[str], seen: Iterable[str]) -> str:
    if not shape.match(code):
        return "not a code of this list, left out"
    if code in seen:
        return "printed twice, first row kept"
    return "" if name else "has no Vietnamese name"


_READERS: Mapping[str, Callable[[str, Sheets], PublishedList]] = {
    "icd10": _icd10,
    "service": _services,
    "icd9cm": _icd9cm,
}
KINDS = tuple(_READERS)
