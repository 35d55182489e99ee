"""`examine`: everything that is wrong with a resource, also by profiles.

Standard: FHIR R4 validation.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from yba.fhir import r4
from yba.fhir.definitions import Property, properties_of
from yba.fhir.fhirpath.values import root
from yba.fhir.profiles.packages import Packages
from yba.fhir.profiles.terminology import PackagedTerminology, Terminology
from yba.fhir.validation import messages
from yba.fhir.validation.examiner import Enough, Examiner
from yba.fhir.validation.issues import Issue, Severity, issue
from yba.fhir.validation.scope import Scope
from yba.fhir.validation.service import structural_issues

LIMIT: Final = 500
"""Issues that are listed at most."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RANK: Final = {"fatal": 0, "error": 0, "warning": 1, "information": 2}


def examine(
    document: bytes | r4.Resource,
    *,
    profiles: Sequence[str] = (),
    packages: Packages | None = None,
    terminology: Terminology | None = None,
    at: datetime = _EPOCH,
    limit: int = LIMIT,
    unknown_profile: Severity = "warning",
) -> list[Issue]:
    """Return every issue of a resource, errors first; none with `is_error` means it is valid.

    Checked are structure, formats, cardinality, invariants, bindings, references, extensions and narrative by the
    definitions of R4, and all of that again by every profile in meta.profile and in `profiles` (canonical
    addresses), also of contained resources, entries of Bundles and values.

    `packages` holds further profiles and value sets (R4's own are always there); `terminology` answers for codes
    (from the packages if not given); `at` is the aware moment for now(). Of more than `limit` issues the rest is
    left out and an issue says so. A profile that is not known gives an issue of severity `unknown_profile`.
    Never raises for bad input.
    """
    body = document if isinstance(document, bytes) else r4.encode(document)
    structural, plain = structural_issues(body)
    if plain is None:
        return structural
    found = packages or Packages.of_r4()
    examiner = Examiner(
        found,
        terminology or PackagedTerminology(found),
        now=at,
        limit=limit,
        unknown_profile=unknown_profile,
    )
    resource = _typed(body, plain)
    if resource is None:
        return structural
    path = type(resource).__name__
    scope = Scope(resource, resource, path, path)
    try:
        examiner.resource(resource, path, scope)
        for profile in profiles:
            examiner.declared(root(resource), path, profile, scope, path)
    except (Enough, RecursionError):
        pass
    if examiner.is_exhausted:
        structural = [*structural, issue("error", "too-costly", "", messages.EXHAUSTED)]
    return _listed(structural, examiner.findings.issues, limit)


def _listed(structural: list[Issue], deep: list[Issue], limit: int) -> list[Issue]:
    """Return issues without repetitions, errors first."""
    wrong = {i.expression for i in structural}
    kept = list(structural)
    seen: set[tuple[str, ...]] = set()
    for one in deep:
        # What the structure check said of a place is not said twice.
        if one.expression in wrong and one.code in ("required", "code-invalid", "structure"):
            continue
        key = (one.severity, one.code, one.expression, one.diagnostics)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    kept.sort(key=lambda i: _RANK[i.severity])
    if len(kept) >= limit:
        last = issue("information", "too-costly", "", messages.TOO_MANY, limit=limit)
        return [*kept[: limit - 1], last]
    return kept


def _typed(body: bytes, plain: Any) -> r4.Resource | None:
    """Return the resource as types; what does not fit is left out, as its issue is already known."""
    try:
        return r4.decode(body)
    except (r4.NotFhir, RecursionError):
        pass
    try:
        return _resource(plain)
    except RecursionError:
        return None


def _resource(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return None
    kind = r4.RESOURCES.get(str(plain.get("resourceType")))
    return None if kind is None else _struct(kind.__name__, plain)


def _struct(type_: str, plain: Mapping[str, Any]) -> Any:
    given: dict[str, Any] = {}
    for p in properties_of(type_).values():
        value = _value(p, plain.get(p.name))
        if value is not None:
            given[p.attribute] = value
        if p.is_primitive and p.type != "xhtml" and p.name != "id":
            extra = _extra(p, plain.get("_" + p.name))
            if extra is not None:
                given[f"{p.name}_ext"] = extra
    return _class(type_)(**given)


def _value(p: Property, plain: Any) -> Any:
    if p.is_list:
        items = [_single(p, v) for v in plain] if isinstance(plain, list) else []
        if p.is_primitive:
            return items or None
        return [i for i in items if i is not None] or None
    return _single(p, plain)


def _single(p: Property, plain: Any) -> Any:
    if p.type == "Resource":
        return _resource(plain)
    if not p.is_primitive:
        return _struct(p.type, plain) if isinstance(plain, dict) else None
    match p.type:
        case "boolean":
            return plain if isinstance(plain, bool) else None
        case "decimal":
            is_number = isinstance(plain, int | Decimal) and not isinstance(plain, bool)
            return Decimal(plain) if is_number else None
        case "integer" | "positiveInt" | "unsignedInt":
            return plain if isinstance(plain, int) and not isinstance(plain, bool) else None
        case _:
            return plain if isinstance(plain, str) else None


def _extra(p: Property, plain: Any) -> Any:
    if p.is_list:
        items = (
            [_struct("Element", v) if isinstance(v, dict) else None for v in plain or ()]
            if isinstance(plain, list)
            else []
        )
        return items or None
    return _struct("Element", plain) if isinstance(plain, dict) else None


@cache
def _class(name: str) -> type[msgspec.Struct]:
    from yba.fhir.generated import types

    return getattr(types, name)
