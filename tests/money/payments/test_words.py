"""Amounts in Vietnamese words."""

import pytest

from yba.money.payments.words import dong_in_words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Không đồng"),
        (5, "Năm đồng"),
        (10, "Mười đồng"),
        (15, "Mười lăm đồng"),
        (21, "Hai mươi mốt đồng"),
        (42_100, "Bốn mươi hai nghìn một trăm đồng"),
        (150_000, "Một trăm năm mươi nghìn đồng"),
        (1_005_000, "Một triệu không trăm linh năm nghìn đồng"),
        (1_000_011, "Một triệu không trăm mười một đồng"),
        (428_420, "Bốn trăm hai mươi tám nghìn bốn trăm hai mươi đồng"),
        (2_000_000_045, "Hai tỷ không trăm bốn mươi lăm đồng"),
        (
            1_234_567_891_234,
            "Một nghìn hai trăm ba mươi bốn tỷ năm trăm sáu mươi bảy triệu "
            "tám trăm chín mươi mốt nghìn hai trăm ba mươi bốn đồng",
        ),
    ],
)
def test_amount_reads_as_a_cashier_would_say_it(amount: int, words: str):
    assert dong_in_words(amount) == words
