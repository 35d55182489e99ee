"""Structured logs without personal data.

One line per event: JSON in production, coloured text on a terminal. Events
carry ids, codes, counts and durations. Values of requests and of SQL
statements are never logged; a test greps for them.
"""

import logging
import sys
import traceback
from typing import Any

import structlog


class _StandardError:
    """The standard error of the moment: whoever redirects it later has our lines, too."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(message)s")


def where(problem: BaseException) -> list[str]:
    """Return where something failed, never with what: values in messages may be personal."""
    frames = traceback.extract_tb(problem.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
