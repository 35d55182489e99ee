"""JSON Patch on plain JSON values. Pure: nothing here knows FHIR.

Main rule: the document is changed in place, step by step; whoever calls throws it away when a step
is refused. Numbers are compared by value and keep the spelling they came with.
Standard: RFC 6902 (JSON Patch), RFC 6901 (JSON Pointer).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from yba.foundation.record.errors import PatchRefused, UnreadablePatch

_MOST_STEPS = 10_000
_MOST_COPIED = 200_000
_DEEPEST = 100
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_LOADER = msgspec.json.Decoder(float_hook=Decimal)
_MISSING: Final = object()


def load(document: bytes) -> Any:
    """Return JSON as plain values, decimals digit by digit. Raises UnreadablePatch."""
    try:
        return _LOADER.decode(document)
    except RecursionError:
        raise UnreadablePatch(reason="it is nested too deeply") from None
    except (msgspec.DecodeError, ValueError, ArithmeticError):
        raise UnreadablePatch(reason="it is not JSON") from None


class JsonPatch:
    """A patch document that was read: well formed, not yet applied."""

    def __init__(self, document: Any) -> None:
        """Raise UnreadablePatch where the document is no JSON Patch."""
        if not isinstance(document, list):
            raise UnreadablePatch(reason="a JSON Patch is an array of operations")
        steps = cast("list[Any]", document)
        if len(steps) > _MOST_STEPS:
            raise UnreadablePatch(reason=f"more than {_MOST_STEPS} operations")
        self.steps = [_Step(number, step) for number, step in enumerate(steps)]

    def apply(self, document: Any) -> Any:
        """Return the changed document. Raises PatchRefused naming the operation that failed."""
        target = _Target(document)
        for step in self.steps:
            try:
                _STEPS[step.name](target, step)
            except _Failed as failed:
                raise PatchRefused(operation=step.number, reason=str(failed)) from None
        return target.document


class _Failed(Exception):
    """A step that cannot be done; the text says why and quotes no values."""


class _Step:
    """One operation of a patch."""

    __slots__ = ("name", "number", "path", "source", "value")

    def __init__(self, number: int, step: Any) -> None:
        if not isinstance(step, dict):
            raise UnreadablePatch(reason=f"operation {number} is not an object")
        given = cast("Mapping[str, Any]", step)
        name = given.get("op")
        if not isinstance(name, str) or name not in _STEPS:
            raise UnreadablePatch(reason=f"operation {number} has no known op")
        self.number, self.name = number, name
        self.path = _pointer(number, "path", given)
        self.source = _pointer(number, "from", given) if name in ("move", "copy") else []
        self.value = given.get("value", _MISSING)
        if self.value is _MISSING and name in ("add", "replace", "test"):
            raise UnreadablePatch(reason=f"operation {number} has no value")


def _pointer(number: int, name: str, given: Mapping[str, Any]) -> list[str]:
    text = given.get(name)
    if not isinstance(text, str):
        raise UnreadablePatch(reason=f"operation {number} has no {name}")
    if not text:
        return []
    if not text.startswith("/") or _BAD_ESCAPE.search(text):
        raise UnreadablePatch(reason=f"the {name} of operation {number} is no JSON Pointer")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]
    if len(parts) > _DEEPEST:
        raise UnreadablePatch(reason=f"the {name} of operation {number} is too long")
    return parts


class _Target:
    """The document while it is changed."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.copied = 0

    def find(self, path: list[str]) -> Any:
        found = self.document
        for part in path:
            found = _child(found, part)
        return found

    def add(self, path: list[str], value: Any) -> None:
        if not path:
            self.document = value
            return
        parent = self.find(path[:-1])
        last = path[-1]
        if isinstance(parent, dict):
            parent[last] = value
        elif isinstance(parent, list):
            items = cast("list[Any]", parent)
            items.insert(len(items) if last == "-" else _index(last, len(items)), value)
        else:
            raise _Failed("its parent is neither an object nor an array")

    def remove(self, path: list[str]) -> Any:
        if not path:
            raise _Failed("the whole document cannot be removed")
        parent = self.find(path[:-1])
        found = _child(parent, path[-1])
        if isinstance(parent, dict):
            del parent[path[-1]]
        else:
            del parent[int(path[-1])]
        return found

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Return a copy that shares nothing; refuses documents that grow without end."""
        self.copied += 1
        if self.copied > _MOST_COPIED or depth > _DEEPEST:
            raise _Failed("the copies grow too large")
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {name: self.copy(item, depth + 1) for name, item in members.items()}
        if isinstance(value, list):
            return [self.copy(item, depth + 1) for item in cast("list[Any]", value)]
        return value


def _child(parent: Any, part: str) -> Any:
    if isinstance(parent, dict):
        members = cast("dict[str, Any]", parent)
        if part not in members:
            raise _Failed("the path does not exist")
        return members[part]
    if isinstance(parent, list):
        items = cast("list[Any]", parent)
        return items[_index(part, len(items) - 1)]
    raise _Failed("the path does not exist")


def _index(part: str, largest: int) -> int:
    if not _INDEX.fullmatch(part):
        raise _Failed("the path names no place in the array")
    index = int(part)
    if index > largest:
        raise _Failed("the path is outside the array")
    return index


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal as RFC 6902 section 4.6 defines it."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        mine, other = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return mine.keys() == other.keys() and all(same(v, other[k]) for k, v in mine.items())
    if isinstance(left, list) and isinstance(right, list):
        ours, theirs = cast("list[Any]", left), cast("list[Any]", right)
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(left) is type(right) and left == right


def _add(target: _Target, step: _Step) -> None:
    target.add(step.path, target.copy(step.value))


def _remove(target: _Target, step: _Step) -> None:
    target.remove(step.path)


def _replace(target: _Target, step: _Step) -> None:
    value = target.copy(step.value)
    if not step.path:
        target.document = value
        return
    parent = target.find(step.path[:-1])
    _child(parent, step.path[-1])
    parent[step.path[-1] if isinstance(parent, dict) else int(step.path[-1])] = value


def _move(target: _Target, step: _Step) -> None:
    if step.path[: len(step.source)] == step.source and len(step.path) > len(step.source):
        raise _Failed("a value cannot be moved into itself")
    target.find(step.source)
    if step.path != step.source:
        target.add(step.path, target.remove(step.source))


def _copy(target: _Target, step: _Step) -> None:
    target.add(step.path, target.copy(target.find(step.source)))


def _test(target: _Target, step: _Step) -> None:
    if not same(target.find(step.path), step.value):
        raise _Failed("the test failed")


_STEPS: Final[Mapping[str, Callable[[_Target, _Step], None]]] = {
    "add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy,
    "test": _test,
}  # fmt: skip
