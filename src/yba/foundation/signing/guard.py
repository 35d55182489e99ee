"""Checking a stranger's file at arm's length: another process, with limits.

A hostile file can ask a parser for endless time or memory. An uploaded file
is therefore checked by a child of a small warm process: the child may use so
much memory and so much time, opens no files, and is killed when it takes
longer. The warm process only copies bytes, so it stays healthy.

Run as a program this module is that warm process: it reads framed requests
from standard input, forks one child for each, and writes framed answers.
"""

import asyncio
import atexit
import hashlib
import os
import queue
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO

import msgspec

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.errors import CheckBusy, FileTooLarge
from yba.foundation.signing.model import MAX_FILE_BYTES, Verdict, Verification
from yba.foundation.signing.verification import NOT_READABLE, Asked, Evidence, verify
from yba.plumbing.i18n import N_

TOOK_TOO_LONG = N_("The check took too long and was stopped.")
_SECONDS = 20.0
_MEMORY = 1024 * 1024 * 1024
_AT_ONCE = 2
_MOST_WAITING = 16
_ANSWERED, _DIED, _LATE = b"A", b"D", b"L"
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class _Request:
    content: bytes
    trust: Trust
    at: datetime
    seconds: float
    detached: bytes | None = None
    evidence: Evidence = field(default_factory=Evidence)
    mind_revocation: bool = True


async def guarded_verification(
    data: bytes,
    *,
    trust: Trust,
    at: datetime,
    content: bytes | None = None,
    evidence: Evidence | None = None,
    mind_revocation: bool = True,
    seconds: float = _SECONDS,
) -> Verification:
    """Check a file of any kind in a process of its own; see verification.verify.

    `content` is the signed file where `data` holds only the signature.
    Raises FileTooLarge beyond 20 MB, CheckBusy when too many wait already,
    and nothing else: a check that takes too long or dies is an unreadable file.
    """
    if max(len(data), len(content or b"")) > MAX_FILE_BYTES:
        raise FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    request = _Request(data, trust, at, seconds, content, evidence or Evidence(), mind_revocation)
    answer = await _queued(msgspec.msgpack.encode(request))
    if answer[:1] == _ANSWERED:
        return msgspec.msgpack.decode(answer[1:], type=Verification)
    problem = TOOK_TOO_LONG if answer[:1] == _LATE else NOT_READABLE
    digest = hashlib.sha256(data).hexdigest()
    return Verification(digest, Verdict.UNREADABLE, problems=(problem,))


class _Warm:
    """One warm process, started when first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: bytes) -> bytes:
        """Return the answer to one request; a process that has died is replaced once."""
        return self._ask_once(request) or self._ask_once(request) or _DIED

    def _ask_once(self, request: bytes) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, request)
            answer = _read(process.stdout)
        except OSError:
            answer = b""
        if not answer:
            self.stop()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork the process belongs to the parent; never share its pipes.
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no input
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def stop(self) -> None:
        """End the warm process of this process, if there is one."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What could not be sent to a dead process is not missed.
                with suppress(OSError):
                    pipe.close()
        process.wait()


_warm = [_Warm() for _ in range(_AT_ONCE)]
# Last in, first out: one warm process serves as long as nobody waits.
_free: queue.LifoQueue[_Warm] = queue.LifoQueue()
for _one in _warm:
    _free.put(_one)
    atexit.register(_one.stop)


class _Queue:
    """Threads of their own, so that strangers' files never hold up a signature."""

    workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="verify")
    waiting = 0


async def _queued(request: bytes) -> bytes:
    if _Queue.waiting >= _MOST_WAITING:
        raise CheckBusy
    _Queue.waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_Queue.workers, _asked, request)
    finally:
        _Queue.waiting -= 1


def _asked(request: bytes) -> bytes:
    warm = _free.get()
    try:
        return warm.ask(request)
    finally:
        _free.put(warm)


def _write(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(_LENGTH.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes:
    header = pipe.read(_LENGTH.size)
    return pipe.read(_LENGTH.unpack(header)[0]) if len(header) == _LENGTH.size else b""


def serve() -> None:
    """Answer requests until standard input ends."""
    while content := _read(sys.stdin.buffer):
        _write(sys.stdout.buffer, _in_child(content))


def _in_child(content: bytes) -> bytes:
    request = msgspec.msgpack.decode(content, type=_Request)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _check(request, writer)
    os.close(writer)
    answer, is_late = _received(reader, time.monotonic() + request.seconds)
    os.close(reader)
    if is_late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if is_late:
        return _LATE
    return _ANSWERED + answer if status == 0 and answer else _DIED


def _received(reader: int, deadline: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            break
        part = os.read(reader, 65536)
        if not part:
            return b"".join(parts), False
        parts.append(part)
    return b"", True


def _check(request: _Request, writer: int) -> None:
    """Do the work of the child, and end it here whatever happens."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(_SECONDS), int(_SECONDS)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        asked = Asked(request.trust, request.at, request.evidence, request.mind_revocation)
        found = verify(request.content, asked, content=request.detached)
        answer = msgspec.msgpack.encode(found)
        while answer:
            answer = answer[os.write(writer, answer) :]
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    serve()
