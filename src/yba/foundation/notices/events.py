"""What happened to notices; delivered after commit."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NoticeWaits:
    """A notice was written for somebody who wants an e-mail when that happens."""

    notice_id: int
