"""The XHTML of narratives: which elements and attributes may stand there.

Standard: FHIR R4 narrative.html, rules txt-1 and txt-2; HTML 4.0 chapters 7 to 11 (without 9.4) and 15.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import name2codepoint
from typing import Final
from xml.parsers import expat

from yba.fhir.validation import messages as say

_XHTML: Final = "http://www.w3.org/1999/xhtml"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_ELEMENTS: Final = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "area",
        "b",
        "big",
        "blockquote",
        "bdo",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "kbd",
        "li",
        "map",
        "ol",
        "p",
        "pre",
        "q",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "ul",
        "var",
        "ins",
        "del",
        "s",
        "strike",
        "u",
    ]
)
_ANYWHERE: Final = frozenset(
    ["title", "style", "class", "id", "lang", "dir", "accesskey", "tabindex"]
)
_LAYOUT: Final = frozenset(["align", "valign", "width", "height", "char", "charoff"])
_CELL: Final = _LAYOUT | frozenset(
    ["abbr", "axis", "headers", "scope", "rowspan", "colspan", "bgcolor", "nowrap"]
)
_TABLE: Final = _LAYOUT | frozenset(
    ["border", "cellspacing", "cellpadding", "summary", "frame", "rules", "bgcolor"]
)
_AT: Final = {
    "a": frozenset(
        ["href", "name", "rel", "type", "target", "shape", "coords", "charset", "hreflang"]
    ),
    "img": frozenset(
        [
            "src",
            "alt",
            "longdesc",
            "border",
            "height",
            "width",
            "usemap",
            "align",
            "hspace",
            "vspace",
        ]
    ),
    "map": frozenset({"name"}),
    "area": frozenset(["shape", "coords", "href", "alt", "nohref"]),
    "blockquote": frozenset({"cite"}),
    "q": frozenset({"cite"}),
    "ins": frozenset({"cite", "datetime"}),
    "del": frozenset({"cite", "datetime"}),
    "ol": frozenset({"type", "start", "compact"}),
    "ul": frozenset({"type", "compact"}),
    "li": frozenset({"type", "value"}),
    "col": _LAYOUT | {"span"},
    "colgroup": _LAYOUT | {"span"},
    "table": _TABLE,
    "td": _CELL,
    "th": _CELL,
    "tr": _CELL,
    "thead": _LAYOUT,
    "tbody": _LAYOUT,
    "tfoot": _LAYOUT,
    "caption": frozenset({"align"}),
    "br": frozenset({"clear"}),
    "hr": frozenset(["align", "noshade", "size", "width"]),
    "p": frozenset({"align"}),
    "div": frozenset({"align"}),
    "pre": frozenset({"width"}),
    **{f"h{n}": frozenset({"align"}) for n in range(1, 7)},
}
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_NAMED: Final = ("amp", "lt", "gt", "quot", "apos")
_MOST: Final = 50

Found = tuple[str, dict[str, object]]


def problems_of(div: str) -> Iterator[Found]:
    """Give (message, values) of everything that a narrative may not be."""
    reader = _Reader()
    try:
        reader.read(_NAMED.sub(_numbered, div))
    except _Refused:
        yield say.NARRATIVE_BROKEN, {}
        return
    except expat.ExpatError:
        yield say.NARRATIVE_BROKEN, {}
        return
    yield from reader.found[:_MOST]
    if not reader.has_content:
        yield say.NARRATIVE_EMPTY, {}


def _numbered(match: re.Match[str]) -> str:
    name = match[1]
    if name in _XML_NAMED or name not in name2codepoint:
        return match[0]
    return f"&#{name2codepoint[name]};"


class _Refused(Exception):
    """A document type: entities could be anything."""


class _Reader:
    def __init__(self) -> None:
        self.found: list[Found] = []
        self.has_content = False
        self._is_first = True

    def read(self, text: str) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.Parse(text.strip().encode(), True)

    def _doctype(self, *_: object) -> None:
        raise _Refused

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if self._is_first:
            self._is_first = False
            if local != "div" or space != _XHTML:
                self.found.append((say.NARRATIVE_NAMESPACE, {}))
        if local not in _ELEMENTS or space not in (_XHTML, ""):
            self.found.append((say.NARRATIVE_ELEMENT, {"name": local}))
            return
        self.has_content = self.has_content or local == "img"
        allowed = _AT.get(local, frozenset[str]())
        for attribute, value in attributes.items():
            where, _, bare = attribute.rpartition(" ")
            known = (where == _XML and bare in ("lang", "space")) or (
                not where
                and (
                    bare in _ANYWHERE
                    or bare in allowed
                    or bare.lower() == "id"
                    or bare.startswith("data-")
                )
            )
            if not known:
                self.found.append((say.NARRATIVE_ATTRIBUTE, {"name": bare, "element": local}))
            elif bare in ("href", "src") and value.strip().lower().startswith(
                ("javascript:", "vbscript:", "data:text")
            ):
                self.found.append((say.NARRATIVE_ADDRESS, {}))

    def _text(self, text: str) -> None:
        self.has_content = self.has_content or bool(text.strip())
