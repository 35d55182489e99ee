"""Refusals: the failures we expect, and explain.

Anything that is not a `Refusal` is a bug and travels up unhandled. A refusal
carries a stable code for machines, an HTTP status for both, and a message
for people: an English msgid with `%(name)s` placeholders, translated where
it is shown. The values that fill the placeholders must be safe to show and
to log: ids, codes, counts and dates, never a patient's data.
"""

from collections.abc import Mapping


class Refusal(Exception):
    """An expected failure, told to the person who can do something about it."""

    code: str = "refused"
    status: int = 400
    message: str = "Not done: the request was refused."

    def __init__(self, *, fields: Mapping[str, str] | None = None, **values: object) -> None:
        """Remember what fills the message; `fields` maps a form field to its own msgid."""
        self.values = values
        self.fields: Mapping[str, str] = fields or {}
        super().__init__(self.code)

    def text(self) -> str:
        """Return the English sentence with its values filled in."""
        return self.message % self.values if self.values else self.message

    def __str__(self) -> str:
        return f"{self.code}: {self.text()}"


class NotFound(Refusal):
    """Nothing by that name is here, or the asker may not know that it is."""

    code = "not-found"
    status = 404
    message = "Not found: it does not exist here, or you may not see it."


class AccessRefused(Refusal):
    """The actor is known, and may not do this."""

    code = "access-refused"
    status = 403
    message = "Not allowed: your role does not include this. Ask your administrator if you need it."


class NotSignedIn(Refusal):
    """Nobody, or nobody we recognise, is asking."""

    code = "not-signed-in"
    status = 401
    message = "Please sign in first."


class Conflict(Refusal):
    """Somebody else changed the same thing first."""

    code = "conflict"
    status = 409
    message = "Not saved: somebody else changed this in the meantime. Open it again and repeat."


class Unusable(Refusal):
    """The input cannot be understood as what it should be."""

    code = "unusable-input"
    status = 422
    message = "Not saved: please correct the marked fields."


class TooLarge(Refusal):
    """The input is larger than this place accepts."""

    code = "too-large"
    status = 413
    message = "Not accepted: larger than %(limit)s bytes."
