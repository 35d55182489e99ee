"""When somebody leaves: her certificate signs no more.

Her sessions, tokens and programs have ended already, in the transaction that disabled her account.
"""

from collections.abc import Callable

from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.events import AccountDisabled
from yba.foundation.accounts.model import actor_for
from yba.foundation.signing import service as signing
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx


class CertificateEnder:
    """Takes certificates out of use; `keys` opens the signing of this installation."""

    def __init__(self, keys: Callable[[], signing.Signing]) -> None:
        self._keys = keys

    async def follow(self, tx: Tx, event: AccountDisabled) -> None:
        """Take out of use what the person signed with; doing it again changes nothing."""
        account = await accounts.account(tx, account_id=event.account_id)
        if account.practitioner_id is None:
            return
        opened = self._keys()
        await signing.revoke_certificate(
            tx,
            signing=opened,
            actor=Actor.system("accounts", "SYSADMIN"),
            holder=signing.holder_of(actor_for(account), opened),
            reason="cessationOfOperation",
            at=event.at,
        )
