"""What a citizen decides and requests stands in her record as FHIR Consent."""

from datetime import timedelta

import pytest
from tests.builders.care import citizen, person_named

from yba.fhir import r4
from yba.foundation.consent import service as consent
from yba.foundation.consent.model import Recipient, RecipientKind
from yba.foundation.consent.service import Saying
from yba.foundation.parties import service as parties
from yba.foundation.record import service as record
from yba.kernel.ids import encode_id


@pytest.fixture
async def lan(tx, actor, at):
    """Return a citizen with a record of her own."""
    return citizen(
        await parties.register_person(
            tx, actor=actor, person=person_named("Nguyễn Thị Rèm", 77), at=at
        )
    )


async def test_a_decision_is_one_consent_in_the_record_and_its_end_the_next_version(tx, lan, at):
    saying = Saying(purpose="research", given=True, text_version="2026-01", language="vi")
    decision = await consent.decide(
        tx, actor=lan, patient_id=lan.patient_id, born=at.date().replace(year=1985),
        saying=saying, at=at,
    )  # fmt: skip
    await record.save(tx, actor=lan, resources=[consent.consent_of(decision)], at=at)
    withdrawn = await consent.withdraw(
        tx, actor=lan, decision_id=decision.decision_id, channel="web", at=at
    )
    [saved] = await record.save(tx, actor=lan, resources=[consent.consent_of(withdrawn)], at=at)

    assert (saved.id, saved.version) == (encode_id(decision.decision_id), 2)
    kept = await record.read(tx, actor=lan, type_=r4.Consent, id_=saved.id, at=at)
    assert (kept.status, kept.provision.type) == ("inactive", "permit")


async def test_a_written_request_is_a_consent_with_recipient_and_term(tx, lan, at):
    await consent.request_release(
        tx, actor=lan, patient_id=lan.patient_id, kinds=["visits"], purpose="Khám tiếp",
        recipient=Recipient(RecipientKind.PROVIDER, "01999", "Phòng khám Thử"),
        since=at, until=at + timedelta(days=3), at=at,
    )  # fmt: skip
    [release] = await consent.releases_of(tx, actor=lan, patient_id=lan.patient_id)
    [saved] = await record.save(tx, actor=lan, resources=[consent.release_of(release)], at=at)

    kept = await record.read(tx, actor=lan, type_=r4.Consent, id_=saved.id, at=at)
    assert kept.provision.actor[0].reference.display == "Phòng khám Thử (01999)"
    assert kept.provision.class_[0].code == "visits"
