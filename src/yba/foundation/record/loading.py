"""Loading many resources from elsewhere, as they are: ids kept, a line that is wrong set aside.

Main rule: a resource is stored as by `PUT`, so loading the same again changes nothing.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import asyncpg
import msgspec

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.operations import Operation, Operations
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.readable import readable
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

LONGEST_LINE = 32 * 1024 * 1024
_PIECE = 256 * 1024


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815
    id: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Line:
    """One resource on its way in, and where it stands in its source (from 1)."""

    number: int
    content: bytes


@dataclass(frozen=True, slots=True)
class SetAside:
    """A line that was not stored, and why."""

    number: int
    refused: Refusal


async def load(
    tx: Tx, lines: Sequence[Line], *, actor: Actor, at: datetime, type_: str = "", what: str
) -> list[SetAside]:
    """Store the resources of some lines; return those set aside.

    With `type_`, anything else is set aside. Without an id a resource gets one. If the database
    refuses the whole (`asyncpg.PostgresError`), nothing is stored; try line by line.
    """
    refused: list[SetAside] = []
    operations: list[tuple[int, Operation]] = []
    for line in lines:
        try:
            operations.append((line.number, _operation(line.content, actor, type_, what)))
        except Refusal as problem:
            refused.append(SetAside(line.number, problem))
    await Operations(tx, at=at).carry_out([operation for _, operation in operations])
    refused += [
        SetAside(number, operation.error)
        for number, operation in operations
        if operation.error is not None
    ]
    return refused


def _operation(content: bytes, actor: Actor, type_: str, what: str) -> Operation:
    try:
        head = _HEAD.decode(content)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise UnreadableBody(reason=str(problem)[:200]) from None
    if head.resourceType not in TYPE_NUMBERS:
        raise UnreadableBody(reason="resourceType names no resource type of R4")
    if type_ and head.resourceType != type_:
        raise UnreadableBody(reason=f"this source holds {type_} only")
    resource = readable(content, head.resourceType)
    method = "PUT"
    if not resource.id:
        method, resource.id = "POST", new_id()
    return Operation(method, head.resourceType, actor, id=resource.id, resource=resource, what=what)


async def load_one_by_one(
    tx: Tx, lines: Sequence[Line], *, actor: Actor, at: datetime, type_: str = "", what: str
) -> list[SetAside]:
    """Do the same where one line may break the transaction: each has a savepoint of its own."""
    refused: list[SetAside] = []
    for line in lines:
        try:
            async with tx.connection.transaction():
                refused += await load(tx, [line], actor=actor, at=at, type_=type_, what=what)
        except asyncpg.PostgresError:
            refused.append(SetAside(line.number, UnreadableBody(reason="it cannot be stored")))
    return refused


def outcome_of(set_aside: SetAside, source: str) -> bytes:
    """Return what became of a line as an OperationOutcome, without its content."""
    issue = r4.OperationOutcomeIssue(
        severity="error",
        code="invalid",
        details=r4.CodeableConcept(text=set_aside.refused.code),
        diagnostics=f"{source} line {set_aside.number}: {set_aside.refused.text()}",
    )
    return r4.encode(r4.OperationOutcome(issue=[issue]))


# -- lines out of files --------------------------------------------------------------------------


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked as its name says (.gz, .bz2)."""
    match path.suffix:
        case ".gz":
            return cast("BinaryIO", gzip.open(path, "rb"))
        case ".bz2":
            return cast("BinaryIO", bz2.open(path, "rb"))
        case _:
            return path.open("rb")


def pieces_of(path: Path) -> Iterator[bytes]:
    """Give the content of a file piece by piece, unpacked. Raises OSError, EOFError."""
    with opened(path) as file:
        while piece := file.read(_PIECE):
            yield piece


async def lines_in(pieces: AsyncIterable[bytes]) -> AsyncIterator[Line]:
    """Give the lines that hold something. Raises UnreadableBody for one that is too long."""
    left, number = b"", 0
    async for piece in pieces:
        *whole, left = (left + piece).split(b"\n")
        for content in whole:
            number += 1
            if content.strip():
                yield Line(number, content)
        if len(left) > LONGEST_LINE:
            raise UnreadableBody(reason=f"line {number + 1} is longer than {LONGEST_LINE} bytes")
    if left.strip():
        yield Line(number + 1, left)


async def unpacked(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Undo gzip, piece by piece. Raises UnreadableBody."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        async for piece in pieces:
            rest = piece
            while rest:
                content = unpacker.decompress(rest, _PIECE)
                if content:
                    yield content
                rest = unpacker.unconsumed_tail
                if unpacker.eof:
                    rest = unpacker.unused_data
                    unpacker = zlib.decompressobj(wbits=31)
    except zlib.error:
        raise UnreadableBody(reason="the gzip source is broken") from None
