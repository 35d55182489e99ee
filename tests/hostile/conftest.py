"""The whole application as an attacker meets it."""

from tests.app.conftest import shell, stranger

__all__ = ["shell", "stranger"]
