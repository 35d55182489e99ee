"""Checking a stranger's file at arm's length: another process, with limits.

A hostile PDF can ask a parser for endless time or memory. The check of an
uploaded file therefore runs in a process of its own that may use so much
memory and so much time, and is killed when it takes longer.

Run as a program it reads a request from standard input and answers on
standard output; it opens no files and no connections.
"""

import asyncio
import base64
import hashlib
import resource
import sys
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

import msgspec

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.errors import FileTooLarge
from yba.foundation.signing.model import MAX_FILE_BYTES, Verdict, Verification
from yba.foundation.signing.verification import NOT_A_PDF, verify_pdf
from yba.plumbing.i18n import N_

TOOK_TOO_LONG = N_("The check took too long and was stopped.")
_SECONDS = 20.0
_MEMORY = 1024 * 1024 * 1024
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _Request:
    content: str
    trust: Trust
    at: datetime


# A semaphore belongs to the event loop that first waits on it.
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _gate() -> asyncio.Semaphore:
    return _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))


async def guarded_verification(
    data: bytes, *, trust: Trust, at: datetime, seconds: float = _SECONDS
) -> Verification:
    """Check a file in a process of its own; see verification.verify_pdf.

    Raises FileTooLarge beyond 20 MB, and nothing else: a check that takes
    too long or dies is an unreadable file.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    request = msgspec.json.encode(_Request(base64.b64encode(data).decode(), trust, at))
    digest = hashlib.sha256(data).hexdigest()
    async with _gate():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            answer, _ = await asyncio.wait_for(process.communicate(request), seconds)
        except TimeoutError:
            return Verification(digest, Verdict.UNREADABLE, problems=(TOOK_TOO_LONG,))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    try:
        return msgspec.json.decode(answer, type=Verification)
    except msgspec.DecodeError:
        return Verification(digest, Verdict.UNREADABLE, problems=(NOT_A_PDF,))


def main() -> None:
    """Answer one request on standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(_SECONDS), int(_SECONDS)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=_Request)
    found = verify_pdf(base64.b64decode(request.content), request.trust, at=request.at)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
