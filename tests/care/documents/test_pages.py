"""The pages: who gets which file, and what a stranger learns from the public check."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from tests.builders import care

from yba.app import asgi, wiring
from yba.care.documents import pages, service
from yba.care.documents.model import Document
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Closing, DiagnosisEntry, Examination, VitalSigns
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.accounts import service as accounts
from yba.foundation.signing import service as signing
from yba.foundation.signing.model import MAX_FILE_BYTES, Holder, HolderKind, SignerRole
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.blobs import BlobStore
from yba.plumbing.settings import Settings

DOCTOR = care.DOCTOR


@pytest.fixture(scope="module")
def config(database, tmp_path_factory) -> Settings:
    """Return the settings of the running application."""
    return replace(
        Settings(secret=b"only for tests, never elsewhere"),
        data_dir=tmp_path_factory.mktemp("node"),
        database_url=database.dsn,
        base_url="http://yba.test",
        connections=4,
    )


@pytest.fixture(scope="module")
async def shell(config) -> AsyncGenerator[asgi.Shell]:
    """Yield the running application."""
    wired = wiring.pages()
    with pytest.MonkeyPatch.context() as patch:
        if "documents:check" not in {page.name for page in wired}:
            patch.setattr(wiring, "pages", lambda: [*wired, *pages.PAGES])
        shell = asgi.build(config)
    async with shell.running():
        yield shell


@dataclass
class Signed:
    """A signed document in the database of the running application."""

    document: Document
    content: bytes


@pytest.fixture(scope="module")
async def signed(config, database) -> Signed:
    """Return the signed record of a visit that is really in the database."""
    at = utc_now()
    archive = service.archive_from(config, BlobStore(config.blob_dir), at=at)
    person = care.person_named("Lê Thị Kiểm Thử", 98761)
    async with database.transaction() as tx:
        visit = await care.open_visit(tx, at, person=person, code="VB1")
        about = {"actor": DOCTOR, "encounter_id": visit.encounter_id, "at": at}
        await encounters.start_visit(tx, **about)
        await encounters.record_vitals(tx, signs=VitalSigns(weight=Decimal(54)), **about)
        note = Examination(reason="Sốt", history="Ba ngày", findings="Họng đỏ")
        await encounters.record_examination(tx, examination=note, **about)
        await encounters.record_diagnoses(tx, diagnoses=[DiagnosisEntry(code="J20.9")], **about)
        await encounters.close_visit(tx, closing=Closing(), **about)
        document = await service.sign_outpatient_record(tx, archive=archive, **about)
    return Signed(document, archive.blobs.get(document.sha256))


async def client(shell, token: str = "") -> httpx.AsyncClient:
    """Return a client, with a session if there is a token."""
    cookies = {accounts_pages.COOKIE: token} if token else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shell), base_url="http://yba.test", cookies=cookies
    )


@pytest.fixture
async def stranger(shell) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield somebody without a session."""
    async with await client(shell) as found:
        yield found


async def session(
    database, role: str, patient_id: str | None = None, practitioner_id: str | None = None
) -> str:
    """Return the session of a new account."""
    async with database.transaction() as tx:
        account = await accounts.create(
            tx,
            actor=Actor.system("test"),
            login=f"{role}-{new_id()}",
            password="only for a moment",
            name="Người Kiểm Thử",
            roles=[role],
            at=utc_now(),
            patient_id=patient_id,
            practitioner_id=practitioner_id or (new_id() if role == "doctor" else None),
            licence="000001/HNO-GPHN" if role == "doctor" else "",
            departments=["K01"] if role == "doctor" else [],
        )
        return await accounts.open_session(tx, account_id=account.id, kind="browser", at=utc_now())


async def test_a_stranger_is_asked_to_sign_in(stranger, signed):
    answer = await stranger.get(f"/documents/{signed.document.document_id}.pdf")

    assert answer.status_code == 303


