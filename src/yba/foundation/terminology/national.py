"""The country's lists as code systems: their URLs, and the hierarchy of ICD-10.

Main rule: the rows stay where they are, dated; only groups (chapters, blocks) are added, abstract.
Source: chapters of ICD-10 (WHO); names of blocks as the ministry's list gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from yba.foundation.terminology import set_store, shipped, store, system_store
from yba.foundation.terminology.definitions import ConceptRow, SystemRow, closure
from yba.foundation.terminology.model import Group
from yba.foundation.terminology.taking_up import NATIONAL, choose_system
from yba.kernel import systems
from yba.plumbing.database import Tx

_ICD10 = "icd10"
_GROUP_COLUMNS = 3
_URLS: Mapping[str, str] = {_ICD10: systems.ICD10, "icd9cm": "http://hl7.org/fhir/sid/icd-9-cm"}
# Of these the program ships a part only; an import brings the whole list.
_IN_PART = frozenset({_ICD10, "icd9cm", "service", "drug", "lab_index"})
_NAMES: Mapping[str, str] = {
    _ICD10: "Phân loại bệnh tật ICD-10",
    "icd9cm": "Phân loại thủ thuật ICD-9-CM",
    "service": "Dịch vụ kỹ thuật",
    "drug": "Thuốc",
    "province": "Tỉnh, thành phố",
    "commune": "Xã, phường, đặc khu",
    "ethnicity": "Dân tộc",
    "occupation": "Nghề nghiệp",
    "lab_index": "Chỉ số xét nghiệm",
}


def url_of(system: str) -> str:
    """Return the canonical URL of a national list by its short name."""
    return _URLS.get(system) or "urn:yba:vn:code:" + system.replace("_", "-")


async def register(tx: Tx, *, names: Iterable[str] = ()) -> set[str]:
    """Make national lists known as code systems; return those that were not yet."""
    known = set(await system_store.of_origin(tx, origin=NATIONAL))
    new = {*shipped.lists(), "icd9cm", *names} - known
    for name in sorted(new):
        url = url_of(name)
        row = SystemRow(
            url, "", _NAMES.get(name, name), "active",
            "fragment" if name in _IN_PART else "complete", "vi",
            case_sensitive=True, hierarchy="is-a" if name == _ICD10 else "",
            value_set="", supplements="", definitions={"property": [], "filter": []},
        )  # fmt: skip
        await system_store.add(tx, row, origin=NATIONAL, key=name)
        await choose_system(tx, url)
    return new


async def complete(tx: Tx, *, system: str) -> None:
    """Say that a whole list is held from now on: codes that it lacks do not exist."""
    await system_store.set_content(tx, system=system, content="complete")


async def arrange(tx: Tx, *, system: str, groups: Sequence[Group] = ()) -> None:
    """Build the hierarchy of a list anew after its rows changed.

    `groups` are chapters and blocks with their names, as a published list has them; without
    any, those known before are kept, at first those that the program ships.
    """
    url = url_of(system)
    await set_store.forget(tx, parts=[url, f"{url}?fhir_vs"])
    if system != _ICD10:
        return
    known = groups or await store.groups(tx, system=system) or _shipped_groups()
    codes = await store.codes(tx, system=system)
    tops = sorted(known, key=lambda g: (g.first, -_width(g)))
    parents = _parents(codes, tops)
    pairs = closure(parents)
    await system_store.drop_groups(tx, system=system)
    rows = [
        ConceptRow(group.code, group.name_vi, is_abstract=True, english=group.name_en)
        for group in tops
    ]
    await system_store.put_concepts(tx, ((system, 0, row) for row in rows))
    await system_store.put_closure(tx, ((system, *pair) for pair in pairs))


def _width(group: Group) -> int:
    return _number(group.last) - _number(group.first)


def _number(category: str) -> int:
    return (ord(category[0]) - ord("A")) * 100 + int(category[1:3])


def _parents(codes: Sequence[str], groups: Sequence[Group]) -> dict[str, list[str]]:
    """Return what stands directly above each code and each group."""
    known = set(codes)
    parents: dict[str, list[str]] = {}
    for group in groups:
        wider = [
            g for g in groups
            if g.code != group.code and g.first <= group.first and group.last <= g.last
            and _width(g) > _width(group)
        ]  # fmt: skip
        parents[group.code] = [min(wider, key=_width).code] if wider else []
    narrowest: dict[str, list[str]] = {}
    for code in codes:
        above = _shorter(code, known)
        if above:
            parents[code] = [above]
            continue
        category = code[:3]
        if category not in narrowest:
            holding = [g for g in groups if g.first <= category <= g.last]
            narrowest[category] = [min(holding, key=_width).code] if holding else []
        parents[code] = narrowest[category]
    return parents


def _shorter(code: str, known: set[str]) -> str:
    """Return the longest known code that begins this one: S72.00 under S72.0 under S72."""
    for length in range(len(code) - 1, 2, -1):
        begin = code[:length].rstrip(".")
        if begin != code and begin in known:
            return begin
    return ""


@cache
def _shipped_groups() -> Sequence[Group]:
    """Return the chapters and blocks that the program ships."""
    place = files("yba.foundation.terminology").joinpath("data", "icd10-groups.tsv")
    lines = [line.split("\t") for line in place.read_text("utf-8").splitlines()]
    return [Group(*line) for line in lines if len(line) == _GROUP_COLUMNS and line[0] != "code"]
