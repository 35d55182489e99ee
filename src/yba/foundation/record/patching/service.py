"""Reading a patch by its media type, and applying it to the bytes of a resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec

from yba.fhir import r4
from yba.foundation.record.errors import PatchRefused, UnreadablePatch
from yba.foundation.record.patching import json_patch
from yba.foundation.record.patching.fhirpath_patch import FhirPathPatch
from yba.foundation.record.patching.json_patch import JsonPatch
from yba.foundation.record.patching.merge_patch import MergePatch

Patch: TypeAlias = Callable[[bytes], bytes]
"""From the JSON of a resource to the JSON of the changed one. Raises PatchRefused."""

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
MEDIA_TYPES = (JSON_PATCH, "application/fhir+json", "application/fhir+xml", MERGE_PATCH)

_encode = msgspec.json.Encoder(decimal_format="number").encode


def read(document: bytes, media_type: str) -> Patch:
    """Return the patch that a document is: JSON Patch, JSON Merge Patch, or Parameters in JSON.

    As mere `application/json`, an object without resourceType is a merge patch. Raises
    UnreadablePatch.
    """
    if media_type == JSON_PATCH:
        return _json(JsonPatch(json_patch.load(document)))
    if media_type == MERGE_PATCH:
        return _json(MergePatch(json_patch.load(document)))
    if media_type == "application/json":
        loaded = json_patch.load(document)
        if not isinstance(loaded, dict) or "resourceType" not in loaded:
            return _json(MergePatch(loaded))
    try:
        parameters = r4.decode(document)
    except r4.NotFhir as problem:
        raise UnreadablePatch(reason=str(problem)[:200]) from None
    if not isinstance(parameters, r4.Parameters):
        raise UnreadablePatch(reason="a FHIRPath Patch is a Parameters resource")
    return _fhirpath(FhirPathPatch(parameters))


def _json(patch: JsonPatch | MergePatch) -> Patch:
    def apply(body: bytes) -> bytes:
        try:
            changed = _without_empty(patch.apply(json_patch.load(body)))
            return _encode(changed)
        except RecursionError:
            raise PatchRefused(operation=0, reason="the result is nested too deeply") from None

    return apply


def _fhirpath(patch: FhirPathPatch) -> Patch:
    def apply(body: bytes) -> bytes:
        resource = r4.decode(body)
        patch.apply(resource)
        try:
            return r4.encode(resource)
        except RecursionError:
            raise PatchRefused(operation=0, reason="the result is nested too deeply") from None

    return apply


def _without_empty(value: Any) -> Any:
    """Return the value without empty arrays and objects, which FHIR does not have.

    Removing the last item of an array leaves one, and so does adding an array to fill it later.
    """
    if isinstance(value, dict):
        members = ((k, _without_empty(v)) for k, v in cast("dict[str, Any]", value).items())
        return {name: item for name, item in members if item not in ({}, [])}
    if isinstance(value, list):
        items = [_without_empty(item) for item in cast("list[Any]", value)]
        return [item for item in items if item not in ({}, [])]
    return value
