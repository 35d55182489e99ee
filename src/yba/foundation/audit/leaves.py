"""What the log holds of an act: its time, its kind, and commitments to everything else. Pure.

An entry is canonical CBOR (RFC 8949 §4.2) of
    [1, seconds, action, [act, who, purpose, patient, resources]]
where the last five are commitments: SHA-256(salt of the field || CBOR of the value), and the salt
of a field is SHA-256(salt of the row || name of the field). Whoever is shown the salt of one field
can check that field alone. Without salts nothing can be guessed, so erasing salt and values from
the database leaves an entry that says only: something was viewed at that second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import cbor2

from yba.foundation.audit.model import StoredEvent
from yba.kernel.ids import encode_id

VERSION = 1
FIELDS = ("act", "who", "purpose", "patient", "resources")
SALT_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BadEntry(ValueError):
    """The bytes are not an entry of this log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, taken apart."""

    seconds: int
    action: str
    commitments: Mapping[str, bytes]


def microseconds(moment: datetime) -> int:
    """Return whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def values_of(event: StoredEvent) -> dict[str, Any]:
    """Return the private part of an event, field by field."""
    return {
        "act": [
            encode_id(event.id),
            microseconds(event.at),
            microseconds(event.recorded_at),
            event.what,
        ],
        "who": [
            event.account_id,
            event.actor_name,
            list(event.actor_roles),
            event.facility,
            event.client_id,
        ],
        "purpose": event.purpose,
        "patient": event.patient_id,
        "resources": list(event.resources),
    }


def salt_of(field: str, salt: bytes) -> bytes:
    """Return the salt of one field."""
    return sha256(salt + field.encode()).digest()


def commitment(field_salt: bytes, value: object) -> bytes:
    """Return what binds to `value` without showing it."""
    return sha256(field_salt + cbor2.dumps(value, canonical=True)).digest()


def entry_of(event: StoredEvent) -> bytes:
    """Return the entry of an event that still has its salt."""
    assert event.salt is not None
    salt = event.salt
    commitments = [
        commitment(salt_of(field, salt), value) for field, value in values_of(event).items()
    ]
    seconds = microseconds(event.at) // 1_000_000
    return cbor2.dumps([VERSION, seconds, event.action, commitments], canonical=True)


def read_entry(content: bytes) -> Entry:
    """Take an entry apart. Raises BadEntry unless it is exactly one, canonically written."""
    try:
        read: Any = cbor2.loads(content)
        version, seconds, action, commitments = read
        is_exact = cbor2.dumps(read, canonical=True) == content
    except Exception as problem:  # cbor2 answers damaged bytes with many kinds of exception
        raise BadEntry("an entry cannot be read") from problem
    if not (is_exact and version == VERSION and isinstance(seconds, int)):
        raise BadEntry("an entry is written in another way")
    if len(commitments) != len(FIELDS) or not isinstance(action, str):
        raise BadEntry("an entry is written in another way")
    return Entry(seconds, action, dict(zip(FIELDS, commitments, strict=True)))


def differing_fields(event: StoredEvent, entry: Entry) -> list[str]:
    """Return which fields of a row are not those that the log holds; `time` and `action` too."""
    wrong: list[str] = []
    if microseconds(event.at) // 1_000_000 != entry.seconds:
        wrong.append("time")
    if event.action != entry.action:
        wrong.append("action")
    if event.salt is not None:
        values = values_of(event)
        wrong += [
            field
            for field in FIELDS
            if commitment(salt_of(field, event.salt), values[field]) != entry.commitments[field]
        ]
    return wrong
