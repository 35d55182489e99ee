"""Reads FHIR XML into the JSON form, for official test inputs that exist as XML only."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any

import msgspec

from yba.fhir.definitions import PRIMITIVES, properties_of

_FHIR = "{http://hl7.org/fhir}"
_XHTML = "{http://www.w3.org/1999/xhtml}"


def json_of(document: bytes) -> bytes:
    """Return the JSON of a FHIR XML document."""
    return msgspec.json.Encoder(decimal_format="number").encode(_resource(ET.fromstring(document)))


def _resource(element: ET.Element) -> dict[str, Any]:
    type_ = element.tag.removeprefix(_FHIR)
    return {"resourceType": type_, **_object(element, type_)}


def _object(element: ET.Element, type_: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "id" in element.attrib:
        found["id"] = element.attrib["id"]
    if "url" in element.attrib:
        found["url"] = element.attrib["url"]
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if child.tag.startswith(_XHTML):
            ET.register_namespace("", _XHTML[1:-1])
            found["div"] = ET.tostring(child, encoding="unicode").strip()
            continue
        name = child.tag.removeprefix(_FHIR)
        rule = properties_of(type_)[name]
        if rule.type in PRIMITIVES:
            _primitive(found, child, name, rule.type, rule.is_list)
            continue
        value = _resource(child[0]) if rule.type == "Resource" else _object(child, rule.type)
        if rule.is_list:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _primitive(
    found: dict[str, Any], child: ET.Element, name: str, type_: str, is_list: bool
) -> None:
    value = _value(child.attrib.get("value"), type_)
    extra = _object(child, "Element") or None
    if not is_list:
        if value is not None:
            found[name] = value
        if extra is not None:
            found["_" + name] = extra
        return
    values = found.setdefault(name, [])
    values.append(value)
    if extra is not None or "_" + name in found:
        extras = found.setdefault("_" + name, [])
        extras += [None] * (len(values) - 1 - len(extras)) + [extra]


def _value(text: str | None, type_: str) -> Any:
    if text is None:
        return None
    match type_:
        case "boolean":
            return text == "true"
        case "integer" | "positiveInt" | "unsignedInt":
            return int(text)
        case "decimal":
            return Decimal(text)
        case _:
            return text
