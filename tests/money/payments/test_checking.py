"""A slip proves itself to whoever holds it, and a made-up one does not."""

import pytest
from tests.money.payments.test_payments import open_till, pay_cash

from yba.kernel.refusal import NotFound
from yba.money.payments import service

SECRET = b"only for tests"


async def test_the_code_of_a_slip_leads_to_it(till):
    await open_till(till)
    slip = await pay_cash(till, await till.owed(42_100), 50_000)

    code = service.check_code(slip, secret=SECRET)

    assert await service.checked_receipt(till.tx, code=code.upper(), secret=SECRET) == slip
    assert slip.payer_name not in code


async def test_a_code_that_was_never_printed_leads_nowhere(till):
    await open_till(till)
    slip = await pay_cash(till, await till.owed(1_000), 1_000)
    code = service.check_code(slip, secret=SECRET)
    other = service.check_code(slip, secret=b"another installation")
    changed = code[:-1] + ("a" if code[-1] != "a" else "b")

    for made_up in (slip.key, other, changed, "", "é" * 25, slip.key + "a" * 12, "0" * 25):
        with pytest.raises(NotFound):
            await service.checked_receipt(till.tx, code=made_up, secret=SECRET)
