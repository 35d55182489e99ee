"""References between the entries of a transaction, replaced in the bytes before anything is decoded.

Main rule: links are replaced where FHIR says they are links: in references, in elements of type uri,
url, oid and uuid, and in the links and pictures of narratives. Canonicals, identifiers' values and
other texts stay. A fragment (`#…`) stays behind its link.
Standard: FHIR R4 http.html#trules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_ANY_URL = re.compile(rb'"((?:urn:(?:uuid|oid):|https?://|[A-Z][A-Za-z]{2,40}/)[^"\\]{1,500})"')
_URN = re.compile(rb'"(urn:(?:uuid|oid):[^"\\]{1,200})"')
_IN_NARRATIVE = re.compile(rb"""((?:href|src)=(?:\\"|'))([^"'\\<>]{1,500})(?=\\"|')""")
_KEY = re.compile(rb'"(\w{1,60})"\s*:\s*(?:\[[^\[\]{}]*)?$')
_NEXT_IN_LIST = re.compile(rb'[^"]{0,400}"\s*,\s*$')
_UUID_LENGTH = 45
# Before nearly every link of a bundle, so that nothing has to be looked for.
_USUAL = (b'"reference":', b'"reference": ', b'"fullUrl":', b'"fullUrl": ')
_URNS_IN_NARRATIVE = (b'href=\\"urn:', b"href='urn:", b'src=\\"urn:', b"src='urn:")
_LOOKED_BACK = 2000

# Names of JSON properties that are links in some type of R4 (a test compares them with the definitions).
_NAMES = """
    address authority authorizationUrl code contentReference defaultValueOid defaultValueUri
    defaultValueUrl defaultValueUuid definition definitionUri derivedFromUri detail endpoint
    eventUri fixedOid fixedUri fixedUrl fixedUuid fullUrl identifier implicitRules instantiates
    instantiatesUri issuer jurisdiction link location moduleUri nameUrl onlineInformation patternOid
    patternUri patternUrl patternUuid policy property protocol reference relativePath rendering
    source sourceUri system target targetUri type uri url valueOid valueUri valueUrl valueUuid
"""
LINKS: Final = frozenset(name.encode() for name in _NAMES.split())


def replace_links(body: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """Return the bytes of a bundle with every link that `names` knows replaced."""
    if not names:
        return body
    if all(name.startswith(b"urn:uuid:") and len(name) == _UUID_LENGTH for name in names):
        replaced = _uuids(body, names)
        in_narratives = any(start in body for start in _URNS_IN_NARRATIVE)
    else:
        replaced = _links(body, names)
        in_narratives = b"href=" in body or b"src=" in body
    if not in_narratives:
        return replaced
    return _IN_NARRATIVE.sub(lambda found: found[1] + _named(found[2], names), replaced)


def _named(link: bytes, names: Mapping[bytes, bytes]) -> bytes:
    target, hash_, fragment = link.partition(b"#")
    return names.get(target, target) + hash_ + fragment


def _links(body: bytes, names: Mapping[bytes, bytes]) -> bytes:
    def replaced(found: re.Match[bytes]) -> bytes:
        link = found[1]
        target = link.partition(b"#")[0]
        if target not in names:
            return found[0]
        start = found.start()
        key = _KEY.search(body, max(start - _LOOKED_BACK, 0), start)
        if key is None or key[1] not in LINKS:
            return found[0]
        return b'"' + _named(link, names) + b'"'

    urns = all(name.startswith(b"urn:") for name in names)
    return (_URN if urns else _ANY_URL).sub(replaced, body)


def _uuids(body: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """Replace `"urn:uuid:…"` at the speed of a plain search; nearly all stand in references."""
    short = {name[9:]: literal for name, literal in names.items()}
    pieces = body.split(b'"urn:uuid:')
    before = pieces[0]
    parts = [before]
    in_link = False
    for piece in pieces[1:]:
        literal = short.get(piece[:36]) if piece[36:37] in (b'"', b"#") else None
        if before.endswith(_USUAL):
            in_link = True
        elif (key := _KEY.search(before, max(len(before) - _LOOKED_BACK, 0))) is not None:
            in_link = key[1] in LINKS
        elif not _NEXT_IN_LIST.match(before):
            in_link = False
        if literal is None or not in_link:
            parts += (b'"urn:uuid:', piece)
        else:
            parts += (b'"', literal, piece[36:])
        before = piece
    return b"".join(parts)
