"""The lists inside the program: small, written for it, loaded at migrate time.

Each file of `data/` is tab separated, opens with `# source:` (and perhaps
`# valid_from:`) and a heading. docs/how-to/code-lists.md explains the columns.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from yba.foundation.terminology import store
from yba.foundation.terminology.errors import ShippedListBroken
from yba.foundation.terminology.model import Concept, search_text, years
from yba.plumbing.database import Tx

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _File:
    """One file as read: its notes and its rows with their line numbers."""

    name: str
    notes: Mapping[str, str]
    rows: Sequence[tuple[int, Row]]


def _read(name: str) -> _File:
    text = files("yba.foundation.terminology").joinpath("data", name).read_text(encoding="utf-8")
    notes: dict[str, str] = {}
    rows: list[tuple[int, Row]] = []
    heading: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("# "):
            key, _, value = line[2:].partition(":")
            notes[key] = value.strip()
        elif not heading:
            heading = line.split("\t")
        elif line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) > len(heading):
                raise ShippedListBroken(file=name, line=number, reason="too many columns")
            cells += [""] * (len(heading) - len(cells))
            rows.append((number, dict(zip(heading, cells, strict=True))))
    return _File(name, notes, rows)


def _pairs(text: str) -> dict[str, Any]:
    """Return `a=1;b=x` as a mapping; whole numbers become numbers."""
    found: dict[str, Any] = {}
    for part in text.split(";"):
        key, sign, value = part.partition("=")
        if sign:
            found[key] = int(value) if value.isdigit() else value
    return found


def _names(text: str) -> dict[str, Any]:
    also = [name.strip() for name in text.split(";") if name.strip()]
    return {"also": also} if also else {}


def _number(text: str) -> float | int | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _without_none(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value not in (None, "", [])}


_AGE_UNITS: Mapping[str, Callable[[float], int]] = {"d": round, "y": years}


def _diagnosis_flags(flags: str) -> tuple[bool, dict[str, Any]]:
    """Return whether a diagnosis is common, and its rules.

    `*` common, `**` met every day, `f` `m` sex, `nm` not main, `dm` discouraged as main,
    `long` may be prescribed for longer (annex VII of Circular 26/2025, our reading),
    `>15y` first age, `<28d` age it must stay below.
    """
    properties: dict[str, Any] = {}
    is_common = False
    for flag in flags.split():
        if flag in ("*", "**"):
            is_common = True
            if flag == "**":
                properties["is_frequent"] = True
        elif flag in ("f", "m"):
            properties["sex"] = "female" if flag == "f" else "male"
        elif flag == "long":
            properties["long_prescription"] = True
        elif flag in ("nm", "dm"):
            properties["not_main" if flag == "nm" else "discouraged_main"] = True
        elif flag[0] in "<>":
            days = _AGE_UNITS[flag[-1]](float(flag[1:-1]))
            if flag[0] == ">":
                properties["min_age_days"] = days
            else:
                properties["max_age_days"] = days - 1
        else:
            raise ValueError(f"unknown flag {flag}")
    return is_common, properties


def _plain(_: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    return bool(row.get("common")), _pairs(row.get("properties", "")) | _names(row.get("also", ""))


def _province(_: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    merged = row["merged_from"].split(";") if row["merged_from"] else []
    return True, _without_none(
        {"kind": row["kind"], "phone_code": row["phone_code"], "merged_from": merged}
    )


@cache
def _province_names() -> Mapping[str, str]:
    return {
        row["code"]: row["name_vi"] for _, row in _read("provinces.tsv").rows if not row["valid_to"]
    }


def _commune(_: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    province = _province_names()[row["province"]]
    return False, {"province": row["province"], "province_name": province, "also": [province]}


def _diagnosis(_: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    is_common, properties = _diagnosis_flags(row["flags"])
    return is_common, properties | _names(row["also"])


def _lab_index(_: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    numbers = {
        key: _number(row[key]) for key in ("low", "high", "low_f", "high_f", "decimals", "spread")
    }
    answers = row["answers"].split("|") if row["answers"] else []
    return True, _without_none(
        {"unit": row["unit"], "ucum": row["ucum"], "loinc": row["loinc"], "answers": answers}
    ) | {key: value for key, value in numbers.items() if value is not None}


_KINDS: Mapping[int, str] = {
    1: "lab",
    2: "imaging",
    3: "function",
    8: "surgery",
    9: "ratio",
    12: "transport",
    13: "exam",
    14: "bed",
    15: "bed",
    16: "bed",
    18: "procedure",
    19: "other",
}


# Machine groups of claims (MA_MAY) by modality, department or chapter of the code.
_MACHINES: Mapping[str, str] = {
    "22": "HH",
    "23": "SH",
    "24": "VS",
    "US": "SA",
    "XR": "XQ",
    "MG": "XQ",
    "CT": "CL",
    "MR": "MRI",
    "21.0014": "ĐT",
    "20": "NS",
    "K41": "NS",
}


def _machine(code: str, place: str) -> str:
    """Return the machine that does it, in the form group.source.serial, if any does."""
    group = _MACHINES.get(place) or _MACHINES.get(code[:7]) or _MACHINES.get(code[:2])
    return f"{group}.1.YBA01" if group else ""


def _service(file: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    group = int(row["group"])
    insured = _number(row["insurance_price"])
    properties: dict[str, Any] = {
        "cost_group": group,
        "kind": _KINDS[group],
        "unit": row["unit"],
        "price": int(row["price"]),
        "insurance_price": int(row["price"]) if insured is None else insured,
        "price_from": file.notes["valid_from"],
        "indexes": row["indexes"].split(";") if row["indexes"] else [],
        "specimen": row["detail"] if group == 1 else "",
        "modality": row["detail"] if group == 2 else "",
        "department": row["department"],
        "machine": _machine(row["code"], row["detail"] or row["department"]),
        "is_covered": insured != 0,
    }
    flags = row["flags"].split()
    if "f" in flags or "m" in flags:
        properties["sex"] = "female" if "f" in flags else "male"
    return "*" in flags, _without_none(properties) | _names(row["also"])


_VERBS: Mapping[str, str] = {
    "1.01": "Uống",
    "1.02": "Ngậm",
    "1.04": "Đặt dưới lưỡi",
    "2.01": "Tiêm bắp",
    "2.02": "Tiêm dưới da",
    "2.04": "Tiêm tĩnh mạch",
    "2.05": "Truyền tĩnh mạch",
    "2.10": "Tiêm",
    "3.01": "Bôi",
    "3.05": "Dùng ngoài",
    "4.01": "Đặt âm đạo",
    "4.02": "Đặt hậu môn",
    "4.03": "Thụt hậu môn",
    "5.02": "Hít",
    "5.05": "Khí dung",
    "5.07": "Xịt mũi",
    "5.10": "Nhỏ mũi",
    "6.01": "Nhỏ mắt",
    "6.02": "Tra mắt",
    "6.04": "Nhỏ tai",
}


# Decision, package, group and year (TT_THAU), for demonstration like the prices.
_TENDER = "YBA01;G1;N2;2026"

# ATC groups of insulins, sera, vaccines, growth factors and antibodies.
_BIOLOGICAL = ("A10A", "B03XA", "J06", "J07", "L01F", "L03AA")


def _drug(file: _File, row: Row) -> tuple[bool, dict[str, Any]]:
    flags = row["flags"].split()
    per_take, times, days = row["take"].split("x")
    verb = _VERBS[row["route"]]
    advice = f", {row['advice']}" if row["advice"] else ""
    dose = f"{verb} {per_take} {row['unit']}/lần, ngày {times} lần{advice}"
    control = next((flag for flag in flags if flag in ("N", "H")), "none")
    price = int(row["price"])
    _, substance, serial = row["code"].split(".")
    number = 90_000 + 10 * int(substance) + int(serial)
    ratio = int(row["ratio"] or 100)
    properties = {
        "substance_code": row["code"].rpartition(".")[0],
        "substance": row["substance"],
        "strength": row["strength"],
        "form": row["form"],
        "unit": row["unit"],
        "route": row["route"],
        "atc": row["atc"],
        "registration": f"VD-{number}-26",
        "tender": _TENDER,
        "is_prescription": "otc" not in flags,
        "control": control,
        "is_toxic": "tox" in flags,
        "is_biological": row["atc"].startswith(_BIOLOGICAL),
        "several_substances": " + " in row["substance"],
        "insurance_ratio": ratio,
        "cost_group": 4 if ratio in (0, 100) else 6,
        "is_covered": ratio > 0,
        "price": price,
        "insurance_price": price if ratio else 0,
        "price_from": file.notes["valid_from"],
        "dose": dose,
        "per_take": _number(per_take),
        "times_a_day": int(times),
        "days": int(days),
    }
    return "*" in flags, {k: v for k, v in properties.items() if v != ""} | _names(row["also"])


def _drug_name(row: Row) -> str:
    return f"{row['substance']} {row['strength']} ({row['form']})"


Builder = Callable[[_File, Row], tuple[bool, dict[str, Any]]]

# file → (system, or None where each row names its own; what reads a row)
_FILES: Mapping[str, tuple[str | None, Builder]] = {
    "claim-lists.tsv": (None, _plain),
    "provinces.tsv": ("province", _province),
    "card-provinces.tsv": ("card_province", _plain),
    "communes.tsv": ("commune", _commune),
    "ethnic-groups.tsv": ("ethnicity", _plain),
    "occupations.tsv": ("occupation", _plain),
    "icd10.tsv": ("icd10", _diagnosis),
    "lab-indexes.tsv": ("lab_index", _lab_index),
    "services.tsv": ("service", _service),
    "drugs.tsv": ("drug", _drug),
}


def _concepts(file: _File, system: str | None, builder: Builder) -> Iterator[Concept]:
    opened = file.notes.get("valid_from", "")
    for number, row in file.rows:
        try:
            is_common, properties = builder(file, row)
            ends = row.get("valid_to", "")
            yield Concept(
                system=system or row["system"],
                code=row["code"],
                name_vi=row.get("name_vi") or _drug_name(row),
                name_en=row.get("name_en", ""),
                properties=properties,
                valid_from=date.fromisoformat(row.get("valid_from") or opened),
                valid_to=date.fromisoformat(ends) if ends else None,
                is_common=is_common,
            )
        except (KeyError, ValueError) as problem:
            raise ShippedListBroken(file=file.name, line=number, reason=str(problem)) from problem


@dataclass(frozen=True, slots=True)
class ShippedList:
    """One system as shipped."""

    system: str
    source: str
    concepts: Sequence[Concept]

    def fingerprint(self) -> str:
        """Return a hash that changes whenever anything of the list does."""
        digest = hashlib.sha256(self.source.encode())
        for item in self.concepts:
            digest.update(f"{item!r}{search_text(item)}".encode())
        return digest.hexdigest()


@cache
def lists() -> Mapping[str, ShippedList]:
    """Return every shipped list by system."""
    found: dict[str, list[Concept]] = {}
    sources: dict[str, str] = {}
    for name, (system, builder) in _FILES.items():
        file = _read(name)
        for item in _concepts(file, system, builder):
            found.setdefault(item.system, []).append(item)
            sources[item.system] = file.notes["source"]
    return {name: ShippedList(name, sources[name], tuple(items)) for name, items in found.items()}


def concepts(system: str) -> Sequence[Concept]:
    """Return a shipped list; an unknown system has none."""
    shipped = lists().get(system)
    return () if shipped is None else shipped.concepts


async def load(tx: Tx) -> int:
    """Load the lists whose fingerprint is not the one last loaded."""
    await store.lock(tx, system="*")
    known = await store.shipped_fingerprints(tx)
    imported = await store.replaced_systems(tx)
    rows: list[tuple[Concept, int]] = []
    loaded: list[tuple[str, int]] = []
    for shipped in lists().values():
        fingerprint = shipped.fingerprint()
        if known.get(shipped.system) == fingerprint or shipped.system in imported:
            continue
        edition_id = await store.add_edition(
            tx,
            system=shipped.system,
            source=shipped.source,
            fingerprint=fingerprint,
            is_shipped=True,
            is_complete=True,
            valid_from=None,
            row_count=len(shipped.concepts),
        )
        rows += [(item, edition_id) for item in shipped.concepts]
        loaded.append((shipped.system, edition_id))
    await store.write(tx, rows, is_shipped=True)
    for system, edition_id in loaded:
        await store.drop_left_behind(tx, system=system, edition_id=edition_id)
    if loaded:
        await store.analyze(tx)
    return len(loaded)
