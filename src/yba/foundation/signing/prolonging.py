"""Bring a signed PDF as far as its authorities answer: B-T, B-LT, B-LTA, and again.

Standard: ETSI EN 319 142-1 §5.4.3 and §6.3.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any

import anyio.to_thread
import structlog

from yba.foundation.signing import lasting
from yba.foundation.signing.checking import stamps
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.checking.paths import Purpose
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.installation import Signing
from yba.foundation.signing.pades import TimeStampNotBelieved
from yba.foundation.signing.reading import PdfFileReader
from yba.foundation.signing.status import CertificateStatus, status_of
from yba.kernel.ids import encode_id, new_snowflake

_log = structlog.get_logger(__name__)
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Prolonged:
    """How far a file came. `why` is "" when nothing is left to do, else a code:

    "no-answer" (OCSP or CRL), "no-time-stamp", "revoked", "untrusted".
    """

    content: bytes
    level: str
    stamped_until: datetime | None
    why: str = ""


async def prolong(signing: Signing, pdf: bytes, *, at: datetime) -> Prolonged:
    """Add evidence about everybody who signed, then a time stamp over the whole file.

    Without all the evidence a file that has no time stamp yet gets one, so
    that the moment is proven at least. Raises UnreadablePdf.
    """
    signers = await anyio.to_thread.run_sync(lasting.signers_of, pdf)
    statuses = await asyncio.gather(*(_status(signing, one, at) for one in signers))
    has_stamp = any(one.is_time_stamp for one in signers)
    level = "B-T" if has_stamp else "B-B"
    why = _trouble(statuses)
    content = pdf
    if not why:
        evidence = sum((one.evidence for one in statuses), Evidence())
        content = await anyio.to_thread.run_sync(lasting.with_evidence, pdf, evidence)
        level = "B-LT" if has_stamp else "B-B"
    elif has_stamp:
        return Prolonged(pdf, level, None, why)
    try:
        content = await _stamped(signing, content, at)
    # Whatever the authority's failure is: what is there is kept, the job comes again.
    except Exception as error:
        _log.warning("signing.no_time_stamp", error=type(error).__name__)
        return Prolonged(content, level, None, why or "no-time-stamp")
    until = await anyio.to_thread.run_sync(lasting.stamped_until, content)
    return Prolonged(content, "B-T" if why else "B-LTA", until, why)


async def _status(signing: Signing, signer: lasting.Signer, at: datetime) -> CertificateStatus:
    purpose = Purpose.TIME_STAMPING if signer.is_time_stamp else Purpose.SIGNING
    return await status_of(
        signer.certificate, signer.others, signing.trust(), at=at, purpose=purpose
    )


def _trouble(statuses: list[CertificateStatus]) -> str:
    if any(one.problem for one in statuses):
        return "untrusted"
    if any(one.state is Revocation.REVOKED for one in statuses):
        return "revoked"
    return "" if all(one.is_certain for one in statuses) else "no-answer"


async def _stamped(signing: Signing, content: bytes, at: datetime) -> bytes:
    if signing.timestamper is None:
        raise TimeStampNotBelieved
    name = f"Time-{encode_id(new_snowflake())}"
    stamped = await anyio.to_thread.run_sync(
        partial(lasting.with_document_stamp, content, signing.timestamper, field_name=name)
    )
    await anyio.to_thread.run_sync(partial(_require_belief, signing, stamped, at))
    return stamped


def _require_belief(signing: Signing, content: bytes, at: datetime) -> None:
    embedded: Any = PdfFileReader(BytesIO(content), strict=False).embedded_timestamp_signatures[-1]
    parts = [int(one) for one in embedded.byte_range]
    covered = b"".join(
        content[start : start + length]
        for start, length in zip(parts[::2], parts[1::2], strict=True)
    )
    stamp = stamps.judged(embedded.pkcs7_content, covered, signing.trust(), Evidence(), at=at)
    if stamp.moment is None or abs(stamp.moment - at) > _SKEW:
        raise TimeStampNotBelieved
