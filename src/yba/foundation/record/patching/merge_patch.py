"""JSON Merge Patch: an object of what shall be; null takes away. FHIR has it not, some clients do.

Standard: RFC 7396.
"""

from __future__ import annotations

from typing import Any, cast

from yba.foundation.record.errors import UnreadablePatch


class MergePatch:
    """A merge patch that was read."""

    def __init__(self, document: Any) -> None:
        """Raise UnreadablePatch where the document would replace the whole resource."""
        if not isinstance(document, dict):
            raise UnreadablePatch(reason="a merge patch is an object")
        self._wanted = cast("dict[str, Any]", document)

    def apply(self, document: Any) -> Any:
        """Return the changed document."""
        return _merged(document, self._wanted)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    found: dict[str, Any] = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = _merged(found.get(name), value)
    return found
