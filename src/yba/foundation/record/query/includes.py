"""What `_include` and `_revinclude` add, as statements.

Main rule: forwards, the references are read from the bodies, which are at hand; backwards, the keys
of what may refer to a resource are computed from its row id. Neither needs a join.
Standard: FHIR R4 search, "Including other resources in result".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from yba.fhir import r4
from yba.fhir.index import extract
from yba.foundation.record.keys import exact_key, reference_scope, row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query import canonical
from yba.foundation.record.query.chains import of_own_reference
from yba.foundation.record.query.compile import COLUMNS, Statement
from yba.foundation.record.query.guard import Guard, guarded
from yba.foundation.record.query.leaves import Arguments
from yba.foundation.record.query.tree import Include

_VERSIONED = re.compile(
    rb'"reference":"(?:[^"]*/)?([A-Za-z]+)/([A-Za-z0-9.\-]{1,64})/_history/([0-9]{1,9})"'
)


@dataclass(slots=True)
class Wanted:
    """What some resources refer to, as far as includes ask for it."""

    places: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    """(type, id), in the order met."""
    versions: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Which version of them was referred to, where one was."""
    urls: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    """(type, canonical url) of what is referred to by url."""


def referred(found: Iterable[Version], includes: Sequence[Include], base: str) -> Wanted:
    """Return what the found resources refer to by the parameters that `includes` name."""
    wanted = Wanted()
    by_type: dict[str, dict[int, list[tuple[str, ...]]]] = {}
    for one in found:
        asked = by_type.get(one.type)
        if asked is None:
            asked = by_type[one.type] = _elements(one.type, includes)
        if not asked or one.body is None:
            continue
        index = extract(r4.decode(one.body))
        for element, target, id_ in index.references:
            if any(target in targets or not targets for targets in asked.get(element, ())):
                wanted.places[target, id_] = None
        for element, url in index.urls:
            for targets in asked.get(element, ()):
                _by_url(wanted, url, targets, base)
        if b"/_history/" in one.body:
            for type_, id_, number in _VERSIONED.findall(one.body):
                wanted.versions[type_.decode(), id_.decode()] = int(number)
    return wanted


def _elements(type_: str, includes: Sequence[Include]) -> dict[int, list[tuple[str, ...]]]:
    """Return which elements of a type are to be followed, and to which types."""
    asked: dict[int, list[tuple[str, ...]]] = {}
    for include in includes:
        if include.reverse or include.source not in ("*", type_):
            continue
        for parameter in plan_of(type_).parameters.values():
            if parameter.kind != "reference" or include.code not in ("*", parameter.code):
                continue
            targets = (include.target,) if include.target else parameter.targets
            for element in parameter.elements:
                asked.setdefault(element, []).append(targets)
    return asked


def _by_url(wanted: Wanted, url: str, targets: tuple[str, ...], base: str) -> None:
    if base and url.startswith(base + "/"):
        type_, _, rest = url[len(base) + 1 :].partition("/")
        if type_ in TYPE_NUMBERS and (type_ in targets or not targets):
            wanted.places[type_, rest.partition("/")[0]] = None
        return
    for target in targets or TYPE_NUMBERS:
        if canonical.url_scopes(target):
            wanted.urls[target, url.partition("|")[0]] = None


def forward(wanted: Wanted, guard: Guard | None, most: int) -> Statement | None:
    """Return the statement that reads what is referred to, current states only."""
    arguments = Arguments()
    tests: list[str] = []
    if wanted.places:
        types = arguments.add([TYPE_NUMBERS[type_] for type_, _ in wanted.places], "smallint[]")
        rows = arguments.add([row_id(*place) for place in wanted.places], "bigint[]")
        tests.append(
            f"SELECT r.* FROM unnest({types}, {rows}) w (type, rid)"
            " JOIN record.resource r ON r.type = w.type AND r.rid = w.rid"
        )
    if wanted.urls:
        keys = [
            exact_key(scope, url)
            for type_, url in wanted.urls
            for scope in canonical.url_scopes(type_)
        ]
        tests.append(
            f"SELECT r.* FROM record.resource r WHERE r.keys && {arguments.add(keys, 'bigint[]')}"
        )
    return _added(tests, arguments, guard, most)


def backward(
    found: Sequence[Version], includes: Sequence[Include], guard: Guard | None, most: int
) -> Statement | None:
    """Return the statement that reads what refers to the found resources."""
    arguments = Arguments()
    by_type: dict[str, list[Version]] = {}
    for one in found:
        by_type.setdefault(one.type, []).append(one)
    keys: set[int] = set()
    by_patient: set[int] = set()
    for include in includes:
        if include.reverse:
            for target in [include.target] if include.target else by_type:
                if target in by_type:
                    _referring(include, target, by_type[target], keys, by_patient)
    tests: list[str] = []
    if by_patient:
        types = arguments.add(sorted(by_patient), "smallint[]")
        patients = [row_id(one.type, one.id) for one in by_type["Patient"]]
        rows = arguments.add(patients, "bigint[]")
        tests.append(
            "SELECT r.* FROM record.resource r"
            f" WHERE r.patient = ANY({rows}) AND r.type = ANY({types}) AND {of_own_reference('r')}"
        )
    if keys:
        array = arguments.add(sorted(keys), "bigint[]")
        tests.append(f"SELECT r.* FROM record.resource r WHERE r.keys && {array}")
    return _added(tests, arguments, guard, most)


def _referring(
    include: Include, target: str, found: list[Version], keys: set[int], by_patient: set[int]
) -> None:
    """Collect the keys, and the types with a patient of their own, that may refer to these."""
    rows = [row_id(one.type, one.id) for one in found]
    urls = [url for one in found for url in _urls(one)]
    for source in TYPE_NUMBERS if include.source == "*" else [include.source]:
        plan = plan_of(source)
        for parameter in plan.parameters.values():
            if parameter.kind != "reference" or include.code not in ("*", parameter.code):
                continue
            if parameter.targets and target not in parameter.targets:
                continue
            if urls and canonical.is_canonical(source, parameter):
                keys.update(canonical.keys_of(source, parameter, urls))
                continue
            for element in parameter.elements:
                if element == plan.patient_element and target == "Patient":
                    by_patient.add(plan.number)
                else:
                    scope = reference_scope(source, element, target)
                    keys.update(row ^ scope for row in rows)


def _urls(one: Version) -> list[str]:
    """Return the canonical url of a definition."""
    if not canonical.url_scopes(one.type) or one.body is None:
        return []
    url = getattr(r4.decode(one.body), "url", None)
    return [url] if url else []


def _added(
    tests: list[str], arguments: Arguments, guard: Guard | None, most: int
) -> Statement | None:
    """Return the statement that reads what passes any of the tests.

    One plan, by indexes, fits all values: shown a thousand keys, the planner would read everything.
    """
    if not tests:
        return None
    limit = arguments.add(most + 1, "bigint")
    found = " UNION ALL ".join(
        f"(WITH found AS MATERIALIZED (SELECT {COLUMNS} FROM ({test}) r WHERE r.flags & 1 = 0"
        f"{guarded(guard, 'r', None, arguments)}) SELECT * FROM found LIMIT {limit})"
        for test in tests
    )
    return Statement(found, arguments.values, driven=True)
