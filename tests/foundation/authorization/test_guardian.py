"""A mother opens a program on her child: only hers, only by law, only until the child decides."""


# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from tests.builders.care import citizen
from tests.foundation.authorization.conftest import (
    SYSTEM,
    Ask,
    answer_of,
    browser_of,
    code_for,
    decide,
    exchange,
    tokens_for,
)

from yba.fhir import r4
from yba.foundation.consent import service as consent
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

OFFICER = Actor("officer", "Người Phụ Trách", permissions=frozenset({"privacy.*"}))
SCOPE = "launch/patient openid patient/Observation.rs offline_access"


@dataclass
class Family:
    """A mother in her browser, with her small child, a grown daughter who agreed, and a stranger."""

    browser: httpx.AsyncClient
    mother: str
    child: str
    daughter: str
    stranger: str
    proxy_id: int


@pytest.fixture
async def family(shell, database: Database) -> AsyncGenerator[Family]:
    mother, child, daughter, stranger = (new_id() for _ in range(4))
    at = utc_now()
    async with database.transaction() as tx:
        for one in (mother, child, daughter, stranger):
            patient = r4.Patient(id=one, name=[r4.HumanName(text=f"Người {one}")])
            seen = r4.Observation(
                id=f"o-{one}", status="final", subject=r4.Reference(reference=f"Patient/{one}"),
                code=r4.CodeableConcept(text="Cân nặng"),
            )  # fmt: skip
            await record.save(tx, actor=SYSTEM, resources=[patient, seen], at=at, note="test")
        made: list[int] = []
        for whose, relation in ((child, "mother"), (daughter, "mother")):
            asked = consent.Asked(
                patient_id=whose, patient_name=f"Người {whose}", person_id=mother,
                person_name="Mẹ", relation=relation,
            )  # fmt: skip
            made.append(await consent.ask_proxy(tx, actor=citizen(mother), asked=asked, at=at))
        await consent.accept_proxy(
            tx, actor=OFFICER, proxy_id=made[0], papers="Giấy khai sinh 7/2022",
            born=date(2022, 5, 19), at=at,
        )  # fmt: skip
        await consent.accept_proxy(tx, actor=citizen(daughter), proxy_id=made[1], at=at)
    async with await browser_of(shell, database, "citizen", patient_id=mother) as browser:
        yield Family(browser, mother, child, daughter, stranger, made[0])


async def _seen(machine: httpx.AsyncClient, token: str) -> set[str]:
    answer = await machine.get("/fhir/Observation", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return {one["resource"]["id"] for one in answer.json().get("entry", ())}


async def test_a_mother_chooses_her_child_and_the_program_sees_the_child_alone(
    machine, family, register
):
    client, _ = await register()
    ask = Ask(client, SCOPE)
    page = await family.browser.get("/oauth/authorize", params=ask.parameters)
    assert f'value="{family.child}"' in page.text
    # Who agreed as an adult lets somebody act for her, and no programs of that somebody.
    assert family.daughter not in page.text

    given = await tokens_for(machine, family.browser, ask, patient=family.child)

    assert given["patient"] == family.child
    assert await _seen(machine, given["access_token"]) == {f"o-{family.child}"}
    own = await tokens_for(machine, family.browser, ask)
    assert own["patient"] == family.mother
    assert await _seen(machine, own["access_token"]) == {f"o-{family.mother}"}


async def test_nobody_elses_record_is_opened_by_writing_its_number_into_the_form(family, register):
    client, _ = await register()
    for other in (family.daughter, family.stranger, new_id(), "x' OR 1=1"):
        answer = await decide(family.browser, Ask(client, SCOPE), patient=other)
        assert answer.status_code == 403, other
        assert "location" not in answer.headers


async def test_asking_silently_goes_on_with_the_child_that_was_chosen(machine, family, register):
    client, _ = await register()
    await tokens_for(machine, family.browser, Ask(client, SCOPE), patient=family.child)

    ask = Ask(client, SCOPE, more={"prompt": "none"})
    said = answer_of(await family.browser.get("/oauth/authorize", params=ask.parameters))
    given = (await exchange(machine, ask, said["code"])).json()
    assert given["patient"] == family.child


async def test_when_the_representation_ends_so_does_what_it_granted(
    machine, family, register, database
):
    client, _ = await register()
    given = await tokens_for(machine, family.browser, Ask(client, SCOPE), patient=family.child)
    waiting = Ask(client, SCOPE)
    code = await code_for(family.browser, waiting, patient=family.child)
    async with database.transaction() as tx:  # as if the birthday had come
        await tx.execute(
            "UPDATE consent.proxy SET until = now() WHERE proxy_id = $1", family.proxy_id
        )
        await tx.execute(
            "UPDATE access.relation SET until = now() WHERE why = $1", f"Proxy/{family.proxy_id}"
        )

    assert await _seen(machine, given["access_token"]) == set()
    form = {
        "grant_type": "refresh_token", "refresh_token": given["refresh_token"],
        "client_id": client.id,
    }  # fmt: skip
    refreshed = await machine.post("/oauth/token", data=form)
    assert refreshed.json()["error"] == "invalid_grant"
    assert (await exchange(machine, waiting, code)).json()["error"] == "invalid_grant"
    silent = Ask(client, SCOPE, more={"prompt": "none"})
    answer = await family.browser.get("/oauth/authorize", params=silent.parameters)
    assert answer_of(answer)["error"] == "consent_required"
