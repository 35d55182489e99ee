"""HoSoBenhAn: a medical record for another system, as XML or JSON. Pure.

The schema is dated data (`data/ho_so_benh_an.toml`). What does not fit its field is refused, never
cut; XML is read without entities, external or internal. Both forms carry the same content.
Source: letter 365/TTYQG-GPQLCL (2025-06-06), eleven groups.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.care.archive.errors import ExportUnusable
from yba.care.encounters.model import VisitView
from yba.care.orders.model import Prescription, PrescriptionState
from yba.kernel.clock import local
from yba.plumbing.i18n import N_

ROOT = "HoSoBenhAn"
_SCHEMA = Path(__file__).parent / "data" / "ho_so_benh_an.toml"
_IN_FORCE = (PrescriptionState.ISSUED, PrescriptionState.SENT)
_SEX = {"male": "1", "female": "2"}
_MOMENT = re.compile(r"[0-9]{12}\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_CODE = re.compile(r"[A-Z0-9.]+\Z")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_BYTES = 16 * 1024 * 1024

_MISSING = N_("is required")
_LONG = N_("is longer than the field")
_FORM = N_("does not have the form of the field")
_UNKNOWN = N_("is not in the schema")

Row = Mapping[str, str]
Content = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a group."""

    longest: int
    required: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the file; `many` groups may be empty."""

    name: str
    many: bool
    fields: Mapping[str, Field]


@cache
def schema() -> tuple[Group, ...]:
    """Return the groups in the order of the file."""
    document = tomllib.loads(_SCHEMA.read_text(encoding="utf-8"))
    return tuple(
        Group(
            name=name,
            many=entry["rows"] == "many",
            fields={key: Field(*value) for key, value in entry.items() if key != "rows"},
        )
        for name, entry in document.items()
        if name != "edition"
    )


def content_of(view: VisitView, prescriptions: Sequence[Prescription]) -> Content:
    """Return a visit as the groups of the file; an empty value is left out."""
    groups: dict[str, list[dict[str, str]]] = {
        "ThongTinBenhNhan": [_patient(view)],
        "ThongTinVaoVien": [_admission(view)],
        "ThongTinDieuTri": [_treatment(view)],
        "YLenhThuocVatTu": _drugs(prescriptions),
        "PhieuChiDinh": _orders(view),
        "KetQuaXetNghiem": _results(view),
        "GiayChuyenVien": _transfers(view),
    }
    return {
        group.name: [
            {key: text for key, text in row.items() if text} for row in groups.get(group.name, [])
        ]
        for group in schema()
    }


def _patient(view: VisitView) -> dict[str, str]:
    card = view.insurance
    allergies = "; ".join(one.text for one in view.allergies)
    return {
        "ma_bn": view.patient_number,
        "ho_ten": view.patient_name,
        "ngay_sinh": view.birth_date.replace("-", ""),
        "gioi_tinh": _SEX.get(view.sex, "3"),
        "cccd_so": view.identity_number,
        "dien_thoai": view.phone,
        "dia_chi": view.address,
        "so_the_bhyt": card.number if card else "",
        "di_ung": allergies,
    }


def _admission(view: VisitView) -> dict[str, str]:
    note = view.examination
    return {
        "ma_lk": view.claim_key,
        "ma_cskcb": view.facility_code,
        "ngay_vao": _moment(view.opened_at),
        "ly_do_vv": note.reason or view.reason,
        "benh_su": note.history,
        "tien_su": note.past_history,
        "chan_doan_vao": note.preliminary_diagnosis,
        "ten_khoa": view.clinic_name,
    }


def _treatment(view: VisitView) -> dict[str, str]:
    main, closing, doctor = view.main_diagnosis, view.closing, view.doctor
    others = [one.code for one in view.diagnoses if not one.main]
    return {
        "maicd": main.code if main else "",
        "tenicd": (main.text or main.name) if main else "",
        "maicd_khac": ";".join(others),
        "kham_lam_sang": view.examination.findings,
        "dien_bien": view.examination.course,
        "pp_dieu_tri": (closing.treatment if closing else "") or view.examination.plan,
        "ket_qua_dtri": closing.outcome if closing else "",
        "ma_loai_rv": closing.discharge_type if closing else "",
        "ngay_ra": _moment(view.closed_at),
        "loi_dan": closing.advice if closing else "",
        "ma_bac_si": doctor.licence if doctor else "",
        "ten_bac_si": doctor.name if doctor else "",
    }


def _drugs(prescriptions: Sequence[Prescription]) -> list[dict[str, str]]:
    lines = [(one, line) for one in prescriptions if one.state in _IN_FORCE for line in one.lines]
    return [
        {
            "so_thu_tu": str(number),
            "ma_don": one.code,
            "mathuocvattu": line.drug_code,
            "mathuocvattu_byt": line.registration,
            "ten": line.name,
            "so_luong": str(line.quantity),
            "don_vi_tinh": line.unit,
            "lieu_dung": line.dosage_text,
            "ngay_y_lenh": _moment(one.issued_at),
        }
        for number, (one, line) in enumerate(lines, 1)
    ]


def _orders(view: VisitView) -> list[dict[str, str]]:
    return [
        {
            "machidinh": one.request_id,
            "ma_dich_vu": one.service_code,
            "ten_dich_vu": one.name,
            "so_luong": str(one.quantity),
            "ngay_chi_dinh": _moment(one.ordered_at),
            "nguoi_chi_dinh": one.requester,
            "ghi_chu": one.note,
        }
        for one in view.orders
        if one.status not in ("revoked", "entered-in-error")
    ]


def _results(view: VisitView) -> list[dict[str, str]]:
    return [
        {
            "machidinh": one.request_id,
            "machiso": one.code,
            "ten_chi_so": one.name,
            "gia_tri": one.value,
            "don_vi_do": one.unit,
            "khoang_tham_chieu": one.reference,
            "ngay_kq": _moment(one.resulted_at),
        }
        for one in view.results
    ]


def _transfers(view: VisitView) -> list[dict[str, str]]:
    closing = view.closing
    if closing is None or not closing.transferred_to:
        return []
    return [
        {
            "noi_chuyen_den": closing.transferred_to,
            "ly_do": closing.advice,
            "ngay_chuyen": _moment(view.closed_at),
        }
    ]


def _moment(at: datetime | None) -> str:
    return f"{local(at):%Y%m%d%H%M}" if at else ""


def check(content: Content) -> None:
    """Raise ExportUnusable, naming every place, unless the content follows the schema."""
    problems: dict[str, str] = {}
    groups = {group.name: group for group in schema()}
    for name in content.keys() - groups.keys():
        problems[name] = _UNKNOWN
    for name, group in groups.items():
        rows = content.get(name, ())
        if not group.many and len(rows) != 1:
            problems[name] = _MISSING if not rows else _FORM
        for number, row in enumerate(rows, 1):
            place = f"{name}[{number}]" if group.many else name
            problems |= _problems(place, group, row)
    if problems:
        raise ExportUnusable(fields=problems)


def _problems(place: str, group: Group, row: Row) -> dict[str, str]:
    found = {f"{place}.{key}": _UNKNOWN for key in row.keys() - group.fields.keys()}
    for key, field in group.fields.items():
        text = row.get(key, "")
        if not text and field.required:
            found[f"{place}.{key}"] = _MISSING
        elif len(text) > field.longest:
            found[f"{place}.{key}"] = _LONG
        elif text and not _fits(field.kind, text):
            found[f"{place}.{key}"] = _FORM
    return found


def _fits(kind: str, text: str) -> bool:
    if _UNPRINTABLE.search(text):
        return False
    match kind:
        case "moment":
            return bool(_MOMENT.match(text)) and _is_moment(text)
        case "number":
            return bool(_NUMBER.match(text))
        case "code":
            return bool(_CODE.match(text))
        case _:
            return True


def _is_moment(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=None)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def as_xml(content: Content) -> bytes:
    """Return the content as XML, UTF-8, fields in the order of the schema."""
    check(content)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<{ROOT}>"]
    for group in schema():
        rows = content.get(group.name, ())
        if group.many:
            lines.append(f"<{group.name}>")
        for row in rows:
            lines.append("<Dong>" if group.many else f"<{group.name}>")
            lines += [f"<{key}>{_escaped(row[key])}</{key}>" for key in group.fields if key in row]
            lines.append("</Dong>" if group.many else f"</{group.name}>")
        if group.many:
            lines.append(f"</{group.name}>")
    return "\n".join([*lines, f"</{ROOT}>", ""]).encode()


def _escaped(text: str) -> str:
    # A bare carriage return would be read back as a line feed.
    return escape(text, {"\r": "&#13;"})


def as_json(content: Content) -> bytes:
    """Return the content as JSON, UTF-8, fields in the order of the schema."""
    check(content)
    body: dict[str, object] = {}
    for group in schema():
        rows = [
            {key: row[key] for key in group.fields if key in row}
            for row in content.get(group.name, ())
        ]
        body[group.name] = rows if group.many else rows[0]
    return orjson.dumps({ROOT: body}, option=orjson.OPT_INDENT_2)


def from_json(text: bytes) -> Content:
    """Read a JSON file back. Raises ExportUnusable."""
    if len(text) > _MOST_BYTES:
        raise ExportUnusable
    try:
        body: Any = orjson.loads(text)[ROOT]
        content = {
            name: [_row(row) for row in (rows if isinstance(rows, list) else [rows])]  # pyright: ignore
            for name, rows in body.items()
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ExportUnusable from None
    check(content)
    return content


def _row(row: Any) -> dict[str, str]:
    if not all(isinstance(key, str) and isinstance(text, str) for key, text in row.items()):
        raise TypeError
    return dict(row)


def from_xml(text: bytes) -> Content:
    """Read an XML file back; a document type declaration is refused. Raises ExportUnusable."""
    if len(text) > _MOST_BYTES:
        raise ExportUnusable
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise ExportUnusable from None
    if root.tag != ROOT or root.getroottree().docinfo.doctype:
        raise ExportUnusable
    groups = {group.name: group for group in schema()}
    content: dict[str, list[dict[str, str]]] = {group.name: [] for group in schema()}
    for element in root.iterchildren("*"):
        name = str(element.tag)
        many = name in groups and groups[name].many
        for row in element.iterchildren("*") if many else [element]:
            content.setdefault(name, []).append(
                {str(one.tag): one.text or "" for one in row.iterchildren("*")}
            )
    check(content)
    return content
