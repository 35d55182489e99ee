"""Reading claim files of any system, hostile ones included.

The outer file is read as a stream, one HOSO in memory at a time. What is not
UTF-8, has a DOCTYPE or an entity of its own, nests too deep or is too large
is refused before any of it is used. A broken inner table does not stop the
file: it becomes a problem of that table, named by rule.

Source: letter 1245; docs/standards/claims.md for what is tolerated.
"""

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from yba.money.insurance.claim import CheckIn, Claim, Episode, Row
from yba.money.insurance.errors import (
    DoctypeRefused,
    NotAClaimFile,
    NotWellFormed,
    TooBig,
    TooDeep,
    UnreadableClaim,
    WrongEncoding,
)
from yba.money.insurance.findings import Finding, finding
from yba.money.insurance.tables import CHECK_IN, SENT_TABLES, tables


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the parts of a claim file may be."""

    depth: int = 40
    table_bytes: int = 24_000_000
    text_chars: int = 400_000
    rows: int = 20_000
    elements: int = 1_500_000
    tables: int = 30
    episodes: int = 200_000


DEFAULT = Limits()
_CHUNK = 262_144
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class ReadEpisode:
    """One HOSO as it was read, with what was wrong in its envelope."""

    number: int
    episode: Episode
    problems: tuple[Finding, ...]


@dataclass(slots=True)
class _Header:
    facility: str = ""
    created: str = ""
    declared_count: str = ""
    is_signed: bool = False
    episodes: int = 0
    seen: set[str] = field(default_factory=set[str])


_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
    encoding="utf-8",
)


def _refuse_other_encodings(start: bytes) -> None:
    """Raise WrongEncoding for UTF-16 and UTF-32, which parsers detect whatever they are told."""
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in start[:4]:
        raise WrongEncoding


def _tree(content: bytes) -> etree._Element:
    """Return the root of a small document.

    Raises UnreadableClaim if it is broken or carries a DOCTYPE.
    """
    _refuse_other_encodings(content)
    # UTF-8 is forced, so these letters cannot hide in another encoding.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DoctypeRefused
    try:
        return etree.fromstring(content, _PARSER)
    except etree.XMLSyntaxError as problem:
        line, column = problem.position
        raise NotWellFormed(line=line, column=column) from None
    except ValueError:
        raise WrongEncoding from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2] if "}" in tag else tag


def _row(
    table: str, number: int, element: etree._Element, limits: Limits, problems: list[Finding]
) -> Row:
    row = Row(table, number, {})
    for child in element:
        name = child.tag
        if "}" in name:
            name = _local(name)
        text = child.text or ""
        if len(child):
            problems.append(finding("VN-S008", table, number, name, name=name))
            continue
        if len(text) > limits.text_chars:
            raise TooBig(part=name, limit=f"{limits.text_chars:,}")
        if name in row:
            problems.append(finding("VN-S008", table, number, name, name=name))
            continue
        row[name] = text
    return row


def read_table(
    name: str, content: bytes, limits: Limits = DEFAULT
) -> tuple[tuple[Row, ...], list[Finding]]:
    """Return the rows of an inner document and what was wrong with their shape.

    Raises UnreadableClaim if it is not the table's document at all.
    """
    shape = tables()[name]
    # A million empty elements fit into little text and fill the memory.
    if content.count(b"<") > limits.elements:
        raise TooBig(part=name, limit=f"{limits.elements:,}")
    root = _tree(content)
    if _local(root.tag) != shape.root:
        raise NotAClaimFile(part=shape.root)
    problems: list[Finding] = []
    if not shape.repeats:
        return (_row(name, 1, root, limits, problems),), problems
    rows: list[Row] = []
    for group in root:
        if _local(group.tag) != shape.list_element:
            if _local(group.tag) not in {"CHUKYDONVI", "Signature"}:
                problems.append(finding("VN-S008", name, None, "", name=_local(group.tag)))
            continue
        for element in group:
            if _local(element.tag) != shape.row_element:
                problems.append(finding("VN-S008", name, None, "", name=_local(element.tag)))
                continue
            if len(rows) >= limits.rows:
                raise TooBig(part=name, limit=f"{limits.rows:,}")
            rows.append(_row(name, len(rows) + 1, element, limits, problems))
    return tuple(rows), problems


def _decode(text: bytes) -> bytes:
    return binascii.a2b_base64(text.translate(None, _BLANK), strict_mode=True)


def _read_file(
    kind: str, text: bytes, found: dict[str, tuple[Row, ...]], limits: Limits
) -> list[Finding]:
    """Read one FILEHOSO into `found` and return its problems."""
    if kind not in SENT_TABLES:
        return [finding("VN-S005", "", None, "LOAIHOSO", value=kind[:20])]
    if kind in found:
        return [finding("VN-S005", kind, None, "LOAIHOSO", value=kind)]
    try:
        rows, problems = read_table(kind, _decode(text), limits)
    except binascii.Error:
        return [finding("VN-S007", kind, None, "NOIDUNGFILE", reason="base64")]
    except UnreadableClaim as problem:
        if isinstance(problem, TooBig | DoctypeRefused):
            raise
        return [finding("VN-S007", kind, None, "NOIDUNGFILE", reason=problem.code)]
    found[kind] = rows
    return problems


class _Stream:
    """The outer file as a push parser; finished episodes wait in `ready`."""

    def __init__(self, limits: Limits) -> None:
        self.header = _Header()
        self.ready: list[ReadEpisode] = []
        self._limits = limits
        self._begun = False
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._kind = ""
        self._files: list[tuple[str, bytes]] = []
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        self._parser = parser

    def feed(self, chunk: bytes, *, last: bool) -> None:
        """Parse the next bytes.

        Raises UnreadableClaim if they cannot be a claim file.
        """
        if not self._begun and chunk:
            self._begun = True
            _refuse_other_encodings(chunk)
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as problem:
            raise NotWellFormed(line=problem.lineno, column=problem.offset) from None

    def _doctype(self, *_: object) -> None:
        raise DoctypeRefused

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        del attributes
        name = tag.rpartition(":")[2]
        path = self._path
        if not path and name != "GIAMDINHHS":
            raise NotAClaimFile(part="GIAMDINHHS")
        if len(path) >= self._limits.depth:
            raise TooDeep(limit=self._limits.depth)
        path.append(name)
        self._text.clear()
        self._length = 0
        if len(path) <= 3:
            self.header.seen.add(name)
        if len(path) > 2 and path[1] == "CHUKYDONVI":
            self.header.is_signed = True
        if name == "HOSO":
            self._files = []
        elif name == "FILEHOSO":
            self._kind = ""

    def _data(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._limits.table_bytes * 4 // 3:
            raise TooBig(
                part=self._path[-1] if self._path else "", limit=f"{self._limits.table_bytes:,}"
            )
        self._text.append(text)

    def _end(self, tag: str) -> None:
        del tag
        name = self._path.pop()
        text = "".join(self._text)
        self._text.clear()
        match name:
            case "NOIDUNGFILE":
                if len(self._files) >= self._limits.tables:
                    raise TooBig(part="HOSO", limit=self._limits.tables)
                # A letter outside ASCII cannot be base64; it is kept so that a rule says so.
                self._files.append((self._kind, text.encode()))
            case "LOAIHOSO":
                self._kind = text.strip()
            case "HOSO":
                self._finish()
            case "MACSKCB" if len(self._path) == 2:
                self.header.facility = text.strip()
            case "NGAYLAP" if len(self._path) == 2:
                self.header.created = text.strip()
            case "SOLUONGHOSO" if len(self._path) == 2:
                self.header.declared_count = text.strip()
            case _:
                pass

    def _finish(self) -> None:
        self.header.episodes += 1
        if self.header.episodes > self._limits.episodes:
            raise TooBig(part="DANHSACHHOSO", limit=f"{self._limits.episodes:,}")
        found: dict[str, tuple[Row, ...]] = {}
        problems: list[Finding] = []
        for kind, text in self._files:
            problems += _read_file(kind, text, found, self._limits)
        ordered = {name: found[name] for name in SENT_TABLES if name in found}
        self.ready.append(ReadEpisode(self.header.episodes, Episode(ordered), tuple(problems)))
        self._files = []


class OpenClaim:
    """A claim file being read; iterate it, then look at the envelope."""

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        self._chunks = chunks
        self._stream = _Stream(limits)

    @property
    def facility(self) -> str:
        """Return MACSKCB, once it has been read."""
        return self._stream.header.facility

    @property
    def created(self) -> str:
        """Return NGAYLAP, once it has been read."""
        return self._stream.header.created

    def __iter__(self) -> Iterator[ReadEpisode]:
        """Yield each episode as soon as its HOSO ends.

        Raises UnreadableClaim if the file is not a whole claim file.
        """
        stream = self._stream
        for chunk in self._chunks:
            stream.feed(chunk, last=False)
            ready, stream.ready = stream.ready, []
            yield from ready
        stream.feed(b"", last=True)
        yield from stream.ready
        for part in ("THONGTINDONVI", "THONGTINHOSO", "MACSKCB", "NGAYLAP", "DANHSACHHOSO"):
            if part not in stream.header.seen:
                raise NotAClaimFile(part=part)

    def envelope(self, episodes: tuple[Episode, ...]) -> Claim:
        """Return the claim of `episodes` under this file's envelope."""
        header = self._stream.header
        return Claim(
            facility=header.facility,
            created=header.created,
            episodes=episodes,
            declared_count=header.declared_count,
            is_signed=header.is_signed,
        )


def open_claim(chunks: Iterable[bytes], limits: Limits = DEFAULT) -> OpenClaim:
    """Return a reader over the chunks of a claim file, however many episodes it has."""
    return OpenClaim(chunks, limits)


def read_claim(content: bytes, limits: Limits = DEFAULT) -> tuple[Claim, tuple[ReadEpisode, ...]]:
    """Return a claim file that is already in memory, and each of its episodes as read.

    Raises UnreadableClaim if it is broken, hostile or not a claim file.
    """
    reader = open_claim((content,), limits)
    found = tuple(reader)
    return reader.envelope(tuple(one.episode for one in found)), found


def read_check_in(content: bytes, limits: Limits = DEFAULT) -> tuple[CheckIn, tuple[Finding, ...]]:
    """Return the rows of a check-in message and the problems of its shape.

    Raises UnreadableClaim if it is broken, hostile or not a check-in message.
    """
    rows, problems = read_table(CHECK_IN, content, limits)
    return CheckIn(rows, is_signed=b"SignatureValue" in content), tuple(problems)
