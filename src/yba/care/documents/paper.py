"""Paper copies: the pages of a signed file, made smaller, over a strip of marks.

Decree 137/2024: a paper copy of an electronic original shows the system, its
owner, where to look it up, that it is a conversion, when and by whom.
"""

from datetime import datetime
from io import BytesIO
from pathlib import Path

import pikepdf

from yba.care.documents.model import PaperCopy
from yba.care.documents.rendering import render_now
from yba.care.documents.sheets import words_of_copy

# Height of the strip in points; the page above keeps its proportions.
_STRIP = 46.0
_EDGE = 14.0


def with_marks(content: bytes, copy: PaperCopy, *, fonts: Path) -> bytes:
    """Return a printable file: each page of `content` above the marks of `copy`."""
    with pikepdf.open(BytesIO(content)) as original, pikepdf.new() as printed:
        marks: dict[float, pikepdf.Pdf] = {}
        for page in original.pages:
            width, height = (float(page.mediabox[i]) for i in (2, 3))
            if width not in marks:
                marks[width] = _marks(copy, width, fonts, copy.at)
            target = printed.add_blank_page(page_size=(width, height))
            above = pikepdf.Rectangle(0, _STRIP + _EDGE, width, height)
            target.add_overlay(page, above)
            strip = pikepdf.Rectangle(_EDGE, _EDGE * 0.7, width - _EDGE, _EDGE * 0.7 + _STRIP)
            target.add_overlay(marks[width].pages[0], strip)
        output = BytesIO()
        printed.save(output, deterministic_id=True)
        return output.getvalue()


def _marks(copy: PaperCopy, width: float, fonts: Path, at: datetime) -> pikepdf.Pdf:
    words = {**words_of_copy(copy), "width": width - 2 * _EDGE, "height": _STRIP}
    return pikepdf.open(BytesIO(render_now("paper_copy", words, fonts=fonts, at=at, archive=False)))
