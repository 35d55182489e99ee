"""JWS and JAdES: compact and JSON, with the content inside or beside.

Only certificates in the header say whose a signature is (x5c); keys and
addresses in a header are never followed, and methods without a public key
(none, HS…) are no signatures of persons. A demand (`crit`) that is not
understood refuses the signature.

Standards: RFC 7515, RFC 7797 (b64), RFC 7518, ETSI TS 119 182-1 (JAdES).
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from yba.foundation.signing.checking import claims, containers, methods, words
from yba.foundation.signing.checking.claims import Asked, Claim
from yba.foundation.signing.checking.containers import Unreadable
from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.checking.verdicts import answer

METHODS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_WEAK = frozenset({"none", "HS256", "HS384", "HS512", "RS1", "HS1"})
_UNDERSTOOD = frozenset({"b64", "sigT", "iat", "x5t#S256", "x5t#o", "sigX5ts"})
# RFC 7515 §4.1.11: `crit` never names what the standard itself defines.
_NEVER_CRITICAL = frozenset({"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "typ", "cty", "crit"})
_MOST_SIGNATURES = 50
_MOST_DEPTH = 64


@dataclass(frozen=True, slots=True)
class _Part:
    """One signature as the serialisation gives it."""

    protected: str
    header: dict[str, Any]
    unprotected: dict[str, Any]
    signature: str


def check(data: bytes, asked: Asked, content: bytes | None = None) -> Verification:
    """Return what is found in a JWS; `content` is the detached payload, if any."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        payload, parts = _read(data)
    except Unreadable as error:
        return Verification(
            digest, Verdict.UNREADABLE, problems=(error.problem,), format=Format.JOSE
        )
    findings = tuple(_finding(part, payload, asked, content) for part in parts)
    return answer(digest, Format.JOSE, findings)


