"""Tiny fictitious lists in the shapes that the ministry publishes."""

from collections.abc import Sequence

HEADINGS_22 = [
    "STT CHƯƠNG",
    "MÃ CHƯƠNG",
    "CHAPTER NAME",
    "TÊN CHƯƠNG",
    "MÃ NHÓM CHÍNH",
    "MAIN GROUP NAME I",
    "TÊN NHÓM CHÍNH",
    "MÃ NHÓM PHỤ 1",
    "SUB GROUP NAME I",
    "TÊN NHÓM PHỤ 1",
    "MÃ NHÓM PHỤ 2",
    "SUB GROUP NAME II",
    "TÊN NHÓM PHỤ 2",
    "MÃ LOẠI",
    "TYPE NAME",
    "TÊN LOẠI",
    "MÃ BỆNH",
    "MÃ BỆNH KHÔNG DẤU",
    "DISEASE NAME",
    "TÊN BỆNH",
    "GHI CHÚ",
    "NGÀY CẬP NHẬT",
]
HEADINGS_29 = [
    *HEADINGS_22,
    "GHI CHÚ 2",
    "KHÔNG LÀ BỆNH CHÍNH",
    "HẠN CHẾ LÀM BỆNH CHÍNH",
    "KHÔNG SỬ DỤNG",
    "CHỈ NGUYÊN NHÂN TỬ VONG",
    "CHỈ NỮ",
    "CHỈ NAM",
]


def row_22(code: str, name_vi: str, name_en: str = "", *, bare: str = "") -> list[str]:
    """Return one row of the list of Decision 4469."""
    row = [""] * 22
    row[1], row[4], row[13] = "Z00-Z99", "Z90-Z99", code[:3]
    row[16], row[17] = code, bare or code.replace(".", "").rstrip("†*")
    row[18], row[19] = name_en, name_vi
    return row


def row_29(code: str, name_vi: str, name_en: str = "", *, marks: Sequence[int] = ()) -> list[str]:
    """Return one row of the list of Circular 06/2026; `marks` are columns from 1."""
    row = row_22(code, name_vi, name_en) + [""] * 7
    for column in marks:
        row[column - 1] = "x"
    return row
