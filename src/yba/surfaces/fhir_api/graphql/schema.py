"""The schema that introspection shows: every FHIR type, its fields and what lists may be asked for.

Only described here; answering is `execution`'s. Built on first use and kept (about 700 types).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    specified_directives,
)

from yba.fhir.definitions import Property, properties_of
from yba.foundation.record.plans import TYPE_NAMES, plan_of

_KNOWN = {
    "boolean": GraphQLBoolean, "integer": GraphQLInt, "positiveInt": GraphQLInt,
    "unsignedInt": GraphQLInt, "string": GraphQLString,
}  # fmt: skip
_TEXTS = {"fhirpath": GraphQLArgument(GraphQLString)}
_PAGING = {"_count": GraphQLArgument(GraphQLInt), "_offset": GraphQLArgument(GraphQLInt)}


@cache
def schema(type_: str | None) -> GraphQLSchema:
    """Return the schema at a resource of `type_`, or at the system."""
    types = _types()
    if type_ is None:
        fields: dict[str, GraphQLField] = {}
        for name in TYPE_NAMES:
            id_ = {"id": GraphQLArgument(GraphQLNonNull(GraphQLID))}
            fields[name] = GraphQLField(types.object(name), args=id_)
            fields |= types.searches(name, inside=False)
        query = GraphQLObjectType("Query", fields)
    else:
        query = types.object(type_)
    return GraphQLSchema(query=query, directives=[*specified_directives, *_directives()])


def _directives() -> list[GraphQLDirective]:
    place = [DirectiveLocation.FIELD]
    path = {"path": GraphQLArgument(GraphQLNonNull(GraphQLString))}
    return [
        GraphQLDirective("flatten", place),
        GraphQLDirective("first", place),
        GraphQLDirective("singleton", place),
        GraphQLDirective("slice", place, args=path),
    ]


@cache
def _types() -> _Types:
    return _Types()


class _Types:
    """GraphQL types by the names of FHIR's, made when first needed."""

    def __init__(self) -> None:
        self._objects: dict[str, GraphQLObjectType] = {}
        self._scalars: dict[str, GraphQLScalarType] = {}
        self._any: GraphQLUnionType | None = None

    def object(self, name: str) -> GraphQLObjectType:
        """Return the object type of a FHIR type."""
        found = self._objects.get(name)
        if found is None:
            found = GraphQLObjectType(name, lambda: self._fields(name))
            self._objects[name] = found
        return found

    def _any_resource(self) -> GraphQLUnionType:
        if self._any is None:
            self._any = GraphQLUnionType(
                "ResourceUnion", lambda: [self.object(name) for name in TYPE_NAMES]
            )
        return self._any

    def _scalar(self, name: str) -> GraphQLScalarType:
        if name in _KNOWN:
            return _KNOWN[name]
        return self._scalars.setdefault(name, GraphQLScalarType(name))

    def _type(self, found: Property) -> Any:
        if found.is_primitive:
            inner: Any = self._scalar(found.type)
        elif found.type == "Resource":
            inner = self._any_resource()
        else:
            inner = self.object(found.type)
        return GraphQLList(inner) if found.is_list else inner

    def _fields(self, name: str) -> dict[str, GraphQLField]:
        fields = {
            one.name: GraphQLField(self._type(one), args=self._filters(one))
            for one in properties_of(name).values()
        }
        if name == "Reference":
            fields["resource"] = GraphQLField(
                self._any_resource(),
                args={
                    "optional": GraphQLArgument(GraphQLBoolean),
                    "type": GraphQLArgument(self._scalar("code")),
                },
            )
        if name in TYPE_NAMES:
            fields["resourceType"] = GraphQLField(self._scalar("code"))
            for other in TYPE_NAMES:
                fields |= self.searches(other, inside=True)
        return fields

    def _filters(self, found: Property) -> dict[str, GraphQLArgument]:
        if not found.is_list:
            return {}
        try:
            inner = {} if found.is_primitive else properties_of(found.type)
        except KeyError:
            inner = {}
        own = {
            one.name: GraphQLArgument(self._scalar(one.type))
            for one in inner.values()
            if one.is_primitive
        }
        return {**own, **_TEXTS, **_PAGING}

    def searches(self, name: str, *, inside: bool) -> dict[str, GraphQLField]:
        """Return the fields that search resources of a type."""
        arguments = {
            parameter.code.replace("-", "_"): GraphQLArgument(GraphQLList(GraphQLString))
            for parameter in plan_of(name).parameters.values()
            if parameter.code.replace("-", "_").isidentifier()
        }
        for control in ("_sort", "_filter", "_cursor"):
            arguments[control] = GraphQLArgument(GraphQLString)
        arguments["_count"] = GraphQLArgument(GraphQLInt)
        if inside:
            arguments["_reference"] = GraphQLArgument(GraphQLNonNull(GraphQLString))
        return {
            name + "List": GraphQLField(GraphQLList(self.object(name)), args=arguments),
            name + "Connection": GraphQLField(self._connection(name), args=arguments),
        }

    def _connection(self, name: str) -> GraphQLObjectType:
        found = self._objects.get(name + "Connection")
        if found is None:
            edge = GraphQLObjectType(
                name + "Edge",
                lambda: {
                    "mode": GraphQLField(self._scalar("code")),
                    "score": GraphQLField(GraphQLFloat),
                    "resource": GraphQLField(self.object(name)),
                },
            )
            cursors = {
                k: GraphQLField(GraphQLString) for k in ("first", "previous", "next", "last")
            }
            numbers = {k: GraphQLField(GraphQLInt) for k in ("count", "offset", "pagesize")}
            fields = {**numbers, **cursors, "edges": GraphQLField(GraphQLList(edge))}
            found = self._objects[name + "Connection"] = GraphQLObjectType(
                name + "Connection", fields
            )
        return found