def strict_json(text: bytes | str) -> Any:
    """Return parsed JSON. Raises Unreadable for doubled names, depth, or no JSON at all."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Unreadable(words.AMBIGUOUS)
        return found

    def never(_: str) -> Any:
        raise Unreadable(words.NOT_READABLE)

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=never)
    except (ValueError, RecursionError) as error:
        raise Unreadable(words.NOT_READABLE) from error
    return found


def _read(data: bytes) -> tuple[str | None, list[_Part]]:
    """Return the payload as written and the signatures. Raises Unreadable."""
    try:
        text = data.decode("ascii" if data[:1] not in (b"{", b"[") else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise Unreadable(words.NOT_READABLE) from error
    if not text.startswith("{"):
        pieces = text.split(".")
        if len(pieces) != 3:
            raise Unreadable(words.NOT_READABLE)
        protected, payload, signature = pieces
        return payload or None, [_Part(protected, _header(protected), {}, signature)]
    whole = _object(strict_json(text))
    payload = whole.get("payload")
    if payload is not None and not isinstance(payload, str):
        raise Unreadable(words.NOT_READABLE)
    listed: Any = whole.get("signatures", [whole] if "signature" in whole else None)
    if not isinstance(listed, list) or ("signatures" in whole and "signature" in whole):
        raise Unreadable(words.NO_SIGNATURE)
    entries = cast("list[Any]", listed)
    if not 0 < len(entries) <= _MOST_SIGNATURES:
        raise Unreadable(words.NO_SIGNATURE)
    return payload, [_json_part(_object(one)) for one in entries]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(words.NOT_READABLE)
    return cast("dict[str, Any]", value)


def _json_part(entry: dict[str, Any]) -> _Part:
    protected, signature = entry.get("protected", ""), entry.get("signature")
    unprotected = _object(entry.get("header", {}))
    if not isinstance(protected, str) or not isinstance(signature, str):
        raise Unreadable(words.NOT_READABLE)
    header = _header(protected) if protected else {}
    # RFC 7515 §4: a name stands in one of the two only.
    if not header.keys().isdisjoint(unprotected):
        raise Unreadable(words.AMBIGUOUS)
    return _Part(protected, header, unprotected, signature)


def _header(protected: str) -> dict[str, Any]:
    return _object(strict_json(unpadded(protected)))


def unpadded(text: str) -> bytes:
    """Return the bytes behind base64url without padding. Raises Unreadable."""
    try:
        content = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise Unreadable(words.NOT_READABLE) from error
    # One way to write each value: no other letters may mean the same bytes.
    if padless(content) != text:
        raise Unreadable(words.NOT_READABLE)
    return content


def padless(content: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _finding(part: _Part, payload: str | None, asked: Asked, content: bytes | None) -> Finding:
    try:
        return claims.finding(_claim(part, payload, content), asked)
    except Unreadable as error:
        return claims.unreadable(error.problem)
    # A header can hold anything at all.
    except Exception:
        return claims.unreadable()


def _claim(part: _Part, payload: str | None, content: bytes | None) -> Claim:
    header = part.header
    method = header.get("alg")
    if method not in METHODS:
        raise Unreadable(words.WEAK_METHOD if method in _WEAK else words.UNKNOWN_METHOD)
    _understand(header, part.unprotected)
    signed, differs = _payload(header, payload, content)
    certificates = _certificates(header, part.unprotected)
    leaf = containers.loaded(certificates[0])
    if not containers.has_safe_key(leaf):
        raise Unreadable(words.WEAK_METHOD)
    names_itself = _names(header, certificates[0])
    value = unpadded(part.signature)
    fits = methods.fits(leaf, method, value, part.protected.encode() + b"." + signed)
    etsi = _unsigned(part.unprotected)
    return Claim(
        certificate=certificates[0],
        evidence=Evidence(certificates=tuple(certificates[1:])) + _kept(etsi),
        intact=fits and not differs,
        problems=() if fits and not differs else (words.CONTENT_CHANGED,),
        stated=_stated(header),
        tokens=tuple((token, part.signature.encode()) for token in _tokens(etsi)),
        is_advanced=names_itself and ("sigT" in header or "iat" in header),
        keeps_evidence=any("rVals" in one for one in etsi),
        has_archive_stamp=any("arcTst" in one for one in etsi),
    )


def _understand(header: dict[str, Any], unprotected: dict[str, Any]) -> None:
    """Raise Unreadable unless every demand of the header is understood."""
    critical = header.get("crit", [])
    if "crit" in unprotected or "b64" in unprotected or "alg" in unprotected:
        raise Unreadable(words.UNKNOWN_METHOD)
    if not isinstance(critical, list) or ("crit" in header and not critical):
        raise Unreadable(words.UNKNOWN_METHOD)
    names = [str(name) for name in cast("list[Any]", critical)]
    is_odd = len(set(names)) != len(names) or not _NEVER_CRITICAL.isdisjoint(names)
    if is_odd or not _UNDERSTOOD.issuperset(names) or not header.keys() >= set(names):
        raise Unreadable(words.UNKNOWN_METHOD)
    # JAdES §5.2.8: several parts by reference; what was covered cannot be seen from here.
    if "sigD" in header:
        raise Unreadable(words.OUTSIDE_REFERENCE)


def _payload(
    header: dict[str, Any], payload: str | None, content: bytes | None
) -> tuple[bytes, bool]:
    """Return the payload as it was signed, and whether `content` is another one."""
    is_encoded = header.get("b64", True)
    if not isinstance(is_encoded, bool) or (
        "b64" in header and "b64" not in header.get("crit", [])
    ):
        raise Unreadable(words.UNKNOWN_METHOD)
    if payload is None:
        if content is None:
            raise Unreadable(words.CONTENT_MISSING)
        return (padless(content).encode() if is_encoded else content), False
    inner = unpadded(payload) if is_encoded else payload.encode()
    return payload.encode(), content is not None and content != inner


def _certificates(header: dict[str, Any], unprotected: dict[str, Any]) -> list[bytes]:
    listed: Any = header.get("x5c", unprotected.get("x5c"))
    if not isinstance(listed, list) or not listed:
        raise Unreadable(words.NO_CERTIFICATE)
    try:
        return [base64.b64decode(str(one), validate=True) for one in cast("list[Any]", listed)]
    except (binascii.Error, ValueError) as error:
        raise Unreadable(words.NO_CERTIFICATE) from error


def _names(header: dict[str, Any], certificate: bytes) -> bool:
    """Return whether the header names the certificate by its hash. Raises if it names another."""
    named: Any = header.get("x5t#S256")
    if named is not None:
        if named != padless(hashlib.sha256(certificate).digest()):
            raise Unreadable(words.VALUE_BROKEN)
        return True
    other: Any = header.get("x5t#o")
    listed: Any = header.get("sigX5ts", [other] if other is not None else [])
    if not listed:
        return False
    name = {"S384": "sha384", "S512": "sha512"}.get(str(listed[0].get("digAlg")))
    if name is None:
        raise Unreadable(words.UNKNOWN_METHOD)
    if listed[0].get("digVal") != padless(hashlib.new(name, certificate).digest()):
        raise Unreadable(words.VALUE_BROKEN)
    return True


def _stated(header: dict[str, Any]) -> datetime | None:
    issued = header.get("iat")
    if isinstance(issued, int) and not isinstance(issued, bool) and 0 <= issued < 2**38:
        return datetime.fromtimestamp(issued, UTC)
    text = header.get("sigT")
    if not isinstance(text, str):
        return None
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC)


def _unsigned(unprotected: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of the etsiU header, encoded or not (JAdES §5.3.1)."""
    listed: Any = unprotected.get("etsiU", [])
    if not isinstance(listed, list):
        return []
    return [
        _object(strict_json(unpadded(one)) if isinstance(one, str) else one)
        for one in cast("list[Any]", listed)[:_MOST_SIGNATURES]
    ]


def _tokens(etsi: list[dict[str, Any]]) -> list[bytes]:
    return [
        base64.b64decode(str(token["val"]))
        for one in etsi
        for token in one.get("sigTst", {}).get("tstTokens", [])
    ]


def _kept(etsi: list[dict[str, Any]]) -> Evidence:
    certificates = [
        base64.b64decode(str(one["x509Cert"]["val"]))
        for entry in etsi
        for one in entry.get("xVals", [])
        if "x509Cert" in one
    ]
    kept = [entry["rVals"] for entry in etsi if "rVals" in entry]
    return Evidence(
        certificates=tuple(certificates),
        crls=tuple(base64.b64decode(str(x["val"])) for one in kept for x in one.get("crlVals", [])),
        ocsps=tuple(
            base64.b64decode(str(x["val"])) for one in kept for x in one.get("ocspVals", [])
        ),
    )
