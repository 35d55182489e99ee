"""The address to which the facility's bank reports movements on its account.

A machine endpoint: it proves itself by the signature of each notice, not by a
session. Answers are short and say nothing about bills.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.money.payments import service
from yba.plumbing.web import PUBLIC, Page, limited_body, state_of, transaction

_BODY_LIMIT = 16 * 1024
_BANK = Actor.system("bank", "HPAYMT")


async def bank_notices(request: Request) -> Response:
    """Take one signed notice; delivered again it changes nothing."""
    settings = state_of(request).settings
    now = utc_now()
    async with limited_body(request, _BODY_LIMIT) as body:
        notice = service.read_notice(
            body,
            timestamp=request.headers.get("x-timestamp", ""),
            signature=request.headers.get("x-signature", ""),
            secret=settings.bank_secret,
            at=now,
        )
    async with transaction(request) as tx:
        row = await service.bank_notice(
            tx, actor=_BANK, notice=notice, account=settings.bank_account, at=now
        )
    return JSONResponse({"transaction_id": row.transaction_id, "outcome": row.outcome})


PAGES = [
    Page(
        "/payments/bank-notices",
        bank_notices,
        "payments:bank_notices",
        PUBLIC,
        ("POST",),
        browser_only=False,
    ),
]
