"""The whole application as an attacker meets it."""

from tests.app.conftest import database, shell, stranger

__all__ = ["database", "shell", "stranger"]
