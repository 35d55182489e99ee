"""The doctor's note as Composition sections, and back. Pure.

A Composition (not a ClinicalImpression) because each part of the note has a
LOINC section of its own, which documents and other facilities understand.
The narrative holds plain text only: escaped, line breaks kept.
Standard: FHIR R4 Composition; LOINC 34117-2 and section codes.
"""

import html
import re

from yba.care.encounters.model import Examination
from yba.fhir import r4
from yba.kernel import systems

NOTE_TYPE = "34117-2"
_XHTML = "http://www.w3.org/1999/xhtml"
# Field of Examination, LOINC section code, title printed in the record.
SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("reason", "10154-3", "Lý do đến khám"),
    ("history", "10164-2", "Bệnh sử"),
    ("past_history", "11348-0", "Tiền sử"),
    ("findings", "29545-1", "Khám lâm sàng"),
    ("course", "8648-8", "Diễn biến"),
    ("preliminary_diagnosis", "51848-0", "Chẩn đoán sơ bộ"),
    ("plan", "18776-5", "Hướng xử trí"),
)
_PRINTABLE = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = re.compile(r"<(br/|p|/p|/?div)[^>]*>")


def sections_of(examination: Examination) -> list[r4.CompositionSection]:
    """Return the parts that say something."""
    return [
        r4.CompositionSection(
            title=title,
            code=r4.CodeableConcept(coding=[r4.Coding(system=systems.LOINC, code=loinc)]),
            text=r4.Narrative(status="additional", div=to_xhtml(getattr(examination, field))),
        )
        for field, loinc, title in SECTIONS
        if getattr(examination, field).strip()
    ]


def examination_of(composition: r4.Composition) -> Examination:
    """Return the note that a Composition holds."""
    texts: dict[str, str] = {}
    for section in composition.section or []:
        codings = section.code.coding if section.code else None
        code = codings[0].code if codings else None
        field = next((field for field, loinc, _ in SECTIONS if loinc == code), None)
        if field and section.text and section.text.div:
            texts[field] = from_xhtml(section.text.div)
    return Examination(**texts)


def to_xhtml(text: str) -> str:
    """Write plain text as a FHIR narrative."""
    lines = _PRINTABLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    body = "<br/>".join(html.escape(line, quote=False) for line in lines)
    return f'<div xmlns="{_XHTML}"><p>{body}</p></div>'


def from_xhtml(div: str) -> str:
    """Read the plain text of a narrative."""

    def plain(match: re.Match[str]) -> str:
        return "\n" if match[1] in ("br/", "/p") else ""

    return html.unescape(re.sub(r"<[^>]*>", "", _TAG.sub(plain, div))).strip()
