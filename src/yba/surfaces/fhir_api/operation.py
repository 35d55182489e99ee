"""What an operation is: `$name` at the base, at a type, or at one resource.

Main rule: an operation is a value in one list (`operations.ALL`); routing, permission, refusals
and the CapabilityStatement all come from it.
Standard: FHIR R4 operations.html.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import parse_qsl

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.kernel.actor import Actor
from yba.surfaces.fhir_api.exchange import Exchange, Headers

if TYPE_CHECKING:
    from yba.surfaces.fhir_api.interactions import Interactions

Level: TypeAlias = Literal["system", "type", "instance"]
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `types` empty means every resource type (at type and instance level)."""

    name: str
    definition: str
    levels: frozenset[Level]
    permission: str
    handle: Callable[[Call], Awaitable[None]]
    types: frozenset[str] = frozenset()
    # Only by POST: it changes something, or its input does not fit into an address.
    by_post_only: bool = False
    # It decides by itself in which formats it answers.
    own_formats: bool = False
    # It may also be called at one version of a resource.
    of_versions: bool = False

    def serves(self, level: Level, type_: str | None) -> bool:
        """Return whether it may be called at this place."""
        return level in self.levels and (type_ is None or not self.types or type_ in self.types)


class Given:
    """The input parameters of one call, from the address, a form, or a Parameters resource."""

    def __init__(self, pairs: Iterable[tuple[str, Any]], body: r4.Resource | None) -> None:
        self._values: dict[str, list[Any]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        # A body that is not Parameters: the one resource that the operation is about.
        self.body = body

    def __contains__(self, name: str) -> bool:
        """Return whether the parameter was given."""
        return name in self._values

    @property
    def names(self) -> list[str]:
        """The names of all parameters given."""
        return list(self._values)

    def all(self, name: str) -> list[Any]:
        """Return every value: text from an address; otherwise the value, resource, or parts."""
        return self._values.get(name, [])

    def one(self, name: str, default: Any = None) -> Any:
        """Return the only value. Raises UnreadableBody if there are several."""
        values = self._values.get(name)
        if not values:
            return default
        if len(values) > 1:
            raise UnreadableBody(reason=f"the parameter {name} may be given once only")
        return values[0]

    def text(self, name: str) -> str:
        """Return the only value as text, or "". Raises UnreadableBody if it is no plain value."""
        value = self.one(name, "")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int) or hasattr(value, "as_tuple"):
            return str(value)
        raise UnreadableBody(reason=f"the parameter {name} must be a plain value")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return the only value as yes or no. Raises UnreadableBody if it is neither."""
        match self.text(name):
            case "":
                return default
            case "true":
                return True
            case "false":
                return False
            case _:
                raise UnreadableBody(reason=f"the parameter {name} must be true or false")

    def number(self, name: str, *, default: int = 0) -> int:
        """Return the only value as a whole number from 0. Raises UnreadableBody."""
        text = self.text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise UnreadableBody(reason=f"the parameter {name} must be a whole number")
        return int(text)

    def resource(self, name: str = "resource") -> r4.Resource | None:
        """Return the resource given by name, or the one that is the whole body."""
        value = self.one(name)
        if value is None:
            return self.body
        if not isinstance(value, r4.Resource):
            raise UnreadableBody(reason=f"the parameter {name} must be a resource")
        return value


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation."""

    operation: Operation
    exchange: Exchange
    actor: Actor
    do: Interactions
    type: str | None
    id: str | None

    async def given(self) -> Given:
        """Read the input. Raises UnreadableBody, UnsupportedMedia."""
        pairs: list[tuple[str, Any]] = [
            (name, value)
            for name, value in parse_qsl(self.exchange.query, keep_blank_values=True)
            if name not in ("_format", "_pretty")
        ]
        if self.exchange.method != "POST":
            return Given(pairs, None)
        declared = self.exchange.header(b"content-type").partition(";")[0].strip().lower()
        content = await self.exchange.body()
        if declared == _FORM:
            return Given([*pairs, *parse_qsl(content.decode(), keep_blank_values=True)], None)
        self.exchange.refuse_other_media()
        if not content.strip():
            return Given(pairs, None)
        try:
            resource = r4.decode(content)
        except r4.NotFhir as problem:
            raise UnreadableBody(reason=str(problem)) from None
        if not isinstance(resource, r4.Parameters):
            return Given(pairs, resource)
        named = ((p.name or "", value_of(p)) for p in resource.parameter or ())
        return Given([*pairs, *named], None)

    async def answer(
        self, resource: r4.Resource, status: int = 200, headers: Headers | None = None
    ) -> None:
        """Answer a resource."""
        await self.exchange.answer(status, r4.encode(resource), headers)


def value_of(parameter: r4.ParametersParameter) -> Any:
    """Return the value, the resource, or the parts of one parameter."""
    if parameter.resource is not None:
        return parameter.resource
    if parameter.part:
        return parameter.part
    for name in parameter.__struct_fields__:
        if name.startswith("value") and not name.endswith("_ext"):
            value = getattr(parameter, name)
            if value is not None:
                return value
    raise UnreadableBody(reason=f"the parameter {parameter.name or ''} has no value")
