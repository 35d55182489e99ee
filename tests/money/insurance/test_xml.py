"""The envelope: same bytes for the same claim, nothing lost, nothing hostile accepted."""

import base64
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.money.insurance import visits

from yba.money.insurance.claim import CheckIn, Claim, Episode, Row
from yba.money.insurance.errors import (
    DoctypeRefused,
    NotAClaimFile,
    NotWellFormed,
    TooBig,
    TooDeep,
    UnreadableClaim,
    UnwritableText,
    WrongEncoding,
)
from yba.money.insurance.tables import SENT_TABLES, layout, tables
from yba.money.insurance.xml import (
    Limits,
    open_claim,
    read_check_in,
    read_claim,
    write_check_in,
    write_claim,
    write_table,
)

DAY = visits.date(2026, 9, 15)
KINDS = ["outpatient", "inpatient", "everything"]

_TEXT = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cs", "Cc", "Cn"),
        include_characters="\t\n\r",
    ),
    max_size=30,
)


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    """Draw an episode of any tables with any text in any field."""
    found: dict[str, tuple[Row, ...]] = {}
    for name in SENT_TABLES:
        table = tables()[name]
        count = draw(st.integers(0, 2 if table.repeats else 1)) if name != "XML1" else 1
        names = layout(name, DAY).names
        rows = tuple(
            Row(
                name,
                number,
                {field: draw(_TEXT) if draw(st.booleans()) else "" for field in names},
            )
            for number in range(1, count + 1)
        )
        if rows:
            found[name] = rows
    # The day that chooses the layout.
    found["XML1"][0]["NGAY_RA"] = "202609150000"
    return Episode(found)


@settings(max_examples=25, deadline=None)
@given(st.lists(episodes(), min_size=1, max_size=3))
@pytest.mark.slow
def test_any_claim_that_is_written_is_read_back_equal(found: list[Episode]):
    claim = Claim("99999", "20260915", tuple(found), str(len(found)))

    content = write_claim(claim)
    again, read = read_claim(content)

    assert again == claim
    assert [one.problems for one in read] == [() for _ in found]
    assert write_claim(again) == content


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_table_survives(kind: str):
    claim = visits.claim(kind)

    again, _ = read_claim(write_claim(claim))

    assert again == claim


def test_all_sent_tables_are_in_the_fixture_of_everything():
    assert set(visits.episode("everything").tables) | {"XML4"} == set(SENT_TABLES)


def test_fields_stand_in_the_official_order_and_blank_ones_are_kept():
    (row,) = visits.episode("outpatient").rows("XML5")

    content = write_table("XML5", (row,), DAY).decode()

    assert re.findall(r"<([A-Z_]+)/?>", content)[3:] == list(layout("XML5", DAY).names)
    assert "<GIAI_DOAN_BENH/>" in content
    assert "CSST&lt;M88_T38.2_HA130/80&gt;" in content


def test_the_published_example_is_read():
    inner = (
        "<CHITIEU_CHITIET_DIENBIENLAMSANG><DSACH_CHI_TIET_DIEN_BIEN_BENH>"
        "<CHI_TIET_DIEN_BIEN_BENH><MA_LK>DEMO0001</MA_LK><STT>1</STT>"
        "<DIEN_BIEN_LS>Tỉnh CSST&lt;M78&gt;</DIEN_BIEN_LS><GIAI_DOAN_BENH/><HOI_CHAN/><PHAU_THUAT/>"
        "<THOI_DIEM_DBLS>202601120800</THOI_DIEM_DBLS><NGUOI_THUC_HIEN>000001/XX-GPHN"
        "</NGUOI_THUC_HIEN><DU_PHONG/></CHI_TIET_DIEN_BIEN_BENH></DSACH_CHI_TIET_DIEN_BIEN_BENH>"
        "</CHITIEU_CHITIET_DIENBIENLAMSANG>"
    )
    claim, (read,) = read_claim(outer(("XML5", inner.encode())))

    assert claim.facility == "99999"
    assert read.episode.rows("XML5")[0]["DIEN_BIEN_LS"] == "Tỉnh CSST<M78>"


