"""Data that other people published and that lies beside the checkout, if at all."""

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).parents[1]


def _outside(variable: str, folder: str, path: str) -> Path:
    base = Path(os.environ.get(variable) or _CHECKOUT.parent / "shared" / folder)
    found = base / path
    if not found.exists():
        pytest.skip(f"{folder}/{path} is not beside this checkout (set {variable})")
    return found


def conformance(path: str) -> Path:
    """Return official test data, or skip the test saying what is absent."""
    return _outside("YBA_CONFORMANCE", "conformance", path)


def ministry_data(path: str) -> Path:
    """Return a published code list, or skip the test saying what is absent."""
    return _outside("YBA_MINISTRY_DATA", "data", path)
