"""JSON Schema (2020-12) of the R4 types, from their definitions.

Structure, cardinality, required codes and the formats of primitives; invariants and profiles are beyond it.
Standard: FHIR R4 JSON; datatypes, "Primitive Types".
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from yba.fhir.definitions import PRIMITIVES, Property, codes_of, is_resource_type, properties_of

_DATE: Final = "[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE: Final = "(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DAY: Final = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TEXT: Final = {"type": "string", "minLength": 1}


def _pattern(text: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({text})$"}


_FORMATS: Final[dict[str, dict[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(1 << 31), "maximum": (1 << 31) - 1},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": (1 << 31) - 1},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": (1 << 31) - 1},
    "decimal": {"type": "number"},
    "id": _pattern(r"[A-Za-z0-9\-.]{1,64}"),
    "code": _pattern(r"[^ \t\r\n]+([ \t\r\n][^ \t\r\n]+)*"),
    "date": _pattern(_DATE),
    "dateTime": _pattern(f"{_DATE}|{_DAY}T{_TIME}{_ZONE}"),
    "instant": _pattern(f"{_DAY}T{_TIME}{_ZONE}"),
    "time": _pattern(_TIME),
    "oid": _pattern(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"),
    "uuid": _pattern("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "uri": _pattern(r"[^ \t\r\n]+"),
    "url": _pattern(r"[^ \t\r\n]+"),
    "canonical": _pattern(r"[^ \t\r\n]+"),
    "base64Binary": {"type": "string", "contentEncoding": "base64"},
}


@cache
def schemas(prefix: str = "#/components/schemas/") -> dict[str, dict[str, Any]]:
    """Return the schema of every resource, datatype and part of one by name; `prefix` begins a reference."""
    from yba.fhir.generated.elements import ELEMENTS

    found = {name: _structure(name, prefix) for name in ELEMENTS}
    names = sorted(name for name in ELEMENTS if is_resource_type(name))
    # Any resource; what is in it is not described, since one document cannot hold every combination.
    found["Resource"] = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"enum": names}},
    }
    for name in PRIMITIVES:
        found[name] = _FORMATS.get(name, _TEXT)
    return found


def _structure(name: str, prefix: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    either: list[dict[str, Any]] = []
    if is_resource_type(name):
        properties["resourceType"] = {"const": name}
        required.append("resourceType")
    for p in properties_of(name).values():
        properties[p.name] = _property(p, prefix)
        if p.is_primitive:
            extra = {"$ref": f"{prefix}Element"}
            properties[f"_{p.name}"] = (
                _list({"anyOf": [extra, {"type": "null"}]}) if p.is_list else extra
            )
        if p.minimum and not p.is_choice:
            if p.is_primitive:
                either.append({"anyOf": [{"required": [p.name]}, {"required": [f"_{p.name}"]}]})
            else:
                required.append(p.name)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    if either:
        schema["allOf"] = either
    return schema


def _property(p: Property, prefix: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": prefix + p.type}
    if p.type == "code" and p.binding:
        schema = {"enum": sorted(codes_of(p.binding))}
    if not p.is_list:
        return schema
    return _list({"anyOf": [schema, {"type": "null"}]} if p.is_primitive else schema)


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}
