"""What a paired signing program calls: pair, tell certificates, wait for work, answer.

The programs prove themselves with a bearer token of their own. None of these
answers says anything about a patient except the lines that the signer has to
read before signing.
"""

import asyncio
import base64
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from yba.foundation.signing import agents
from yba.foundation.signing.agents import Agent
from yba.foundation.signing.errors import AgentMessageUnclear, AgentNotPaired
from yba.kernel.clock import utc_now
from yba.plumbing.web import PUBLIC, Page, limited_body, reading, state_of, transaction

_MOST_BYTES = 2 * 1024 * 1024
_WAIT_SECONDS = 20.0
_PAUSE = 0.4
_NO_STORE = {"cache-control": "no-store"}


async def _message(request: Request) -> dict[str, Any]:
    """Return the JSON object of a call. Raises AgentMessageUnclear."""
    async with limited_body(request, _MOST_BYTES) as content:
        try:
            found = orjson.loads(content or b"{}")
        except orjson.JSONDecodeError as error:
            raise AgentMessageUnclear from error
    if not isinstance(found, dict):
        raise AgentMessageUnclear
    return found


async def _caller(request: Request) -> Agent:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AgentNotPaired
    async with transaction(request) as tx:
        return await agents.agent_of(tx, token=token.strip(), at=utc_now())


async def pair(request: Request) -> Response:
    """Exchange a pairing code for the program's own token."""
    message = await _message(request)
    async with transaction(request) as tx:
        token = await agents.pair(tx, code=str(message.get("code", ""))[:40], at=utc_now())
    return JSONResponse({"token": token}, headers=_NO_STORE)


async def certificates(request: Request) -> Response:
    """Take the certificates that the program sees on its tokens."""
    agent = await _caller(request)
    message = await _message(request)
    found = [
        {"key": str(one.get("key", ""))[:500], "certificate": str(one.get("certificate", ""))}
        for one in message.get("certificates", [])
        if isinstance(one, dict)
    ]
    async with transaction(request) as tx:
        await agents.keep_found(tx, agent=agent, found=found)
    return Response(status_code=204)


async def next_task(request: Request) -> Response:
    """Answer with the next task, or with 204 after a while without one."""
    agent = await _caller(request)
    loop = asyncio.get_running_loop()
    until = loop.time() + _WAIT_SECONDS
    while True:
        async with state_of(request).database.transaction() as tx:
            task = await agents.next_task(tx, agent=agent, at=utc_now())
        if task is not None:
            return JSONResponse(task.as_json(), headers=_NO_STORE)
        if loop.time() > until or await request.is_disconnected():
            return Response(status_code=204, headers=_NO_STORE)
        await asyncio.sleep(_PAUSE)


async def answer(request: Request) -> Response:
    """Take the signatures of a task, or the reason why there are none."""
    agent = await _caller(request)
    message = await _message(request)
    try:
        signatures = [
            base64.b64decode(str(one), validate=True) for one in message.get("signatures", [])
        ]
    except ValueError as error:
        raise AgentMessageUnclear from error
    async with transaction(request) as tx:
        taken = await agents.finish_task(
            tx,
            agent=agent,
            task=str(message.get("task", "")),
            signatures=signatures,
            refused=str(message.get("refused", "")),
            at=utc_now(),
        )
    return Response(status_code=204 if taken else 410)


async def alive(request: Request) -> Response:
    """Say that the server and the pairing are in order."""
    agent = await _caller(request)
    async with reading(request):
        return JSONResponse({"name": agent.name}, headers=_NO_STORE)


PAGES = [
    Page("/agent/pair", pair, "agent:pair", PUBLIC, ("POST",), browser_only=False),
    Page("/agent/certificates", certificates, "agent:certificates", PUBLIC, ("POST",), False),
    Page("/agent/task", next_task, "agent:task", PUBLIC, ("POST",), browser_only=False),
    Page("/agent/answer", answer, "agent:answer", PUBLIC, ("POST",), browser_only=False),
    Page("/agent", alive, "agent:alive", PUBLIC),
]
