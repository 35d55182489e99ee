"""Issuing a claim: from a real visit, once, in versions, never over an older file."""

from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from tests.builders.care import NURSE
from tests.money.insurance.ward import (
    CASHIER,
    EXAM,
    GLUCOSE,
    GLUCOSE_INDEX,
    MINUTE,
    open_visit,
    visit,
)

from yba.kernel.refusal import AccessRefused
from yba.money.charging import service as charging
from yba.money.charging.model import NewCharge
from yba.money.insurance import service
from yba.money.insurance.errors import NothingToClaim, VisitNotClosed
from yba.money.insurance.xml import read_check_in, read_claim


async def issue(tx, at, opened, folder: Path, **options):
    return await service.claim_of(
        tx,
        actor=CASHIER,
        encounter_id=opened.encounter_id,
        at=at + 40 * MINUTE,
        folder=folder,
        **options,
    )


async def test_a_closed_visit_becomes_a_valid_claim(tx, at, tmp_path):
    opened = await visit(tx, at)

    issued = await issue(tx, at, opened, tmp_path)

    claim, found = read_claim((tmp_path / issued.claim.path).read_bytes())
    (episode,) = claim.episodes
    assert {name: len(rows) for name, rows in episode.tables.items()} == {
        "XML1": 1,
        "XML2": 1,
        "XML3": 2,
        "XML4": 1,
        "XML5": 1,
        "XML14": 1,
    }
    assert found[0].problems == ()
    assert [(one.rule, one.table, one.field) for one in issued.findings if one.is_error] == []


async def test_the_claim_tells_what_the_record_and_the_bill_say(tx, at, tmp_path):
    opened = await visit(tx, at)
    bill = await charging.statement(tx, encounter_id=opened.encounter_id, at=at + 40 * MINUTE)

    issued = await issue(tx, at, opened, tmp_path)

    claim, _ = read_claim((tmp_path / issued.claim.path).read_bytes())
    main = claim.episodes[0].main
    (drug,) = claim.episodes[0].rows("XML2")
    (result,) = claim.episodes[0].rows("XML4")
    (note,) = claim.episodes[0].rows("XML5")
    assert main["MA_LK"] == opened.claim_key
    assert (main["MA_BENH_CHINH"], main["MA_BENH_KT"]) == ("J06.9", "I10")
    assert main.amount("T_TONGCHI_BV") == bill.split.amount
    assert main.amount("T_BHTT") == bill.split.insurance_pays
    assert (drug["SO_LUONG"], drug["LIEU_DUNG"][:10]) == ("15", "1 viên/lần")
    assert (result["MA_CHI_SO"], result["GIA_TRI"]) == (GLUCOSE_INDEX, "5.4")
    assert note["DIEN_BIEN_LS"] == "Họng đỏ CSST<M88_T38.2>"


async def test_the_check_in_names_the_first_cost(tx, at, tmp_path):
    opened = await visit(tx, at)

    issued = await issue(tx, at, opened, tmp_path)

    message, problems = read_check_in((tmp_path / issued.check_in.path).read_bytes())
    assert problems == ()
    assert message.rows[0]["MA_DICH_VU"] == EXAM
    assert message.rows[0]["MA_LK"] == opened.claim_key


async def test_an_open_visit_is_checked_in_as_soon_as_something_costs(tx, at, tmp_path):
    opened = await visit(tx, at, close=False)

    file = await service.check_in_of(
        tx,
        actor=CASHIER,
        encounter_id=opened.encounter_id,
        at=at + 20 * MINUTE,
        folder=tmp_path,
    )

    message, problems = read_check_in((tmp_path / file.path).read_bytes())
    assert (problems, message.rows[0]["MA_DICH_VU"]) == ((), EXAM)


async def test_a_visit_without_any_cost_is_not_checked_in(tx, at, tmp_path):
    opened = await open_visit(tx, at)

    with pytest.raises(NothingToClaim):
        await service.check_in_of(
            tx, actor=CASHIER, encounter_id=opened.encounter_id, at=at, folder=tmp_path
        )


async def test_issuing_again_gives_the_same_file(tx, at, tmp_path):
    opened = await visit(tx, at)

    first = await issue(tx, at, opened, tmp_path)
    second = await issue(tx, at, opened, tmp_path)

    assert second.claim == first.claim
    assert len(list(tmp_path.rglob("*.xml"))) == 2


async def test_a_changed_visit_is_the_next_version_beside_the_old_file(tx, at, tmp_path):
    opened = await visit(tx, at)
    first = await issue(tx, at, opened, tmp_path)
    before = (tmp_path / first.claim.path).read_bytes()
    await charging.charge(
        tx,
        actor=CASHIER,
        encounter_id=opened.encounter_id,
        patient_id=opened.patient_id,
        charges=[NewCharge("test:more", "service", GLUCOSE, Decimal(1), at + 9 * MINUTE)],
        at=at + 41 * MINUTE,
    )

    second = await issue(tx, at, opened, tmp_path)

    assert (first.claim.version, second.claim.version) == (1, 2)
    assert (tmp_path / first.claim.path).read_bytes() == before
    assert second.claim.path != first.claim.path


async def test_the_ledger_of_issued_files_cannot_be_changed(tx, at, tmp_path):
    await issue(tx, at, await visit(tx, at), tmp_path)

    with pytest.raises(asyncpg.RestrictViolationError):
        await tx.execute("UPDATE insurance.claim_file SET errors = 0")


async def test_a_signer_fills_the_signature_slot(tx, at, tmp_path):
    async def sign(content: bytes) -> bytes:
        return content.replace(b"<CHUKYDONVI/>", b"<CHUKYDONVI><Signature/></CHUKYDONVI>")

    issued = await issue(tx, at, await visit(tx, at), tmp_path, sign=sign)

    claim, _ = read_claim((tmp_path / issued.claim.path).read_bytes())
    assert claim.is_signed
    assert issued.claim.is_signed


async def test_an_open_visit_is_not_claimed(tx, at, tmp_path):
    with pytest.raises(VisitNotClosed):
        await issue(tx, at, await visit(tx, at, close=False), tmp_path)

    assert list(tmp_path.rglob("*.xml")) == []


async def test_an_open_visit_can_be_checked_before_it_is_closed(tx, at):
    opened = await visit(tx, at, close=False)

    found = await service.check_visit(
        tx, actor=CASHIER, encounter_id=opened.encounter_id, at=at + 30 * MINUTE
    )

    assert {one.field for one in found if one.is_error} == {"KET_QUA_DTRI", "MA_LOAI_RV"}


async def test_a_visit_without_cost_has_nothing_to_claim(tx, at):
    opened = await open_visit(tx, at)

    with pytest.raises(NothingToClaim):
        await service.check_visit(tx, actor=CASHIER, encounter_id=opened.encounter_id, at=at)


async def test_a_nurse_does_not_issue_claims(tx, at, tmp_path):
    opened = await visit(tx, at)

    with pytest.raises(AccessRefused):
        await service.claim_of(
            tx, actor=NURSE, encounter_id=opened.encounter_id, at=at, folder=tmp_path
        )