async def test_the_patient_gets_the_very_bytes_that_were_signed(shell, database, signed):
    token = await session(database, "citizen", signed.document.patient_id)
    async with await client(shell, token) as patient:
        answer = await patient.get(f"/documents/{signed.document.document_id}.pdf")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == signed.content


async def test_another_citizen_does_not_learn_that_it_exists(shell, database, signed):
    async with await client(shell, await session(database, "citizen", new_id())) as other:
        real = await other.get(f"/documents/{signed.document.document_id}.pdf")
        invented = await other.get(f"/documents/{new_id()}.pdf")

    assert (real.status_code, invented.status_code) == (404, 404)


async def test_a_doctor_prints_a_marked_copy(shell, database, signed, text_of):
    async with await client(shell, await session(database, "doctor")) as doctor:
        answer = await doctor.get(f"/documents/{signed.document.document_id}/print.pdf")

    assert answer.status_code == 200
    assert "BẢN GIẤY CHUYỂN TỪ VĂN BẢN ĐIỆN TỬ" in text_of(answer.content)


async def test_a_cashier_may_not_sign(shell, database, signed):
    async with await client(shell, await session(database, "cashier")) as cashier:
        answer = await cashier.post(f"/documents/sign/{signed.document.encounter_id}")

    assert answer.status_code == 403


async def test_the_code_tells_who_and_when_but_not_whom(stranger, signed):
    answer = await stranger.get(f"/verify/{signed.document.short_id}")

    assert answer.status_code == 200
    assert DOCTOR.name in answer.text
    assert signed.document.sha256 in answer.text
    assert "đang có hiệu lực" in answer.text
    assert "Kiểm Thử" not in answer.text
    assert signed.document.patient_id not in answer.text


async def test_a_typed_code_is_found(stranger, signed):
    code = signed.document.short_id

    answer = await stranger.get("/verify", params={"code": f"{code[:4]}-{code[4:8]}-{code[8:]}"})

    assert signed.document.sha256 in answer.text


async def test_an_unknown_code_is_said_to_be_unknown(stranger):
    answer = await stranger.get("/verify/k7m2p9x4d8qa")

    assert answer.status_code == 404
    assert "không phát hành văn bản nào có mã này" in answer.text


async def test_a_delegate_reads_for_whom_and_to_what_day(shell, database):
    at = datetime(2026, 9, 15, 1, 0, tzinfo=UTC)
    giver, taker = replace(DOCTOR, practitioner_id=new_id()), new_id()
    async with database.transaction() as tx:
        await signing.open_request(
            tx,
            kind="outpatient-record",
            about=new_id(),
            encounter_id=new_id(),
            patient_id=new_id(),
            summary="Bệnh án ngoại trú · Người Bệnh",
            seats=[signing.Seat(SignerRole.AUTHOR, giver.practitioner_id, giver.name)],
            at=at,
        )
        await signing.delegate(
            tx,
            actor=giver,
            taker_id=taker,
            taker_name="Bác Sĩ Thay",
            kinds=(),
            reason="Nghỉ phép",
            valid_from=at,
            valid_to=datetime(2099, 12, 31, 17, 0, tzinfo=UTC),
            at=at,
        )
    token = await session(database, "doctor", practitioner_id=taker)
    async with await client(shell, token) as delegate:
        basket, keys = await delegate.get("/inbox"), await delegate.get("/inbox/keys")

    for page in (basket, keys):
        assert page.status_code == 200
        assert giver.name in page.text
        assert "31/12/2099" in page.text, "midnight ends the day before"
    assert "Bệnh án ngoại trú · Người Bệnh" in basket.text


