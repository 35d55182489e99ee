"""References by canonical url: which parameters are made of them, and where their urls are kept.

Such a reference names the `url` of a definition, not its id; its key is the hash of the url under the
constant of the element, so that it can be computed from the url and from nothing else.
Standard: FHIR R4 references.html#canonical.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from yba.fhir.definitions import properties_of
from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import exact_key
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of

_URIS = frozenset(("canonical", "uri"))
_NARROWED = re.compile(r"\.where\([^()]*(\([^()]*\))?[^()]*\)|\.as\([^()]*\)|[()]| as \w+")


@cache
def is_canonical(type_: str, parameter: SearchParam) -> bool:
    """Return whether the references of a parameter are canonical urls."""
    if parameter.kind != "reference":
        return False
    paths = _NARROWED.sub("", parameter.expression).split("|")
    return any(_URIS & _types_at(type_, path.strip()) for path in paths)


def _types_at(type_: str, path: str) -> set[str]:
    types = {type_}
    for step in path.split(".")[1:]:
        try:
            types = {
                found.type
                for name in types
                for found in properties_of(name).values()
                if found.element == step
            }
        except KeyError:
            return set()
    return types


def url_scopes(type_: str) -> list[int]:
    """Return the constants under which the url of a type is filed; none if it has no url."""
    plan = plan_of(type_)
    parameter = plan.parameters.get("url")
    if parameter is None or parameter.kind != "uri":
        return []
    return [plan.scopes[element] for element in parameter.elements]


def definitions(parameter: SearchParam) -> list[str]:
    """Return the types with a url that a parameter may refer to."""
    return [type_ for type_ in parameter.targets or TYPE_NUMBERS if url_scopes(type_)]


def keys_of(type_: str, parameter: SearchParam, urls: Iterable[str]) -> list[int]:
    """Return the keys of references from a type to these urls."""
    scopes = plan_of(type_).scopes
    return [exact_key(scopes[element], url) for url in urls for element in parameter.elements]


def too_many() -> UnsearchableQuery:
    """Return the refusal of a step by url over more definitions than can be looked up."""
    return UnsearchableQuery(reason="a step by canonical url over too many definitions")
