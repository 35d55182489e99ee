"""From FHIR JSON to FHIR XML.

Standard: FHIR R4 xml.html.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Any, cast

import msgspec
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.fhir.definitions import Property, is_resource_type, properties_of
from yba.fhir.xml.errors import NotFhirXml

_LOADER = msgspec.json.Decoder(float_hook=str)
_DEEPEST = 150
_FHIR = ' xmlns="http://hl7.org/fhir"'
_XHTML = "http://www.w3.org/1999/xhtml"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;",
     "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)  # fmt: skip
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
_OF_XML = ("amp;", "lt;", "gt;", "quot;", "apos;")


def to_xml(document: bytes, *, pretty: bool = False) -> bytes:
    """Return the XML of a resource given as JSON. Raises NotFhirXml if it cannot be written."""
    try:
        resource = _LOADER.decode(document)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise NotFhirXml("the JSON cannot be read") from None
    if not isinstance(resource, dict):
        raise NotFhirXml("the JSON is no resource")
    writer = _Writer("\n" if pretty else "")
    try:
        writer.resource(cast("dict[str, Any]", resource), _FHIR, 0)
    except (AttributeError, TypeError, KeyError):
        raise NotFhirXml("the JSON is no resource of FHIR R4") from None
    text = "".join([_HEAD, *writer.out])
    if _FORBIDDEN.search(text):
        raise NotFhirXml("a text contains a character that XML does not have")
    return text.encode()


class _Writer:
    def __init__(self, line: str) -> None:
        self.out: list[str] = []
        self._line = line

    def _new_line(self, depth: int) -> None:
        if self._line:
            self.out.append(self._line + "  " * depth)

    def resource(self, resource: dict[str, Any], attributes: str, depth: int) -> None:
        """Write a resource as the element of its type."""
        name = resource["resourceType"]
        if not is_resource_type(name):
            raise NotFhirXml("the JSON is no resource of FHIR R4")
        self._new_line(depth)
        self._element(name, attributes, resource, name, depth)

    def _element(
        self, name: str, attributes: str, value: dict[str, Any], type_: str, depth: int
    ) -> None:
        if depth > _DEEPEST:
            raise NotFhirXml("nested too deeply")
        start = len(self.out)
        self.out.append("")
        self._elements(value, type_, depth + 1)
        if len(self.out) == start + 1:
            self.out[start] = f"<{name}{attributes}/>"
            return
        self.out[start] = f"<{name}{attributes}>"
        self._new_line(depth)
        self.out.append(f"</{name}>")

    def _elements(self, value: dict[str, Any], type_: str, depth: int) -> None:
        for of in properties_of(type_).values():
            name = of.name
            if name in value or "_" + name in value:
                if _is_attribute(of, type_):
                    continue
                if of.is_primitive:
                    self._primitives(of, value.get(name), value.get("_" + name), depth)
                else:
                    found = value[name]
                    for one in found if of.is_list else (found,):
                        self._complex(of, one, depth)

    def _complex(self, of: Property, value: dict[str, Any], depth: int) -> None:
        self._new_line(depth)
        if of.type != "Resource":
            self._element(of.name, _attributes(value, of.type), value, of.type, depth)
            return
        self.out.append(f"<{of.name}>")
        self.resource(value, "", depth + 1)
        self._new_line(depth)
        self.out.append(f"</{of.name}>")

    def _primitives(self, of: Property, value: Any, extra: Any, depth: int) -> None:
        if not of.is_list:
            self._primitive(of, value, extra, depth)
            return
        values: list[Any] = value or []
        extras: list[Any] = extra or []
        for index in range(max(len(values), len(extras))):
            self._primitive(
                of,
                values[index] if index < len(values) else None,
                extras[index] if index < len(extras) else None,
                depth,
            )

    def _primitive(self, of: Property, value: Any, extra: Any, depth: int) -> None:
        self._new_line(depth)
        if of.type == "xhtml":
            self.out.append(_narrative(value))
            return
        attributes = _attributes(extra, "Element") if extra else ""
        if value is not None:
            attributes += f' value="{_text(value)}"'
        self._element(of.name, attributes, extra or {}, "Element", depth)


def _is_attribute(of: Property, type_: str) -> bool:
    if of.name == "id":
        return not is_resource_type(type_)
    return of.name == "url" and type_ == "Extension"


def _attributes(value: dict[str, Any], type_: str) -> str:
    found = ""
    if "id" in value and not is_resource_type(type_):
        found = f' id="{_text(value["id"])}"'
    if type_ == "Extension" and "url" in value:
        found += f' url="{_text(value["url"])}"'
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).translate(_ESCAPES)


def _narrative(text: str) -> str:
    """Return the narrative as it is, with entities of HTML as characters.

    What is not well formed is shown as plain text, so that the document around it stays readable.
    """
    shown = _ENTITY.sub(_character, text.strip())
    try:
        found = etree.fromstring(shown, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        found = None
    if found is None or found.tag != f"{{{_XHTML}}}div" or found.getroottree().docinfo.doctype:
        return f'<div xmlns="{_XHTML}">{_text(text)}</div>'
    return shown[shown.index("<div") :] if shown.startswith("<?") and "<div" in shown else shown


def _character(match: re.Match[str]) -> str:
    if match[1] in _OF_XML:
        return match[0]
    return html5.get(match[1], match[0])
