"""Who leaves signs no more."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from yba.app.leaving import CertificateEnder
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.events import AccountDisabled
from yba.foundation.accounts.model import actor_for
from yba.foundation.signing import service as signing
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

_STATE = "SELECT retired_at IS NOT NULL FROM signing.certificate WHERE fingerprint = $1"


async def test_the_certificate_of_whoever_leaves_is_revoked(
    database: Database, actor: Actor, at: datetime, tmp_path: Path
):
    opened = signing.open_signing(
        tmp_path / "pki", organisation="Bệnh viện", facility_code="99999", at=at
    )
    async with database.transaction() as tx:
        leaving, staying = [
            await accounts.create(
                tx, actor=actor, login=f"doctor-{new_id()}", password="ghế xanh trên mái nhà",
                name="Vũ Văn Thử", roles=["doctor"], at=at, practitioner_id=new_id(),
                licence="000123/HNO-GPHN",
            )
            for _ in range(2)
        ]  # fmt: skip
        held = {
            account.id: await signing.certificate_in_use(
                tx, signing=opened, holder=signing.holder_of(actor_for(account), opened), at=at
            )
            for account in (leaving, staying)
        }

        later = at + timedelta(hours=1)
        for _ in range(2):
            event = AccountDisabled(account_id=leaving.id, at=later)
            await CertificateEnder(lambda: opened).follow(tx, event)

        assert await tx.value(_STATE, held[leaving.id].fingerprint) is True
        assert await tx.value(_STATE, held[staying.id].fingerprint) is False
    revoked = x509.load_der_x509_crl(opened.authority.crl())
    serials = {one.serial_number for one in revoked}
    left = x509.load_der_x509_certificate(held[leaving.id].der)
    assert serials == {left.serial_number}