def outer(*files: tuple[str, bytes], head: bytes = b"", wrap: int = 0) -> bytes:
    """Return an envelope around inner documents, base64 broken every `wrap` letters."""
    parts = [head, b"<GIAMDINHHS><THONGTINDONVI><MACSKCB>99999</MACSKCB></THONGTINDONVI>"]
    parts.append(b"<THONGTINHOSO><NGAYLAP>20260916</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>")
    parts.append(b"<DANHSACHHOSO><HOSO>")
    for name, content in files:
        text = base64.b64encode(content)
        if wrap:
            text = b"\r\n  ".join(text[i : i + wrap] for i in range(0, len(text), wrap))
        parts.append(
            b"<FILEHOSO><LOAIHOSO>%s</LOAIHOSO><NOIDUNGFILE>%s</NOIDUNGFILE></FILEHOSO>"
            % (name.encode(), text)
        )
    parts.append(b"</HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>")
    return b"".join(parts)


def inner_xml1(*, head: bytes = b"") -> bytes:
    (row,) = visits.episode("outpatient").rows("XML1")
    return head + write_table("XML1", (row,), DAY)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(outer(("XML1", inner_xml1()), wrap=76), id="base64 in lines"),
        pytest.param(outer(("XML1", inner_xml1()), head=b"\xef\xbb\xbf"), id="BOM"),
        pytest.param(
            outer(("XML1", inner_xml1(head=b"\xef\xbb\xbf")), head=b"<?xml version='1.0'?>\r\n"),
            id="BOM inside",
        ),
        pytest.param(
            outer(("XML1", inner_xml1(head=b'<?xml version="1.0" encoding="utf-8"?>\r\n'))),
            id="declaration inside",
        ),
        pytest.param(
            outer(("XML1", inner_xml1())).replace(b"<GIAMDINHHS>", b'<GIAMDINHHS xmlns="urn:x">'),
            id="default namespace",
        ),
        pytest.param(
            outer(("XML1", inner_xml1().replace(b"<TONG_HOP>", b'<TONG_HOP xmlns:xsi="urn:y">'))),
            id="namespace declaration inside",
        ),
        pytest.param(
            outer(("XML1", inner_xml1().replace(b"><", b">\r\n\t<"))), id="indented inside"
        ),
    ],
)
def test_what_other_systems_vary_is_tolerated(content: bytes):
    _, (read,) = read_claim(content)

    assert read.problems == ()
    assert read.episode.key == "DEMO0001"
    assert dict(read.episode.main) == dict(visits.episode("outpatient").main)


