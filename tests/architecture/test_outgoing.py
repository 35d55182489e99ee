"""Every way out of a node is known: who opens connections, who hands out files, and on what basis.

What goes to another care provider or a private insurer passes the person's written request (Law
91/2025/QH15 art. 26(2)). A new way out makes these tests fail until its basis stands here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tests.architecture.test_traces import _modules as modules
from tests.architecture.test_traces import reaches

NETWORK = {
    "aiohttp", "aiosmtplib", "ftplib", "http.client", "httpcore", "httpx", "paramiko", "requests",
    "smtplib", "socket", "telnetlib", "urllib.request", "urllib3", "websockets",
}  # fmt: skip
CONNECTS = {
    "yba.app.control": "asks this machine's own node whether it is up",
    "yba.foundation.accounts.external": "sign-in at a provider; no data of a record",
    "yba.foundation.audit.witnessing": "sizes and hashes of the log",
    "yba.foundation.authorization.proving": "fetches a program's public keys",
    "yba.foundation.notices.service": "an e-mail that says that a message waits, nothing else",
    "yba.foundation.record.bulk.importing": "fetches what is to be imported",
    "yba.foundation.record.subscriptions.sending": "tells programs of this facility, see below",
    "yba.foundation.signing.agent_program": "the agent asks its own node",
    "yba.foundation.signing.pades": "hashes to a time-stamp authority",
    "yba.foundation.signing.remote": "digests to a signing service",
    "yba.foundation.signing.status": "fetches certificate status",
    "yba.money.insurance.eligibility": "social health insurance, no recipient of art. 26(2)",
    "yba.money.payments.pages": "the demonstration's stand-in bank",
}
HANDS_OUT = {
    "yba.care.archive.pages": "a copy that leaves: RELEASED below; minutes without a patient",
    "yba.care.documents.pages": "to who treats the person, and to herself",
    "yba.foundation.audit.endpoints": "hashes; her own proofs to herself",
    "yba.foundation.signing.endpoints": "certificates",
    "yba.money.insurance.pages": "claim files for social health insurance",
    "yba.plumbing.html.assets": "files of the program",
    "yba.surfaces.boards.pages": "a bell without content",
    "yba.surfaces.citizen.pages.rights": "her own record to herself",
    "yba.surfaces.citizen.pages.visits": "her own papers to herself",
    "yba.surfaces.desk.paper_pages": "the scan of a paper, to the desk that took it",
    "yba.surfaces.fhir_api.bulk": "to programs of this facility, row by row by their scopes",
    "yba.surfaces.fhir_api.openapi": "a description of the interface",
    "yba.surfaces.fhir_api.operations.view_run": "rows that the guard shows to who asks",
    "yba.surfaces.inbox.pages": "a paper to the one who is asked to sign it",
    "yba.surfaces.privacy.pages": "the register of processing, no person",
}
RELEASE = ("yba.foundation.consent.releasing", "require_release")
DISCLOSE = ("yba.foundation.consent.releasing", "disclose")
# Ways on which a person's data may reach another provider or a private insurer.
RELEASED = [("yba.care.archive.pages", "export")]


def _having(found: Callable[[ast.Module], bool]) -> set[str]:
    return {name for name, tree in modules().items() if found(tree)}


def _connects(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Attribute):
            names = ["socket"] if node.attr in ("open_connection", "create_connection") else []
        else:
            continue
        if any(name in NETWORK or name.split(".")[0] in NETWORK for name in names):
            return True
    return False


def _hands_out(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and str(node.value).lower() == "content-disposition":
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("FileResponse", "StreamingResponse") or (
                name == "stream" and "exchange" in ast.unparse(node.func)
            ):
                return True
            if name == "Response" and any(
                one.arg == "media_type" and "asset" in ast.unparse(one.value)
                for one in node.keywords
            ):
                return True
    return False


def test_who_opens_connections_is_known():
    assert _having(_connects) == set(CONNECTS)


def test_who_hands_out_files_is_known():
    assert _having(_hands_out) == set(HANDS_OUT)


def test_what_goes_to_another_provider_or_insurer_passes_the_written_request():
    for way in RELEASED:
        assert reaches(way, {RELEASE}), way
        assert reaches(way, {DISCLOSE}), way


def test_nobody_else_names_a_recipient():
    """Whoever builds a Recipient gives data to somebody: only ways of the list, and the citizen."""

    def names(tree: ast.Module) -> bool:
        return any(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Recipient"
            for node in ast.walk(tree)
        )

    allowed = {module for module, _ in RELEASED} | {RELEASE[0], "yba.surfaces.citizen.pages.rights"}
    assert _having(names) == allowed
