"""A stranger's file is checked in another process, within limits, again and again."""

import asyncio
from datetime import UTC, datetime

import pytest

from yba.foundation.signing import guard
from yba.foundation.signing.errors import CheckBusy, FileTooLarge
from yba.foundation.signing.guard import guarded_verification
from yba.foundation.signing.model import MAX_FILE_BYTES, Verdict
from yba.foundation.signing.service import verify_pdf

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


async def test_it_finds_what_the_direct_check_finds(signing, signed):
    found = await guarded_verification(signed, trust=signing.trust(), at=NOON)

    assert found == await verify_pdf(signed, trust=signing.trust(), at=NOON)


async def test_nonsense_is_unreadable_and_the_next_file_is_checked(signing, signed):
    nonsense = await guarded_verification(b"\x00" * 1000, trust=signing.trust(), at=NOON)
    next_one = await guarded_verification(signed, trust=signing.trust(), at=NOON)

    assert nonsense.verdict is Verdict.UNREADABLE
    assert next_one.verdict is Verdict.VALID


async def test_a_check_that_takes_too_long_is_stopped(signing, signed):
    await guarded_verification(signed, trust=signing.trust(), at=NOON)

    late = await guarded_verification(signed, trust=signing.trust(), at=NOON, seconds=0.0001)

    assert late.problems == (guard.TOOK_TOO_LONG,)
    assert (await guarded_verification(signed, trust=signing.trust(), at=NOON)).is_valid


async def test_a_warm_process_that_died_is_replaced(signing, signed):
    await guarded_verification(signed, trust=signing.trust(), at=NOON)
    for warm in guard._warm:
        if warm._process is not None:
            warm._process.kill()

    found = await guarded_verification(signed, trust=signing.trust(), at=NOON)

    assert found.verdict is Verdict.VALID


async def test_a_file_beyond_the_limit_is_refused(signing):
    with pytest.raises(FileTooLarge):
        await guarded_verification(b"%" * (MAX_FILE_BYTES + 1), trust=signing.trust(), at=NOON)


async def test_a_crowd_of_files_is_refused_rather_than_kept_waiting(signing):
    checks = [guarded_verification(b"nonsense", trust=signing.trust(), at=NOON) for _ in range(30)]

    answers = await asyncio.gather(*checks, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, CheckBusy)]
    assert len(refused) == 30 - guard._MOST_WAITING
    assert (await guarded_verification(b"x", trust=signing.trust(), at=NOON)).problems
