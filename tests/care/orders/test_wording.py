"""How quantities and doses are worded on a prescription."""

from decimal import Decimal

import pytest

from yba.care.orders.wording import dosage_text, drug_name, number_words, quantity_text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "không"),
        ("5", "năm"),
        ("10", "mười"),
        ("11", "mười một"),
        ("15", "mười lăm"),
        ("20", "hai mươi"),
        ("21", "hai mươi mốt"),
        ("24", "hai mươi bốn"),
        ("25", "hai mươi lăm"),
        ("105", "một trăm linh năm"),
        ("110", "một trăm mười"),
        ("1000", "một nghìn"),
        ("1005", "một nghìn không trăm linh năm"),
        ("2.5", "hai phẩy năm"),
        ("1000000", "một triệu"),
    ],
)
def test_numbers_in_vietnamese_words(number, words):
    assert number_words(Decimal(number)) == words


@pytest.mark.parametrize(
    ("quantity", "in_words", "text"),
    [
        ("5", False, "05 viên"),
        ("10", False, "10 viên"),
        ("10", True, "10 (Mười) viên"),
        ("7", True, "07 (Bảy) viên"),
        ("2.5", False, "2,5 viên"),
    ],
)
def test_quantities_below_ten_have_a_leading_zero_and_narcotics_words(quantity, in_words, text):
    assert quantity_text(Decimal(quantity), "viên", in_words=in_words) == text


def test_the_dose_is_written_as_the_claim_wants_it():
    text = dosage_text(dose=Decimal("0.5"), unit="viên", times=2, days=5, directions="")

    assert text == "0,5 viên/lần * 2 lần/ngày * 5 ngày [1 viên/ngày]"


def test_without_a_dose_the_directions_count():
    assert dosage_text(dose=None, unit="tuýp", times=0, days=0, directions="Bôi") == "Bôi"


@pytest.mark.parametrize(
    ("brand", "brand_only", "name"),
    [
        ("", False, "Paracetamol 500 mg"),
        ("Hạ Sốt Thử", False, "Paracetamol (Hạ Sốt Thử) 500 mg"),
        ("Hạ Sốt Thử", True, "Hạ Sốt Thử 500 mg"),
    ],
)
def test_a_single_substance_comes_before_its_brand(brand, brand_only, name):
    written = drug_name(
        substance="Paracetamol", brand=brand, strength="500 mg", use_brand_only=brand_only
    )

    assert written == name
