"""The claim tables as dated data: which fields, how long, since when.

Rows of `data/tables/*.tsv` carry a period, because a later act may change a
field's size or add a field. `layout(table, on)` gives the fields of one day
in the official order. Nothing here looks at a value.

Standard: 130/QĐ-BYT (2023) with 4750, 3176 and 1931. docs/standards/claims.md
says how we read the places where the sources are silent.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

Kind = Literal["string", "integer", "decimal", "decimal3", "date8", "datetime12"]
Need = Literal["yes", "no", "conditional"]

CHECK_IN = "CHECKIN"
SENT = ("XML1", "XML2", "XML3", "XML4", "XML5", "XML6", "XML7", "XML8", "XML9", "XML10")
SENT_TABLES = (*SENT, "XML11", "XML13", "XML14", "XML15")
TABLES = (CHECK_IN, *SENT, "XML11", "XML12", "XML13", "XML14", "XML15")

# Values of these fields identify a person, so no message ever repeats them.
PERSONAL = frozenset(
    [
        "HO_TEN",
        "SO_CCCD",
        "DIA_CHI",
        "DIEN_THOAI",
        "MA_THE_BHYT",
        "MA_BN",
        "MA_HSBA",
        "NGAY_SINH",
        "HO_TEN_CHA",
        "HO_TEN_ME",
        "NGUOI_GIAM_HO",
        "MA_CHA",
        "MA_ME",
        "MA_THE_TAM",
        "MA_YTE",
        "HO_TEN_NND",
        "SO_CCCD_NND",
        "MA_THE_NND",
        "MA_BHXH_NND",
        "NGAYSINH_NND",
        "NOI_CU_TRU_NND",
        "HO_TEN_CON",
        "MA_BHXH",
        "DON_VI",
        "DIEN_BIEN_LS",
        "CHAN_DOAN_VAO",
        "CHAN_DOAN_RV",
        "QT_BENHLY",
        "TOMTAT_KQ",
        "DAU_HIEU_LS",
        "LY_DO_VV",
        "LY_DO_VNT",
        "GHI_CHU",
        "GIA_TRI",
        "MO_TA",
        "KET_LUAN",
        "HOTEN_NGUOI_HT",
        "MA_LK",
    ]
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table, as one act set it for one period."""

    order: int
    name: str
    kind: Kind
    max_length: int | None
    need: Need
    label_vi: str
    label_en: str
    since: date
    until: date
    act: str

    def holds_on(self, on: date) -> bool:
        """Return whether this row is in force on that day."""
        return self.since <= on <= self.until


@dataclass(frozen=True, slots=True)
class Table:
    """A table's element names and titles; `list_element` is empty if its fields sit in the root."""

    name: str
    root: str
    list_element: str
    row_element: str
    title_vi: str
    title_en: str

    @property
    def repeats(self) -> bool:
        """Return whether the table may hold several rows."""
        return bool(self.row_element)


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of one table on one day, in official order."""

    table: Table
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the field names in order."""
        return tuple(self.by_name)


def _lines(name: str) -> list[dict[str, str]]:
    text = files("yba.money.insurance").joinpath("data", name).read_text(encoding="utf-8")
    content = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(content, delimiter="\t", quoting=csv.QUOTE_NONE, restval=""))


def data_lines(name: str) -> list[dict[str, str]]:
    """Return the rows of a table of `insurance/data`, comments left out."""
    return _lines(name)


def _file_of(table: str) -> str:
    return "checkin.tsv" if table == CHECK_IN else f"xml{int(table[3:]):02}.tsv"


@cache
def tables() -> Mapping[str, Table]:
    """Return every table by name, in official order."""
    return MappingProxyType(
        {
            line["table"]: Table(
                name=line["table"],
                root=line["root"],
                list_element=line["list"],
                row_element=line["row"],
                title_vi=line["title_vi"],
                title_en=line["title_en"],
            )
            for line in _lines("envelope.tsv")
        }
    )


@cache
def history(table: str) -> tuple[Field, ...]:
    """Return every dated row of `table`, in file order."""
    return tuple(
        Field(
            order=int(line["order"]),
            name=line["name"],
            kind=line["type"],  # type: ignore[arg-type]
            max_length=int(line["max_length"]) if line["max_length"] else None,
            need=line["required"],  # type: ignore[arg-type]
            label_vi=line["label_vi"],
            label_en=line["label_en"],
            since=date.fromisoformat(line["since"]) if line["since"] else date.min,
            until=date.fromisoformat(line["until"]) if line["until"] else date.max,
            act=line["act"],
        )
        for line in _lines(f"tables/{_file_of(table)}")
    )


@cache
def _change_days(table: str) -> tuple[date, ...]:
    return tuple(sorted({field.since for field in history(table)}))


@cache
def _layout_since(table: str, since: date) -> Layout:
    fields = tuple(field for field in history(table) if field.holds_on(since))
    return Layout(tables()[table], fields, MappingProxyType({f.name: f for f in fields}))


@lru_cache(maxsize=20_000)
def layout_day(table: str, on: date) -> date:
    """Return since when the layout of that day has been in force."""
    days = _change_days(table)
    return max((day for day in days if day <= on), default=days[0])


def layout(table: str, on: date) -> Layout:
    """Return the fields of `table` on that day, in official order.

    A day before the first act gives the first act's fields.
    """
    return _layout_since(table, layout_day(table, on))


def act_on(on: date) -> str:
    """Return the newest act in force that day, e.g. `3176`."""
    acts = {f.since: f.act for table in TABLES for f in history(table) if f.since <= on}
    return acts[max(acts)] if acts else "130"