BOMB = (
    b'<!DOCTYPE GIAMDINHHS [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % (c, *([c - 1] * 8))
        for c in range(98, 112)
    )
    + b"]>"
)
OUTSIDE = b'<!DOCTYPE GIAMDINHHS [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(outer(head=BOMB), DoctypeRefused, id="billion laughs"),
        pytest.param(outer(head=OUTSIDE), DoctypeRefused, id="external entity"),
        pytest.param(
            outer(head=b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd">'),
            DoctypeRefused,
            id="external DTD",
        ),
        pytest.param(
            outer(("XML1", inner_xml1(head=BOMB))), DoctypeRefused, id="billion laughs inside"
        ),
        pytest.param(
            outer(("XML1", inner_xml1(head=OUTSIDE))), DoctypeRefused, id="external entity inside"
        ),
        pytest.param(b"<a>" * 500_000, NotAClaimFile, id="deep, foreign root"),
        pytest.param(b"<GIAMDINHHS>" + b"<a>" * 500_000, TooDeep, id="deep"),
        pytest.param(b"", NotWellFormed, id="empty"),
        pytest.param(b"\x00" * 1000, WrongEncoding, id="zeros"),
        pytest.param(b"PK\x03\x04 a zip", NotWellFormed, id="zip"),
        pytest.param(b"<html></html>", NotAClaimFile, id="a web page"),
        pytest.param(b"<GIAMDINHHS/>", NotAClaimFile, id="nothing inside"),
        pytest.param(
            outer(("XML1", inner_xml1())).decode().encode("utf-16"), WrongEncoding, id="UTF-16"
        ),
        pytest.param(outer(("XML1", inner_xml1()))[:-20], NotWellFormed, id="cut off"),
        pytest.param(
            outer(("XML1", inner_xml1())).replace(b"99999", b"9\xff999"),
            NotWellFormed,
            id="not UTF-8",
        ),
        pytest.param(
            b"<GIAMDINHHS>&#x0;</GIAMDINHHS>", NotWellFormed, id="a character that is none"
        ),
        pytest.param(outer(*[("XML1", b"<TONG_HOP/>")] * 40), TooBig, id="too many tables"),
    ],
)
def test_hostile_and_broken_files_are_refused(content: bytes, refusal: type[UnreadableClaim]):
    with pytest.raises(refusal):
        read_claim(content)


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(b"not xml", id="no XML"),
        pytest.param(b"<TONG_HOP><MA_LK>1</TONG_HOP>", id="broken"),
        pytest.param(b"<KHAC/>", id="another root"),
        pytest.param(b"<TONG_HOP>" + b"<a>" * 3000 + b"</a>" * 3000 + b"</TONG_HOP>", id="deep"),
        pytest.param("<TONG_HOP/>".encode("utf-16"), id="UTF-16"),
        pytest.param(b"<TONG_HOP>&x;</TONG_HOP>", id="unknown entity"),
    ],
)
def test_a_broken_table_is_a_problem_of_that_table(inner: bytes):
    _, (read,) = read_claim(outer(("XML1", inner)))

    assert [(one.rule, one.table) for one in read.problems] == [("VN-S007", "XML1")]


def test_text_of_one_field_has_a_limit():
    row = Row("XML1", 1, {**visits.episode("outpatient").main, "GHI_CHU": "a" * 1000})

    with pytest.raises(TooBig):
        read_claim(outer(("XML1", write_table("XML1", (row,), DAY))), Limits(text_chars=999))


def test_one_table_has_a_limit():
    with pytest.raises(TooBig):
        read_claim(outer(("XML1", inner_xml1())), Limits(table_bytes=1000))


def test_a_field_with_elements_inside_is_named():
    inner = inner_xml1().replace(b"<STT>1</STT>", b"<STT><b>1</b></STT>")

    _, (read,) = read_claim(outer(("XML1", inner)))

    assert [(one.rule, one.field) for one in read.problems] == [("VN-S008", "STT")]


def test_a_repeated_field_is_named():
    inner = inner_xml1().replace(b"<STT>1</STT>", b"<STT>1</STT><STT>2</STT>")

    _, (read,) = read_claim(outer(("XML1", inner)))

    assert [(one.rule, one.field) for one in read.problems] == [("VN-S008", "STT")]
    assert read.episode.main["STT"] == "1"


def test_episodes_are_read_one_by_one_from_small_chunks():
    content = write_claim(visits.claim("outpatient", "inpatient", "everything"))

    reader = open_claim(content[i : i + 100] for i in range(0, len(content), 100))

    assert [one.episode.key for one in reader] == ["DEMO0001", "DEMO0002", "DEMO0002"]
    assert reader.facility == "99999"


def test_a_character_that_xml_does_not_know_is_not_written():
    row = Row("XML5", 1, {"DIEN_BIEN_LS": "a\x0bb"})

    with pytest.raises(UnwritableText):
        write_table("XML5", (row,), DAY)


def test_a_check_in_is_read_back_equal():
    message = visits.check_in()

    again, problems = read_check_in(write_check_in(message, DAY))

    assert problems == ()
    assert again == CheckIn(message.rows)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 12_000))
@pytest.mark.slow
def test_damaged_files_are_refused_or_read_and_nothing_else(noise: bytes, at: int):
    content = write_claim(visits.claim("outpatient"))
    place = at % len(content)

    with suppress(UnreadableClaim):
        read_claim(content[:place] + noise + content[place + len(noise) :])
