"""From FHIR XML to FHIR JSON.

Standard: FHIR R4 xml.html.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.fhir.definitions import Property, is_resource_type, properties_of
from yba.fhir.xml.errors import NotFhirXml

_FHIR = "{http://hl7.org/fhir}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_DEEPEST = 150
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NUMBERS = {
    "integer": _INTEGER, "positiveInt": _INTEGER, "unsignedInt": _INTEGER, "decimal": _DECIMAL,
}  # fmt: skip
_VOID = frozenset(("area", "br", "col", "hr", "img"))
_encode = msgspec.json.Encoder().encode


def to_json(document: bytes) -> bytes:
    """Return the JSON of a resource given as XML.

    Elements may stand in any order. Raises NotFhirXml for what is not well formed, has a DTD, or
    holds elements, attributes or text that the type does not have.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotFhirXml("the XML is not well formed") from None
    if root is None or root.getroottree().docinfo.doctype:
        raise NotFhirXml("the XML has a document type")
    return _encode(_resource(root, 0))


def _resource(element: Any, depth: int) -> dict[str, Any]:
    name = _name(element)
    if not is_resource_type(name):
        raise NotFhirXml("the XML is no resource of FHIR R4")
    if any(not attribute.startswith(_XSI) for attribute in map(str, element.attrib)):
        raise NotFhirXml(f"{name} has an attribute that is unknown")
    found: dict[str, Any] = {"resourceType": name}
    _children(found, element, name, depth)
    return found


def _name(element: Any) -> str:
    tag = element.tag
    if not isinstance(tag, str):
        raise NotFhirXml("the XML has an entity")
    if not tag.startswith(_FHIR):
        raise NotFhirXml("an element is not in the namespace http://hl7.org/fhir")
    return tag[len(_FHIR) :]


def _object(element: Any, type_: str, depth: int, *, value: bool = False) -> dict[str, Any]:
    """Return an element as a JSON object; its `value` attribute is left to the caller if it may have one."""
    found: dict[str, Any] = {}
    for name, text in element.attrib.items():
        if name == "id" or (name == "url" and type_ == "Extension"):
            found[str(name)] = str(text)
        elif not (value and name == "value"):
            raise NotFhirXml(f"an element of type {type_} has an attribute that is unknown")
    _children(found, element, type_, depth)
    return found


def _children(found: dict[str, Any], element: Any, type_: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise NotFhirXml("nested too deeply")
    _refuse_text(element.text)
    properties = properties_of(type_)
    for child in element:
        _refuse_text(child.tail)
        if child.tag == f"{_XHTML}div":
            rule = properties.get("div")
            if rule is None or rule.type != "xhtml" or "div" in found:
                raise NotFhirXml(f"{type_} has no narrative here")
            found["div"] = _narrative(child)
            continue
        name = _name(child)
        rule = properties.get(name)
        if rule is None or (name == "id" and not is_resource_type(type_)) or rule.type == "xhtml":
            raise NotFhirXml(f"{type_} has no element of the name that is given")
        if rule.is_primitive:
            _primitive(found, child, rule, depth)
            continue
        if rule.type == "Resource":
            value = _inner_resource(child, depth)
        else:
            value = _object(child, rule.type, depth + 1)
        if rule.is_list:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise NotFhirXml(f"{type_}.{name} is given twice")
        else:
            found[name] = value
    for name in [name[1:] for name in found if name[0] == "_" and name[1:] in found]:
        values = found[name]
        if isinstance(values, list) and all(value is None for value in cast("list[Any]", values)):
            del found[name]


def _inner_resource(element: Any, depth: int) -> dict[str, Any]:
    _refuse_text(element.text)
    if len(element) != 1 or element.attrib:
        raise NotFhirXml("an element must hold exactly one resource")
    _refuse_text(element[0].tail)
    return _resource(element[0], depth + 1)


def _refuse_text(text: str | None) -> None:
    if text and text.strip():
        raise NotFhirXml("there is text between elements")


def _primitive(found: dict[str, Any], child: Any, rule: Property, depth: int) -> None:
    name = rule.name
    text = child.get("value")
    value = None if text is None else _value(text, rule)
    extra = _object(child, "Element", depth + 1, value=True) or None
    if value is None and extra is None:
        raise NotFhirXml(f"{name} has neither a value nor an extension")
    if not rule.is_list:
        if name in found or "_" + name in found:
            raise NotFhirXml(f"{name} is given twice")
        if value is not None:
            found[name] = value
        if extra is not None:
            found["_" + name] = extra
        return
    values = found.setdefault(name, [])
    values.append(value)
    if extra is not None or "_" + name in found:
        extras = found.setdefault("_" + name, [])
        extras += [None] * (len(values) - 1 - len(extras))
        extras.append(extra)


def _value(text: str, rule: Property) -> Any:
    if rule.type == "boolean":
        if text not in ("true", "false"):
            raise NotFhirXml(f"{rule.name} must be true or false")
        return text == "true"
    number = _NUMBERS.get(rule.type)
    if number is None:
        return text
    if not number.fullmatch(text):
        raise NotFhirXml(f"{rule.name} is no number")
    return msgspec.Raw(text.encode())


def _narrative(div: Any) -> str:
    out: list[str] = []
    _xhtml(div, out, ' xmlns="http://www.w3.org/1999/xhtml"', 0)
    return "".join(out)


def _xhtml(element: Any, out: list[str], attributes: str, depth: int) -> None:
    tag = element.tag
    if not isinstance(tag, str) or not tag.startswith(_XHTML) or depth > _DEEPEST:
        raise NotFhirXml("the narrative holds something other than XHTML")
    name = tag[len(_XHTML) :]
    for key, text in element.attrib.items():
        shown = str(key).replace(_XML, "xml:")
        if shown.startswith("{"):
            raise NotFhirXml("the narrative holds something other than XHTML")
        attributes += f' {shown}="{_escaped(str(text), quote=True)}"'
    if element.text is None and not len(element) and name in _VOID:
        out.append(f"<{name}{attributes}/>")
        return
    out.append(f"<{name}{attributes}>{_escaped(element.text or '')}")
    for child in element:
        _xhtml(child, out, "", depth + 1)
        out.append(_escaped(child.tail or ""))
    out.append(f"</{name}>")


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text.replace("\r", "&#13;")
