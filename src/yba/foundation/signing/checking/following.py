"""What may follow a signature in a PDF: signatures, time stamps, evidence, and nothing to read.

Programs that add those also note when they did so (`ModDate`, `Producer`,
and the same in the XMP packet). That much may change; a title may not,
because a reader shows it.

Standards: ISO 32000-2 §12.8.2.2 (permissions), ETSI EN 319 142-1 §5.5.
"""

from collections.abc import Iterable
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.diff_analysis.form_rules_api import FormUpdatingRule
from pyhanko.sign.diff_analysis.policies import StandardDiffPolicy
from pyhanko.sign.diff_analysis.rules.file_structure_rules import (
    CatalogModificationRule,
    ObjectStreamRule,
    XrefStreamRule,
)
from pyhanko.sign.diff_analysis.rules.form_field_rules import (
    DSSCompareRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
)
from pyhanko.sign.diff_analysis.rules.metadata_rules import DocInfoRule, MetadataUpdateRule
from pyhanko.sign.diff_analysis.rules_api import ReferenceUpdate

_NOTED = frozenset({"/ModDate", "/Producer"})
_NOTED_XMP = frozenset({"ModifyDate", "MetadataDate", "Producer", "InstanceID"})


class _Information(DocInfoRule):
    """The information dictionary may note the time and the program of a change."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        if _information(old) == _information(new):
            yield from super().apply(old, new)


class _Packet(MetadataUpdateRule):
    """The XMP packet may note the same."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        if _packet(old) == _packet(new):
            yield from super().apply(old, new)


def _information(at: HistoricalResolver) -> dict[str, str]:
    reference: Any = at.trailer_view.get_value_as_reference("/Info", optional=True)
    if reference is None:
        return {}
    entries: Any = at.get_object(reference)
    return {str(key): str(entries[key]) for key in entries if str(key) not in _NOTED}


def _packet(at: HistoricalResolver) -> bytes:
    if "/Metadata" not in at.root:
        return b""
    stream: Any = at.get_object(at.root.get_value_as_reference("/Metadata"))
    content: bytes = stream.data
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    for element in list(root.iter(etree.Element)):
        for name in list(element.attrib):
            if etree.QName(name).localname in _NOTED_XMP:
                del element.attrib[name]
        if etree.QName(element).localname in _NOTED_XMP and element.getparent() is not None:
            element.getparent().remove(element)
        elif element.text is not None and not element.text.strip():
            element.text = None
    for element in root.iter():
        element.tail = None
    return etree.tostring(root, method="c14n", exclusive=True)


def _policy() -> StandardDiffPolicy:
    lasting = ModificationLevel.LTA_UPDATES
    return StandardDiffPolicy(
        global_rules=[
            CatalogModificationRule(),
            XrefStreamRule().as_qualified(lasting),
            ObjectStreamRule().as_qualified(lasting),
            DSSCompareRule().as_qualified(lasting),
            _Information().as_qualified(lasting),
            _Packet().as_qualified(lasting),
        ],
        # Filling in other fields than signatures changes what was signed.
        form_rule=FormUpdatingRule(
            field_rules=[SigFieldCreationRule(), SigFieldModificationRule()]
        ),
    )


POLICY = _policy()
