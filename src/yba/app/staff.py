"""Members of staff: a log-in, and a Practitioner in the record who signs."""

from collections.abc import Sequence
from datetime import datetime

from yba.fhir import r4
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import Account
from yba.foundation.record import service as record
from yba.kernel import systems
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx


async def add(
    tx: Tx,
    *,
    actor: Actor,
    login: str,
    password: str,
    name: str,
    roles: Sequence[str],
    at: datetime,
    licence: str = "",
    departments: Sequence[str] = (),
) -> Account:
    """Add somebody who works here. With a licence she becomes a Practitioner, who can sign.

    `departments` are the clinic ids and department codes in which she is on duty.

    Raises what `accounts.create` raises.
    """
    practitioner_id = record.new_id() if licence else None
    if practitioner_id:
        practitioner = r4.Practitioner(
            id=practitioner_id,
            active=True,
            identifier=[r4.Identifier(system=systems.LICENCE, value=licence)],
            name=[r4.HumanName(text=name)],
        )
        await record.save(tx, actor=actor, resources=[practitioner], at=at, note="staff.add")
    return await accounts.create(
        tx,
        actor=actor,
        login=login,
        password=password,
        name=name,
        roles=roles,
        at=at,
        practitioner_id=practitioner_id,
        licence=licence,
        departments=departments,
    )
