"""The exact bytes of a part of an XML document, as its signature means them.

Only what copies content unchanged is accepted: canonicalisation and leaving
out the signature itself. XSLT, XPath, base64 and everything else could make
a reader see other content than was signed, and is refused.

Standards: XML Signature 1.1 §6.5–6.6, Canonical XML 1.0 and 1.1, Exclusive
Canonical XML 1.0.
"""

import copy
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.foundation.signing.checking import words
from yba.foundation.signing.checking.containers import Unreadable

DSIG = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = DSIG + "enveloped-signature"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
# Address of a method: is it exclusive, does it keep comments.
METHODS: dict[str, tuple[bool, bool]] = {
    INCLUSIVE: (False, False),
    INCLUSIVE + "#WithComments": (False, True),
    "http://www.w3.org/2006/12/xml-c14n11": (False, False),
    "http://www.w3.org/2006/12/xml-c14n11#WithComments": (False, True),
    _EXCLUSIVE: (True, False),
    _EXCLUSIVE + "WithComments": (True, True),
}
_XML = "{http://www.w3.org/XML/1998/namespace}"
_MOST_TRANSFORMS = 4


def canonical(
    element: Any,
    method: str = INCLUSIVE,
    *,
    prefixes: tuple[str, ...] = (),
    with_comments: bool | None = None,
    is_document: bool = False,
) -> bytes:
    """Return the canonical bytes of an element where it stands.

    `is_document` adds the processing instructions around a root element.
    `prefixes` are the inclusive namespaces of exclusive canonicalisation.
    Raises Unreadable for an unknown method.
    """
    if method not in METHODS:
        raise Unreadable(words.UNKNOWN_TRANSFORM)
    is_exclusive, comments = METHODS[method]
    place = element if is_exclusive else _with_inherited(element, "c14n11" in method)
    return etree.tostring(
        place.getroottree() if is_document else place,
        method="c14n",
        exclusive=is_exclusive,
        with_comments=comments if with_comments is None else comments and with_comments,
        inclusive_ns_prefixes=list(prefixes) or None,
    )


def _with_inherited(element: Any, is_newer: bool) -> Any:
    """Return the element with the xml: attributes that the inclusive methods inherit.

    Canonical XML 1.0 §2.4 takes all of them from the nearest ancestor; 1.1
    does not take xml:id and joins xml:base, which is refused here.
    """
    inherited: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith(_XML):
                inherited.setdefault(name, value)
    if is_newer:
        inherited.pop(_XML + "id", None)
        if _XML + "base" in inherited:
            raise Unreadable(words.UNKNOWN_TRANSFORM)
    missing = {name: value for name, value in inherited.items() if name not in element.attrib}
    if not missing:
        return element
    # Under a stand-in for its parent the copy keeps the namespaces in scope.
    parent = element.getparent()
    stand_in = etree.Element("stand-in", nsmap=parent.nsmap if parent is not None else None)
    twin = copy.deepcopy(element)
    twin.tail = None
    stand_in.append(twin)
    for name, value in missing.items():
        twin.set(name, value)
    return twin


def referenced(
    root: Any, target: Any, signature: Any, transforms: list[Any], *, is_document: bool
) -> bytes:
    """Return the bytes that a reference to `target` (the root or a part) digests.

    `is_document` says that the reference names the document as a whole.

    Raises Unreadable for any transform that could show something else.
    """
    if len(transforms) > _MOST_TRANSFORMS:
        raise Unreadable(words.UNKNOWN_TRANSFORM)
    method: str | None = None
    prefixes: tuple[str, ...] = ()
    without_signature = False
    for transform in transforms:
        name = transform.get("Algorithm")
        if method is not None:
            # Nothing may follow the canonical bytes.
            raise Unreadable(words.UNKNOWN_TRANSFORM)
        if name == ENVELOPED and not without_signature:
            without_signature = True
        elif name in METHODS:
            method, prefixes = name, inclusive_prefixes(transform)
        else:
            raise Unreadable(words.UNKNOWN_TRANSFORM)
    place = target
    if without_signature:
        place = _without(root, target, signature)
    # XML Signature §4.4.3.3: a reference inside the document leaves comments out.
    return canonical(
        place, method or INCLUSIVE, prefixes=prefixes, with_comments=False, is_document=is_document
    )


def inclusive_prefixes(transform: Any) -> tuple[str, ...]:
    """Return the prefixes that exclusive canonicalisation treats inclusively."""
    if not len(transform):
        return ()
    [child] = transform
    if child.tag != f"{{{_EXCLUSIVE}}}InclusiveNamespaces":
        raise Unreadable(words.UNKNOWN_TRANSFORM)
    return tuple(child.get("PrefixList", "").split())


def _without(root: Any, target: Any, signature: Any) -> Any:
    """Return `target` in a copy of the document that lacks the signature."""
    if target is not signature and target not in signature.iterancestors():
        # The signature lies elsewhere; leaving it out changes nothing here.
        return target
    twin = copy.deepcopy(root.getroottree()).getroot()
    place, gone = _follow(twin, _steps(target)), _follow(twin, _steps(signature))
    parent = gone.getparent()
    if parent is None or place is gone:
        raise Unreadable(words.OTHER_TARGET)
    # The text behind the signature belongs to the document.
    tail = gone.tail or ""
    before = gone.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(gone)
    return place


def _steps(element: Any) -> list[int]:
    """Return the way from the root to an element, as positions among siblings."""
    steps: list[int] = []
    while (parent := element.getparent()) is not None:
        steps.append(parent.index(element))
        element = parent
    return steps[::-1]


def _follow(root: Any, steps: list[int]) -> Any:
    for step in steps:
        root = root[step]
    return root
