"""The papers read correctly: every letter, every rule of print, tagged and archivable."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from yba.care.documents import sheets
from yba.care.documents.rendering import render_now

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
NO_FONTS = Path("/nonexistent")


def printed(sheet, sealing, fonts) -> bytes:
    """Return the PDF of a sheet."""
    words = sheets.words_of(sheet, sealing, at=NOON)
    return render_now(sheets.template_of(sheet), words, fonts=fonts, at=NOON)


@pytest.mark.parametrize("with_fonts", [True, False])
def test_every_vietnamese_letter_can_be_read_back(record, sealing, fonts, with_fonts, text_of):
    text = text_of(printed(record, sealing, fonts if with_fonts else NO_FONTS))

    for words in (
        "BỆNH ÁN NGOẠI TRÚ",
        "NGUYỄN THỊ PHƯỢNG ƯỞNG",
        "12/03/1985 (41 tuổi)",
        "001 185 000 000",
        "GD4010100000001",
        "Ho có đờm, sốt ngày thứ ba",
        "ran ngáy hai bên, không ran nổ",
        "Viêm phế quản cấp, không đặc hiệu",
        "Tăng huyết áp vô căn (nguyên phát)",
        "Hòa nước uống ngày 2 lần",
        "Trần Thị Ngọc Ánh",
        "012345/HNO-GPHN",
        "15/09/2026 12:00:00",
        "k7m2-p9x4-d8qa",
        "Trang 1/2",
    ):
        assert words in text, words


def test_a_small_quantity_is_written_with_a_leading_zero(
    prescription_sheet, sealing, fonts, text_of
):
    text = text_of(printed(prescription_sheet, sealing, fonts))

    assert "08 viên" in text
    assert "99999a1b2c3d-c" in text
    assert "Cộng: 03 khoản" in text


@pytest.mark.parametrize(
    ("birth_date", "shown"),
    [
        ("2024-09-20", "20/09/2024 (23 tháng tuổi)"),
        ("2020-09-16", "16/09/2020 (71 tháng tuổi)"),
        ("2020-09-15", "15/09/2020 (6 tuổi)"),
        ("1950", "1950 (76 tuổi)"),
    ],
)
def test_age_is_in_months_below_72_months(record, sealing, fonts, birth_date, shown, text_of):
    child = replace(record, patient=replace(record.patient, birth_date=birth_date))

    assert shown in text_of(printed(child, sealing, fonts))


def test_what_is_unknown_is_written_out(record, sealing, fonts, text_of):
    bare = replace(record, findings="", diagnoses=(), prescriptions=(), services=())

    text = text_of(printed(bare, sealing, fonts))

    assert "Toàn thân và các bộ phận: không ghi nhận" in text
    assert "không kê đơn" in text
    assert "Không có chỉ định." in text


def test_a_draft_says_so_on_every_page(record, fonts, text_of):
    text = text_of(printed(record, None, fonts))

    assert text.count("BẢN NHÁP – CHƯA KÝ") == 2
    assert "chưa ký" in text


def test_a_new_version_names_its_reason(record, sealing, fonts, text_of):
    second = replace(sealing, version=2, reason="Bổ sung chẩn đoán kèm theo")

    text = text_of(printed(record, second, fonts))

    assert "Bản 2, thay cho bản trước. Lý do sửa: Bổ sung chẩn đoán kèm theo" in text


def test_what_a_person_typed_is_never_read_as_markup(record, sealing, fonts, text_of):
    hostile = '#panic() *x* $x^2$ #image("/etc/passwd") <y> \\ " {"'

    text = text_of(printed(replace(record, findings=hostile), sealing, fonts))

    assert '#panic() *x* $x^2$ #image("/etc/passwd") <y> \\ " {"' in text


def test_the_file_is_tagged_titled_and_archivable(record, sealing, fonts):
    with pikepdf.open(BytesIO(printed(record, sealing, fonts))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "vi-VN"
        assert "/StructTreeRoot" in pdf.Root
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "2A"
            assert "Bệnh án ngoại trú" in metadata["dc:title"]


def test_the_same_words_give_the_same_bytes(record, sealing, fonts):
    assert printed(record, sealing, fonts) == printed(record, sealing, fonts)


def test_a_receipt_adds_up_in_words(receipt, fonts, text_of):
    text = text_of(printed(receipt, None, fonts))

    assert "33.600 ₫" in text
    assert "Ba mươi ba nghìn sáu trăm đồng" in text
    assert "PT26-000123" in text


def test_the_slip_of_the_desk_is_80_mm_wide(queue_slip, fonts, text_of):
    pdf = printed(queue_slip, None, fonts)

    document = pypdfium2.PdfDocument(pdf)
    width, _ = document[0].get_size()
    assert len(document) == 1
    assert round(width / 72 * 25.4) == 80
    assert "A007" in text_of(pdf)
    assert "ƯU TIÊN" in text_of(pdf)


def test_a_laboratory_report_marks_what_is_out_of_range(laboratory_report, sealing, fonts, text_of):
    text = text_of(printed(laboratory_report, sealing, fonts))

    assert "12,4 ↑" in text
    assert "128 g/L" in text
