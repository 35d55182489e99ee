"""What the scopes of a program allow at all, before anything is looked at.

Main rule: each interaction with a type needs a scope with its letter for that type; an operation that
is not listed here is none that scopes speak of, and is refused. Which rows remain is decided by the
record's guard. Tokens without scopes (`yba token`) pass.
Standard: HL7 SMART App Launch 2.2, "Scopes for requesting FHIR Resources"; RFC 6750 section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from yba.foundation.authorization.model import granted_of
from yba.foundation.record.plans import TYPE_NAMES
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused

# Operation -> letters and the type they are needed for; "" stands for the type it is called at.
# No letters: it touches nobody's record (the language of FHIR and its code lists).
_OPERATIONS: dict[str, tuple[str, str]] = {
    "everything": ("r", ""),
    "summary": ("r", "Patient"),
    "docref": ("rs", "DocumentReference"),
    "match": ("s", "Patient"),
    "meta": ("r", ""),
    "meta-add": ("u", ""),
    "meta-delete": ("u", ""),
    "graphql": ("", ""),
    "export": ("", ""),
    "validate": ("", ""),
    "lookup": ("", ""),
    "validate-code": ("", ""),
    "subsumes": ("", ""),
    "expand": ("", ""),
    "translate": ("", ""),
    "topic-list": ("", ""),
}
# Which letter of a scope each method needs at a resource.
LETTERS = {"GET": "r", "POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}
# What it notifies of goes on after the token has ended: only for programs that act for themselves.
_LASTING = "Subscription"


class InsufficientScope(AccessRefused):
    """The token is good, but was not granted this."""

    code = "fhir.insufficient-scope"
    message = "Not allowed: the program was not granted this. It must ask for a wider scope."


def refuse_unscoped(actor: Actor, letters: str, type_: str | None) -> None:
    """Raise InsufficientScope unless every letter is granted for the type (None: for any type)."""
    if actor.scopes is None:
        return
    granted = granted_of(actor.scopes)
    for letter in letters:
        if type_ is None:
            if not granted.any_letter(letter):
                raise InsufficientScope
            continue
        scopes = granted.for_type(type_, letter)
        if type_ == _LASTING and letter in "cu":
            scopes = tuple(scope for scope in scopes if scope.context == "system")
        if not scopes:
            raise InsufficientScope


def refuse_operation(actor: Actor, name: str, type_: str | None) -> None:
    """Raise InsufficientScope unless scopes allow an operation at a type."""
    if actor.scopes is None:
        return
    needed = _OPERATIONS.get(name)
    if needed is None:
        raise InsufficientScope
    if name == "export":
        exportable(actor, ())
    letters, of_type = needed
    if letters:
        refuse_unscoped(actor, letters, of_type or type_)


def exportable(actor: Actor, types: Sequence[str]) -> tuple[str, ...]:
    """Return the types that a program may export of those it names; () names and allows all.

    Raises InsufficientScope for a type that it may not, and where nothing is left. A scope with search
    parameters exports nothing: the files of an export are not asked row by row.
    """
    if actor.scopes is None:
        return tuple(types)
    granted = granted_of(actor.scopes)
    if granted.opens("*"):
        return tuple(types)
    allowed = tuple(name for name in TYPE_NAMES if granted.opens(name))
    if not allowed or not set(allowed).issuperset(types):
        raise InsufficientScope
    return tuple(types) or allowed
