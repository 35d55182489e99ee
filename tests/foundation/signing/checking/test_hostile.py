"""No bytes, however malformed, raise: whole, cut, flipped, nested, inflated, looped.

A sample is tried each time; YBA_FUZZ=20 tries twenty times as many.
"""

import os
import random
import time
import zlib

import pytest
from tests.foundation.signing.checking.claims import signed_by
from tests.foundation.signing.checking.test_jose import CONTENT
from tests.foundation.signing.checking.test_jose import signed_by as jws_by

from yba.foundation.signing.checking import xml
from yba.foundation.signing.guard import guarded_verification
from yba.foundation.signing.model import Verdict, Verification
from yba.foundation.signing.verification import verify

_TIMES = int(os.environ.get("YBA_FUZZ", "1"))
_SECONDS = 10


@pytest.fixture(scope="session")
def seeds(maker, page) -> dict[str, bytes]:
    """Return one good file of each kind."""
    return {
        "pdf": maker.pdf(page, "doctor", tsa="tsa", keep=True),
        "cms": maker.cms(CONTENT, "doctor", detached=False),
        "xml": signed_by(maker, "seal", tsa="tsa"),
        "jws": jws_by(maker, "seal", tsa="tsa"),
    }


def _mutants(seed: bytes, chance: random.Random, count: int):
    for _ in range(count):
        content = bytearray(seed)
        match chance.randrange(6):
            case 0:
                for _ in range(chance.choice((1, 1, 2, 30))):
                    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            case 1:
                del content[chance.randrange(len(content)) :]
            case 2:
                at = chance.randrange(len(content))
                del content[at : at + chance.randrange(1, 2000)]
            case 3:
                at = chance.randrange(len(content))
                content[at:at] = chance.randbytes(chance.randrange(1, 200))
            case 4:
                at, end = sorted(chance.randrange(len(content)) for _ in range(2))
                content[at:at] = content[at:end]
            case _:
                at = chance.randrange(len(content))
                content[at : at + 4] = chance.choice(
                    (b"\xff\xff\xff\xff", b"9999", b"-999", b"(((((", b"<<<<", b"\0\0\0\0")
                )
        yield bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pdf", "cms", "xml", "jws"])
def test_a_damaged_file_gets_an_answer_and_is_never_valid_over_other_content(seeds, asked, kind):
    chance = random.Random(f"{kind} 2026")
    seed = seeds[kind]
    good = verify(seed, asked(), content=CONTENT if kind == "jws" else None)
    assert good.is_valid, good
    for content in _mutants(seed, chance, 60 * _TIMES):
        started = time.monotonic()
        found = verify(content, asked(), content=CONTENT if kind == "jws" else None)
        assert isinstance(found, Verification)
        assert time.monotonic() - started < _SECONDS, content[:100]
        # What no signature covers may change unseen in evidence that nobody signs.
        if found.is_valid:
            assert _signed(content, kind, asked) == _signed(seed, kind, asked)


def _signed(content: bytes, kind: str, asked) -> object:
    """Return what a reader takes from a file that is valid."""
    if kind == "xml":
        return xml.judged(xml.parsed(content), asked())[0].contents
    if kind == "pdf":
        return content[: content.index(b"/Contents <30")]
    return CONTENT in content or kind == "jws"


def _stream(content: bytes, dictionary: bytes) -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (dictionary, len(content), content)


def _file(*objects: bytes, trailer: bytes = b"<</Root 1 0 R/Size 9>>") -> bytes:
    parts = [b"%PDF-1.7\n"]
    places: list[int] = []
    for number, one in enumerate(objects, start=1):
        places.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, one))
    start = sum(map(len, parts))
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)
    return b"".join([*parts, head, table, end])


