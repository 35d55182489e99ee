"""The TerminologyCapabilities of GET metadata?mode=terminology, generated from what is held.

Standard: FHIR R4 TerminologyCapabilities.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from yba.fhir import r4
from yba.foundation.record.rows import Moment
from yba.foundation.terminology import service as terminology
from yba.plumbing.database import Database


async def statement(
    database: Database, *, base: str, name: str, version: str, at: datetime
) -> bytes:
    """Return the statement as JSON."""
    async with database.reading() as tx:
        systems = await terminology.systems(tx)
    versions: dict[str, list[dict[str, Any]]] = {}
    for one in systems:
        entry: dict[str, Any] = {"isDefault": one.is_current}
        if one.version:
            entry = {"code": one.version, **entry}
        versions.setdefault(one.url, []).append(entry)
    resource: dict[str, Any] = {
        "resourceType": "TerminologyCapabilities",
        "url": f"{base}/metadata?mode=terminology",
        "version": version,
        "name": "YbaTerminology",
        "title": name,
        "status": "active",
        "date": Moment(at).text,
        "kind": "instance",
        "software": {"name": "Yba", "version": version},
        "implementation": {"description": name, "url": base},
        "codeSystem": [
            {"uri": url, "version": found, "subsumption": True} for url, found in versions.items()
        ],
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": one} for one in _EXPANSION],
            "textFilter": "Words in any order, each perhaps unfinished, without accents; or the "
            "beginning of a code.",
        },
        "codeSearch": "all",
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
        "closure": {"translation": False},
    }
    # Decoded once, so that what is said here is an R4 resource.
    return r4.encode(r4.decode(orjson.dumps(resource)))


_EXPANSION = (
    *("activeOnly", "check-system-version", "count", "date", "designation", "displayLanguage"),
    *("exclude-system", "excludeNested", "excludeNotForUI", "filter", "force-system-version"),
    *("includeDefinition", "includeDesignations", "offset", "system-version", "url", "valueSet"),
)
