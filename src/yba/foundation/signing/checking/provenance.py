"""A FHIR Provenance with the resources it vouches for.

The signature is a detached JWS over each target in canonical form: JSON by
RFC 8785 without `meta` and `text`, which servers rewrite (FHIR R4
§2.6.3.3, canonicalization `json#static`). What those two hold is therefore
not covered, and the answer names exactly which resources are.

Accepted: a Bundle that holds Provenances and their targets, or a Bundle of
one Provenance and one resource.
"""

import hashlib
from typing import Any, cast

import rfc8785

from yba.foundation.signing.checking import claims, jose, words
from yba.foundation.signing.checking.cades import from_base64
from yba.foundation.signing.checking.claims import Asked
from yba.foundation.signing.checking.containers import Unreadable
from yba.foundation.signing.checking.jose import strict_json
from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification
from yba.foundation.signing.checking.verdicts import answer

JOSE = "application/jose"
CANONICAL = "http://hl7.org/fhir/canonicalization/json#static"
TARGET_FORMAT = f"application/fhir+json;canonicalization={CANONICAL}"
_MOST_ENTRIES = 10_000
_MOST_SIGNATURES = 100
_REWRITTEN = ("meta", "text")

Resource = dict[str, Any]


def canonical(resource: Resource) -> bytes:
    """Return the bytes of a resource that are signed.

    Raises Unreadable for numbers that the canonical form cannot hold.
    """
    kept = {name: value for name, value in resource.items() if name not in _REWRITTEN}
    try:
        return rfc8785.dumps(kept)
    except (rfc8785.CanonicalizationError, RecursionError, ValueError) as error:
        raise Unreadable(words.NOT_READABLE) from error


def check(data: bytes, asked: Asked) -> Verification:
    """Return what is found in a FHIR resource or bundle; never raises."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        resources = _resources(data)
    except Unreadable as error:
        return Verification(
            digest, Verdict.UNREADABLE, problems=(error.problem,), format=Format.FHIR
        )
    findings: list[Finding] = []
    covered: set[int] = set()
    for provenance in (one for _, one in resources if one.get("resourceType") == "Provenance"):
        findings.extend(_findings(provenance, resources, asked, covered))
        if len(findings) > _MOST_SIGNATURES:
            break
    if not findings:
        return Verification(
            digest, Verdict.UNSIGNED, problems=(words.NO_SIGNATURE,), format=Format.FHIR
        )
    told = answer(digest, Format.FHIR, tuple(findings))
    if _is_partly_signed(resources, covered) and told.verdict is Verdict.VALID:
        problems = (*told.problems, words.PART_ONLY)
        return Verification(digest, Verdict.INVALID, told.findings, problems, Format.FHIR)
    return told


def _is_partly_signed(resources: list[tuple[str, Resource]], covered: set[int]) -> bool:
    return any(
        one.get("resourceType") not in ("Provenance", "Bundle") and id(one) not in covered
        for _, one in resources
    )


def _resources(data: bytes) -> list[tuple[str, Resource]]:
    """Return every resource with its full address. Raises Unreadable."""
    whole = _object(strict_json(data.decode("utf-8-sig", errors="strict").encode()))
    if whole.get("resourceType") != "Bundle":
        return [("", whole)]
    entries: Any = whole.get("entry", [])
    if not isinstance(entries, list) or len(cast("list[Any]", entries)) > _MOST_ENTRIES:
        raise Unreadable(words.NOT_READABLE)
    found: list[tuple[str, Resource]] = []
    for one in cast("list[Any]", entries):
        entry = _object(one)
        if isinstance(entry.get("resource"), dict):
            found.append((str(entry.get("fullUrl", "")), entry["resource"]))
    return found


def _object(value: Any) -> Resource:
    if not isinstance(value, dict):
        raise Unreadable(words.NOT_READABLE)
    return cast("Resource", value)


def _findings(
    provenance: Resource, resources: list[tuple[str, Resource]], asked: Asked, covered: set[int]
) -> list[Finding]:
    signatures: Any = provenance.get("signature", [])
    targets: Any = provenance.get("target", [])
    if not isinstance(signatures, list) or not isinstance(targets, list):
        return [claims.unreadable()]
    ours = [
        cast("Resource", one)
        for one in cast("list[Any]", signatures)[:_MOST_SIGNATURES]
        if isinstance(one, dict) and cast("Resource", one).get("sigFormat") == JOSE
    ]
    found = [_judged(one, cast("list[Any]", targets), resources, asked) for one in ours]
    if found and all(one.intact for one in found):
        for target in cast("list[Any]", targets):
            covered.add(id(_target(target, resources)))
    return found


def _judged(
    signature: Resource,
    targets: list[Any],
    resources: list[tuple[str, Resource]],
    asked: Asked,
) -> Finding:
    try:
        token = from_base64(str(signature.get("data", "")).encode())
        named = str(signature.get("targetFormat", ""))
        if named != TARGET_FORMAT:
            raise Unreadable(words.UNKNOWN_TRANSFORM)
        found = [_target(target, resources) for target in targets]
        if len(found) != 1:
            raise Unreadable(words.OTHER_TARGET)
        [resource] = found
        told = jose.check(token, asked, canonical(resource))
    except Unreadable as error:
        return claims.unreadable(error.problem)
    if len(told.findings) != 1:
        return claims.unreadable(*told.problems[:1])
    [finding] = told.findings
    name = f"{resource.get('resourceType')}/{resource.get('id')}"
    return claims.covering(finding, name)


def _target(target: Any, resources: list[tuple[str, Resource]]) -> Resource:
    """Return the one resource that a target names. Raises Unreadable."""
    reference = _object(target).get("reference")
    if not isinstance(reference, str):
        raise Unreadable(words.OTHER_TARGET)
    place, _, version = reference.partition("/_history/")
    found = [
        resource
        for address, resource in resources
        if (address == place or f"{resource.get('resourceType')}/{resource.get('id')}" == place)
        and (not version or _version(resource) in (version, None))
    ]
    if len(found) > 1:
        raise Unreadable(words.AMBIGUOUS)
    if not found:
        raise Unreadable(words.OTHER_TARGET)
    return found[0]


def _version(resource: Resource) -> str | None:
    meta = resource.get("meta")
    version = cast("Resource", meta).get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None
