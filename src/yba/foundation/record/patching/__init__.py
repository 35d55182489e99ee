"""Patches: small changes to one resource, as a document that says what to change.

Owns no data. Main rule: a patch is applied to the JSON of the current state and what comes out is
read and validated like any other body; it applies as a whole or not at all.
Standards: RFC 6902 (JSON Patch), RFC 6901, RFC 7396 (JSON Merge Patch), FHIR R4 fhirpatch.html, http.html#patch.
"""

from yba.foundation.record.patching.service import MEDIA_TYPES, Patch, read

__all__ = ["MEDIA_TYPES", "Patch", "read"]
