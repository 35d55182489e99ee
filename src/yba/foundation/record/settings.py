"""What one process needs to know before it reads or writes: the zone of dates without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from yba.kernel.clock import VIETNAM


@dataclass(slots=True)
class _Process:
    zone: tzinfo
    content: bool = False


_process = _Process(VIETNAM)


def set_zone(name: str) -> None:
    """Choose the zone in which dates without one are read; once, at start, before any write."""
    _process.zone = ZoneInfo(name)


def zone() -> tzinfo:
    """Return the zone in which dates without one are read."""
    return _process.zone


def put_zone(zone: tzinfo) -> None:
    """Choose the zone by itself."""
    _process.zone = zone


def file_content(*, on: bool) -> None:
    """Choose whether the words of whole resources are filed for `_content`; once, at start."""
    _process.content = on


def files_content() -> bool:
    """Return whether the words of whole resources are filed."""
    return _process.content
