"""Libraries that other people wrote let programs in: `openid-client` and `oauth4webapi` from npm.

A real node, with a citizen who is signed in; what a person does on the pages is done by fetch.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from tests.builders.node import Node
from tests.clients.test_fhir_kit_client import FOLDER, _node
from tests.conformance_report import Score

from yba.foundation.accounts import service as accounts
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.service import Wanted
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
DRIVE = Path(__file__).parent / "npm" / "programs.mjs"
BACK = "https://app.example/back"
SYSTEM = Actor.system("test")
SCOPES = ["openid", "profile", "fhirUser", "launch/patient", "patient/*.rs", "offline_access"]


class _OnOurDatabase(Node):
    """A node on the database of the tests, so that the tests can sign somebody in."""

    dsn = ""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"YBA_DATABASE_URL": self.dsn, "YBA_WORKERS": "1"}


@pytest.fixture
async def node(database: Database) -> AsyncGenerator[_OnOurDatabase]:
    folder = Path(tempfile.mkdtemp(prefix="yba-programs-"))
    folder.chmod(0o755)
    node = _OnOurDatabase(folder)
    node.dsn = database.dsn
    node.start()
    yield node
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def _prepared(database: Database, base: str) -> dict[str, Any]:
    """Register the programs and sign a citizen in."""
    keys = [RSAKey.generate_key(2048, {"kid": "rsa"}), ECKey.generate_key("P-384", {"kid": "ec"})]
    wishes = {
        "pub": Wanted("Công khai", redirect_uris=[BACK], logout_uris=[BACK], scopes=SCOPES),
        "secretive": Wanted(
            "Có khóa", "client_secret_basic", redirect_uris=[BACK], scopes=SCOPES
        ),
        "resource": Wanted("Máy chủ", "client_secret_post", grants=["introspect"]),
        "backend": Wanted(
            "Nền", "private_key_jwt", scopes=["system/*.rs"], grants=["client_credentials"],
            jwks={"keys": [key.as_dict(private=False) for key in keys]},
        ),
    }  # fmt: skip
    programs: dict[str, dict[str, Any]] = {}
    at = utc_now()
    async with database.transaction() as tx:
        for name, wanted in wishes.items():
            client, secret = await authorization.register(tx, actor=SYSTEM, wanted=wanted, at=at)
            programs[name] = {"id": client.id, "secret": secret}
        account = await accounts.create(
            tx, actor=SYSTEM, login=f"npm-{new_id()}", password="only for a moment " + new_id(),
            name="Người Kiểm Thử", roles=["citizen"], at=at, patient_id=new_id(),
        )  # fmt: skip
        token = await accounts.open_session(tx, account_id=account.id, kind="browser", at=at)
    programs["backend"] |= {
        "rsa": keys[0].as_dict(private=True), "ec": keys[1].as_dict(private=True),
    }  # fmt: skip
    return {"base": base, "cookie": f"session={token}", "back": BACK, **programs}


async def test_openid_client_and_oauth4webapi_are_let_in(
    node: _OnOurDatabase, database: Database, score: Score
):
    for name in ("openid-client", "oauth4webapi"):
        if not (FOLDER / "node_modules" / name).is_dir():
            pytest.skip(f"{name} is not in var/cache/clients (run: python tools/fetch_clients.py)")
    given = await _prepared(database, node.base)
    done = subprocess.run(
        [_node(), str(DRIVE), str(FOLDER), json.dumps(given)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])

    assert not answer["failed"], "\n\n".join(f"{k}: {v}" for k, v in answer["failed"].items())
    score("client-openid", answer["total"], answer["total"])
