"""Nobody learns from an address whether a thing of somebody else exists, whatever she types into it.

Every route that takes an identifier stands in one of the tables below; a new one makes the first test
fail until somebody has decided where it belongs. What belongs to one person is asked for by others
with a real identifier and with one that nothing has: both answers are the same refusal.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.app.people import signed_in
from tests.builders import care

from yba.app.asgi import Shell, declared
from yba.care.documents import service as documents
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Closing, DiagnosisEntry, Examination, VitalSigns
from yba.care.scheduling import service as scheduling
from yba.foundation.consent import service as consent
from yba.foundation.consent.model import RELATIONS, Recipient, RecipientKind, RequestKind
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing import outbox
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.web import Page

WITH_IDENTIFIER = {page.name: page for page in declared() if "{" in page.path}

# Whole registers: the role works with every person of this facility, and every look is audited.
BY_ROLE = {
    "desk:": "reception finds and admits everybody",
    "cashier:": "the till takes everybody's money",
    "claims:": "claims are made for everybody insured",
    "laboratory:": "the bench works on every order it is sent",
    "privacy:": "the officer answers everybody",
    "watch:": "the officer looks through the trail",
    "access:": "who decides on requests and emergencies",
    "admin:": "accounts of the staff",
    "programs:cut_off": "the operator's programs",
    "programs:renew": "the operator's programs",
    "archive:list": "the archive keeps everybody's records",
    "archive:approve": "the archive keeps everybody's records",
    "archive:destroy": "the archive keeps everybody's records",
    "archive:minutes": "the archive keeps everybody's records",
}
# What is in the address is itself the proof, or names nothing of a person.
BY_CODE = {
    "audit:tile": "hashes, published",
    "documents:verify": "a code printed on a paper; the answer names no patient",
    "html:static": "files of the program",
    "payments:check_receipt": "a code printed on a slip; the answer names nobody",
    "citizen:open_share": "a secret of 128 bits, and a PIN",
    "citizen:open_share_now": "a secret of 128 bits, and a PIN",
    "citizen:decide": "a purpose, of the person who signed in",
}


@dataclass(frozen=True)
class Ask:
    """How others ask for it: which roles, with which thing of hers, with which form."""

    roles: tuple[str, ...]
    thing: str
    form: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)


CITIZEN = ("citizen",)
TREATING = ("doctor", "nurse", "head", "visitor")
SIGNED_IN = ("doctor", "nurse", "visitor", "receptionist", "cashier", "laboratory", "citizen")
_LONG = "Cần biết bệnh sử trước khi xử trí"
OWNED = {
    "archive:act": Ask(SIGNED_IN, "encounter_id", {"reason": _LONG}, {"act": "close"}),
    "archive:export": Ask(SIGNED_IN, "encounter_id", {"form": "xml", "request": "Đơn 3"}),
    "archive:record": Ask(SIGNED_IN, "encounter_id"),
    "chart:absent": Ask(("doctor",), "item_id"),
    "chart:access": Ask(TREATING, "encounter_id"),
    "chart:ask": Ask(("doctor", "nurse", "visitor"), "encounter_id", {"purpose": "", "why": _LONG}),
    "chart:break_glass": Ask(("doctor", "nurse"), "encounter_id", {"reason": "ngắn"}),
    "chart:call": Ask(("doctor",), "item_id"),
    "chart:cancel_order": Ask(("doctor",), "encounter_id", {"request": "x", "reason": _LONG}),
    "chart:cancel_prescription": Ask(("doctor",), "encounter_id", {"reason": _LONG}),
    "chart:check_prescription": Ask(
        ("doctor",), "encounter_id", {"drug": "40.1.01", "quantity": "3"}
    ),
    "chart:close": Ask(("doctor",), "encounter_id"),
    "chart:end_emergency": Ask(("doctor", "nurse"), "encounter_id"),
    "chart:need": Ask(("doctor", "nurse"), "encounter_id", {"reason": _LONG}),
    "chart:no_allergy": Ask(("doctor",), "encounter_id"),
    "chart:order": Ask(("doctor",), "encounter_id", {"service": "02.03.1896"}),
    "chart:prescribe": Ask(("doctor",), "encounter_id", {"drug": "40.1.01", "quantity": "3"}),
    "chart:preview": Ask(("doctor",), "encounter_id", {"service": "02.03.1896"}),
    "chart:reopen": Ask(("doctor",), "encounter_id", {"reason": _LONG}),
    "chart:save": Ask(("doctor",), "encounter_id", {"reason": "Sốt"}),
    "chart:start": Ask(("doctor",), "encounter_id"),
    "chart:visit": Ask(TREATING, "encounter_id"),
    "chart:vitals": Ask(("doctor", "nurse"), "encounter_id", {"pulse": "80"}),
    "chart:who": Ask(TREATING, "encounter_id"),
    "chart:withdraw_allergy": Ask(("doctor",), "encounter_id", {"allergy": "x"}),
    "citizen:accept_proxy": Ask(CITIZEN, "proxy"),
    "citizen:end_proxy": Ask(CITIZEN, "proxy"),
    "citizen:end_release": Ask(CITIZEN, "release"),
    "citizen:end_share": Ask(CITIZEN, "share"),
    "citizen:paper": Ask(CITIZEN, "document_id"),
    "citizen:pay": Ask(CITIZEN, "encounter_id"),
    "citizen:refuse_proxy": Ask(CITIZEN, "proxy"),
    "citizen:request": Ask(CITIZEN, "request"),
    "citizen:show_again": Ask(CITIZEN, "restriction"),
    "citizen:take_back": Ask(CITIZEN, "request"),
    "citizen:visit": Ask(CITIZEN, "encounter_id"),
    "citizen:withdraw": Ask(CITIZEN, "decision"),
    "documents:draft": Ask(("doctor",), "encounter_id"),
    "documents:pdf": Ask(SIGNED_IN, "document_id"),
    "documents:print": Ask(SIGNED_IN, "document_id"),
    "documents:sign": Ask(("doctor",), "encounter_id"),
    "inbox:preview": Ask(SIGNED_IN, "paper"),
    "privacy:correct": Ask(("doctor",), "request", {"answer": "accept", "words": _LONG}),
    "privacy:correction": Ask(("doctor",), "request"),
    "programs:choices": Ask(TREATING, "encounter_id"),
    "programs:end": Ask(SIGNED_IN, "client_id"),
    "programs:open": Ask(TREATING, "encounter_id", {"program": "x"}),
}


def test_every_route_with_an_identifier_is_decided():
    def of_role(name: str) -> bool:
        return name not in OWNED and any(name.startswith(one) for one in BY_ROLE)

    decided = {name for name in WITH_IDENTIFIER if of_role(name)} | set(BY_CODE) | set(OWNED)

    assert decided == set(WITH_IDENTIFIER)
    assert not set(BY_CODE) & set(OWNED)
    for part in BY_ROLE:
        assert any(name.startswith(part) for name in WITH_IDENTIFIER), part


@pytest.fixture(scope="module")
async def hers(shell: Shell, database: Database) -> dict[str, Any]:
    """Return what belongs to one person, by the names of the table."""
    at, settings = utc_now(), shell.state.settings
    person = care.person_named("Đặng Thị Riêng Tư", 4711)
    archive = documents.archive_from(settings, BlobStore(settings.blob_dir), at=at)
    async with database.transaction() as tx:
        visit = await care.open_visit(tx, at, person=person, code="R1")
        about = {"actor": care.DOCTOR, "encounter_id": visit.encounter_id, "at": at}
        ticket = await scheduling.ticket_of_visit(tx, encounter_id=visit.encounter_id)
        await encounters.start_visit(tx, **about)
        await encounters.record_examination(
            tx, examination=Examination(reason="Sốt", history="Ba ngày", findings="Họng"), **about
        )
        await encounters.record_vitals(tx, signs=VitalSigns(weight=Decimal(54)), **about)
        await encounters.record_diagnoses(tx, diagnoses=[DiagnosisEntry(code="J20.9")], **about)
        await encounters.close_visit(tx, closing=Closing(), **about)
        paper = await documents.sign_outpatient_record(tx, archive=archive, **about)
        numbers = await _rights_of(tx, visit.patient_id, visit.encounter_id, at)
    await outbox.drain(database)
    assert ticket is not None
    return {
        "encounter_id": visit.encounter_id, "document_id": paper.document_id, "paper": new_id(),
        "item_id": ticket.item_id, "client_id": new_id(), "patient_id": visit.patient_id, **numbers,
    }  # fmt: skip


async def _rights_of(tx: Any, patient_id: str, encounter_id: str, at: Any) -> dict[str, int]:
    herself = {"actor": care.citizen(patient_id), "patient_id": patient_id, "at": at}
    saying = consent.Saying(purpose="research", given=True, text_version="2026-01", language="vi")
    asking = consent.Asking(
        kind=RequestKind.CORRECT, details="Sai ngày", target=f"Encounter/{encounter_id}"
    )
    mother = await care.register(tx, at, care.person_named("Đặng Thị Mẹ", 4712))
    asked = consent.Asked(
        patient_id=patient_id, patient_name="Đặng Thị Riêng Tư", person_id=mother,
        person_name="Đặng Thị Mẹ", relation=next(iter(RELATIONS)),
    )  # fmt: skip
    decided = await consent.decide(tx, born=at.date().replace(year=1985), saying=saying, **herself)
    shared = await consent.share(tx, parts=["summary"], **herself)
    return {
        "decision": decided.decision_id,
        "release": await consent.request_release(
            tx, kinds=["visits"], purpose="Khám tiếp", since=at, until=at + timedelta(days=3),
            recipient=Recipient(RecipientKind.PROVIDER, "01999", "Phòng khám Thử"), **herself,
        ),
        "request": await consent.ask(tx, asking=asking, **herself),
        "restriction": await consent.hide(tx, hiding=consent.Hiding(scope="everything"), **herself),
        "share": shared.share_id,
        "proxy": await consent.ask_proxy(tx, actor=care.citizen(mother), asked=asked, at=at),
    }  # fmt: skip


def _absent(value: Any) -> Any:
    return value + 1 if isinstance(value, int) else new_id()


def _address(page: Page, ask: Ask, value: Any) -> str:
    found = page.path
    for name, filled in ask.path.items():
        found = found.replace(f"{{{name}}}", filled)
    return re.sub(r"\{[^}]*\}", str(value), found)


def _said(answer: httpx.Response, value: Any) -> str:
    """Return what an answer says, without the identifier that was asked for and its own."""
    text = re.sub(
        r"[0-9a-f]{8}-[0-9a-f]{4}-\S{22}", "<id>", answer.text.replace(str(value), "<it>")
    )
    return f"{answer.status_code} {answer.headers.get('location', '')} {text}"


ROLES = sorted({role for ask in OWNED.values() for role in ask.roles})


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_unrelated_learns_that_a_thing_exists(
    role: str, shell: Shell, database: Database, hers: dict[str, Any]
):
    wrong: list[str] = []
    async with signed_in(shell, database, role) as client:
        for name, ask in OWNED.items():
            if role not in ask.roles:
                continue
            page, real = WITH_IDENTIFIER[name], hers[ask.thing]
            absent = _absent(real)
            there, nothing = [
                await client.request(page.methods[0], _address(page, ask, one), data=ask.form or None)
                for one in (real, absent)
            ]  # fmt: skip
            refused = there.status_code in (403, 404, 422)
            if not refused or _said(there, real) != _said(nothing, absent):
                wrong.append(f"{name}: {there.status_code} and {nothing.status_code}")
    assert not wrong, wrong
