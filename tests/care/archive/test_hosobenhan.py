"""HoSoBenhAn: from a real visit, validated, read back equal from both forms."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.care.archive.conftest import KEEPER, NOON

from yba.care.archive import exporting, hosobenhan
from yba.care.archive.errors import ArchiveReasonMissing, ExportUnusable
from yba.foundation.audit import service as audit

GROUPS = [
    "ThongTinBenhNhan", "ThongTinVaoVien", "ThongTinDieuTri", "YLenhThuocVatTu", "PhieuChiDinh",
    "KetQuaChanDoanHinhAnh", "KetQuaXetNghiem", "GiayChuyenVien", "HoSoCapCuu", "PhieuThuThuat",
    "PhieuPhauThuat",
]  # fmt: skip
LEAST = {
    "ThongTinBenhNhan": [{"ma_bn": "1", "ho_ten": "Lan", "gioi_tinh": "2"}],
    "ThongTinVaoVien": [{"ma_lk": "1", "ma_cskcb": "01001", "ngay_vao": "202609151200"}],
    "ThongTinDieuTri": [{"maicd": "J20.9", "tenicd": "Viêm phế quản"}],
} | {name: [] for name in GROUPS[3:]}


def test_the_schema_has_the_eleven_groups_of_the_letter():
    assert [group.name for group in hosobenhan.schema()] == GROUPS


async def test_a_real_visit_is_exported_and_read_back_equal_from_both_forms(tx, archived_visit):
    one = await archived_visit(tx)
    about = {"actor": KEEPER, "encounter_id": one.encounter_id, "request": "Đơn 1", "at": NOON}

    name, xml = await exporting.exported(tx, form="xml", **about)
    _, json = await exporting.exported(tx, form="json", **about)

    assert name == f"HoSoBenhAn-{one.encounter_id}.xml"
    content = hosobenhan.from_xml(xml)
    assert content == hosobenhan.from_json(json)
    assert content["ThongTinBenhNhan"][0]["cccd_so"] == "001185000123"
    assert content["ThongTinDieuTri"][0]["maicd"] == "J20.9"
    assert content["ThongTinDieuTri"][0]["kham_lam_sang"] == "Họng đỏ & <đau>"
    assert (hosobenhan.as_xml(content), hosobenhan.as_json(content)) == (xml, json)
    traces = await audit.who_looked(tx, patient_id=one.patient_id)
    assert [trace.what for trace in traces].count("archive.hand_over") == 2


async def test_no_copy_without_a_written_request(tx, archived_visit):
    one = await archived_visit(tx)

    with pytest.raises(ArchiveReasonMissing):
        await exporting.exported(
            tx, actor=KEEPER, encounter_id=one.encounter_id, form="xml", request=" ", at=NOON
        )


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"ThongTinBenhNhan": [{"ma_bn": "1", "gioi_tinh": "2"}]}, "ThongTinBenhNhan.ho_ten"),
        ({"ThongTinBenhNhan": []}, "ThongTinBenhNhan"),
        ({"ThongTinDieuTri": [{"maicd": "J20.99999", "tenicd": "x"}]}, "ThongTinDieuTri.maicd"),
        ({"GiayChuyenVien": [{"noi_chuyen_den": "x", "ngay_chuyen": "202613011200"}]},
         "GiayChuyenVien[1].ngay_chuyen"),
        ({"Khac": [{}]}, "Khac"),
        ({"ThongTinDieuTri": [{"maicd": "J20", "tenicd": "x", "la": "y"}]}, "ThongTinDieuTri.la"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_schema_is_refused_with_its_place(change, place):
    with pytest.raises(ExportUnusable) as refused:
        hosobenhan.check(LEAST | change)

    assert list(refused.value.fields) == [place]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"<a/>", b"<HoSoBenhAn/>", b"\xff\xfe",
        b'<!DOCTYPE HoSoBenhAn [<!ENTITY a "b">]><HoSoBenhAn>&a;</HoSoBenhAn>',
        b'<!DOCTYPE HoSoBenhAn SYSTEM "file:///etc/passwd"><HoSoBenhAn/>',
    ],
)  # fmt: skip
def test_foreign_and_hostile_xml_is_refused(text):
    with pytest.raises(ExportUnusable):
        hosobenhan.from_xml(text)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"HoSoBenhAn": 3}', b'{"HoSoBenhAn": {"a": [1]}}']
)
def test_foreign_json_is_refused(text):
    with pytest.raises(ExportUnusable):
        hosobenhan.from_json(text)


@given(st.text(max_size=200).filter(lambda text: text.strip() == text and text))
def test_every_text_that_is_accepted_comes_back_unchanged(text):
    content = LEAST | {"HoSoCapCuu": [{"ngay_cap_cuu": "202609151200", "noi_dung": text}]}
    try:
        xml = hosobenhan.as_xml(content)
    except ExportUnusable:
        return
    assert hosobenhan.from_xml(xml) == content == hosobenhan.from_json(hosobenhan.as_json(content))
    assert orjson.loads(hosobenhan.as_json(content))
