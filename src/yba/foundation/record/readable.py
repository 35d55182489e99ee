"""From bytes to a typed, valid resource.

Standard: FHIR R4 json.html, validation.html.
"""

from __future__ import annotations

import re
from typing import Any

from yba.fhir import r4, validation
from yba.foundation.record.duplicates import refuse_duplicate_keys
from yba.foundation.record.errors import InvalidResource, PatchSpoils, UnreadableBody
from yba.foundation.record.patching import Patch

# Characters that XML 1.0 does not have, NUL among them, as JSON writes them: a resource with one of
# them could be read by nobody who asks for XML, nor could a page that it stands on.
_UNWRITABLE = re.compile(
    rb"(?<!\\)(?:\\\\)*\\(?:[bf]|u00(?:0[0-8bcef]|1[0-9a-f])|ufff[ef])|\xef\xbf[\xbe\xbf]",
    re.IGNORECASE,
)
# Nearly every body has none of these, and is not looked through letter by letter.
_SIGNS = (b"\\b", b"\\f", b"\\u00", b"\\uf", b"\\uF")


def readable(raw: bytes, type_: str, *, duplicates_later: bool = False) -> Any:
    """Return the typed, valid resource in `raw`, which must be of `type_`.

    With `duplicates_later` the caller looks for properties given twice when it writes the row.

    Raises UnreadableBody for broken JSON or another type, InvalidResource for a broken rule.
    """
    if _may_be_unwritable(raw) and _UNWRITABLE.search(raw):
        raise UnreadableBody(reason="a text contains a control character, which XML does not have")
    try:
        resource: Any = r4.decode(raw)
    except r4.NotFhir as problem:
        return _explain(raw, str(problem))
    name = type(resource).__name__
    if name != type_:
        raise UnreadableBody(reason=f"the body is a {name}, not a {type_}")
    issues = [i for i in validation.check(raw, resource) if i.severity in ("error", "fatal")]
    if issues:
        raise InvalidResource(
            count=len(issues), where=issues[0].expression, problem=issues[0].diagnostics
        )
    if not duplicates_later:
        refuse_duplicate_keys(raw, resource)
    return resource


def _may_be_unwritable(raw: bytes) -> bool:
    if b"\xef\xbf" in raw:
        return True
    return b"\\" in raw and any(sign in raw for sign in _SIGNS)


def _explain(raw: bytes, problem: str) -> Any:
    issues = [i for i in validation.check(raw) if i.severity in ("error", "fatal")]
    if not issues or issues[0].severity == "fatal":
        raise UnreadableBody(reason=(issues[0].diagnostics if issues else problem)[:200])
    raise InvalidResource(
        count=len(issues), where=issues[0].expression, problem=issues[0].diagnostics
    )


def patched(patch: Patch, body: bytes, type_: str, id_: str) -> Any:
    """Return the valid resource that a patch makes of `body`.

    Raises PatchRefused, InvalidResource; PatchSpoils if it is another resource then, or none.
    """
    try:
        resource = readable(patch(body), type_)
    except UnreadableBody as problem:
        raise PatchSpoils(reason=problem.values["reason"]) from None
    if resource.id != id_:
        raise PatchSpoils(reason="the id of a resource cannot be changed")
    return resource
