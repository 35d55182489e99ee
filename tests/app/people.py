"""Somebody of a role, signed in."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx

from yba.app.asgi import Shell
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.accounts import service as accounts
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database


@asynccontextmanager
async def signed_in(
    shell: Shell,
    database: Database,
    role: str,
    *,
    patient_id: str = "",
    departments: Sequence[str] = (),
) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client that holds the session of a new account with `role`.

    A citizen is the person `patient_id`, or somebody who is not registered here.
    """
    async with database.transaction() as tx:
        account = await accounts.create(
            tx,
            actor=Actor.system("test"),
            login=f"{role}-{new_id()}",
            password="only for a moment",
            name="Người Kiểm Thử",
            roles=[role],
            at=utc_now(),
            patient_id=(patient_id or new_id()) if role == "citizen" else None,
            practitioner_id=new_id(),
            licence="000001/HNO-GPHN",
            departments=departments,
        )
        token = await accounts.open_session(tx, account_id=account.id, kind="browser", at=utc_now())
    transport = httpx.ASGITransport(app=shell)  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://yba.test",
        cookies={accounts_pages.COOKIE: token},
    ) as client:
        yield client
