"""Signed PDFs that were tampered with, in every published way.

After Mladenov et al., "1 Trillion Dollar Refund" (2019: universal forgery,
incremental saving, wrapping) and "Shadow Attacks" (2021).
"""

import re
from collections.abc import Callable
from io import BytesIO

from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

Attack = Callable[[bytes], bytes]
_RANGE = re.compile(rb"/ByteRange *\[ *(\d+) +(\d+) +(\d+) +(\d+) *\]")


def _ranged(content: bytes, value: bytes) -> bytes:
    """Return a copy whose last byte range reads otherwise, in as many bytes."""
    *_, found = _RANGE.finditer(content)
    assert len(value) <= len(found[0])
    return content[: found.start()] + value.ljust(len(found[0])) + content[found.end() :]


def _contents(content: bytes) -> tuple[int, int]:
    start = content.rindex(b"/Contents <") + len(b"/Contents ")
    return start, content.index(b">", start) + 1


def _container(content: bytes, value: bytes) -> bytes:
    start, end = _contents(content)
    return content[:start] + value.ljust(end - start) + content[end:]


def _revised(content: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(content), strict=False)
    change(writer)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def _page(writer: IncrementalPdfFileWriter):
    return writer.root["/Pages"]["/Kids"][0].get_object()


def _rotate(writer: IncrementalPdfFileWriter) -> None:
    page = _page(writer)
    page[NameObject("/Rotate")] = NumberObject(90)
    writer.update_container(page)


def _repaint(writer: IncrementalPdfFileWriter) -> None:
    page = _page(writer)
    stream = StreamObject(stream_data=b"BT /F1 99 Tf (other) Tj ET")
    page[NameObject("/Contents")] = writer.add_object(stream)
    writer.update_container(page)


def _annotate(writer: IncrementalPdfFileWriter) -> None:
    page = _page(writer)
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/FreeText"),
            NameObject("/Rect"): ArrayObject(map(NumberObject, (0, 0, 500, 500))),
            NameObject("/Contents"): TextStringObject("other"),
        }
    )
    page[NameObject("/Annots")] = ArrayObject([writer.add_object(note)])
    writer.update_container(page)


def _script(writer: IncrementalPdfFileWriter) -> None:
    writer.root[NameObject("/OpenAction")] = DictionaryObject(
        {
            NameObject("/S"): NameObject("/JavaScript"),
            NameObject("/JS"): TextStringObject("app.alert('x')"),
        }
    )
    writer.update_root()


def _other_pages(writer: IncrementalPdfFileWriter) -> None:
    pages = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Pages"),
            NameObject("/Kids"): ArrayObject([]),
            NameObject("/Count"): NumberObject(0),
        }
    )
    writer.root[NameObject("/Pages")] = writer.add_object(pages)
    writer.update_root()


def _retitle(writer: IncrementalPdfFileWriter) -> None:
    information = writer.trailer["/Info"]
    information[NameObject("/Title")] = TextStringObject("Other")
    writer.update_container(information)


def _unsign(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    form[NameObject("/Fields")] = ArrayObject([])
    writer.update_container(form)


def wrapped(content: bytes) -> bytes:
    """Signature wrapping: the second part is moved to the end, something else in its place."""
    *_, found = _RANGE.finditer(content)
    first, start, length = int(found[2]), int(found[3]), int(found[4])
    tail = content[start : start + length]
    moved = len(content)
    value = b"/ByteRange [0 %d %d %d]" % (first, moved, length)
    return _ranged(content, value)[:start] + tail.replace(b"%%EOF", b"%%EoF") + tail


def without_table(content: bytes) -> bytes:
    """Incremental saving with objects only: no cross-reference table, no trailer."""
    return content + b"\n4 0 obj\n<</Length 5>>\nstream\nother\nendstream\nendobj\n"


def trailer_only(content: bytes) -> bytes:
    """Incremental saving with a trailer that points back."""
    at = content.rindex(b"startxref")
    return content + b"\ntrailer\n<</Root 99 0 R>>\n" + content[at:]


def flipped(marker: bytes, offset: int = 0) -> Attack:
    """Return an attack that flips one bit at a place in the file."""

    def attack(content: bytes) -> bytes:
        place = content.rindex(marker) + offset
        return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]

    return attack


