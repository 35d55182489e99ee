"""Where an element stands: its resource, what contains that, and the Bundle around, in which references resolve.

Standard: FHIR R4 references.html, bundle.html "Resolving references in Bundles", fhirpath.html %resource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from yba.fhir.definitions import is_resource_type
from yba.fhir.fhirpath.values import Node, root

_RESTFUL: Final = re.compile(
    r"(?P<base>.*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(/_history/[^/]+)?"
)


def restful(url: str) -> tuple[str, str, str] | None:
    """Return (base, type, id) of a reference by type and id, or None for any other form."""
    found = _RESTFUL.fullmatch(url.partition("#")[0])
    if found is None or not is_resource_type(found["type"]):
        return None
    return found["base"] or "", found["type"], found["id"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference points to, and where it stands."""

    resource: Any
    path: str
    scope: Scope


class Entries:
    """The resources of a Bundle by what references to them look like."""

    def __init__(self, bundle: Any, path: str, scope: Scope) -> None:
        self._by_url: dict[str, Found] = {}
        self._by_name: dict[tuple[str, str], Found] = {}
        self._by_path: dict[str, Found] = {}
        for number, entry in enumerate(bundle.entry or ()):
            resource = entry.resource
            if resource is None:
                continue
            url: str = entry.fullUrl or ""
            place = f"{path}.entry[{number}].resource"
            inner = replace(scope.entry(resource, place, url), entries=self)
            found = Found(resource, place, inner)
            self._by_path[place] = found
            if url:
                self._by_url.setdefault(url, found)
            name = restful(url)
            if resource.id:
                self._by_name.setdefault((type(resource).__name__, resource.id), found)
            elif name is not None:
                self._by_name.setdefault((name[1], name[2]), found)

    def at(self, path: str) -> Found | None:
        """Return the resource of the entry at a place."""
        return self._by_path.get(path)

    def find(self, url: str, source: str) -> Found | None:
        """Return what `url` means in an entry whose fullUrl is `source`."""
        bare = url.partition("/_history/")[0].partition("#")[0]
        if bare in self._by_url:
            return self._by_url[bare]
        name = restful(url)
        if name is None or name[0]:
            return None
        around = restful(source)
        if around is not None and around[0]:
            found = self._by_url.get(f"{around[0]}{name[1]}/{name[2]}")
            if found is not None:
                return found
        return self._by_name.get((name[1], name[2]))


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression about an element may speak of."""

    resource: Any
    """The resource that the element is in (%resource)."""
    root: Any
    """The resource that contains that, or the same (%rootResource)."""
    path: str
    """Place of `resource`."""
    root_path: str
    entries: Entries | None = None
    url: str = ""
    """fullUrl of the entry."""

    def contained(self, resource: Any, path: str) -> Scope:
        """Return the scope of a contained resource."""
        return replace(self, resource=resource, path=path)

    def entry(self, resource: Any, path: str, url: str) -> Scope:
        """Return the scope of a resource that stands by itself, in a Bundle or in Parameters."""
        return replace(self, resource=resource, root=resource, path=path, root_path=path, url=url)

    def target(self, url: str) -> Found | None:
        """Return what a literal reference points to, if that is contained or in the Bundle."""
        if url.startswith("#"):
            if url == "#":
                return Found(
                    self.root, self.root_path, self.entry(self.root, self.root_path, self.url)
                )
            for number, inner in enumerate(getattr(self.root, "contained", None) or ()):
                if inner.id == url[1:]:
                    path = f"{self.root_path}.contained[{number}]"
                    return Found(inner, path, self.contained(inner, path))
            return None
        return None if self.entries is None else self.entries.find(url, self.url)

    def resolve(self, url: str) -> Node | None:
        """Return the target of a reference as a value of FHIRPath."""
        found = self.target(url)
        return None if found is None else root(found.resource)