_DEEP = 200_000
_BOMB = zlib.compress(zlib.compress(b"\0" * 200_000_000, 9), 9)
_CATALOGUE = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R]>>>>"
_PAGES = b"<</Type/Pages/Kids[]/Count 0>>"
BOMBS = {
    "nothing": b"",
    "a zero": b"\0",
    "pdf: head only": b"%PDF-1.7",
    "pdf: arrays without end": b"%PDF-1.7\n1 0 obj\n" + b"[" * _DEEP,
    "pdf: dictionaries without end": b"%PDF-1.7\n1 0 obj\n" + b"<</A" * _DEEP,
    "pdf: table that points at itself": b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \n"
    b"trailer\n<</Root 1 0 R/Size 1/Prev 9>>\nstartxref\n9\n%%EOF",
    "pdf: table of a huge size": b"%PDF-1.7\nxref\n0 999999999999\n0000000000 65535 f \n"
    b"trailer\n<</Root 1 0 R/Size 999999999999>>\nstartxref\n9\n%%EOF",
    "pdf: start far away": b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF",
    "pdf: number of a million digits": b"%PDF-1.7\nstartxref\n" + b"9" * 1_000_000 + b"\n%%EOF",
    "pdf: field that is its own parent": _file(
        _CATALOGUE, _PAGES, b"<</FT/Sig/T(a)/Parent 3 0 R/Kids[3 0 R]/V 3 0 R>>"
    ),
    "pdf: reference to itself": _file(b"1 0 R", _PAGES, b"3 0 R"),
    "pdf: signature of nothing": _file(_CATALOGUE, _PAGES, b"<</FT/Sig/T(a)/V<<>>>>"),
    "pdf: bomb in the evidence": _file(
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R]>>/DSS<</CRLs[4 0 R]>>>>",
        _PAGES,
        b"<</FT/Sig/T(a)/V<</Type/Sig/Filter/X/ByteRange[0 1 2 3]/Contents<3000>>>>>",
        _stream(_BOMB, b"/Filter[/FlateDecode/FlateDecode]"),
    ),
    "pdf: bomb as a table": b"%PDF-1.7\n1 0 obj\n"
    + _stream(_BOMB, b"/Type/XRef/W[1 8 8]/Size 9/Root 1 0 R/Filter[/FlateDecode/FlateDecode]")
    + b"\nendobj\nstartxref\n9\n%%EOF",
    "cms: length of the whole earth": b"\x30\x84\xff\xff\xff\xff" + b"\0" * 100,
    "cms: indefinite without end": b"\x30\x80" * _DEEP,
    "cms: nested without end": b"\x30\x83\x0f\xff\xff" * _DEEP,
    "cms: text that is no text": b"-----BEGIN CMS-----\n\xff\xff",
    "xml: entities of entities": b'<!DOCTYPE a[<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>',
    "xml: entity of a file": b'<!DOCTYPE a[<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "xml: nested without end": b"<a>" * _DEEP,
    "xml: attributes without end": b"<a "
    + b"".join(b'b%d="" ' % n for n in range(100_000))
    + b"/>",
    "xml: other encoding": '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"),
    "xml: unknown encoding": b'<?xml version="1.0" encoding="x-none"?><a/>',
    "xml: signatures without end": b'<a xmlns:d="http://www.w3.org/2000/09/xmldsig#">'
    + b"<d:Signature/>" * 10_000
    + b"</a>",
    "json: nested without end": b'{"resourceType":' * _DEEP,
    "json: number of a million digits": b'{"resourceType":' + b"9" * 1_000_000 + b"}",
    "json: half a surrogate": b'{"resourceType":"Bundle","entry":[{"resource":{"a":"\\ud800"}}]}',
    "json: provenance of anything": b'{"resourceType":"Provenance","target":[1],'
    b'"signature":[{"sigFormat":"application/jose","data":"e30"},3]}',
    "jose: nothing but dots": b"eyJ" + b"." * 1_000_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_ends_in_an_answer_within_limits(asked, name):
    conditions = asked()
    started = time.monotonic()

    found = await guarded_verification(
        BOMBS[name], trust=conditions.trust, at=conditions.at, evidence=conditions.evidence
    )

    assert found.verdict in (Verdict.UNREADABLE, Verdict.UNSIGNED, Verdict.INVALID), found
    assert time.monotonic() - started < 25