async def test_the_administration_decides_who_signs_and_takes_certificates_out_of_use(
    shell, config, database
):
    at = utc_now()
    place = service.archive_from(config, BlobStore(config.blob_dir), at=at).signing
    loser = Holder(HolderKind.PERSON, new_id(), "Bác Sĩ Mất Thẻ", place.organisation, "1/HNO")
    async with database.transaction() as tx:
        await signing.certificate_in_use(tx, signing=place, holder=loser, at=at)
    token = await session(database, "administrator")
    day = "2099-01-01"
    async with await client(shell, token) as admin:
        before = await admin.get("/admin/signing")
        decided = await admin.post(
            "/admin/signing/order",
            data={
                "kind": "outpatient-record",
                "from": day,
                "office": "head",
                "seal": "yes",
                "source": "Quyết định 15",
            },
        )
        late = await admin.post(
            "/admin/signing/order",
            data={"kind": "outpatient-record", "from": "2020-01-01", "source": "Quyết định 1"},
        )
        [number] = re.findall(rf'<option value="(\w+)">{loser.name} ·', before.text)
        mute = await admin.post("/admin/signing/revoke", data={"certificate": number})
        gone = await admin.post(
            "/admin/signing/revoke", data={"certificate": number, "reason": "Mất thẻ"}
        )
        after = await admin.get("/admin/signing")

    assert (before.status_code, decided.status_code, gone.status_code) == (200, 303, 303)
    assert (late.status_code, mute.status_code) == (422, 422)
    assert "người lập → trưởng khoa → chữ ký số của cơ sở" in after.text
    assert 'id="vacant"' in after.text, "an office that nobody holds is told"
    assert f'<option value="{number}">' not in after.text
    async with database.transaction() as tx:
        roles = await signing.roles_of(
            tx, kind="outpatient-record", at=datetime(2099, 6, 1, tzinfo=UTC)
        )
    assert [*roles] == ["author", "head", "organisation"]


async def test_a_doctor_does_not_decide_who_signs(shell, database):
    async with await client(shell, await session(database, "doctor")) as doctor:
        seen = await doctor.get("/admin/signing")
        sent = await doctor.post("/admin/signing/revoke", data={"reason": "x"})

    assert (seen.status_code, sent.status_code) == (403, 403)


async def upload(browser, content: bytes, **headers: str) -> httpx.Response:
    """Send a file to the public check."""
    files = {"file": ("a.pdf", content, "application/pdf")}
    return await browser.post("/verify", files=files, headers=headers)


@pytest.mark.slow
async def test_an_uploaded_original_is_valid_and_ours(stranger, signed):
    answer = await upload(stranger, signed.content)

    assert "Chữ ký hợp lệ và văn bản chưa bị thay đổi." in answer.text
    assert "trùng khớp từng byte" in answer.text


@pytest.mark.slow
async def test_an_uploaded_forgery_is_not_valid(stranger, signed):
    forged = signed.content.replace(b"/Title", b"/Titel", 1)

    answer = await upload(stranger, forged)

    assert "Chữ ký KHÔNG hợp lệ" in answer.text
    assert "không có trong sổ đăng ký" in answer.text


@pytest.mark.slow
async def test_uploaded_nonsense_is_unreadable(stranger):
    answer = await upload(stranger, b"MZ\x00nonsense")

    assert answer.status_code == 200
    assert "Không đọc được tệp này" in answer.text


async def test_an_upload_without_a_file_is_refused(stranger):
    answer = await stranger.post("/verify", data={"file": "text"})

    assert answer.status_code == 422
    assert "hãy chọn một tệp" in answer.text


@pytest.mark.slow
async def test_an_upload_beyond_the_limit_is_refused(stranger):
    answer = await upload(stranger, b"%" * (MAX_FILE_BYTES + 100_000))

    assert answer.status_code == 413
    assert "20 MB" in answer.text


async def test_an_upload_from_another_site_is_refused(stranger, signed):
    answer = await upload(stranger, signed.content, **{"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


async def test_the_page_is_there_in_english_too(stranger):
    answer = await stranger.get("/verify", headers={"accept-language": "en"})

    assert "Check a document" in answer.text


async def test_root_and_revocations_can_be_fetched(stranger):
    root = await stranger.get("/pki/root.pem")
    revoked = await stranger.get("/pki/issuing.crl")

    assert b"BEGIN CERTIFICATE" in root.content
    assert revoked.headers["content-type"] == "application/pkix-crl"
