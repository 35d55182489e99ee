"""Scopes of SMART App Launch as data: read, compared, narrowed.

Main rule: a scope that cannot be read grants nothing. What a program gets is the intersection of what
it asks for with what it was registered for, and of that with what the person ticks.
Standard: HL7 SMART App Launch 2.2, "Scopes for requesting FHIR Resources"; version 1 scopes mean the
same as `.read` = `rs`, `.write` = `cud`, `.*` = `cruds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, cast

Context: TypeAlias = Literal["patient", "user", "system"]
Letter: TypeAlias = Literal["c", "r", "u", "d", "s"]
LETTERS = "cruds"
OPENID, PROFILE, FHIR_USER = "openid", "profile", "fhirUser"
LAUNCH, LAUNCH_PATIENT, LAUNCH_ENCOUNTER = "launch", "launch/patient", "launch/encounter"
OFFLINE, ONLINE = "offline_access", "online_access"
# Our own: restricted categories of health data too, where the person may see them herself.
SENSITIVE = "yba.sensitive"
PLAIN = frozenset(
    (
        SENSITIVE,
        OPENID,
        PROFILE,
        FHIR_USER,
        LAUNCH,
        LAUNCH_PATIENT,
        LAUNCH_ENCOUNTER,
        OFFLINE,
        ONLINE,
    )
)
MOST_SCOPES = 100
LONGEST_SCOPE = 200
# RFC 6749 section 3.3: scope-token.
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_RESOURCE = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?",
    re.ASCII,
)
_OF_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
# Plain parameters only: a chain or a modifier could not be decided for every interaction.
_PARAMETER = re.compile(
    r"(?:[a-z][A-Za-z0-9-]{0,63}|_tag|_security|_profile)=[^&=]{1,180}", re.ASCII
)
# What a search parameter can narrow: what is written next cannot be looked up beforehand.
_NARROWABLE = "rs"


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """`context/type.letters?query`, for instance `patient/Observation.rs?category=laboratory`."""

    context: Context
    type: str
    letters: str
    # Search parameters, sorted; the resource must match all of them.
    query: str = ""
    # As it was written, where the meaning is unchanged (version 1 keeps its spelling).
    spelled: str = ""

    @property
    def text(self) -> str:
        """Return the scope as it is told to the program."""
        if self.spelled:
            return self.spelled
        return f"{self.context}/{self.type}.{self.letters}" + (
            f"?{self.query}" if self.query else ""
        )

    def covers(self, type_: str) -> bool:
        """Return whether the scope speaks of this resource type."""
        return self.type in ("*", type_)


@dataclass(frozen=True, slots=True)
class Granted:
    """The scopes of one access token."""

    plain: frozenset[str] = frozenset()
    resources: tuple[ResourceScope, ...] = ()

    def for_type(self, type_: str, letter: str) -> tuple[ResourceScope, ...]:
        """Return the scopes that allow an interaction with this type; any one suffices."""
        return tuple(
            scope for scope in self.resources if letter in scope.letters and scope.covers(type_)
        )

    def any_letter(self, letters: str) -> bool:
        """Return whether some scope allows one of these interactions with some type."""
        return any(letter in scope.letters for scope in self.resources for letter in letters)

    def opens(self, type_: str) -> bool:
        """Return whether the program itself may read every row of a type (`*`: of every type)."""
        return any(
            scope.context == "system" and not scope.query and {*"rs"} <= {*scope.letters}
            for scope in self.resources
            if scope.covers(type_)
        )

    def has_context(self, context: Context) -> bool:
        """Return whether a resource scope of this context is there."""
        return any(scope.context == context for scope in self.resources)


def split(text: str) -> list[str]:
    """Return the scope tokens of a request, each once, in order; [] if it cannot be read."""
    names = list(dict.fromkeys(text.split(" "))) if text else []
    names = [name for name in names if name]
    if len(names) > MOST_SCOPES:
        return []
    if any(len(name) > LONGEST_SCOPE or not _TOKEN.fullmatch(name) for name in names):
        return []
    return names


def resource_scope(text: str) -> ResourceScope | None:
    """Return a resource scope, or None if the text is none that we can decide."""
    found = _RESOURCE.fullmatch(text)
    if found is None or not found[3]:
        return None
    context, type_, letters, query = found[1], found[2], found[3], found[4] or ""
    is_old = letters in _OF_VERSION_1
    if query and (is_old or type_ == "*"):
        return None
    parts = query.split("&") if query else []
    if any(not _PARAMETER.fullmatch(part) for part in parts):
        return None
    letters = _OF_VERSION_1.get(letters, letters)
    if query and not {*letters} <= {*_NARROWABLE}:
        kept = "".join(letter for letter in letters if letter in _NARROWABLE)
        return resource_scope(f"{context}/{type_}.{kept}?{query}") if kept else None
    return ResourceScope(cast(Context, context), type_, letters, "&".join(sorted(set(parts))), text)


@lru_cache(maxsize=4096)
def granted_of(scopes: tuple[str, ...]) -> Granted:
    """Return scopes as data; what cannot be read is left out and so grants nothing."""
    plain = frozenset(name for name in scopes if name in PLAIN)
    resources = tuple(
        found for name in scopes if name not in PLAIN and (found := resource_scope(name))
    )
    return Granted(plain, resources)


def _common(asked: ResourceScope, allowed: ResourceScope) -> ResourceScope | None:
    """Return what both scopes allow, or None if that is nothing."""
    if asked.context != allowed.context:
        return None
    if asked.type != allowed.type and "*" not in (asked.type, allowed.type):
        return None
    type_ = allowed.type if asked.type == "*" else asked.type
    letters = "".join(letter for letter in asked.letters if letter in allowed.letters)
    if not letters:
        return None
    parts = {*asked.query.split("&"), *allowed.query.split("&")} - {""}
    query = "&".join(sorted(parts))
    if (type_, letters, query) == (asked.type, asked.letters, asked.query):
        return asked
    if query and type_ == "*":
        return None
    return ResourceScope(asked.context, type_, letters, query)


def narrow(asked: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Return what is both asked for and allowed, each scope as narrow as the narrower of the two."""
    limits = granted_of(tuple(allowed))
    found: dict[str, None] = {}
    for name in asked:
        if name in PLAIN:
            if name in limits.plain:
                found[name] = None
            continue
        scope = resource_scope(name)
        if scope is None:
            continue
        common = [both for limit in limits.resources if (both := _common(scope, limit))]
        if scope in common:
            found[scope.text] = None
        else:
            found.update((both.text, None) for both in common)
    return list(found)


def is_within(asked: Iterable[str], allowed: Sequence[str]) -> bool:
    """Return whether every scope asked for is wholly allowed."""
    wanted = list(asked)
    limits = granted_of(tuple(allowed))
    for name in wanted:
        if name in PLAIN:
            if name not in limits.plain:
                return False
            continue
        scope = resource_scope(name)
        if scope is None or not any(_common(scope, limit) is scope for limit in limits.resources):
            return False
    return bool(wanted)
