"""The log's public face: checkpoint and tiles for monitors, the witness, the page that checks.

None of it holds personal data: entries are commitments. What a citizen downloads about herself is
behind her own session.

Standards: C2SP tlog-tiles, tlog-witness.
"""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from yba.foundation.audit import checkpage, log_store, proving, service, tiles, witnessing
from yba.foundation.audit.errors import WitnessRefuses
from yba.foundation.audit.keys import witness_key
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import AccessRefused, NotFound, TooLarge
from yba.plumbing.web import (
    PUBLIC,
    Page,
    actor_of,
    limited_body,
    reading,
    state_of,
    transaction,
)

_FOR_EVERYBODY = {"access-control-allow-origin": "*"}
_FOR_EVER = _FOR_EVERYBODY | {"cache-control": "public, max-age=31536000, immutable"}
_NEVER_KEPT = _FOR_EVERYBODY | {"cache-control": "no-store"}
_OCTETS = "application/octet-stream"


async def checkpoint(request: Request) -> Response:
    """Give the newest signed checkpoint with its co-signatures."""
    async with reading(request) as tx:
        note = await proving.newest_checkpoint(tx)
    if not note:
        raise NotFound
    return PlainTextResponse(note, headers=_NEVER_KEPT)


async def tile(request: Request) -> Response:
    """Give a tile or a bundle of entries; what was given once never changes."""
    name = tiles.read_path("tile/" + request.path_params["path"])
    if name is None:
        raise NotFound
    async with reading(request) as tx:
        content = await proving.tile_named(tx, name)
    if content is None:
        raise NotFound
    return Response(content, media_type=_OCTETS, headers=_FOR_EVER)


async def add_checkpoint(request: Request) -> Response:
    """Confirm the checkpoint of a log that this node watches."""
    state = state_of(request)
    try:
        async with (
            limited_body(request, witnessing.MOST_REQUEST_BYTES) as body,
            transaction(request) as tx,
        ):
            line = await witnessing.confirm(
                tx, body=body, signer=witness_key(state.settings), at=utc_now()
            )
    except TooLarge:
        return PlainTextResponse("the request is too large\n", status_code=400)
    except WitnessRefuses as refused:
        if refused.size is not None:
            return Response(
                f"{refused.size}\n", status_code=refused.status, media_type="text/x.tlog.size"
            )
        return PlainTextResponse(refused.text() + "\n", status_code=refused.status)
    return PlainTextResponse(line)


async def _trusted(request: Request) -> tuple[list[str], list[str]]:
    async with reading(request) as tx:
        witnesses = await tx.rows(witnessing.Witness, log_store.WITNESSES)
        return await tx.values(log_store.SIGNERS), [one.verifier_key for one in witnesses]


async def check(request: Request) -> Response:
    """Show the page that checks a proof file."""
    keys, witnesses = await _trusted(request)
    page = checkpage.served(keys=keys, witnesses=witnesses, base="/audit")
    return Response(page, media_type="text/html", headers={"cache-control": "no-cache"})


async def check_kept(request: Request) -> Response:
    """Give the page as one file to keep."""
    keys, witnesses = await _trusted(request)
    headers = {
        "content-disposition": f'attachment; filename="{checkpage.FILE_NAME}"',
        "cache-control": "no-cache",
    }
    page = checkpage.kept(keys=keys, witnesses=witnesses)
    return Response(page, media_type="text/html", headers=headers)


async def check_script(_: Request) -> Response:
    """Give the script of the page."""
    return Response(checkpage.part("check.js"), media_type="text/javascript")


async def check_style(_: Request) -> Response:
    """Give the style of the page."""
    return Response(checkpage.part("check.css"), media_type="text/css")


def patient_of(actor: Actor) -> str:
    """Return whose entries the actor may take away: her own. Raises AccessRefused."""
    if actor.patient_id is None:
        raise AccessRefused
    return actor.patient_id


async def mine(request: Request) -> Response:
    """Give the citizen the file that proves her entries; the look is audited."""
    actor, now = actor_of(request), utc_now()
    patient_id = patient_of(actor)
    async with transaction(request) as tx:
        proof = await service.proof_bundle(tx, patient_id=patient_id)
        await service.record(
            tx, actor=actor, action="R", what="audit.proof", at=now, patient_id=patient_id
        )
    name = f"bang-chung-truy-cap-{now:%Y%m%d-%H%M%S}.json"
    return Response(
        json.dumps(proof, ensure_ascii=False, separators=(",", ":")),
        media_type="application/json",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        },
    )


PAGES = [
    Page("/audit/log/checkpoint", checkpoint, "audit:checkpoint", PUBLIC),
    Page("/audit/log/tile/{path:path}", tile, "audit:tile", PUBLIC),
    Page(
        "/audit/witness/add-checkpoint",
        add_checkpoint,
        "audit:add_checkpoint",
        PUBLIC,
        methods=("POST",),
        browser_only=False,
    ),
    Page("/audit/check", check, "audit:check", PUBLIC),
    Page("/audit/check.html", check_kept, "audit:check_kept", PUBLIC),
    Page("/audit/check.js", check_script, "audit:check_script", PUBLIC),
    Page("/audit/check.css", check_style, "audit:check_style", PUBLIC),
    Page("/audit/mine.json", mine, "audit:mine", "citizen.self"),
]