def _redigit(content: bytes, *, behind: bool) -> bytes:
    """Change one digit at the end of the container, or in the zeros behind it."""
    start, end = _contents(content)
    header = bytes.fromhex(content[start + 1 : start + 9].decode())
    length = 2 * (4 + int.from_bytes(header[2:4], "big"))
    place = end - 40 if behind else start + 1 + length - 40
    digit = b"1" if content[place : place + 1] == b"0" else b"0"
    return content[:place] + digit + content[place + 1 :]


def swapped(content: bytes) -> bytes:
    """Exchange the containers of the first and the last of two signers."""
    spans = [
        (found.start() + 10, content.index(b">", found.start()) + 1)
        for found in re.finditer(rb"/Contents <30", content)
    ]
    (a, b), (c, d) = spans[0], spans[-1]
    first, last = content[a:b], content[c:d]
    if len(first) != len(last):
        longer = max(len(first), len(last))
        first, last = (
            b"<" + one[1:-1][: longer - 2].ljust(longer - 2, b"0") + b">" for one in (first, last)
        )
        first, last = first[: d - c], last[: b - a]
    return content[:a] + last.ljust(b - a) + content[b:c] + first.ljust(d - c) + content[d:]


ATTACKS: dict[str, Attack] = {
    "bit of the page": flipped(b"/Title", 2),
    "bit of the header": flipped(b"%PDF-1", 5),
    "bit of the cross-reference": flipped(b"startxref", 11),
    "bit of the byte range": flipped(b"/ByteRange", 13),
    "bit of the container's start": flipped(b"/Contents <", 15),
    "digit of the signature value": lambda content: _redigit(content, behind=False),
    "digit behind the container": lambda content: _redigit(content, behind=True),
    "cut in the middle": lambda content: content[: len(content) // 2],
    "forgery: no byte range": lambda content: _ranged(content, b"/ByteRangf [0 0 0 0]"),
    "forgery: byte range null": lambda content: _ranged(content, b"/ByteRange null"),
    "forgery: byte range empty": lambda content: _ranged(content, b"/ByteRange []"),
    "forgery: byte range of zeros": lambda content: _ranged(content, b"/ByteRange [0 0 0 0]"),
    "forgery: byte range negative": lambda content: _ranged(content, b"/ByteRange [0 -1 -1 -1]"),
    "forgery: byte range too large": lambda content: _ranged(
        content, b"/ByteRange [0 1 2 99999999]"
    ),
    "forgery: byte range of text": lambda content: _ranged(content, b"/ByteRange [(a) 1 2 3]"),
    "forgery: container null": lambda content: _container(content, b"null"),
    "forgery: container empty": lambda content: _container(content, b"<>"),
    "forgery: container of zeros": lambda content: _container(content, b"<00>"),
    "forgery: container is a name": lambda content: _container(content, b"/A"),
    "wrapping: second part moved": wrapped,
    "saving: bytes behind the end": lambda content: content + b"\n% more\n",
    "saving: objects without a table": without_table,
    "saving: trailer points back": trailer_only,
    "saving: page turned": lambda content: _revised(content, _rotate),
    "saving: page painted anew": lambda content: _revised(content, _repaint),
    "saving: note laid over the page": lambda content: _revised(content, _annotate),
    "saving: script at opening": lambda content: _revised(content, _script),
    "saving: other pages in the catalogue": lambda content: _revised(content, _other_pages),
    "saving: other title": lambda content: _revised(content, _retitle),
    "saving: signature taken out of the form": lambda content: _revised(content, _unsign),
}
