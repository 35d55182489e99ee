"""Structured logs without personal data.

One line per event: JSON in production, coloured text on a terminal. Events
carry ids, codes, counts and durations. Values of requests and of SQL
statements are never logged; a test greps for them. A line that cannot be
written (full disk, reader gone) is lost and counted, never raised: whoever
asks the node for something must not pay for its log.
"""

import logging
import sys
import traceback
from typing import Any

import structlog
from prometheus_client import Counter

_LOST = Counter("yba_log_writes_lost", "Writes to the log that failed: disk full or reader gone")


class _StandardError:
    """The standard error of the moment: whoever redirects it later has our lines, too.

    Nothing it does raises: neither a full disk, nor a closed pipe, nor no standard error at all.
    """

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError, AttributeError):
            _LOST.inc()
            return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            _LOST.inc()


def configure(log_format: str = "auto", level: str = "INFO") -> None:
    """Set up structlog and the standard library's loggers once, for this process."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, handlers=[_library_handler()], format="%(name)s %(message)s"
    )


def _library_handler() -> logging.Handler:
    """Return what writes the lines of libraries, to the same place and as carefully."""
    return logging.StreamHandler(_StandardError())  # type: ignore[arg-type]


def where(problem: BaseException) -> list[str]:
    """Return where something failed, never with what: values in messages may be personal."""
    frames = traceback.extract_tb(problem.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
