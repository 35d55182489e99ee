"""Every operation of the FHIR base. Each module ends with its OPERATIONS; this is the one list."""

from __future__ import annotations

from yba.surfaces.fhir_api.operation import Level, Operation
from yba.surfaces.fhir_api.operations import (
    docref,
    everything,
    export,
    graphql,
    import_,
    match,
    meta,
    reindex,
    subscriptions,
    summary,
    terminology,
    terminology_expand,
    terminology_translate,
    validate,
    view_run,
)

ALL: tuple[Operation, ...] = (
    *docref.OPERATIONS,
    *everything.OPERATIONS,
    *export.OPERATIONS,
    *graphql.OPERATIONS,
    *import_.OPERATIONS,
    *match.OPERATIONS,
    *meta.OPERATIONS,
    *reindex.OPERATIONS,
    *subscriptions.OPERATIONS,
    *summary.OPERATIONS,
    *terminology.OPERATIONS,
    *terminology_expand.OPERATIONS,
    *terminology_translate.OPERATIONS,
    *validate.OPERATIONS,
    *view_run.OPERATIONS,
)
# Types that are not of R4 and that only operations know.
FOREIGN_TYPES = frozenset({view_run.VIEW_DEFINITION})


def find(name: str, level: Level, type_: str | None) -> Operation | None:
    """Return the operation of this name that may be called at this place."""
    for operation in ALL:
        if operation.name == name and operation.serves(level, type_):
            return operation
    return None


def has_own_formats(place: list[str]) -> bool:
    """Return whether the last part of an address is an operation that answers in other formats, too."""
    name = place[0][1:] if place and place[0][:1] == "$" else ""
    return any(operation.own_formats and operation.name == name for operation in ALL)
