"""The schema that introspection shows: every FHIR type, its fields and what lists may be asked for.

Main rule: types are plain dictionaries as introspection names them (kind, name, fields …) that
refer to each other. A query chooses from them; what was chosen of a type once is not chosen again,
so that the whole schema, which has 700 types, costs a fraction of a second. Executing introspection
field by field took a minute.
Standard: GraphQL June 2018, introspection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from yba.fhir.definitions import Property, properties_of
from yba.foundation.record.plans import TYPE_NAMES, plan_of

Type = dict[str, Any]
_NAMES = {
    "boolean": "Boolean", "integer": "Int", "positiveInt": "Int", "unsignedInt": "Int",
    "string": "String",
}  # fmt: skip
_CURSORS = ("first", "previous", "next", "last")
_NUMBERS = ("count", "offset", "pagesize")
# A parameter that may point to more types than these points to anything: describing it at each of
# them would say little and multiply the schema.
_MOST_TARGETS = 40


def described(type_: str | None) -> Type:
    """Return `__schema` at a resource of `type_`, or at the system."""
    types = _types()
    root = types.query() if type_ is None else types.object(type_)
    return {
        "__typename": "__Schema", "description": None, "queryType": root, "mutationType": None,
        "subscriptionType": None, "types": types.all(), "directives": types.directives(),
    }  # fmt: skip


def type_called(name: str) -> Type | None:
    """Return `__type(name:)`, or None if there is none."""
    return next((one for one in _types().all() if one["name"] == name), None)


def _type(kind: str, name: str | None, **rest: Any) -> Type:
    return {
        "__typename": "__Type", "kind": kind, "name": name, "description": None,
        "specifiedByURL": None, "fields": None, "interfaces": None, "possibleTypes": None,
        "enumValues": None, "inputFields": None, "ofType": None, "isOneOf": None, **rest,
    }  # fmt: skip


def _field(name: str, type_: Type, arguments: Iterable[Type] = ()) -> Type:
    return {
        "__typename": "__Field", "name": name, "description": None, "args": list(arguments),
        "type": type_, "isDeprecated": False, "deprecationReason": None,
    }  # fmt: skip


def _argument(name: str, type_: Type) -> Type:
    return {
        "__typename": "__InputValue", "name": name, "description": None, "type": type_,
        "defaultValue": None, "isDeprecated": False, "deprecationReason": None,
    }  # fmt: skip


@cache
def _types() -> _Types:
    return _Types()


@cache
def _referring_to(name: str) -> tuple[str, ...]:
    """Return the types with a search parameter that points to resources of a type by name."""
    return tuple(
        other
        for other in TYPE_NAMES
        if any(
            parameter.kind == "reference"
            and name in parameter.targets
            and len(parameter.targets) <= _MOST_TARGETS
            for parameter in plan_of(other).parameters.values()
        )
    )


class _Types:
    """All types, by name; each is one dictionary wherever it is referred to."""

    def __init__(self) -> None:
        self._known: dict[str, Type] = {}
        self._lists: dict[str, Type] = {}
        self._searches: dict[tuple[str, bool], list[Type]] = {}
        self._any = _type("UNION", "ResourceUnion")
        self._query: Type | None = None

    def query(self) -> Type:
        """Return the type of the base: each resource by id, and searches."""
        if self._query is None:
            id_ = _argument("id", self._required(self.scalar("ID")))
            fields: list[Type] = []
            for name in TYPE_NAMES:
                fields += [_field(name, self.object(name), [id_]), *self._searches_of(name, False)]
            self._query = _type("OBJECT", "Query", fields=fields, interfaces=[])
        return self._query

    def all(self) -> list[Type]:
        """Return every type."""
        query = self.query()
        self._any["possibleTypes"] = [self.object(name) for name in TYPE_NAMES]
        for name in ("Boolean", "String", "Int", "Float"):
            self.scalar(name)
        return [query, self._any, *self._known.values()]

    def scalar(self, name: str) -> Type:
        """Return a scalar by its name in GraphQL or, for the usual ones, in FHIR."""
        name = _NAMES.get(name, name)
        return self._known.setdefault(name, _type("SCALAR", name))

    def object(self, name: str) -> Type:
        """Return the object type of a FHIR type, with all that it leads to."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = _type("OBJECT", name, interfaces=[])
            found["fields"] = self._fields(name)
        return found

    def _required(self, inner: Type) -> Type:
        return _type("NON_NULL", None, ofType=inner)

    def _list(self, inner: Type) -> Type:
        return self._lists.setdefault(inner["name"], _type("LIST", None, ofType=inner))

    def _type_of(self, found: Property) -> Type:
        if found.is_primitive:
            inner = self.scalar(found.type)
        elif found.type == "Resource":
            inner = self._any
        else:
            inner = self.object(found.type)
        return self._list(inner) if found.is_list else inner

    def _fields(self, name: str) -> list[Type]:
        fields = [
            _field(one.name, self._type_of(one), self._filters(one))
            for one in properties_of(name).values()
        ]
        if name == "Reference":
            chosen = [
                _argument("optional", self.scalar("Boolean")),
                _argument("type", self.scalar("code")),
            ]
            fields.append(_field("resource", self._any, chosen))
        if name in TYPE_NAMES:
            fields.append(_field("resourceType", self.scalar("code")))
            for other in _referring_to(name):
                fields += self._searches_of(other, True)
        return fields

    def _filters(self, found: Property) -> list[Type]:
        if not found.is_list:
            return []
        try:
            inner: Mapping[str, Property] = {} if found.is_primitive else properties_of(found.type)
        except KeyError:
            inner = {}
        own = [_argument(o.name, self.scalar(o.type)) for o in inner.values() if o.is_primitive]
        return [
            *own, _argument("fhirpath", self.scalar("String")),
            _argument("_count", self.scalar("Int")), _argument("_offset", self.scalar("Int")),
        ]  # fmt: skip

    def _searches_of(self, name: str, inside: bool) -> list[Type]:
        """Return the two fields that search resources of a type, at the base or in a resource."""
        found = self._searches.get((name, inside))
        if found is None:
            arguments = self._search_arguments(name)
            if inside:
                arguments.append(_argument("_reference", self._required(self.scalar("String"))))
            found = self._searches[name, inside] = [
                _field(name + "List", self._list(self.object(name)), arguments),
                _field(name + "Connection", self._connection(name), arguments),
            ]
        return found

    def _search_arguments(self, name: str) -> list[Type]:
        texts = self._list(self.scalar("String"))
        codes = (code.replace("-", "_") for code in plan_of(name).parameters)
        return [
            *(_argument(code, texts) for code in codes if code.isidentifier()),
            *(_argument(n, self.scalar("String")) for n in ("_sort", "_filter", "_cursor")),
            _argument("_count", self.scalar("Int")),
        ]

    def _connection(self, name: str) -> Type:
        found = self._known.get(name + "Connection")
        if found is None:
            edge = self._known[name + "Edge"] = _type(
                "OBJECT", name + "Edge", interfaces=[],
                fields=[
                    _field("mode", self.scalar("code")), _field("score", self.scalar("Float")),
                    _field("resource", self.object(name)),
                ],
            )  # fmt: skip
            fields = [_field(one, self.scalar("Int")) for one in _NUMBERS]
            fields += [_field(one, self.scalar("String")) for one in _CURSORS]
            fields.append(_field("edges", self._list(edge)))
            found = self._known[name + "Connection"] = _type(
                "OBJECT", name + "Connection", interfaces=[], fields=fields
            )
        return found

    def directives(self) -> list[Type]:
        """Return the directives that are understood."""
        condition = _argument("if", self._required(self.scalar("Boolean")))
        path = _argument("path", self._required(self.scalar("String")))
        everywhere = ["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"]
        listed = (
            ("include", everywhere, [condition]), ("skip", everywhere, [condition]),
            ("flatten", ["FIELD"], []), ("first", ["FIELD"], []), ("singleton", ["FIELD"], []),
            ("slice", ["FIELD"], [path]),
        )  # fmt: skip
        return [
            {
                "__typename": "__Directive", "name": name, "description": None,
                "isRepeatable": False, "locations": places, "args": arguments,
            }
            for name, places, arguments in listed
        ]  # fmt: skip
